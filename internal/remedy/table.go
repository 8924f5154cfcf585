package remedy

import "github.com/azureml-go/azureml"

const (
	fewerNodes  = "The region's vCPU quota is used up. Ask for a higher quota, or take fewer or smaller nodes."
	listModels  = "List the workspace's models and check name and version."
	listService = "List the workspace's services (webservice.List) and check the name."
	// listComputes is what helps when a compute is not there.
	listComputes = "List the workspace's computes (compute.List) and check the name. A cluster that was never attached, or was detached, has to be attached first."
)

// kinds is what helps when nothing more is known than the kind of failure.
var kinds = []Entry{
	{Kind: azureml.ErrUnauthorized, Title: "Unauthorized", Remedy: "The token was refused. Sign in again, and check tenant and cloud of the credential."},
	{Kind: azureml.ErrForbidden, Title: "Forbidden", Remedy: "The signed-in principal lacks a role for this. Ask an owner of the workspace or its resource group to give it one (Contributor, or AzureML Data Scientist for everyday work)."},
	{Kind: azureml.ErrThrottled, Title: "Throttled", Remedy: "Too many requests. Wait a while, and make fewer at once."},
	{Kind: azureml.ErrUnavailable, Title: "Unavailable", Remedy: "The service failed. Try again in a few minutes; if it goes on, give its support the request id."},
}

// onPage is about the kinds whose errors say themselves what helps, as far as that is known.
var onPage = []Entry{
	{Kind: azureml.ErrNotFound, Title: "Not found", Remedy: "There is none of that name, or the signed-in principal may not see it. Check the spelling, the workspace, resource group and subscription, and that the credential's tenant is the right one; list what there is (model.List, webservice.List, compute.List, workspace.All)."},
	{Kind: azureml.ErrConflict, Title: "Conflict", Remedy: "It exists already, or something else changes it right now. Choose another name or ask for it to be replaced (Overwrite, Replace, ExistOK, where there is such an option), or read it anew and try again when the other change is done."},
	{Kind: azureml.ErrInvalid, Title: "Invalid", Remedy: "The input breaks a rule. The error names each broken rule with field, value and bound (Violations); nothing was sent, unless the error has an HTTP status: then the service refused it, and its details say why."},
	{Kind: azureml.ErrAmbiguous, Title: "Ambiguous", Remedy: "The name fits more than one resource, and the error lists them. Say which one is meant: by resource group, subscription or id."},
	{Kind: azureml.ErrInUse, Title: "In use", Remedy: "Something still uses it, and the error says what as far as it is known. Delete or update that first."},
	{Kind: azureml.ErrInteractionRequired, Title: "Interaction required", Remedy: "A person has to sign in, and nobody may be asked here: there is no terminal, or Prompt forbids it. Sign in before (az login, azml login, or the program's own login), or use a service principal: AML_TENANT_ID, AML_PRINCIPAL_ID and AML_PRINCIPAL_PASS."},
	{Kind: azureml.ErrOperationFailed, Title: "Operation failed", Remedy: "What was begun ended in failure. The error has the service's code and details, the stage and the end of the log (azureml.Explain shows them); the causes that are known have sections of their own on this page. A service that failed stays: deploy again with Overwrite, or delete it."},
	{Kind: azureml.ErrOperationTimedOut, Title: "Operation timed out", Remedy: "The service gave up waiting; what was begun may yet succeed. Read its state before you try again, and wait for a web service with webservice.BeginWait."},
	{Kind: azureml.ErrOperationCanceled, Title: "Operation canceled", Remedy: "Somebody, or the service, cancelled what was begun. The activity log of the resource group tells who. Begin it again if it is still wanted."},
}

// named is what helps when the place that makes the error knows what it is.
var named = []Entry{
	{Title: ScoringScript, Remedy: "Read the service's log (Logs): what the script raised is there. Try its run() locally with the same body."},
	{Title: ScoringTimeout, Remedy: "Let requests take longer (ScoringTimeout of the service, 5 minutes at most), or send less at once."},
	{Title: ScoringBusy, Remedy: "No replica was free in time. Add replicas or raise AutoscaleMaxReplicas, let requests wait longer (MaxRequestWaitTime), or make fewer at once."},
	{Title: ScoringKey, Remedy: "The service refuses the key or token. Check that it is this service's, and whether it asks for keys or for tokens."},
	{Title: ScoringNowhere, Remedy: "Nothing answers at this address. Read the service anew: its address may have changed, or it is gone."},
	{Title: ScoringMoved, Remedy: "Use the address that the service's ScoringURI has now."},
}

// The titles of what is known by its place, for [Named].
const (
	ScoringScript  = "Scoring script failed"
	ScoringTimeout = "Scoring timed out"
	ScoringBusy    = "Scoring without a free replica"
	ScoringKey     = "Scoring key refused"
	ScoringNowhere = "Scoring address not found"
	ScoringMoved   = "Scoring address redirects"
)

// table is searched from top to bottom; the first entry that fits is taken. Entries for a
// text that says more come before those for a code that says less.
var table = []Entry{
	// Signing in and what it allows.
	{Title: "InvalidAuthenticationTokenTenant", Codes: []string{"InvalidAuthenticationTokenTenant"}, Remedy: "The token belongs to another tenant than the subscription. Sign in with the tenant id that the message names."},
	{Title: "ExpiredAuthenticationToken", Codes: []string{"ExpiredAuthenticationToken"}, Remedy: "The token has expired. Sign in again; check the clock of this machine."},
	{Title: "SubscriptionNotFound", Codes: []string{"SubscriptionNotFound"}, Remedy: "Check the subscription id, and that tenant and cloud of the credential are those of the subscription."},
	{Title: "ResourceGroupNotFound", Codes: []string{"ResourceGroupNotFound"}, Remedy: "Check the name of the resource group and the subscription."},
	{Title: "AuthorizationFailed", Codes: []string{"AuthorizationFailed"}, Remedy: "The signed-in principal has no role on this scope. Ask an owner to give it one (Contributor, or AzureML Data Scientist for everyday work). A role given just now can take some minutes."},
	{Title: "MissingSubscriptionRegistration", Codes: []string{"MissingSubscriptionRegistration"}, Remedy: "The subscription is not registered for Microsoft.MachineLearningServices. Run: az provider register --namespace Microsoft.MachineLearningServices"},
	{Title: "TooManyRequests", Codes: []string{"TooManyRequests", "SubscriptionRequestsThrottled", "RequestThrottled"}, Remedy: "Azure takes no more requests from this subscription for now. Wait as long as the message says, and make fewer at once."},

	// What the entry script and its container say, also in the end of their log.
	{Title: "No module named", Text: "No module named", InLog: true, Remedy: "The script imports a package that its environment lacks. Add it to the environment's Python packages, then deploy again with Overwrite."},
	{Title: "gunicorn not found", Text: "gunicorn: not found", InLog: true, Remedy: "The environment lacks the server that runs the script. Add the package azureml-defaults to its Python packages, then deploy again with Overwrite."},
	{Title: "FileNotFoundError", Text: "FileNotFoundError", InLog: true, Remedy: "The script opens a file that is not in the container. Models lie below the folder that AZUREML_MODEL_DIR names, under the name they were registered from; files of your own are there if they are in SourceDirectory."},
	{Title: "SyntaxError", Text: "SyntaxError", InLog: true, Remedy: "The script is not valid Python, at least not for the Python of its environment. Run it locally with the same version."},
	{Title: "MemoryError", Text: "MemoryError", InLog: true, Remedy: "The script ran out of memory. Ask for more (MemoryGB), or load less."},
	{Title: "OOMKilled", Codes: []string{"OOMKilled"}, Remedy: "The container took more memory than it may. Ask for more (MemoryGB, MemoryGBLimit), or load less in init()."},
	{Title: "Scoring script does not start", Text: "scoring script", Remedy: "The entry script fails when it is loaded or in its init(). Read the log, run the script locally with AZUREML_MODEL_DIR set to the model's folder, then deploy again with Overwrite."},
	{Title: "CrashLoopBackOff", Codes: []string{"CrashLoopBackOff"}, Remedy: "The container crashes, most often in the entry script's init(). Read the log, run the script locally with AZUREML_MODEL_DIR set to the model's folder, then deploy again with Overwrite."},
	{Title: "ErrImagePull", Codes: []string{"ErrImagePull", "ImagePullBackOff"}, Remedy: "The cluster cannot fetch the image. Check that it may pull from the workspace's container registry (attach it with: az aks update --attach-acr) and that the registry is reachable from the cluster's network."},

	// Room on a cluster.
	{Title: "Insufficient compute resource", Text: "insufficient compute resource", Remedy: "The cluster has not enough free CPU or memory. Ask for less (CPUCores, MemoryGB), delete services that are not needed, or add nodes."},
	{Title: "Insufficient CPU", Text: "insufficient cpu", Remedy: "No node of the cluster has so much CPU to spare. Ask for less (CPUCores), delete services that are not needed, or add nodes."},
	{Title: "Insufficient memory", Text: "insufficient memory", Remedy: "No node of the cluster has so much memory to spare. Ask for less (MemoryGB), delete services that are not needed, or add nodes."},
	{Title: "Insufficient GPU", Text: "insufficient nvidia.com/gpu", Remedy: "No node of the cluster has so many GPUs to spare. Ask for less (GPUCores), or add nodes with GPUs."},
	{Title: "InsufficientResource", Codes: []string{"InsufficientResource", "Unschedulable", "KubernetesUnschedulable"}, Remedy: "The cluster has not enough free CPU or memory. Ask for less (CPUCores, MemoryGB), delete services that are not needed, or add nodes."},

	// Deployments and services.
	{Title: "DeploymentTimedOut", Codes: []string{"DeploymentTimedOut"}, Remedy: "The service may still become healthy: look at its state, and wait with webservice.BeginWait. If it stays unhealthy, read its log; slow images and cluster autoscaling are the usual causes."},
	{Title: "ComputeResourceNotCreated", Codes: []string{"ComputeResourceNotCreated"}, Remedy: "The compute is not ready. Wait until its provisioning state is Succeeded, then deploy again."},
	{Title: "Leftover container group", Text: "already contains an ACI Container Group", Remedy: "A container group of that name is left over from a service that is gone, or belongs to somebody else. Delete it in Azure (az container delete), or choose another name."},
	{Title: "ServiceExists", Codes: []string{"ServiceExists"}, Remedy: "The name is taken. Choose another one, deploy with Overwrite, or delete the service first."},
	{Title: "OperationInProgress", Codes: []string{"OperationInProgress"}, Remedy: "Something else changes the service right now. Wait for it with webservice.BeginWait, then try again."},
	{Title: "AuthDisabled", Codes: []string{"AuthDisabled"}, Remedy: "The service does not let in by what was asked for. Keys (Keys) need AuthEnabled, tokens (Token) need TokenAuthEnabled; an open service has neither. Use the other kind, or change it with BeginUpdate."},
	{Title: "TokenAuthNotSupported", Codes: []string{"TokenAuthNotSupported"}, Remedy: "Services on ACI have no tokens. Use keys (AuthEnabled), or deploy to AKS."},
	{Title: "No usable environment", Text: "no usable environment", Remedy: "The service knows no environment to run the script in. Set one in the inference configuration (Environment)."},
	{Title: "EnvironmentBuildFailed", Codes: []string{"EnvironmentBuildFailed"}, Remedy: "The environment could not be built. Read the build log; a package name or version that does not exist is the usual cause."},
	{Title: "ImageBuildFailed", Codes: []string{"ImageBuildFailed", "ImageBuildFailure"}, Remedy: "The image could not be built. Read the build log; a step of the Dockerfile or a package that cannot be fetched is the usual cause."},
	{Title: "ServiceNotFound", Codes: []string{"ServiceNotFound", "WebserviceNotFound"}, Remedy: listService},
	{Title: "OperationNotFound", Codes: []string{"OperationNotFound"}, Remedy: "The operation is not known any more, or not yet. Read the service or model itself; webservice.BeginWait waits for a service by its state."},
	{Title: "AciDeploymentFailed", Codes: []string{"AciDeploymentFailed"}, Remedy: "The container group did not start. Read the details and the log; try the same model and script with more memory (MemoryGB), or in another Location."},
	{Title: "KubernetesDeploymentFailed", Codes: []string{"KubernetesDeploymentFailed"}, Remedy: "The service did not start on the cluster. Read the details and the log, then deploy again with Overwrite."},

	// Models and their files.
	{Title: "ModelNotFound", Codes: []string{"ModelNotFound"}, Remedy: listModels},
	{Title: "DeletionRequired", Codes: []string{"DeletionRequired"}, Remedy: "Services or images still use it. Delete those first, or update them to another version."},
	{Title: "Artifact exists already", Text: "Resource Conflict: ArtifactId", Remedy: "The file was uploaded before, by this program or another one. Register it again: each registration has a place of its own."},
	{Title: "AzureStorageError", Codes: []string{"AzureStorageError"}, Remedy: "The workspace's storage account failed or refused. Check that it exists, that its firewall lets the workspace and this machine in, and try again."},
	{Title: "TransientError", Codes: []string{"TransientError"}, Remedy: "The service failed for a moment. Try again."},

	// Computes and quota.
	{Title: "Compute of a deployment not found", Codes: []string{"ResourceNotFound"}, Text: "/computes/", Remedy: listComputes},
	{Title: "ComputeNotFound", Codes: []string{"ComputeNotFound", "ComputeTargetNotFound"}, Remedy: listComputes},
	{Title: "Cores quota exceeded", Text: "exceeding approved", Remedy: fewerNodes},
	{Title: "QuotaExceeded", Codes: []string{"QuotaExceeded"}, Remedy: fewerNodes},
	{Title: "Less than 12 cores", Text: "should have at least 12 cores", Remedy: "A cluster for production needs agents × vCPUs of the VM size ≥ 12. Take more or larger nodes, or ClusterPurpose DevTest."},
	{Title: "Less than 3 nodes", Text: "machine(s) are required for cluster with purpose", Remedy: "A cluster for production needs at least 3 nodes. Take more nodes, or ClusterPurpose DevTest."},
	{Title: "VM size not offered", Text: "InvalidTemplateDeployment", Remedy: "Azure refuses the cluster as it is asked for; most often the region does not offer the VM size to this subscription. Choose another size (compute.VMSizes), or another region."},
	{Title: "ClusterInUse", Codes: []string{"ClusterInUse"}, Remedy: "The cluster is attached twice in the workspace, which breaks the first attachment. Detach both, then attach it once."},
	{Title: "OperationTimedOut", Codes: []string{"OperationTimedOut"}, Remedy: "The service gave up waiting; what was asked for may have been done all the same. Look before you try again."},
}
