package azuremltest_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io/fs"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/azureml-go/azureml/azuremltest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// score sends a scoring request.
func score(t testing.TB, srv *azuremltest.Server, uri any, body string, header ...string) answer {
	t.Helper()
	a, err := try(srv, http.MethodPost, uri.(string), body, header...)
	require.NoError(t, err)
	return a
}

func TestScoreEchoes(t *testing.T) {
	t.Parallel()
	srv := newServiceWorld(t, nil)
	uri := deploy(t, srv, aksRequest("svc", "authEnabled", false)).at("scoringUri")
	a := score(t, srv, uri, `{"data":[[1]]}`).want(t, http.StatusOK)
	assert.Equal(t, `{"data":[[1]]}`, a.text)
	assert.Equal(t, "application/json", a.header.Get("Content-Type"))
	assert.Equal(t, "False", a.header.Get("x-ms-run-function-failed"))
	assert.Equal(t, "azmlinfsrv/0.8.4.1", a.header.Get("x-ms-server-version"))
	assert.NotEmpty(t, a.header.Get("x-ms-request-id"))
	assert.NotEmpty(t, a.header.Get("x-request-id"))
	assert.Regexp(t, `^\d+\.\d{3}$`, a.header.Get("x-ms-run-fn-exec-ms"))
	b := score(t, srv, uri, "\x00\x01", "Content-Type", "application/octet-stream", "x-request-id", "mine")
	assert.Equal(t, "\x00\x01", b.text)
	assert.Equal(t, "application/octet-stream", b.header.Get("Content-Type"))
	assert.Equal(t, "mine", b.header.Get("x-request-id"))
	assert.Equal(t, http.StatusNotFound, score(t, srv, strings.Replace(uri.(string), "/svc/", "/other/", 1), "{}").status)
	get, err := try(srv, http.MethodGet, uri.(string), "")
	require.NoError(t, err)
	assert.Equal(t, http.StatusMethodNotAllowed, get.status)
}

func TestAddService(t *testing.T) {
	t.Parallel()
	srv := newServiceWorld(t, nil)
	added := srv.AddService(defaultWorkspace, aksRequest("svc", "keys", object{"primaryKey": "k", "secondaryKey": nil}))
	assert.Equal(t, srv.Services(defaultWorkspace)[0], added)
	assert.Equal(t, "Healthy", added.State)
	score(t, srv, added.ScoringURL, "{}", "Authorization", "Bearer k").want(t, http.StatusOK)
	assert.Equal(t, added.ScoringURL, get(t, srv, "svc").at("scoringUri"))
	end := srv.AddService(defaultWorkspace, endpointRequest("end", "version"))
	assert.Equal(t, "Healthy", end.Versions[0].State)
	assert.EqualValues(t, 100, end.Versions[0].Share)
	settle(t, srv, change(t, srv, "end", `[{"op":"replace","path":"/appInsightsEnabled","value":true}]`))
	assert.PanicsWithValue(t, `azuremltest: there is a service "svc" already`, func() { srv.AddService(defaultWorkspace, aksRequest("svc")) })
	assert.PanicsWithValue(t, "azuremltest: Compute with name nope not found", func() { srv.AddService(defaultWorkspace, aksRequest("new", "computeName", "nope")) })
}

func TestScorer(t *testing.T) {
	t.Parallel()
	srv := newServiceWorld(t, nil)
	uri := deploy(t, srv, aksRequest("svc", "environmentImageRequest", codeImage(t, srv, "x"))).at("scoringUri")
	key := srv.Services(defaultWorkspace)[0].PrimaryKey
	srv.SetScorer("svc", func(ctx context.Context, in *azuremltest.ScoreRequest) (*azuremltest.ScoreResponse, error) {
		assert.Equal(t, "svc", in.Service)
		assert.Empty(t, in.Version)
		assert.Empty(t, in.Header.Get("Authorization"), "programs do not see keys")
		assert.Equal(t, "x", in.Header.Get("X-Extra"))
		for _, name := range []string{"m", "m:1"} {
			weights, err := fs.ReadFile(in.Model(name), "dir/weights.bin")
			assert.NoError(t, err)
			assert.Equal(t, "42", string(weights))
		}
		_, err := fs.ReadFile(in.Model("sk"), "model.pkl")
		assert.ErrorIs(t, err, fs.ErrNotExist, "not a model of this service")
		return &azuremltest.ScoreResponse{Status: http.StatusTeapot, Header: http.Header{"content-type": {"text/plain"}, "X-Own": {"1"}}, Body: append([]byte("got "), in.Body...)}, nil
	})
	a := score(t, srv, uri, "it", "Authorization", "Bearer "+key, "X-Extra", "x").want(t, http.StatusTeapot)
	assert.Equal(t, "got it", a.text)
	assert.Equal(t, "text/plain", a.header.Get("Content-Type"))
	assert.Equal(t, "1", a.header.Get("X-Own"))

	srv.SetScorer("svc", nil)
	assert.Equal(t, "it", score(t, srv, uri, "it", "Authorization", "Bearer "+key).want(t, http.StatusOK).text)
}

func TestScorerFails(t *testing.T) {
	t.Parallel()
	srv := newServiceWorld(t, nil)
	uri := deploy(t, srv, aciRequest("svc")).at("scoringUri")
	srv.SetScorer("svc", func(context.Context, *azuremltest.ScoreRequest) (*azuremltest.ScoreResponse, error) {
		return nil, errors.New("no such column\nline two")
	})
	a := score(t, srv, uri, "{}").want(t, http.StatusInternalServerError)
	assert.JSONEq(t, `{"message":"An unexpected error occurred in scoring script. Check the logs for more info."}`, a.text)
	assert.Equal(t, "True", a.header.Get("x-ms-run-function-failed"))
	logs := func(query string) string {
		return do(t, srv, http.MethodGet, servicesURL+"/svc/logs"+query, "").want(t, http.StatusOK).at("content").(string)
	}
	assert.Regexp(t, `(?s)Starting gunicorn.*\d - Exception in run\(\): no such column\n[^\n]* - line two\n$`, logs("?tail=5000&init=False"))
	assert.Equal(t, 1, strings.Count(logs("?tail=1"), "\n"))
	assert.Equal(t, logs("?tail=5000"), logs(""))
	assert.Empty(t, logs("?tail=0"))
	assert.Equal(t, "Downloading the models of service svc.\n", logs("?init=True"))
	wantMMSError(t, do(t, srv, http.MethodGet, servicesURL+"/svc/logs?tail=x", ""), http.StatusBadRequest, "InvalidTail", "'x'")
	wantMMSError(t, do(t, srv, http.MethodGet, servicesURL+"/svc/logs?init=x", ""), http.StatusBadRequest, "InvalidInit", `"x"`)

	srv.SetScorer("svc", func(context.Context, *azuremltest.ScoreRequest) (*azuremltest.ScoreResponse, error) {
		panic("out of memory")
	})
	b := score(t, srv, uri, "{}").want(t, http.StatusBadGateway)
	assert.Contains(t, b.text, "Replica closed connection before replying")
	assert.Contains(t, logs(""), "panic: out of memory")
}

func TestScoringTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := azuremltest.NewServer(&azuremltest.Options{InMemory: true})
		defer srv.Close()
		furnish(srv)
		uri := deploy(t, srv, aksRequest("svc", "authEnabled", false, "scoringTimeoutMs", 2000)).at("scoringUri")
		srv.SetScorer("svc", func(ctx context.Context, _ *azuremltest.ScoreRequest) (*azuremltest.ScoreResponse, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		began := time.Now()
		a := score(t, srv, uri, "{}").want(t, http.StatusGatewayTimeout)
		assert.Equal(t, 2*time.Second, time.Since(began))
		assert.JSONEq(t, `{"message":"Scoring timeout after 2000 ms"}`, a.text)
		assert.Equal(t, "True", a.header.Get("x-ms-run-function-failed"))

		// A client that goes away ends the scorer, too.
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, uri.(string), strings.NewReader("{}"))
		require.NoError(t, err)
		_, err = srv.Client().Do(req)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

// Scorers run at once: none can start before all are there.
func TestScorersRunAtOnce(t *testing.T) {
	t.Parallel()
	const callers = 16
	srv := newServiceWorld(t, nil)
	uri := deploy(t, srv, aksRequest("svc", "authEnabled", false)).at("scoringUri")
	var inside sync.WaitGroup
	inside.Add(callers)
	srv.SetScorer("svc", func(context.Context, *azuremltest.ScoreRequest) (*azuremltest.ScoreResponse, error) {
		inside.Done()
		inside.Wait()
		srv.Services(defaultWorkspace) // holds no lock
		return nil, nil
	})
	var all sync.WaitGroup
	var good atomic.Int32
	for range callers {
		all.Go(func() {
			if a, err := try(srv, http.MethodPost, uri.(string), "{}"); err == nil && a.status == http.StatusOK {
				good.Add(1)
			}
		})
	}
	all.Wait()
	assert.EqualValues(t, callers, good.Load())
}

func TestVersionsAnswer(t *testing.T) {
	t.Parallel()
	srv := newServiceWorld(t, &azuremltest.Options{OperationPolls: -1})
	uri := deploy(t, srv, endpointRequest("end", "versiona", "authEnabled", false)).at("scoringUri")
	settle(t, srv, change(t, srv, "end", `[`+newVersion(t, "versionb", "trafficPercentile", 10)+`,`+newVersion(t, "versionc", "trafficPercentile", 30)+`]`))
	answers := func(text string) azuremltest.Scorer {
		return func(_ context.Context, in *azuremltest.ScoreRequest) (*azuremltest.ScoreResponse, error) {
			return &azuremltest.ScoreResponse{Body: []byte(text + " " + in.Version)}, nil
		}
	}
	srv.SetScorer("end", answers("all"))
	srv.SetVersionScorer("end", "versionb", answers("own"))
	counts := map[string]int{}
	for i := range 100 {
		counts[score(t, srv, uri, "{}").want(t, http.StatusOK).text]++
		if i == 9 {
			assert.Equal(t, map[string]int{"all versiona": 6, "own versionb": 1, "all versionc": 3}, counts, "shares are kept from the start")
		}
	}
	assert.Equal(t, map[string]int{"all versiona": 60, "own versionb": 10, "all versionc": 30}, counts)
	for _, v := range srv.Services(defaultWorkspace)[0].Versions {
		assert.Equal(t, v.Share, float64(v.Requests), v.Name)
	}
	// Each version has an address of its own, under both forms of the path.
	own := get(t, srv, "end").at("versions", "versionb", "scoringUri").(string)
	assert.Equal(t, "own versionb", score(t, srv, own, "{}").text)
	assert.Equal(t, "own versionb", score(t, srv, strings.Replace(own, "/service/", "/endpoint/", 1), "{}").text)
	assert.Equal(t, http.StatusNotFound, score(t, srv, strings.Replace(own, "versionb", "nope", 1), "{}").status)
	assert.Equal(t, http.StatusOK, score(t, srv, strings.Replace(uri.(string), "/service/", "/endpoint/", 1), "{}").status)
}

// What is deployed goes on answering while, and after, something else fails to
// be deployed.
func TestScoringWhileNotHealthy(t *testing.T) {
	t.Parallel()
	srv := newServiceWorld(t, nil)
	compute := srv.Computes(defaultWorkspace)[0]
	uri := compute.ScoringURL + "/api/v1/service/svc/score"
	open := func(change ...any) object { return aksRequest("svc", append(change, "authEnabled", false)...) }

	started := create(t, srv, open())
	assert.Equal(t, "no replicas available\n", score(t, srv, uri, "{}").want(t, http.StatusServiceUnavailable).text)
	settle(t, srv, started)
	score(t, srv, uri, "{}").want(t, http.StatusOK)

	started = change(t, srv, "svc", `[{"op":"replace","path":"/authEnabled","value":true}]`)
	score(t, srv, uri, "{}").want(t, http.StatusOK)
	settle(t, srv, started)
	score(t, srv, uri, "{}").want(t, http.StatusUnauthorized)

	srv.FailNextOperation(azuremltest.OperationFailure{})
	settle(t, srv, change(t, srv, "svc", `[{"op":"replace","path":"/authEnabled","value":false}]`))
	assert.Equal(t, "Failed", get(t, srv, "svc").at("state"))
	score(t, srv, uri, "{}").want(t, http.StatusUnauthorized)

	srv.FailNextOperation(azuremltest.OperationFailure{})
	settle(t, srv, create(t, srv, with(open(), "name", "bad")))
	assert.Equal(t, "Replica closed connection before replying\n", score(t, srv, compute.ScoringURL+"/api/v1/service/bad/score", "{}").want(t, http.StatusBadGateway).text)

	settle(t, srv, do(t, srv, http.MethodDelete, servicesURL+"/svc", ""))
	score(t, srv, uri, "{}").want(t, http.StatusNotFound)
}

func TestScoringAddresses(t *testing.T) {
	t.Parallel()
	srv := newServiceWorld(t, nil)
	tls := srv.AddCompute(defaultWorkspace, azuremltest.Compute{Name: "tls", TLSName: "scoring.contoso.example"})
	a := deploy(t, srv, aksRequest("svc", "computeName", "tls", "authEnabled", false))
	assert.Equal(t, "https://scoring.contoso.example:443/api/v1/service/svc/score", a.at("scoringUri"))
	assert.Equal(t, "True", a.at("properties", "hasHttps"))
	assert.Equal(t, "https://scoring.contoso.example", tls.ScoringURL)
	score(t, srv, a.at("scoringUri"), "{}").want(t, http.StatusOK)
	elsewhere := srv.Computes(defaultWorkspace)[0].ScoringURL
	score(t, srv, elsewhere+"/api/v1/service/svc/score", "{}").want(t, http.StatusNotFound)

	b := deploy(t, srv, aciRequest("aci"))
	score(t, srv, b.at("scoringUri"), "{}").want(t, http.StatusOK)
	score(t, srv, "http://"+b.at("publicIp").(string)+"/score", "{}").want(t, http.StatusOK)
	alive, err := try(srv, http.MethodGet, strings.TrimSuffix(b.at("scoringUri").(string), "score"), "")
	require.NoError(t, err)
	assert.Equal(t, "Healthy\n", alive.text)
	do(t, srv, http.MethodDelete, servicesURL+"/aci", "").want(t, http.StatusOK)
	score(t, srv, b.at("scoringUri"), "{}").want(t, http.StatusNotFound)
	score(t, srv, "http://"+b.at("publicIp").(string)+"/score", "{}").want(t, http.StatusBadGateway) // nobody's address

	const pem = "-----BEGIN X-----\nFAKE\n-----END X-----\n"
	c := deploy(t, srv, aciRequest("acitls", "sslEnabled", true, "sslCertificate", pem, "sslKey", pem, "cname", "ml.contoso.example", "authEnabled", true))
	score(t, srv, c.at("scoringUri"), "{}").want(t, http.StatusUnauthorized)
	score(t, srv, c.at("scoringUri"), "{}", "Authorization", "Bearer "+srv.Services(defaultWorkspace)[0].PrimaryKey).want(t, http.StatusOK)
}

// The program may also be in the archive of a source directory.
func TestSchemaInArchive(t *testing.T) {
	t.Parallel()
	srv := newServiceWorld(t, nil)
	for name, script := range map[string]string{"with": "from inference_schema import x", "without": "import json"} {
		var packed bytes.Buffer
		zipped := gzip.NewWriter(&packed)
		archive := tar.NewWriter(zipped)
		for _, file := range []string{"src/notes.txt", "src/score.py"} {
			text := script
			if file == "src/notes.txt" {
				text = "about inference_schema"
			}
			require.NoError(t, archive.WriteHeader(&tar.Header{Name: file, Mode: 0o644, Size: int64(len(text))}))
			archive.Write([]byte(text))
		}
		require.NoError(t, archive.Close())
		require.NoError(t, zipped.Close())
		id := upload(t, srv, "archive-"+name, "src.tar.gz", packed.String())
		image := codeImage(t, srv, "x")
		image["assets"] = []any{image["assets"].([]any)[0], object{"id": "src.tar.gz", "url": artifactPrefix + id, "mimeType": "application/octet-stream", "unpack": true}}
		want := map[string]string{"with": "True", "without": "False"}[name]
		assert.Equal(t, want, deploy(t, srv, aksRequest(name, "environmentImageRequest", image)).at("properties", "hasInferenceSchema"), name)
	}
}

func TestSwagger(t *testing.T) {
	t.Parallel()
	srv := newServiceWorld(t, nil)
	a := deploy(t, srv, aksRequest("svc", "environmentImageRequest", codeImage(t, srv, "from inference_schema.schema_decorators import input_schema")))
	assert.Equal(t, "True", a.at("properties", "hasInferenceSchema"))
	uri := a.at("swaggerUri").(string)
	key := "Bearer " + srv.Services(defaultWorkspace)[0].PrimaryKey
	b, err := try(srv, http.MethodGet, uri, "", "Authorization", key)
	require.NoError(t, err)
	b.want(t, http.StatusOK)
	assert.Equal(t, "2.0", b.at("swagger"))
	assert.Equal(t, "svc", b.at("info", "title"))
	assert.Contains(t, b.at("paths"), "/api/v1/service/svc/score")
	b, err = try(srv, http.MethodGet, uri, "")
	require.NoError(t, err)
	b.want(t, http.StatusUnauthorized)
}
