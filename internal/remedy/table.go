package remedy

import "github.com/azureml-go/azureml"

// signIn maps AADSTS numbers to what helps (contract: authentication §11.3).
var signIn = map[string]string{
	"7000215": "The client secret is wrong. Give the secret's value, not its id, and check that it belongs to this application.",
	"7000222": "The client secret has expired. Make a new one for the application and use it.",
	"700016":  "The application is not known in this tenant. Check the client id and the tenant id.",
	"90002":   "The tenant was not found. Check the tenant id, and that the credential's cloud is the right one.",
	"900144":  "The token request lacked a field. It must be sent as application/x-www-form-urlencoded.",
	"70011":   "The scope is not valid. A service principal needs a scope that ends in /.default.",
	"1002012": "The scope is not valid. A service principal needs a scope that ends in /.default.",
	"50001":   "The tenant does not know the audience. Check the cloud and the scope.",
	"500011":  "The tenant does not know the audience. Check the cloud and the scope.",
	"65001":   "Nobody has consented to the application. An administrator of the tenant has to consent.",
	"53003":   "A conditional access policy blocks this sign-in. Ask the tenant's administrator which one.",
	"50076":   "The tenant asks for multi-factor authentication. Sign in to that tenant interactively, naming its tenant id.",
	"50079":   "The tenant asks for multi-factor authentication. Sign in to that tenant interactively, naming its tenant id.",
	"70008":   "The stored sign-in has expired. Sign in again (az login, or the interactive login with Force).",
	"700082":  "The stored sign-in has expired. Sign in again (az login, or the interactive login with Force).",
	"70043":   "The tenant's sign-in frequency policy asks for a new sign-in. Sign in again.",
	"50173":   "The password was changed and earlier sign-ins were revoked. Sign in again.",
	"7000112": "The application is disabled in this tenant. Ask the tenant's administrator.",
	"7000216": "The application has to prove who it is. Give a client secret, a certificate or a federated token.",
	"700027":  "The certificate is not the application's. Add its public part to the application, and check that it is not expired.",
	"700024":  "The clock of this machine is wrong, or the federated token has expired.",
	"70021":   "No federated credential of the application fits the token. Compare its issuer, subject and audience with those of the token.",
	"700211":  "No federated credential of the application fits the token. Compare its issuer, subject and audience with those of the token.",
	"700212":  "No federated credential of the application fits the token. Compare its issuer, subject and audience with those of the token.",
	"700213":  "No federated credential of the application fits the token. Compare its issuer, subject and audience with those of the token.",
	"50020":   "The user is not known in this tenant. Sign in with the tenant id in which the user is a member or a guest.",
	"50034":   "The user is not known in this tenant. Sign in with the tenant id in which the user is a member or a guest.",
	"50049":   "The sign-in host is not known. Check the cloud; for a private cloud set DisableInstanceDiscovery.",
	"50058":   "Nobody is signed in. Sign in first (az login, or the interactive login).",
	"50072":   "The tenant asks for multi-factor authentication. Sign in to that tenant interactively, naming its tenant id.",
	"50074":   "The tenant asks for multi-factor authentication. Sign in to that tenant interactively, naming its tenant id.",
	"50105":   "The user may not use this application. Ask the tenant's administrator to assign it.",
	"53000":   "A conditional access policy asks for a compliant device. Sign in from one, or ask the tenant's administrator.",
	"53001":   "A conditional access policy asks for a device joined to the domain. Sign in from one, or ask the tenant's administrator.",
	"65004":   "The consent was declined. Sign in again and accept it, or ask an administrator of the tenant to consent.",
	"700084":  "The stored sign-in has expired. Sign in again (az login, or the interactive login with Force).",
	"90094":   "The application needs the consent of an administrator of the tenant.",
	"50196":   "The tenant blocks this client for asking too often. Keep one credential and use it again and again.",

	// Errors that come without a number, by their names.
	"authorization_declined": "The sign-in was declined. Start it again and accept.",
	"expired_token":          "Nobody signed in while the code was good. Start again.",
	"bad_verification_code":  "The code was not known. Start again.",
	"bad_request_102":        "The request lacked its Metadata header; a proxy may have taken it out. Add 169.254.169.254 to NO_PROXY.",
	"unknown_source":         "The metadata endpoint does not know this machine. Check that the program runs on the machine itself and that no proxy is between (NO_PROXY).",
}

// computeRemedy is what helps when a compute is not there.
const computeRemedy = "List the workspace's computes (compute.List) and check the name. A cluster that was never attached, or was detached, has to be attached first."

// kinds is what helps when nothing more is known than the kind of failure.
var kinds = map[error]string{
	azureml.ErrUnauthorized: "The token was refused. Sign in again, and check tenant and cloud of the credential.",
	azureml.ErrForbidden:    "The signed-in principal lacks a role for this. Ask an owner of the workspace or its resource group to give it one (Contributor, or AzureML Data Scientist for everyday work).",
	azureml.ErrThrottled:    "Too many requests. Wait a while, and make fewer at once.",
	azureml.ErrUnavailable:  "The service failed. Try again in a few minutes; if it goes on, give its support the request id.",
}

// table is searched from top to bottom; the first entry that fits is taken.
var table = []Entry{
	{Codes: []string{"InvalidAuthenticationTokenTenant"}, Remedy: "The token belongs to another tenant than the subscription. Sign in with the tenant id that the message names."},
	{Codes: []string{"ExpiredAuthenticationToken"}, Remedy: "The token has expired. Sign in again; check the clock of this machine."},
	{Codes: []string{"SubscriptionNotFound"}, Remedy: "Check the subscription id, and that tenant and cloud of the credential are those of the subscription."},
	{Codes: []string{"ResourceGroupNotFound"}, Remedy: "Check the name of the resource group and the subscription."},
	{Codes: []string{"AuthorizationFailed"}, Remedy: "The signed-in principal has no role on this scope. Ask an owner to give it one (Contributor, or AzureML Data Scientist for everyday work). A role given just now can take some minutes."},
	{Codes: []string{"MissingSubscriptionRegistration"}, Remedy: "The subscription is not registered for Microsoft.MachineLearningServices. Run: az provider register --namespace Microsoft.MachineLearningServices"},

	{Text: "No module named", Remedy: "The script imports a package that its environment lacks. Add it to the environment's Python packages, then deploy again with Overwrite."},
	{Codes: []string{"CrashLoopBackOff"}, Remedy: "The container crashes, most often in the entry script's init(). Read the log, run the script locally with AZUREML_MODEL_DIR set to the model's folder, then deploy again with Overwrite."},
	{Codes: []string{"ErrImagePull", "ImagePullBackOff"}, Remedy: "The cluster cannot fetch the image. Check that it may pull from the workspace's container registry (attach it with: az aks update --attach-acr) and that the registry is reachable from the cluster's network."},
	{Text: "insufficient compute resource", Remedy: "The cluster has not enough free CPU or memory. Ask for less (CPUCores, MemoryGB), delete services that are not needed, or add nodes."},
	{Text: "insufficient cpu", Remedy: "No node of the cluster has so much CPU to spare. Ask for less (CPUCores), delete services that are not needed, or add nodes."},
	{Text: "insufficient memory", Remedy: "No node of the cluster has so much memory to spare. Ask for less (MemoryGB), delete services that are not needed, or add nodes."},
	{Text: "insufficient nvidia.com/gpu", Remedy: "No node of the cluster has so many GPUs to spare. Ask for less (GPUCores), or add nodes with GPUs."},
	{Codes: []string{"InsufficientResource", "Unschedulable", "KubernetesUnschedulable"}, Remedy: "The cluster has not enough free CPU or memory. Ask for less (CPUCores, MemoryGB), delete services that are not needed, or add nodes."},
	{Codes: []string{"DeploymentTimedOut"}, Remedy: "The service may still become healthy: look at its state, and wait with webservice.BeginWait. If it stays unhealthy, read its log; slow images and cluster autoscaling are the usual causes."},
	{Codes: []string{"ComputeResourceNotCreated"}, Remedy: "The compute is not ready. Wait until its provisioning state is Succeeded, then deploy again."},
	{Codes: []string{"ServiceExists"}, Remedy: "The name is taken. Choose another one, deploy with Overwrite, or delete the service first."},
	{Codes: []string{"OperationInProgress"}, Remedy: "Something else changes the service right now. Wait for it with webservice.BeginWait, then try again."},
	{Codes: []string{"AuthDisabled"}, Remedy: "The service asks for no keys: it is open, or asks for tokens (Token). Change that with BeginUpdate (AuthEnabled)."},
	{Codes: []string{"EnvironmentBuildFailed", "ImageBuildFailure"}, Remedy: "The environment could not be built. Read the build log; a package name or version that does not exist is the usual cause."},
	{Codes: []string{"ResourceNotFound"}, Text: "/computes/", Remedy: computeRemedy},
	{Codes: []string{"ComputeNotFound", "ComputeTargetNotFound"}, Remedy: computeRemedy},
	{Codes: []string{"ServiceNotFound", "WebserviceNotFound"}, Remedy: "List the workspace's services (webservice.List) and check the name."},
	{Codes: []string{"ModelNotFound"}, Remedy: "List the workspace's models and check name and version."},

	{Text: "exceeding approved", Remedy: "The region's vCPU quota is used up. Ask for a higher quota, or take fewer or smaller nodes."},
	{Codes: []string{"QuotaExceeded"}, Remedy: "The region's vCPU quota is used up. Ask for a higher quota, or take fewer or smaller nodes."},
	{Text: "should have at least 12 cores", Remedy: "A cluster for production needs agents × vCPUs of the VM size ≥ 12. Take more or larger nodes, or ClusterPurpose DevTest."},
	{Text: "machine(s) are required for cluster with purpose", Remedy: "A cluster for production needs at least 3 nodes. Take more nodes, or ClusterPurpose DevTest."},
}
