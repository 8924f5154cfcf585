package webservice_test

import (
	"context"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/webservice"
)

func TestSwagger(t *testing.T) {
	t.Parallel()
	playAks(t, "swagger", func(t *testing.T, ctx context.Context, svc *webservice.AksWebservice) {
		swagger, err := svc.Swagger(ctx)
		require.NoError(t, err)
		assert.Contains(t, string(swagger.Raw), `"RunMLService"`)
		assert.Equal(t, "churn-svc", swagger.Title)
		assert.Equal(t, "1.0", swagger.Version)
		assert.Contains(t, swagger.Description, "API specification")
		assert.Equal(t, map[string][]string{"/": {"GET"}, "/score": {"POST"}}, swagger.Paths)
		assert.Equal(t, "/score", swagger.ScorePath)
		assert.JSONEq(t, `{"data":[[0.1,0.2]]}`, string(swagger.SampleInput))
		assert.JSONEq(t, `[0.5]`, string(swagger.SampleOutput))
		assert.Contains(t, string(swagger.Input), `"properties"`)
		assert.Contains(t, string(swagger.Output), `"items"`)

		_, err = svc.Swagger(ctx)
		e := failure(t, err, azureml.ErrNotFound)
		assert.EqualError(t, err, `azureml: cannot read the swagger of web service "churn-svc": the service does not describe its input and output (HTTP 404)`)
		assert.Contains(t, e.Remedy, "input_schema")
		_, err = svc.Swagger(ctx)
		failure(t, err, nil)
		assert.ErrorContains(t, err, "the answer is not JSON")
	})
}

// TestSwaggerIsReadLeniently: what is odd is left out, the rest is there.
func TestSwaggerIsReadLeniently(t *testing.T) {
	t.Parallel()
	var answer string
	address, transport := scripted(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, answer) })
	scorer, err := webservice.NewScorer(address, webservice.ScorerAuth{}, &webservice.ScorerOptions{Transport: transport})
	require.NoError(t, err)
	for name, test := range map[string]struct{ document, path, input, sampleInput, output, sampleOutput string }{
		"nothing":      {document: `{}`},
		"odd":          {document: `{"info":5,"paths":{"/score":{"post":7},"x":[1],"y":{"get":{}}},"definitions":null}`, path: "/score"},
		"OpenAPI 3":    {document: `{"openapi":"3.0.0","paths":{"/score":{"post":{"requestBody":{"content":{"application/json":{"schema":{"$ref":"#/components/schemas/In"}}}},"responses":{"200":{"content":{"application/json":{"schema":{"type":"string"},"example":"cat"}}}}}}},"components":{"schemas":{"In":{"type":"object","example":{"a":1}}}}}`, path: "/score", input: `{"type":"object","example":{"a":1}}`, sampleInput: `{"a":1}`, output: `{"type":"string"}`, sampleOutput: `"cat"`},
		"examples":     {document: `{"paths":{"/api/v1/service/svc/score":{"post":{"responses":{"200":{"schema":{"type":"array"},"examples":{"application/json":[1]}}}}}}}`, path: "/api/v1/service/svc/score", output: `{"type":"array"}`, sampleOutput: `[1]`},
		"the shorter":  {document: `{"paths":{"/v2/score":{"post":{}},"/score":{"post":{}},"/score/":{"get":{}}}}`, path: "/score"},
		"in a circle":  {document: `{"paths":{"/score":{"post":{"parameters":[{"in":"query"},{"in":"body","schema":{"$ref":"#/definitions/A"}}]}}},"definitions":{"A":{"$ref":"#/definitions/A"}}}`, path: "/score"},
		"elsewhere":    {document: `{"paths":{"/score":{"post":{"parameters":[{"in":"body","schema":{"$ref":"https://elsewhere.example/x#/A"}}]}}}}`, path: "/score"},
		"nowhere":      {document: `{"paths":{"/score":{"post":{"parameters":[{"$ref":"#/parameters/a~1b"}]}}},"parameters":{"a/b":{"in":"body","schema":{"type":"null"}}}}`, path: "/score", input: `{"type":"null"}`},
		"a null":       {document: `{"paths":{"/score":{"post":{"parameters":[{"in":"body","schema":{"example":null}}]}}}}`, path: "/score", input: `{"example":null}`},
		"other things": {document: `{"paths":{"/other":{"post":{"parameters":[{"in":"body","schema":{"example":1}}]}}}}`},
	} {
		answer = test.document
		got, err := scorer.Swagger(t.Context())
		require.NoError(t, err, name)
		assert.Equal(t, test.document, string(got.Raw), name)
		assert.Equal(t, [5]string{test.path, test.input, test.sampleInput, test.output, test.sampleOutput},
			[5]string{got.ScorePath, string(got.Input), string(got.SampleInput), string(got.Output), string(got.SampleOutput)}, name)
	}
	for document, text := range map[string]string{"[1]": "no JSON object", "5": "no JSON object", "null": "no JSON object", "": "not JSON", `{"swagger"`: "not JSON"} {
		answer = document
		_, err := scorer.Swagger(t.Context())
		assert.ErrorContains(t, err, text)
	}
}

// TestSwaggerIsAskedForAtTheServiceOnly: wherever a service says that its description
// is, the key goes to the place of its scoring address.
func TestSwaggerIsAskedForAtTheServiceOnly(t *testing.T) {
	t.Parallel()
	inMemory(t, func(t *testing.T, w world) {
		svc := mustDeploy(t, w, webservice.AksDeployConfiguration{})
		beside := "http://" + mustHost(t, svc.ScoringURI) + "/api/v1/service/myservice/swagger.json"
		for said, asked := range map[string]string{
			"":                                      beside,
			"http://elsewhere.example/swagger.json": beside,
			"https://" + mustHost(t, svc.ScoringURI) + "/api/v1/service/myservice/swagger.json":    beside,
			"http://" + mustHost(t, svc.ScoringURI) + ":8080/swagger.json":                         beside,
			"http://user:password@" + mustHost(t, svc.ScoringURI) + "/swagger.json":                beside,
			"http://" + mustHost(t, svc.ScoringURI) + "/api/v1/service/myservice/swagger.json":     beside,
			"http://" + mustHost(t, svc.ScoringURI) + ":80/api/v1/endpoint/myservice/swagger.json": "http://" + mustHost(t, svc.ScoringURI) + "/api/v1/endpoint/myservice/swagger.json",
			"::": beside,
		} {
			svc.SwaggerURI = said
			scorer, err := svc.Scorer(t.Context(), nil)
			require.NoError(t, err)
			swagger, err := scorer.Swagger(t.Context())
			require.NoError(t, err, said)
			assert.Equal(t, "myservice", swagger.Title)
			requests := w.srv.Requests()
			last := requests[len(requests)-1]
			assert.Equal(t, asked, "http://"+last.Host+last.URL.Path, said)
			assert.NotEmpty(t, last.Header.Get("Authorization"))
		}
	})
}

func mustHost(t *testing.T, address string) string {
	t.Helper()
	u, err := http.NewRequest(http.MethodGet, address, nil)
	require.NoError(t, err)
	return u.URL.Hostname()
}

// TestSwaggerNeedsTheKey as scoring does, and takes a new one when it is refused.
func TestSwaggerNeedsTheKey(t *testing.T) {
	t.Parallel()
	inMemory(t, func(t *testing.T, w world) {
		svc := mustDeploy(t, w, webservice.AksDeployConfiguration{})
		_, err := svc.Swagger(t.Context())
		require.NoError(t, err)
		_, err = svc.RotateKeys(t.Context(), nil)
		require.NoError(t, err)
		_, err = svc.Swagger(t.Context())
		require.NoError(t, err)
		stranger, err := webservice.NewScorer(svc.ScoringURI, webservice.ScorerAuth{PrimaryKey: azureml.NewSecret("planted")}, &webservice.ScorerOptions{Transport: w.srv.Client().Transport})
		require.NoError(t, err)
		_, err = stranger.Swagger(t.Context())
		failure(t, err, azureml.ErrUnauthorized)
	})
}
