package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/webservice"
)

// requests are what is sent to the emulated service.
const requests = `{"data": [1, 2, 3]}
{"data": [10, 20]}
{"data": []}
`

// emulated makes a service on an emulator that adds numbers up, and requests for it.
func emulated(s settings) (*service, io.Reader, error) {
	srv := azuremltest.NewServer(nil)
	ws := azuremltest.Workspace{}
	m := srv.AddModel(ws, azuremltest.Model{Name: "sum", Framework: "ScikitLearn", Files: map[string][]byte{"sum.txt": []byte("+")}})
	made := srv.AddService(ws, map[string]any{
		"name": "adder", "computeType": "ACI", "authEnabled": true,
		"environmentImageRequest": map[string]any{"modelIds": []string{m.ID}},
	})
	srv.SetScorer("adder", add)
	scorer, err := webservice.NewScorer(made.ScoringURL, webservice.ScorerAuth{PrimaryKey: azureml.NewSecret(made.PrimaryKey)}, &webservice.ScorerOptions{
		Idempotent: s.idempotent, RequireTLS: s.requireTLS, Transport: srv.Client().Transport,
	})
	if err != nil {
		srv.Close()
		return nil, nil, err
	}
	return &service{scorer: scorer, close: func() { scorer.Close(); srv.Close() }}, strings.NewReader(requests), nil
}

// add is the entry script of the emulated service.
func add(_ context.Context, in *azuremltest.ScoreRequest) (*azuremltest.ScoreResponse, error) {
	var request struct {
		Data []float64 `json:"data"`
	}
	if err := json.Unmarshal(in.Body, &request); err != nil {
		return nil, fmt.Errorf("data must be a list of numbers: %w", err)
	}
	sum := 0.0
	for _, x := range request.Data {
		sum += x
	}
	return &azuremltest.ScoreResponse{Body: fmt.Appendf(nil, `{"sum":%g}`, sum), Header: http.Header{"Content-Type": {"application/json"}}}, nil
}
