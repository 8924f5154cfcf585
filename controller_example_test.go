package azureml_test

import (
	"testing"

	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/workspace"
)

func TestController(t *testing.T) {
	srv := azuremltest.NewServer(nil) // an Azure of your own, in this process
	defer srv.Close()
	ws, err := workspace.Get(t.Context(), azuremltest.WorkspaceName, srv.Credential(), &workspace.GetOptions{ClientOptions: srv.ClientOptions()})
	if err != nil {
		t.Fatal(err)
	}
	srv.Fault(azuremltest.Fault{Path: "/services", Status: 503, Count: 1}) // the service stumbles once
	if _, err := reconcile(t.Context(), ws); err != nil {
		t.Errorf("the controller does not survive a 503: %v", err)
	}
	for _, r := range srv.Requests() {
		t.Log(r.Method, r.URL, r.Status)
	}
}
