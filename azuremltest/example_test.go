package azuremltest_test

import (
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/url"

	"github.com/azureml-go/azureml/azuremltest"
)

// A program that uses nothing but net/http logs in as the service principal
// and reads the workspace.
func Example() {
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	client := srv.Client()

	resp, err := client.PostForm("https://login.microsoftonline.com/"+azuremltest.TenantID+"/oauth2/v2.0/token", url.Values{
		"grant_type":    {"client_credentials"},
		"client_id":     {azuremltest.ClientID},
		"client_secret": {azuremltest.ClientSecret},
		"scope":         {"https://management.azure.com/.default"},
	})
	if err != nil {
		log.Fatal(err)
	}
	var token struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int    `json:"expires_in"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&token); err != nil {
		log.Fatal(err)
	}
	resp.Body.Close()
	fmt.Println("token for", token.ExpiresIn, "seconds")

	req, err := http.NewRequest(http.MethodGet, "https://management.azure.com/subscriptions/"+azuremltest.SubscriptionID+
		"/resourceGroups/"+azuremltest.ResourceGroup+"/providers/Microsoft.MachineLearningServices/workspaces/"+azuremltest.WorkspaceName+
		"?api-version=2024-04-01", nil)
	if err != nil {
		log.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token.AccessToken)
	resp, err = client.Do(req)
	if err != nil {
		log.Fatal(err)
	}
	var ws struct {
		Name, Location string
		Properties     struct{ DiscoveryURL string }
	}
	if err := json.NewDecoder(resp.Body).Decode(&ws); err != nil {
		log.Fatal(err)
	}
	resp.Body.Close()
	fmt.Println(resp.Status, ws.Name, "in", ws.Location)
	fmt.Println(ws.Properties.DiscoveryURL)

	// Output:
	// token for 3599 seconds
	// 200 OK ml-example in westeurope
	// https://westeurope.api.azureml.ms/discovery
}

// The answer to a request is lost after the request has taken effect, and the
// next one is asked to come back later.
func ExampleServer_Fault() {
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	srv.Fault(azuremltest.Fault{Method: "POST", Path: "/oauth2/", ResetAfter: true})
	srv.Fault(azuremltest.Fault{Method: "POST", Path: "/oauth2/", Status: 429, RetryAfter: "1"})

	for range 3 {
		resp, err := srv.Client().PostForm("https://login.microsoftonline.com/"+azuremltest.TenantID+"/oauth2/v2.0/token", nil)
		if err != nil {
			fmt.Println("no answer")
			continue
		}
		resp.Body.Close()
		fmt.Println(resp.Status)
	}

	// Output:
	// no answer
	// 429 Too Many Requests
	// 400 Bad Request
}
