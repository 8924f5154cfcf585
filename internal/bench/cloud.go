package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/azureml-go/azureml/workspace"
)

const (
	subscription  = "11111111-1111-1111-1111-111111111111"
	workspaceID   = "/subscriptions/" + subscription + "/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/ws"
	servicesHost  = "westeurope.modelmanagement.azureml.net"
	resourcesPath = "/modelmanagement/v1.0" + workspaceID + "/"
	servicesPath  = resourcesPath + "services"
	apiScope      = "https://management.azure.com/.default"
)

// cloud is a TLS server that gives the same answers to every client, as quickly as it
// can: what differs is the clients.
type cloud struct {
	server *httptest.Server
	client *http.Client
	// answer, when set, is asked for the paths that have no fixed answer.
	answer func(path string) ([]byte, http.Header)
}

// newCloud starts one. answers are bodies by path, of pages behind the first with "?" and
// their $skipToken.
func newCloud(answers map[string][]byte) *cloud {
	answers["/subscriptions/"+subscription+"/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/ws"] = mustJSON(map[string]any{
		"id": workspaceID, "name": "ws", "location": "westeurope",
		"properties": map[string]any{
			"workspaceId": "22222222-0000-4000-8000-000000000001", "provisioningState": "Succeeded",
			"discoveryUrl": "https://westeurope.api.azureml.ms/discovery", "storageAccount": "x", "keyVault": "y",
		},
	})
	discovered := mustJSON(map[string]string{
		"api": "https://westeurope.api.azureml.ms", "modelmanagement": "https://" + servicesHost,
		"history": "https://westeurope.api.azureml.ms", "catalog": "https://westeurope.api.azureml.ms",
		"pipelines": "https://westeurope.api.azureml.ms", "hyperdrive": "https://westeurope.api.azureml.ms",
	})
	c := &cloud{}
	c.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key := r.URL.Path
		if token := r.URL.Query().Get("$skipToken"); token != "" {
			key += "?" + token
		}
		body, known := answers[key]
		switch {
		case known:
		case strings.HasPrefix(r.URL.Path, "/discovery"):
			body = discovered
		case c.answer != nil:
			var header http.Header
			body, header = c.answer(r.URL.Path)
			maps.Copy(w.Header(), header)
		default:
			http.Error(w, `{"error":{"code":"NotFound","message":"`+r.URL.RequestURI()+`"}}`, http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, _ = w.Write(body)
	}))
	c.server.StartTLS()
	roots := x509.NewCertPool()
	roots.AddCert(c.server.Certificate())
	address := c.server.Listener.Addr().String()
	transport := &http.Transport{
		MaxIdleConnsPerHost: 256,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, network, address)
		},
		// The server's certificate is for example.com, whatever host it plays.
		TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "example.com", MinVersion: tls.VersionTLS12},
	}
	c.client = &http.Client{Transport: transport}
	return c
}

func (c *cloud) close() {
	c.client.CloseIdleConnections()
	c.server.Close()
}

func (c *cloud) options() azcore.ClientOptions { return azcore.ClientOptions{Transport: c.client} }

func (c *cloud) workspace(ctx context.Context) (*workspace.Workspace, error) {
	return workspace.Get(ctx, "ws", fixedToken{}, &workspace.GetOptions{
		ClientOptions: c.options(), SubscriptionID: subscription, ResourceGroup: "rg",
	})
}

// pipeline is azcore's, with what a caller of these services needs: a token. Each try ends
// after timeout; 0 bounds nothing.
func (c *cloud) pipeline(timeout time.Duration) runtime.Pipeline {
	options := c.options()
	options.Retry.TryTimeout = timeout
	return runtime.NewPipeline("bench", "v0.1.0", runtime.PipelineOptions{
		PerRetry: []policy.Policy{runtime.NewBearerTokenPolicy(fixedToken{}, []string{apiScope}, nil)},
	}, &options)
}

// read is a GET with azcore alone, and the answer decoded.
func read(ctx context.Context, p runtime.Pipeline, address string, out any) error {
	request, err := runtime.NewRequest(ctx, http.MethodGet, address)
	if err != nil {
		return err
	}
	request.Raw().Header.Set("Accept", "application/json") // as all generated clients do
	resp, err := p.Do(request)
	if err != nil {
		return err
	}
	if !runtime.HasStatusCode(resp, http.StatusOK) {
		return runtime.NewResponseError(resp)
	}
	body, err := runtime.Payload(resp)
	if err != nil {
		return err
	}
	return json.Unmarshal(body, out)
}

// fixedToken is a credential that costs nothing.
type fixedToken struct{}

func (fixedToken) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: "token", ExpiresOn: time.Now().Add(time.Hour)}, nil
}

func mustJSON(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // of values in this program
	}
	return text
}

// serviceJSON is a web service on AKS as the service shows it.
func serviceJSON(name string) map[string]any {
	return map[string]any{
		"name": name, "description": "scores", "kvTags": map[string]string{"team": "ml"}, "properties": map[string]string{"hasInferenceSchema": "True"},
		"state": "Healthy", "createdTime": "2026-01-02T03:04:05.678901+00:00", "updatedTime": "2026-01-02T03:14:05.678901+00:00",
		"computeType": "AKS", "computeName": "myaks", "namespace": "azureml-ws", "deploymentType": "AKS",
		"scoringUri": "http://20.61.10.11:80/api/v1/service/" + name + "/score", "swaggerUri": "http://20.61.10.11:80/api/v1/service/" + name + "/swagger.json",
		"authEnabled": true, "aadAuthEnabled": false, "appInsightsEnabled": false, "numReplicas": nil,
		"autoScaler":                    map[string]any{"autoscaleEnabled": true, "minReplicas": 1, "maxReplicas": 10, "targetUtilization": 70, "refreshPeriodInSeconds": 1},
		"containerResourceRequirements": map[string]any{"cpu": 0.1, "memoryInGB": 0.5, "gpu": nil},
		"dataCollection":                map[string]any{"storageEnabled": false, "eventHubEnabled": false},
		"livenessProbeRequirements":     map[string]any{"periodSeconds": 10, "initialDelaySeconds": 310, "timeoutSeconds": 2, "successThreshold": 1, "failureThreshold": 3},
		"deploymentStatus":              map[string]any{"replicasReady": 1, "replicasUpdated": 1, "replicasAvailable": 1},
		"scoringTimeoutMs":              60000, "maxConcurrentRequestsPerContainer": 1, "maxQueueWaitMs": 500,
		"environmentImageRequest": map[string]any{
			"modelIds": []string{"mymodel:1"}, "driverProgram": "aml://asset/33333333333333333333333333333333",
			"assets":      []any{map[string]any{"mimeType": "application/x-python", "url": "aml://storage/azureml/LocalUpload/x", "unpack": false}},
			"environment": map[string]any{"name": "sklearn-env", "version": "1", "python": map[string]any{"interpreterPath": "python", "userManagedDependencies": false}},
		},
		"createdBy": map[string]any{"userObjectId": "55555555-0000-0000-0000-000000000001", "userTenantId": "t", "userName": "Jane"},
	}
}

// drain reads what a program would throw away.
func drain(r io.Reader) { _, _ = io.Copy(io.Discard, r) }
