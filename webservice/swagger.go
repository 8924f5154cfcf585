package webservice

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/scoring"
)

// Swagger is what a service says of its input and output. Everything but Raw is read
// leniently: what is not there, or not as it should be, is empty.
type Swagger struct {
	// Raw is the whole description (Swagger 2.0, or OpenAPI 3) as it was received.
	Raw json.RawMessage `json:"raw"`
	// Title, Description and Version are those of the service, or of its script.
	Title       string `json:"title,omitempty"`
	Description string `json:"description,omitempty"`
	Version     string `json:"version,omitempty"`
	// Paths are the methods that can be called, in capital letters and in order, by path.
	Paths map[string][]string `json:"paths,omitempty"`
	// ScorePath is the path that scores, which is one of Paths.
	ScorePath string `json:"scorePath,omitempty"`
	// Input and Output are the JSON schemas of what scoring takes and gives.
	Input  json.RawMessage `json:"input,omitempty"`
	Output json.RawMessage `json:"output,omitempty"`
	// SampleInput is a body that can be scored, SampleOutput what comes of one like it, as
	// the script gave them with its schema.
	SampleInput  json.RawMessage `json:"sampleInput,omitempty"`
	SampleOutput json.RawMessage `json:"sampleOutput,omitempty"`
}

// Swagger reads the description of the service's input and output; see
// [Scorer.Swagger].
func (s *Service) Swagger(ctx context.Context) (*Swagger, error) {
	scorer, err := s.runScorer()
	if err != nil {
		return nil, err
	}
	return scorer.Swagger(ctx)
}

const swaggerOperation = "read the swagger of"

// Swagger reads the description of the service's input and output, which is there if
// its script declares them. It is asked for beside the scoring address, at the same host
// and with the same key or token, and nowhere else. Errors: azureml.ErrNotFound when there
// is none, and those of [Scorer.Run].
func (s *Scorer) Swagger(ctx context.Context) (*Swagger, error) {
	answer, err := s.client.Do(ctx, scoring.Request{Operation: swaggerOperation, Address: s.swagger, Idempotent: true})
	if err != nil {
		if e, ok := errors.AsType[*azureml.Error](err); ok && e.StatusCode == http.StatusNotFound {
			e.Message = "the service does not describe its input and output"
			e.Remedy = "Declare them in the entry script (input_schema and output_schema of the package inference-schema) and deploy it again."
		}
		return nil, err
	}
	described, err := parseSwagger(answer.Body)
	if err != nil {
		return nil, &azureml.Error{Operation: swaggerOperation, Subject: s.subject, StatusCode: answer.Status, Body: answer.Body, Message: err.Error()}
	}
	return described, nil
}

// swaggerAddress is where the description of the service at a scoring address is: what
// the service says, if that is at the same place, or beside the scoring address.
func swaggerAddress(scoringAddress *url.URL, said string) *url.URL {
	if u, err := url.Parse(said); err == nil && u.User == nil && origin(u) == origin(scoringAddress) {
		u.Fragment, u.RawFragment = "", ""
		return u
	}
	u := *scoringAddress
	u.Path, u.RawPath, u.RawQuery = path.Join("/", path.Dir(u.Path), "swagger.json"), "", ""
	return &u
}

// origin is where a request to u goes, with its port.
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + strings.ToLower(u.Hostname()) + ":" + port
}

// parseSwagger reads a description.
func parseSwagger(data []byte) (*Swagger, error) {
	if !json.Valid(data) {
		return nil, errors.New("the answer is not JSON")
	}
	document := object(data)
	if document == nil {
		return nil, errors.New("the answer is not a description: it is no JSON object")
	}
	info := object(document["info"])
	s := &Swagger{
		Raw: slices.Clone(data), Title: text(info["title"]), Description: text(info["description"]), Version: text(info["version"]),
		Paths: map[string][]string{},
	}
	var score json.RawMessage
	for name, raw := range object(document["paths"]) {
		for method, operation := range object(raw) {
			if method = strings.ToUpper(method); !slices.Contains(httpMethods(), method) {
				continue
			}
			s.Paths[name] = append(s.Paths[name], method)
			if method == http.MethodPost && isScore(name) && (s.ScorePath == "" || len(name) < len(s.ScorePath) || len(name) == len(s.ScorePath) && name < s.ScorePath) {
				s.ScorePath, score = name, operation
			}
		}
		slices.Sort(s.Paths[name])
	}
	d := description(document)
	s.Input, s.SampleInput = d.input(object(score))
	s.Output, s.SampleOutput = d.output(object(score))
	return s, nil
}

func httpMethods() []string {
	return []string{http.MethodGet, http.MethodPut, http.MethodPost, http.MethodDelete, http.MethodOptions, http.MethodHead, http.MethodPatch, http.MethodTrace}
}

// isScore tells of the path that scores: "/score", or below the service's own.
func isScore(name string) bool { return path.Base(strings.TrimRight(name, "/")) == "score" }

// description is a whole document, for the references in it.
type description map[string]json.RawMessage

// input finds the schema and a sample of what an operation takes.
func (d description) input(operation map[string]json.RawMessage) (schema, sample json.RawMessage) {
	for _, raw := range array(operation["parameters"]) {
		if parameter := object(d.resolve(raw)); text(parameter["in"]) == "body" {
			return d.described(parameter)
		}
	}
	return d.content(operation["requestBody"])
}

// output finds the schema and a sample of what an operation gives.
func (d description) output(operation map[string]json.RawMessage) (schema, sample json.RawMessage) {
	answer := object(operation["responses"])["200"]
	if schema, sample = d.described(object(d.resolve(answer))); schema != nil {
		return schema, sample
	}
	return d.content(answer)
}

// content is what OpenAPI 3 has in place of a body.
func (d description) content(raw json.RawMessage) (schema, sample json.RawMessage) {
	return d.described(object(object(object(d.resolve(raw))["content"])["application/json"]))
}

// described takes the schema of something, and the sample beside or inside of it.
func (d description) described(of map[string]json.RawMessage) (schema, sample json.RawMessage) {
	if schema = d.resolve(of["schema"]); object(schema) == nil {
		schema = nil
	}
	for _, found := range []json.RawMessage{of["example"], object(of["examples"])["application/json"], object(schema)["example"]} {
		if present(found) {
			return schema, found
		}
	}
	return schema, nil
}

// maxReferences is how far references to references are followed.
const maxReferences = 8

// resolve follows "$ref" to other parts of the document, and to nothing else.
func (d description) resolve(raw json.RawMessage) json.RawMessage {
	for range maxReferences {
		reference := text(object(raw)["$ref"])
		if reference == "" {
			return raw
		}
		way, inside := strings.CutPrefix(reference, "#/")
		if !inside {
			return nil
		}
		within := map[string]json.RawMessage(d)
		for name := range strings.SplitSeq(way, "/") {
			raw = within[strings.NewReplacer("~1", "/", "~0", "~").Replace(name)]
			within = object(raw)
		}
	}
	return nil
}

// object, array and text read JSON of one kind; of another they are empty.
func object(raw json.RawMessage) map[string]json.RawMessage {
	return anyway[map[string]json.RawMessage](raw)
}
func array(raw json.RawMessage) []json.RawMessage { return anyway[[]json.RawMessage](raw) }
func text(raw json.RawMessage) string             { return anyway[string](raw) }

func anyway[T any](raw json.RawMessage) T {
	var value T
	if len(raw) == 0 || json.Unmarshal(raw, &value) != nil {
		return *new(T)
	}
	return value
}

func present(raw json.RawMessage) bool { return len(raw) > 0 && string(raw) != "null" }
