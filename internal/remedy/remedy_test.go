package remedy

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/azureml-go/azureml"
)

// TestEveryEntryIsReached makes, for each entry of the table, the errors that only it is
// for: one of each of its codes, in the error itself and in a detail, and its text in the
// message, in a detail and, where it may be there, in the log.
func TestEveryEntryIsReached(t *testing.T) {
	t.Parallel()
	for _, entry := range table {
		t.Run(entry.Title, func(t *testing.T) {
			t.Parallel()
			codes := entry.Codes
			if len(codes) == 0 {
				codes = []string{""}
			}
			text := "Well, " + strings.ToUpper(entry.Text) + "!"
			for _, code := range codes {
				errs := []*azureml.Error{
					{Code: "Outer", Details: []azureml.ErrorDetail{{Code: code, Message: text}}},
					{Code: strings.ToLower(code), Message: text},
				}
				if entry.InLog {
					errs = append(errs, &azureml.Error{Code: "CrashLoopBackOff", Message: "It crashed.", LogTail: "line 1\n" + text + "\nline 3"})
				}
				for _, e := range errs {
					got, help := For(e)
					assert.Equal(t, entry.Remedy, got, "%q", code)
					assert.Equal(t, Page+"#"+entry.Slug(), help)
				}
			}
			if entry.Text != "" && !entry.InLog {
				got, _ := For(&azureml.Error{LogTail: text})
				assert.Empty(t, got, "a word in a log is no proof")
			}
		})
	}
	for _, entry := range named {
		got, help := Named(entry.Title)
		assert.Equal(t, entry.Remedy, got)
		assert.Equal(t, entry.Help(), help)
	}
	for _, entry := range kinds {
		got, help := For(&azureml.Error{Kind: entry.Kind})
		assert.Equal(t, entry.Remedy, got)
		assert.Equal(t, entry.Help(), help)
	}
	got, help := Named("nothing of that name")
	assert.Empty(t, got+help)
}

// TestCodesOfTheContract: what services are known to answer has a remedy.
func TestCodesOfTheContract(t *testing.T) {
	t.Parallel()
	for _, code := range []string{
		"CrashLoopBackOff", "ErrImagePull", "ImagePullBackOff", "InsufficientResource", "DeploymentTimedOut", "ComputeResourceNotCreated",
		"QuotaExceeded", "ServiceExists", "ServiceNotFound", "WebserviceNotFound", "AciDeploymentFailed", "KubernetesDeploymentFailed",
		"ModelNotFound", "OperationNotFound", "OperationTimedOut", "DeletionRequired", "EnvironmentBuildFailed", "AzureStorageError", "TransientError",
		"RequestThrottled", "TooManyRequests", "SubscriptionRequestsThrottled", "AuthorizationFailed", "ComputeTargetNotFound",
		"SubscriptionNotFound", "ResourceGroupNotFound", "InvalidAuthenticationTokenTenant", "ExpiredAuthenticationToken",
	} {
		got, help := For(&azureml.Error{Code: code})
		assert.NotEmpty(t, got, code)
		assert.NotEmpty(t, help, code)
	}
	for message, want := range map[string]string{
		"0/3 nodes are available: 3 Insufficient cpu.":    "No node of the cluster has so much CPU to spare",
		"0/3 nodes are available: 3 Insufficient memory.": "No node of the cluster has so much memory to spare",
		"Deployment request failed due to insufficient compute resource. For the specified compute target, 1 replica cannot be created": "not enough free CPU or memory",
		"Operation results in exceeding approved standardDv2Family Cores quota. Current Limit: 10, Current Usage: 0":                    "vCPU quota is used up",
		"Subscription 1 already contains an ACI Container Group with name my-aci":                                                       "left over",
		"InvalidTemplateDeployment: Details: The VM size of Standard_NC6 is not allowed in your subscription in location 'westeurope'.": "does not offer the VM size",
		"/bin/bash: gunicorn: not found": "azureml-defaults",
		"Error in entry script, ModuleNotFoundError: No module named 'joblib', please run print(service.get_logs()) to get details.": "Python packages",
		"Resource Conflict: ArtifactId LocalUpload/240501T100000-ab12cd34/a.pkl already exists.":                                     "uploaded before",
		"Cluster should have at least 12 cores to operate.":                                                                          "agents × vCPUs",
	} {
		got, _ := For(&azureml.Error{Message: message})
		assert.Contains(t, got, want)
	}
	got, _ := For(&azureml.Error{Code: "DeploymentTimedOut"})
	assert.Contains(t, got, "The service may still become healthy: look at its state, and wait with webservice.BeginWait")
}

// TestSlugs: each is one of a kind and can stand in an address.
func TestSlugs(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, entry := range Entries() {
		assert.Regexp(t, `^[a-z0-9]+(-[a-z0-9]+)*$`, entry.Slug())
		assert.Empty(t, seen[entry.Slug()], entry.Title)
		seen[entry.Slug()] = entry.Title
	}
	assert.Equal(t, "crashloopbackoff", slug("CrashLoopBackOff"))
	assert.Equal(t, "12-x-y_z", slug("12 x-y_z!."))
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	got, _ := For(&azureml.Error{Kind: azureml.ErrUnauthorized, Message: "AADSTS7000215: Invalid client secret provided. Ensure…"})
	assert.Contains(t, got, "secret's value, not its id")
	assert.Empty(t, SignIn("AADSTS1: unknown"))
}

func TestKinds(t *testing.T) {
	t.Parallel()
	got, _ := For(&azureml.Error{Kind: azureml.ErrForbidden})
	assert.Contains(t, got, "lacks a role")
	got, _ = For(&azureml.Error{Kind: azureml.ErrInvalid, Message: "no"})
	assert.Empty(t, got)
	assert.Contains(t, Transport("https://host.example/x?y"), "host.example can be reached")
	assert.Contains(t, Transport("::"), "network")
}
