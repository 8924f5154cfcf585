package compute_test

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/compute"
	"github.com/azureml-go/azureml/workspace"
)

// connect opens the workspace of an emulator.
func connect(t *testing.T, srv *azuremltest.Server) *workspace.Workspace {
	t.Helper()
	ws, err := workspace.Get(t.Context(), azuremltest.WorkspaceName, srv.Credential(), &workspace.GetOptions{
		ClientOptions: srv.ClientOptions(), SubscriptionID: azuremltest.SubscriptionID, ResourceGroup: azuremltest.ResourceGroup,
	})
	require.NoError(t, err)
	return ws
}

// emulated runs test in virtual time against an emulator in memory.
func emulated(t *testing.T, test func(t *testing.T, srv *azuremltest.Server, ws *workspace.Workspace)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := azuremltest.NewServer(&azuremltest.Options{InMemory: true})
		defer srv.Close()
		test(t, srv, connect(t, srv))
	})
}

// sent counts the requests to the resource manager by method.
func sent(srv *azuremltest.Server) map[string]int {
	counts := map[string]int{}
	for _, r := range srv.Requests() {
		counts[r.Method]++
	}
	return counts
}

var existing = compute.AksAttachConfiguration{ResourceGroup: azuremltest.ClusterResourceGroup, ClusterName: azuremltest.ClusterName}

// TestLifeOfACompute goes over TCP and TLS.
func TestLifeOfACompute(t *testing.T) {
	t.Parallel()
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	ws := connect(t, srv)

	p, err := compute.BeginCreate(t.Context(), ws, "myaks", compute.AksProvisioningConfiguration{}, nil)
	require.NoError(t, err)
	var screen bytes.Buffer
	aks, err := azureml.Wait(t.Context(), p, &azureml.WaitOptions{Output: &screen})
	require.NoError(t, err)
	assert.Contains(t, screen.String(), `create compute "myaks": Succeeded after`)
	assert.Equal(t, 3, *aks.AgentCount)
	assert.False(t, *aks.IsAttached)

	credentials, err := aks.Credentials(t.Context())
	require.NoError(t, err)
	assert.Contains(t, credentials.AdminKubeconfig.Reveal(), "kind: Config")

	u, err := aks.BeginUpdate(t.Context(), compute.AksUpdateConfiguration{SSL: &compute.SslConfiguration{LeafDomainLabel: "contoso"}}, nil)
	require.NoError(t, err)
	updated, err := azureml.Wait(t.Context(), u, nil)
	require.NoError(t, err)
	assert.Equal(t, compute.SslAuto, updated.SSL.Status)
	assert.Equal(t, aks.AgentVMSize, updated.AgentVMSize)
	assert.Nil(t, aks.SSL, "the older snapshot stays as it is")

	d, err := updated.BeginDelete(t.Context(), nil)
	require.NoError(t, err)
	_, err = azureml.Wait(t.Context(), d, nil)
	require.NoError(t, err)
	_, err = compute.GetAks(t.Context(), ws, "myaks")
	assert.ErrorIs(t, err, azureml.ErrNotFound)
	assert.Empty(t, srv.Computes(azuremltest.Workspace{}))
}

func TestPlainCreateMakesFewRequests(t *testing.T) {
	emulated(t, func(t *testing.T, srv *azuremltest.Server, ws *workspace.Workspace) {
		srv.ResetRequests()
		_, err := create(t, ws, "myaks", compute.AksProvisioningConfiguration{AgentCount: 4, VMSize: "Standard_D3_v2"}, &compute.CreateOptions{Overwrite: true})
		require.NoError(t, err)
		// Three polls, and one GET of the compute at the end.
		assert.Equal(t, map[string]int{http.MethodPut: 1, http.MethodGet: 4}, sent(srv))
	})
}

func TestAttachedClusters(t *testing.T) {
	emulated(t, func(t *testing.T, srv *azuremltest.Server, ws *workspace.Workspace) {
		first, err := attach(t, ws, "first", existing, nil)
		require.NoError(t, err)
		assert.True(t, *first.IsAttached)

		_, err = compute.BeginAttach(t.Context(), ws, "second", existing, nil)
		assert.ErrorIs(t, err, azureml.ErrConflict)
		assert.Contains(t, err.Error(), `as compute "first"`)
		first, err = first.Refresh(t.Context())
		require.NoError(t, err)
		assert.Equal(t, compute.StateSucceeded, first.ProvisioningState, "the first attachment is not damaged")

		second, err := attach(t, ws, "second", existing, &compute.AttachOptions{Replace: true})
		require.NoError(t, err)
		_, err = first.Refresh(t.Context())
		assert.ErrorIs(t, err, azureml.ErrNotFound)

		_, err = second.BeginDelete(t.Context(), nil)
		assert.ErrorIs(t, err, azureml.ErrConflict)
		p, err := second.BeginDetach(t.Context(), nil)
		require.NoError(t, err)
		result, err := azureml.Wait(t.Context(), p, nil)
		require.NoError(t, err)
		assert.True(t, strings.HasSuffix(result.ResourceID, "/"+azuremltest.ClusterName))
		_, err = attach(t, ws, "third", compute.AksAttachConfiguration{ResourceID: strings.ToUpper(result.ResourceID)}, nil)
		require.NoError(t, err, "the cluster is still there")
	})
}

func TestAttachOfWhatIsNotThere(t *testing.T) {
	emulated(t, func(t *testing.T, srv *azuremltest.Server, ws *workspace.Workspace) {
		missing := existing
		missing.ClusterName = "missing"
		_, err := compute.BeginAttach(t.Context(), ws, "myaks", missing, nil)
		assert.ErrorIs(t, err, azureml.ErrNotFound)
		assert.Empty(t, srv.Computes(azuremltest.Workspace{}))

		srv.AddCluster(azuremltest.Cluster{Name: "small", NodeCount: 2})
		small := existing
		small.ClusterName = "small"
		_, err = compute.BeginAttach(t.Context(), ws, "myaks", small, nil)
		assert.ErrorIs(t, err, azureml.ErrInvalid)
		small.ClusterPurpose = compute.DevTest
		_, err = attach(t, ws, "myaks", small, nil)
		require.NoError(t, err)
	})
}

// TestAttachWithoutTheRightToLook: what may not be looked at is a warning.
func TestAttachWithoutTheRightToLook(t *testing.T) {
	for name, c := range map[string]struct{ path, says string }{
		"the cluster":  {"managedClusters", "may not be looked at"},
		"the computes": {"/subscriptions/*/resourceGroups/*/providers/*/workspaces/*/computes", "may not be listed"},
	} {
		t.Run(name, func(t *testing.T) {
			emulated(t, func(t *testing.T, srv *azuremltest.Server, ws *workspace.Workspace) {
				srv.Fault(azuremltest.Fault{Method: http.MethodGet, Path: c.path, Status: http.StatusForbidden, Count: -1})
				var said warnings
				aks, err := attach(t, ws, "myaks", existing, &compute.AttachOptions{OnWarning: said.add})
				require.NoError(t, err)
				assert.Equal(t, compute.StateSucceeded, aks.ProvisioningState)
				require.Len(t, said, 1)
				assert.Contains(t, said[0], c.says)
			})
		})
	}
}

// TestReplaceStopsAtAFailure: what cannot be detached keeps the cluster.
func TestReplaceStopsAtAFailure(t *testing.T) {
	for name, c := range map[string]struct {
		fault func(*azuremltest.Server)
		kind  error
	}{
		"the detachment fails":      {func(srv *azuremltest.Server) { srv.FailNextOperation(azuremltest.OperationFailure{Name: "first"}) }, azureml.ErrOperationFailed},
		"the detachment is refused": {func(srv *azuremltest.Server) { srv.Fault(azuremltest.Fault{Method: http.MethodDelete, Status: 403}) }, azureml.ErrForbidden},
		"the list breaks": {func(srv *azuremltest.Server) {
			srv.Fault(azuremltest.Fault{Path: "/subscriptions/*/resourceGroups/*/providers/*/workspaces/*/computes", Status: 400})
		}, azureml.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			emulated(t, func(t *testing.T, srv *azuremltest.Server, ws *workspace.Workspace) {
				_, err := attach(t, ws, "first", existing, nil)
				require.NoError(t, err)
				c.fault(srv)
				_, err = compute.BeginAttach(t.Context(), ws, "second", existing, &compute.AttachOptions{Replace: true})
				assert.ErrorIs(t, err, c.kind)
				assert.Equal(t, 1, sent(srv)[http.MethodPut], "nothing is attached")
				assert.Len(t, srv.Computes(azuremltest.Workspace{}), 1)
			})
		})
	}
}

func TestCreateNeedsTheRightToRead(t *testing.T) {
	emulated(t, func(t *testing.T, srv *azuremltest.Server, ws *workspace.Workspace) {
		srv.Fault(azuremltest.Fault{Method: http.MethodGet, Path: "computes/myaks", Status: 403, Count: -1})
		_, err := compute.BeginCreate(t.Context(), ws, "myaks", compute.AksProvisioningConfiguration{}, nil)
		assert.ErrorIs(t, err, azureml.ErrForbidden)
		assert.Zero(t, writes(srv), "what exists might be changed")
	})
}

func TestCreateGoesWrong(t *testing.T) {
	details := []azuremltest.ErrorDetail{{Code: "QuotaExceeded", Message: "exceeding approved Total Regional Cores quota"}}
	for name, c := range map[string]struct {
		failure azuremltest.OperationFailure
		kind    error
	}{
		"failed":    {azuremltest.OperationFailure{Code: "BadArgument", Message: "InvalidTemplateDeployment", Details: details}, azureml.ErrOperationFailed},
		"cancelled": {azuremltest.OperationFailure{State: "Canceled"}, azureml.ErrOperationCanceled},
	} {
		t.Run(name, func(t *testing.T) {
			emulated(t, func(t *testing.T, srv *azuremltest.Server, ws *workspace.Workspace) {
				srv.FailNextOperation(c.failure)
				_, err := create(t, ws, "myaks", compute.AksProvisioningConfiguration{}, nil)
				require.ErrorIs(t, err, c.kind)
				if len(c.failure.Details) > 0 {
					assert.True(t, azureml.HasCode(err, "QuotaExceeded"))
					assert.Contains(t, azureml.Explain(err), "quota")
				}
				_, err = compute.BeginCreate(t.Context(), ws, "myaks", compute.AksProvisioningConfiguration{}, nil)
				assert.ErrorIs(t, err, azureml.ErrConflict, "what failed still exists")
			})
		})
	}
}

func TestFaultsWhileCreating(t *testing.T) {
	const status = "computeOperationsStatus"
	for name, c := range map[string]struct {
		fault azuremltest.Fault
		puts  int
	}{
		"the answer to the PUT is lost":            {azuremltest.Fault{Method: http.MethodPut, ResetAfter: true}, 2},
		"every answer to the PUT is lost":          {azuremltest.Fault{Method: http.MethodPut, ResetAfter: true, Count: 4}, 4},
		"a gateway gives up on the PUT":            {azuremltest.Fault{Method: http.MethodPut, Status: 504, AfterEffect: true}, 2},
		"the PUT is throttled":                     {azuremltest.Fault{Method: http.MethodPut, Status: 429, RetryAfter: "7"}, 2},
		"the operation is not there yet":           {azuremltest.Fault{Path: status, Status: 404, Count: 2}, 1},
		"a poll is throttled":                      {azuremltest.Fault{Path: status, From: 2, Status: 429, RetryAfter: "30"}, 1},
		"the operation may not be read":            {azuremltest.Fault{Path: status, Status: 403, Count: -1}, 1},
		"polls break":                              {azuremltest.Fault{Path: status, From: 2, Count: 2, ResetBefore: true}, 1},
		"the body of a poll is cut":                {azuremltest.Fault{Path: status, From: 2, CutBody: 3}, 1},
		"the service is down for a while of polls": {azuremltest.Fault{Path: status, From: 2, Count: 3, Status: 503}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			emulated(t, func(t *testing.T, srv *azuremltest.Server, ws *workspace.Workspace) {
				srv.Fault(c.fault)
				aks, err := create(t, ws, "myaks", compute.AksProvisioningConfiguration{}, nil)
				require.NoError(t, err)
				assert.Equal(t, compute.StateSucceeded, aks.ProvisioningState)
				assert.Equal(t, c.puts, sent(srv)[http.MethodPut])
			})
		})
	}
}

func TestFaultsWhileDeleting(t *testing.T) {
	for name, fault := range map[string]azuremltest.Fault{
		"the answer is lost":        {Method: http.MethodDelete, ResetAfter: true},
		"every answer is lost":      {Method: http.MethodDelete, ResetAfter: true, Count: 4},
		"a gateway gives up":        {Method: http.MethodDelete, Status: 502, AfterEffect: true},
		"the operation disappears":  {Path: "computeOperationsStatus", From: 2, Count: -1, Status: 404},
		"the operation is a secret": {Path: "computeOperationsStatus", Count: -1, Status: 403},
	} {
		t.Run(name, func(t *testing.T) {
			emulated(t, func(t *testing.T, srv *azuremltest.Server, ws *workspace.Workspace) {
				srv.AddCompute(azuremltest.Workspace{}, azuremltest.Compute{Name: "myaks"})
				srv.Fault(fault)
				_, err := remove(t, ws, "myaks", nil)
				require.NoError(t, err)
			})
		})
	}
}

func TestAStuckCreationIsWaitedForElsewhere(t *testing.T) {
	emulated(t, func(t *testing.T, srv *azuremltest.Server, ws *workspace.Workspace) {
		srv.FailNextOperation(azuremltest.OperationFailure{State: "Stuck"})
		p, err := compute.BeginCreate(t.Context(), ws, "myaks", compute.AksProvisioningConfiguration{}, nil)
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err = azureml.Wait(ctx, p, nil)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		token, err := p.ResumeToken()
		require.NoError(t, err)

		again, err := compute.BeginCreate(t.Context(), connect(t, srv), "myaks", compute.AksProvisioningConfiguration{}, &compute.CreateOptions{ResumeToken: token})
		require.NoError(t, err)
		_, err = again.Poll(t.Context())
		require.NoError(t, err)
		assert.False(t, again.Done())
		assert.Equal(t, 1, sent(srv)[http.MethodPut])
	})
}

func TestOtherComputesAreReadWhole(t *testing.T) {
	emulated(t, func(t *testing.T, srv *azuremltest.Server, ws *workspace.Workspace) {
		srv.AddCompute(azuremltest.Workspace{}, azuremltest.Compute{Name: "cpu", Type: "AmlCompute", Properties: map[string]any{"vmSize": "STANDARD_DS3_V2", "scaleSettings": map[string]any{"maxNodeCount": 4}}})
		srv.AddCompute(azuremltest.Workspace{}, azuremltest.Compute{Name: "myaks"})
		n := 0
		for c, err := range compute.List(t.Context(), ws, nil) {
			require.NoError(t, err)
			n++
			if c.Is(compute.TypeAmlCompute) {
				assert.JSONEq(t, `{"maxNodeCount":4}`, member(t, c.Properties, "scaleSettings"))
			}
		}
		assert.Equal(t, 2, n)
		_, err := compute.GetAks(t.Context(), ws, "cpu")
		assert.ErrorIs(t, err, azureml.ErrInvalid)
	})
}

func TestSizesAndQuotas(t *testing.T) {
	emulated(t, func(t *testing.T, srv *azuremltest.Server, ws *workspace.Workspace) {
		found := false
		for size, err := range compute.VMSizes(t.Context(), ws, nil) {
			require.NoError(t, err)
			found = found || size.Name == "Standard_D3_v2" && *size.VCPUs == 4
		}
		assert.True(t, found)
		n := 0
		for usage, err := range compute.Usages(t.Context(), ws, nil) {
			require.NoError(t, err)
			assert.NotEmpty(t, usage.Name.Value)
			n++
		}
		assert.NotZero(t, n)
	})
}
