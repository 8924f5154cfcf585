package azuremltest_test

import (
	"bytes"
	"fmt"
	"net/http"

	"github.com/azureml-go/azureml/azuremltest"
)

// A world is set up once, and every test gets a copy.
func ExampleServer_LoadState() {
	first := azuremltest.NewServer(nil)
	defer first.Close()
	first.AddModel(azuremltest.Workspace{}, azuremltest.Model{Name: "churn"})
	var state bytes.Buffer
	if err := first.SaveState(&state); err != nil {
		fmt.Println(err)
		return
	}

	second := azuremltest.NewServer(nil)
	defer second.Close()
	if err := second.LoadState(&state); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(second.Models(azuremltest.Workspace{})[0].ID)
	fmt.Println(second.AddModel(azuremltest.Workspace{}, azuremltest.Model{Name: "churn"}).ID)
	// Output:
	// churn:1
	// churn:2
}

func ExampleParseFaults() {
	faults, err := azuremltest.ParseFaults([]byte(`{"faults": [
	  {"host": "management.azure.com", "count": 2, "status": 503, "retryAfter": "1"}
	]}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	for _, f := range faults {
		srv.Fault(f)
	}
	for range 3 {
		resp, err := srv.Client().Get("https://management.azure.com/metadata/endpoints?api-version=2020-06-01")
		if err != nil {
			fmt.Println(err)
			return
		}
		resp.Body.Close()
		fmt.Printf("%d %q\n", resp.StatusCode, resp.Header.Get("Retry-After"))
	}

	_, err = azuremltest.ParseFaults([]byte(`{"faults": [{"stauts": 503}]}`))
	fmt.Println(err != nil)
	// Output:
	// 503 "1"
	// 503 "1"
	// 200 ""
	// true
}

func ExampleServer_Operations() {
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	req, err := http.NewRequest(http.MethodPut, computesURL+"/aks"+version, bytes.NewReader([]byte(aks("{}"))))
	if err != nil {
		fmt.Println(err)
		return
	}
	req.Header.Set("Authorization", "Bearer "+srv.Token(azuremltest.TokenOptions{}))
	req.Header.Set("Content-Type", "application/json")
	resp, err := srv.Client().Do(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	resp.Body.Close()
	for _, o := range srv.Operations() {
		fmt.Println(o.Kind, o.Subject, o.State)
	}
	// Output: compute aks Creating
}
