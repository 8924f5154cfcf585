package azuremltest_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/azureml-go/azureml/azuremltest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	computesURL = workspaceURL + "/computes"
	rpURL       = "https://westeurope.api.azureml.ms/rp/workspaces/subscriptions/" + azuremltest.SubscriptionID + "/resourceGroups/" +
		azuremltest.ResourceGroup + "/providers/Microsoft.MachineLearningServices/workspaces/" + azuremltest.WorkspaceName + "/computes"
	clusterPath = "/subscriptions/" + azuremltest.SubscriptionID + "/resourcegroups/rg-aks/providers/Microsoft.ContainerService/managedClusters/existing-aks"
)

// aks is the body of a PUT with the given properties.properties.
func aks(inner string) string {
	return `{"location":"westeurope","properties":{"computeType":"AKS","properties":` + inner + `}}`
}

// attach is the body that the reference sends.
func attach(resourceID, more string) string {
	return `{"location":"westeurope","properties":{"computeType":"AKS","resourceId":"` + resourceID +
		`","properties":{"loadBalancerType":"PublicIp","loadBalancerSubnet":null` + more + `}}}`
}

// finish polls the operation that an answer names and returns all states.
func finish(t *testing.T, srv *azuremltest.Server, started answer) (states []string, last answer) {
	t.Helper()
	url := started.header.Get("Azure-AsyncOperation")
	require.NotEmpty(t, url, started.text)
	for range 10 {
		last = do(t, srv, http.MethodGet, url, "")
		require.Equal(t, http.StatusOK, last.status, last.text)
		state := last.at("status").(string)
		states = append(states, state)
		if state == "Succeeded" || state == "Failed" || state == "Canceled" {
			break
		}
		assert.Equal(t, "10", last.header.Get("retry-after-ms"))
		assert.Equal(t, "0", last.header.Get("Retry-After"))
	}
	return states, last
}

func TestCreateCompute(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	// As the reference: a slash too many, an old version, everything left to the service.
	put := do(t, srv, http.MethodPut, strings.Replace(computesURL, "com/", "com//", 1)+"/myaks?api-version=2020-02-02",
		`{"location":"westeurope","properties":{"computeType":"AKS"}}`)
	require.Equal(t, http.StatusCreated, put.status, put.text)
	assert.Equal(t, "Creating", put.at("properties", "provisioningState"))
	assert.Contains(t, put.body, "tags")
	operation := put.header.Get("Azure-AsyncOperation")
	assert.Regexp(t, `^https://management\.azure\.com/subscriptions/`+azuremltest.SubscriptionID+
		`/providers/Microsoft\.MachineLearningServices/locations/westeurope/computeOperationsStatus/[-0-9a-f]{36}\?api-version=2020-02-02&service=new$`, operation)

	creating := do(t, srv, http.MethodGet, rpURL+"/myaks?api-version=2020-02-02", "")
	assert.Equal(t, "Creating", creating.at("properties", "provisioningState"))
	assert.Nil(t, creating.at("properties", "properties"))
	assert.Empty(t, srv.Computes(azuremltest.Workspace{})[0].ScoringURL)

	states, last := finish(t, srv, put)
	assert.Equal(t, []string{"Creating", "Creating", "Succeeded"}, states)
	assert.NotEmpty(t, last.at("startTime"))
	assert.NotEmpty(t, last.at("endTime"))

	for _, url := range []string{rpURL + "/MYAKS?api-version=2020-02-02", computesURL + "/myaks" + version} {
		got := do(t, srv, http.MethodGet, url, "")
		require.Equal(t, http.StatusOK, got.status, got.text)
		assert.Equal(t, strings.TrimPrefix(computesURL, arm)+"/myaks", got.at("id"))
		assert.Equal(t, "Microsoft.MachineLearningServices/workspaces/computes", got.at("type"))
		p := got.at("properties").(map[string]any)
		assert.Equal(t, "AKS", p["computeType"])
		assert.Equal(t, "Succeeded", p["provisioningState"])
		assert.Equal(t, false, p["isAttachedCompute"])
		assert.Nil(t, p["provisioningErrors"])
		assert.Regexp(t, `/managedClusters/myaks[0-9a-f]{13}$`, p["resourceId"])
		assert.Regexp(t, `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}\+00:00$`, p["createdOn"])
		inner := p["properties"].(map[string]any)
		assert.EqualValues(t, 3, inner["agentCount"])
		assert.Equal(t, "Standard_D3_v2", inner["agentVmSize"])
		assert.Equal(t, "FastProd", inner["clusterPurpose"])
		assert.Equal(t, "PublicIp", inner["loadBalancerType"])
		assert.Nil(t, inner["sslConfiguration"])
		assert.Regexp(t, `^myaks.*\.hcp\.westeurope\.azmk8s\.io$`, inner["clusterFqdn"])
		ip := got.at("properties", "properties", "systemServices", 0, "publicIpAddress")
		assert.Equal(t, srv.Computes(azuremltest.Workspace{})[0].ScoringURL, fmt.Sprint("http://", ip))
	}
	// The cluster that was made is to be seen.
	cluster := do(t, srv, http.MethodGet, arm+srv.Computes(azuremltest.Workspace{})[0].ResourceID+"?api-version=2019-11-01", "")
	assert.Equal(t, http.StatusOK, cluster.status)
}

func TestReadingACompleteComputeEndsItsCreation(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	do(t, srv, http.MethodPut, computesURL+"/myaks"+version, aks("{}"))
	var states []any
	for range 4 {
		states = append(states, do(t, srv, http.MethodGet, computesURL+"/myaks"+version, "").at("properties", "provisioningState"))
	}
	assert.Equal(t, []any{"Creating", "Creating", "Succeeded", "Succeeded"}, states)
}

func TestOperationsThatEndAtOnce(t *testing.T) {
	t.Parallel()
	srv := newServer(t, &azuremltest.Options{OperationPolls: -1, RetryAfter: -1})
	put := do(t, srv, http.MethodPut, computesURL+"/myaks"+version, aks(`{"clusterPurpose":"DevTest"}`))
	assert.Equal(t, "Succeeded", put.at("properties", "provisioningState"))
	assert.EqualValues(t, 1, put.at("properties", "properties", "agentCount"))
	assert.NotContains(t, put.body, "tags")
	assert.Empty(t, put.header.Get("Retry-After"))
	states, _ := finish(t, srv, put)
	assert.Equal(t, []string{"Succeeded"}, states)
}

func TestPutIsValidated(t *testing.T) {
	t.Parallel()
	srv := newServer(t, &azuremltest.Options{OperationPolls: -1})
	do(t, srv, http.MethodPut, computesURL+"/there"+version, aks(`{"agentCount":4}`))
	for name, c := range map[string]struct {
		compute, body, text string
	}{
		"no location":       {"aks", `{"properties":{"computeType":"AKS"}}`, "The location property is required for this definition."},
		"other location":    {"aks", `{"location":"eastus","properties":{"computeType":"AKS"}}`, "The location 'eastus' of the compute is not the location"},
		"no properties":     {"aks", `{"location":"westeurope"}`, "'properties' of the compute are missing"},
		"no type":           {"aks", `{"location":"westeurope","properties":{}}`, "'computeType' of the compute is missing"},
		"other type":        {"aks", `{"location":"westeurope","properties":{"computeType":"Batch"}}`, "makes no computes of type 'Batch'"},
		"name too short":    {"a", aks("{}"), "Compute name 'a' is invalid."},
		"name too long":     {strings.Repeat("a", 25), aks("{}"), "be between 2 and 24 characters in length."},
		"name with digit":   {"1aks", aks("{}"), "Compute name '1aks' is invalid."},
		"name with dash":    {"aks-", aks("{}"), "Compute name 'aks-' is invalid."},
		"name with score":   {"a_ks", aks("{}"), "Compute name 'a_ks' is invalid."},
		"no nodes":          {"aks", aks(`{"agentCount":0}`), "The value '0' of 'agentCount' is out of range."},
		"half a node":       {"aks", aks(`{"agentCount":1.5}`), "The 'properties' of the compute are invalid"},
		"purpose":           {"aks", aks(`{"clusterPurpose":"SlowProd"}`), "The value 'SlowProd' of 'clusterPurpose'"},
		"load balancer":     {"aks", aks(`{"loadBalancerType":"Magic"}`), "The value 'Magic' of 'loadBalancerType'"},
		"subnet":            {"aks", aks(`{"loadBalancerType":"PublicIp","loadBalancerSubnet":"s"}`), "'loadBalancerSubnet' needs"},
		"certificate":       {"aks", aks(`{"sslConfiguration":{"status":"Enabled","cname":"a.b","cert":"x"}}`), "needs 'cname', 'cert' and 'key'"},
		"label":             {"aks", aks(`{"sslConfiguration":{"status":"Auto"}}`), "needs a 'leafDomainLabel'"},
		"TLS status":        {"aks", aks(`{"sslConfiguration":{"status":"On"}}`), "The value 'On' of 'status'"},
		"network":           {"aks", aks(`{"aksNetworkingConfiguration":{"subnetId":"/s","serviceCidr":"10.0.0.0/33","dnsServiceIP":"10.0.0.10","dockerBridgeCidr":"172.17.0.1/16"}}`), "'serviceCidr'"},
		"DNS":               {"aks", aks(`{"aksNetworkingConfiguration":{"subnetId":"/s","serviceCidr":"10.0.0.0/16","dnsServiceIP":"10.0.0.256","dockerBridgeCidr":"172.17.0.1/16"}}`), "'dnsServiceIP'"},
		"resource id":       {"aks", attach("/subscriptions/x/resourceGroups/y/providers/Microsoft.Web/sites/z", ""), "is not the id of a managed cluster"},
		"change of count":   {"there", aks(`{"agentCount":5}`), "The agentCount of compute 'there' cannot be changed from '4' to '5'."},
		"change of size":    {"there", aks(`{"agentVmSize":"Standard_D4_v2"}`), "The agentVmSize of compute 'there' cannot be changed"},
		"change of purpose": {"there", aks(`{"clusterPurpose":"DevTest"}`), "The clusterPurpose of compute 'there' cannot be changed"},
		"change of cluster": {"there", attach(clusterPath, ""), "The resourceId of compute 'there' cannot be changed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := do(t, srv, http.MethodPut, computesURL+"/"+c.compute+version, c.body)
			assert.Equal(t, http.StatusBadRequest, a.status)
			assert.Contains(t, a.at("error", "message"), c.text)
			assert.Empty(t, a.header.Get("Azure-AsyncOperation"))
		})
	}
	a := do(t, srv, http.MethodPut, computesURL+"/aks"+version, aks("{}"), "Content-Type", "text/plain")
	assert.Equal(t, http.StatusUnsupportedMediaType, a.status)
	a = do(t, srv, http.MethodPut, computesURL+"/aks"+version, `{"location":`)
	assert.Equal(t, http.StatusBadRequest, a.status)
	assert.Equal(t, "InvalidRequestContent", a.at("error", "code"))
	assert.Len(t, srv.Computes(azuremltest.Workspace{}), 1)
}

func TestNodesMustSuffice(t *testing.T) {
	t.Parallel()
	srv := newServer(t, &azuremltest.Options{OperationPolls: -1})
	const cores, machines = "Cluster should have at least 12 cores to operate.",
		"At least 3 machine(s) are required for cluster with purpose 'FastProd'. Available machine(s) : %d"
	for i, c := range []struct{ inner, want string }{
		{`{}`, ""},
		{`{"agentCount":2}`, cores},
		{`{"agentVmSize":"Standard_D2_v2"}`, cores},
		{`{"agentCount":2,"agentVmSize":"Standard_D4_v2"}`, fmt.Sprintf(machines, 2)},
		{`{"agentCount":1,"agentVmSize":"STANDARD_D5_V2"}`, fmt.Sprintf(machines, 1)},
		{`{"agentCount":1,"agentVmSize":"STANDARD_D5_V2","clusterPurpose":"DenseProd"}`, ""},
		{`{"agentCount":11,"agentVmSize":"Standard_D1_v2"}`, cores},
		{`{"agentCount":12,"agentVmSize":"Standard_D1_v2"}`, ""},
		{`{"agentCount":1,"agentVmSize":"Standard_D1_v2","clusterPurpose":"DevTest"}`, ""},
		{`{"agentVmSize":"Standard_Z99"}`, "InvalidTemplateDeployment: Details: The VM size of Standard_Z99 is not allowed in your subscription in location 'westeurope'."},
		{`{"agentCount":300}`, "InvalidTemplateDeployment: The template deployment is not valid according to the validation procedure."},
	} {
		t.Run(c.inner, func(t *testing.T) {
			put := do(t, srv, http.MethodPut, fmt.Sprintf("%s/aks%d%s", computesURL, i, version), aks(c.inner))
			require.Equal(t, http.StatusCreated, put.status, put.text)
			_, last := finish(t, srv, put)
			if c.want == "" {
				assert.Equal(t, "Succeeded", last.at("status"))
				return
			}
			assert.Equal(t, "Failed", last.at("status"))
			assert.Equal(t, "BadArgument", last.at("error", "code"))
			assert.EqualValues(t, 400, last.at("error", "statusCode"))
			assert.Equal(t, c.want, last.at("error", "message"))
			got := do(t, srv, http.MethodGet, fmt.Sprintf("%s/aks%d%s", computesURL, i, version), "")
			assert.Equal(t, "Failed", got.at("properties", "provisioningState"))
			assert.Equal(t, c.want, got.at("properties", "provisioningErrors", 0, "error", "message"))
			assert.Nil(t, got.at("properties", "properties"))
		})
	}
}

func TestFailedComputeCanBeMadeAgain(t *testing.T) {
	t.Parallel()
	srv := newServer(t, &azuremltest.Options{OperationPolls: -1})
	do(t, srv, http.MethodPut, computesURL+"/aks"+version, aks(`{"agentCount":2}`))
	assert.Equal(t, "Failed", srv.Computes(azuremltest.Workspace{})[0].State)
	again := do(t, srv, http.MethodPut, computesURL+"/aks"+version, aks(`{"agentCount":3}`))
	assert.Equal(t, http.StatusOK, again.status)
	assert.Equal(t, "Succeeded", srv.Computes(azuremltest.Workspace{})[0].State)
	assert.Empty(t, srv.Computes(azuremltest.Workspace{})[0].Errors)
}

func TestAttach(t *testing.T) {
	t.Parallel()
	srv := newServer(t, &azuremltest.Options{OperationPolls: -1})
	upper := strings.Replace(clusterPath, "/resourcegroups/rg-aks/", "/resourceGroups/RG-AKS/", 1)
	put := do(t, srv, http.MethodPut, computesURL+"/first"+version, attach(upper, ""))
	assert.Equal(t, http.StatusCreated, put.status)
	assert.Equal(t, "Succeeded", put.at("properties", "provisioningState"), put.text)
	assert.Equal(t, true, put.at("properties", "isAttachedCompute"))
	assert.Equal(t, upper, put.at("properties", "resourceId"))
	assert.EqualValues(t, 3, put.at("properties", "properties", "agentCount"))

	// The second attachment of a cluster damages the first.
	do(t, srv, http.MethodPut, computesURL+"/second"+version, attach(clusterPath, ""))
	both := srv.Computes(azuremltest.Workspace{})
	require.Len(t, both, 2)
	assert.Equal(t, "Failed", both[0].State)
	assert.Contains(t, both[0].Errors[0].Message, "attached again, as compute 'second'")
	assert.Equal(t, "Succeeded", both[1].State)

	// To attach it again under the first name heals the first, and damages the
	// second.
	do(t, srv, http.MethodPut, computesURL+"/first"+version, attach(clusterPath, ""))
	both = srv.Computes(azuremltest.Workspace{})
	assert.Equal(t, "Succeeded", both[0].State)
	assert.Equal(t, "Failed", both[1].State)

	for name, c := range map[string]struct{ id, more, want string }{
		"unknown": {strings.Replace(clusterPath, "existing-aks", "missing", 1), "", "ClusterNotFound: The AKS cluster 'missing' was not found in resource group 'rg-aks'."},
		"small": {srv.AddCluster(azuremltest.Cluster{Name: "small", NodeCount: 2}), "",
			"Cluster should have at least 12 cores to operate."},
		"tiny": {srv.AddCluster(azuremltest.Cluster{Name: "tiny", NodeCount: 1}), `,"clusterPurpose":"DevTest"`, ""},
		"far":  {srv.AddCluster(azuremltest.Cluster{Name: "far", Location: "northeurope", ResourceGroup: "rg-far"}), "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, last := finish(t, srv, do(t, srv, http.MethodPut, computesURL+"/"+name+version, attach(c.id, c.more)))
			if c.want == "" {
				assert.Equal(t, "Succeeded", last.at("status"))
				return
			}
			assert.Equal(t, "Failed", last.at("status"))
			assert.Equal(t, c.want, last.at("error", "message"))
		})
	}
}

func TestKubernetes(t *testing.T) {
	t.Parallel()
	srv := newServer(t, &azuremltest.Options{OperationPolls: -1})
	body := `{"location":"westeurope","identity":{"type":"SystemAssigned"},"properties":{"computeType":"Kubernetes","description":"",` +
		`"resourceId":"` + clusterPath + `","properties":{"namespace":"ns1"}}}`
	for _, name := range []string{"k8s-1", "k8s-2"} {
		a := do(t, srv, http.MethodPut, computesURL+"/"+name+version, body)
		assert.Equal(t, "Succeeded", a.at("properties", "provisioningState"), a.text)
		assert.Equal(t, "ns1", a.at("properties", "properties", "namespace"))
		assert.Equal(t, "SystemAssigned", a.at("identity", "type"))
		assert.Equal(t, true, a.at("properties", "isAttachedCompute"))
	}
	for _, k := range srv.Computes(azuremltest.Workspace{}) {
		assert.Equal(t, "Succeeded", k.State, "several attachments are allowed")
	}
}
