package webservice

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/rest"
)

// runner holds the scorer of [Service.Run] for all copies of a service's picture.
type runner struct {
	mu     sync.Mutex
	scorer *Scorer
	// keys are for the scorer when it is made; nil if it must ask for them.
	keys *Keys
}

// inherit takes over the scorer of an earlier picture of the service, if it is called in
// the same way.
func (s *Service) inherit(earlier *Service) {
	if s.ScoringURI == earlier.ScoringURI && s.SwaggerURI == earlier.SwaggerURI && isTrue(s.AuthEnabled) == isTrue(earlier.AuthEnabled) && isTrue(s.TokenAuthEnabled) == isTrue(earlier.TokenAuthEnabled) {
		s.runner = earlier.runner
	}
}

// runScorer is the scorer of Run, made at the first call.
func (s *Service) runScorer() (*Scorer, error) {
	if s.runner == nil { // written down by hand
		return s.newScorer(nil)
	}
	s.runner.mu.Lock()
	defer s.runner.mu.Unlock()
	if s.runner.scorer == nil {
		scorer, err := s.newScorer(nil)
		if err != nil {
			return nil, err
		}
		s.runner.scorer = scorer
		if keys := s.runner.keys; keys != nil && s.auth().Keys != nil {
			scorer.credentials.Offer(keys.Primary, keys.Secondary)
		}
	}
	return s.runner.scorer, nil
}

// offer tells the scorer of Run of keys that have just been read, so that it need not do
// that again, or changed, so that its next call is not refused first.
func (s *Service) offer(keys *Keys, changed bool) {
	if s.runner == nil || s.auth().Keys == nil {
		return
	}
	s.runner.mu.Lock()
	defer s.runner.mu.Unlock()
	switch {
	case s.runner.scorer == nil:
		s.runner.keys = keys
	case changed:
		s.runner.scorer.credentials.Offer(keys.Primary, keys.Secondary)
	}
}

// Run calls the service with body, by default JSON such as {"data": [[1, 2]]}, and
// gives the answer's body. Its key or token is fetched at the first call and kept. For
// options, headers and streams make a [Scorer]. It mirrors azureml.core's run; errors
// are those of [Scorer.Run] and [Service.Scorer].
func (s *Service) Run(ctx context.Context, body []byte) ([]byte, error) {
	scorer, err := s.runScorer()
	if err != nil {
		return nil, err
	}
	return scorer.Run(ctx, body)
}

// Score calls a service with in as JSON and reads the JSON of the answer. Bytes, as
// []byte or json.RawMessage, are sent as they are. Scripts often return a text that
// holds JSON: such an answer is read as the JSON inside, unless Out is a text itself.
//
// An answer that does not fit Out is an *azureml.Error with the answer as its Body, and
// with neither of the kinds of [Scorer.Run].
func Score[Out any](ctx context.Context, s *Scorer, in any) (Out, error) {
	var out Out
	if s == nil {
		return out, &azureml.Error{Operation: "score", Subject: "a web service", Kind: azureml.ErrInvalid, Message: "there is no Scorer: it is nil"}
	}
	body, err := encode(in)
	if err != nil {
		return out, &azureml.Error{Operation: "score", Subject: s.subject, Kind: azureml.ErrInvalid, Message: "the input cannot be written as JSON: " + err.Error(), Err: err}
	}
	answer, err := s.Run(ctx, body)
	if err != nil {
		return out, err
	}
	if err := decodeAnswer(answer, &out); err != nil {
		return *new(Out), &azureml.Error{
			Operation: "score", Subject: s.subject, StatusCode: 200, Body: answer, Err: err,
			Message: fmt.Sprintf("the answer is not the JSON of a %T: %s", out, strings.TrimPrefix(err.Error(), "json: ")),
		}
	}
	return out, nil
}

func encode(in any) ([]byte, error) {
	switch bytes := in.(type) {
	case []byte:
		return bytes, nil
	case json.RawMessage:
		return bytes, nil
	}
	return rest.Marshal(in)
}

// decodeAnswer reads JSON, or JSON in a JSON text.
func decodeAnswer(answer []byte, out any) error {
	answer = bytes.TrimSpace(answer)
	if len(answer) == 0 {
		return errors.New("it is empty")
	}
	if answer[0] != '"' {
		return json.Unmarshal(answer, out)
	}
	var text string
	if err := json.Unmarshal(answer, &text); err != nil {
		return err
	}
	switch typed := out.(type) {
	case *string:
		*typed = text
		return nil
	case *any:
		if !isContainer(text) || json.Unmarshal([]byte(text), typed) != nil {
			*typed = text
		}
		return nil
	case *json.RawMessage:
		*typed = answer
		if isContainer(text) && json.Valid([]byte(text)) {
			*typed = json.RawMessage(text)
		}
		return nil
	}
	direct := json.Unmarshal(answer, out)
	if direct == nil {
		return nil
	}
	return json.Unmarshal([]byte(text), out)
}

// isContainer tells of a text that can be a JSON object or array. Other texts, "1" say,
// stay texts where the caller does not ask for something else.
func isContainer(text string) bool {
	text = strings.TrimSpace(text)
	return strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[")
}
