package azuremltest_test

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"

	"github.com/azureml-go/azureml/azuremltest"
)

// A web service whose program reads its model, as it was uploaded.
func ExampleServer_SetScorer() {
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	ws := azuremltest.Workspace{} // the default one
	model := srv.AddModel(ws, azuremltest.Model{Name: "greeting", Framework: "ScikitLearn",
		Files: map[string][]byte{"greeting.txt": []byte("Hello")}})
	service := srv.AddService(ws, map[string]any{
		"name": "hello", "computeType": "ACI", "authEnabled": true,
		"environmentImageRequest": map[string]any{"modelIds": []string{model.ID}},
	})
	srv.SetScorer("hello", func(_ context.Context, in *azuremltest.ScoreRequest) (*azuremltest.ScoreResponse, error) {
		greeting, err := fs.ReadFile(in.Model("greeting"), "greeting.txt")
		if err != nil {
			return nil, err
		}
		return &azuremltest.ScoreResponse{Body: fmt.Appendf(nil, "%q", string(greeting)+", "+string(in.Body))}, nil
	})

	for _, key := range []string{"guessed", service.PrimaryKey} {
		req, err := http.NewRequest(http.MethodPost, service.ScoringURL, strings.NewReader("world"))
		if err != nil {
			fmt.Println(err)
			return
		}
		req.Header.Set("Authorization", "Bearer "+key)
		resp, err := srv.Client().Do(req)
		if err != nil {
			fmt.Println(err)
			return
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		fmt.Println(resp.StatusCode, strings.TrimSpace(string(body)))
	}
	// Output:
	// 401 key_auth_access_denied
	// 200 "Hello, world"
}
