package compute_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/compute"
	"github.com/azureml-go/azureml/workspace"
)

// running is an operation under way, whatever its result.
type running struct {
	token func() (string, error)
	wait  func(context.Context, *azureml.WaitOptions) error
}

func runningOf[T any](p *runtime.Poller[T], err error) (running, error) {
	if err != nil {
		return running{}, err
	}
	return running{token: p.ResumeToken, wait: func(ctx context.Context, o *azureml.WaitOptions) error {
		_, err := azureml.Wait(ctx, p, o)
		return err
	}}, nil
}

// operations are all that can be begun with a compute, by a resume token or anew.
var operations = map[string]struct {
	compute *azuremltest.Compute // what is there before
	begin   func(ctx context.Context, ws *workspace.Workspace, token string) (running, error)
	gone    bool // the compute, afterwards
}{
	"create": {begin: func(ctx context.Context, ws *workspace.Workspace, token string) (running, error) {
		return runningOf(compute.BeginCreate(ctx, ws, "myaks", compute.AksProvisioningConfiguration{}, &compute.CreateOptions{ResumeToken: token}))
	}},
	"attach": {begin: func(ctx context.Context, ws *workspace.Workspace, token string) (running, error) {
		return runningOf(compute.BeginAttach(ctx, ws, "myaks", existing, &compute.AttachOptions{ResumeToken: token}))
	}},
	"update": {compute: &azuremltest.Compute{Name: "myaks"}, begin: func(ctx context.Context, ws *workspace.Workspace, token string) (running, error) {
		aks, err := compute.GetAks(ctx, ws, "myaks")
		if err != nil {
			return running{}, err
		}
		u := compute.AksUpdateConfiguration{SSL: &compute.SslConfiguration{LeafDomainLabel: "contoso"}}
		return runningOf(aks.BeginUpdate(ctx, u, &compute.UpdateOptions{ResumeToken: token}))
	}},
	"delete": {gone: true, compute: &azuremltest.Compute{Name: "myaks"}, begin: func(ctx context.Context, ws *workspace.Workspace, token string) (running, error) {
		c, err := compute.Get(ctx, ws, "myaks")
		if err != nil {
			return running{}, err
		}
		return runningOf(c.BeginDelete(ctx, &compute.DeleteOptions{ResumeToken: token}))
	}},
	"detach": {gone: true, compute: &azuremltest.Compute{Name: "myaks"}, begin: func(ctx context.Context, ws *workspace.Workspace, token string) (running, error) {
		c, err := compute.Get(ctx, ws, "myaks")
		if err != nil {
			return running{}, err
		}
		return runningOf(c.BeginDetach(ctx, &compute.DetachOptions{ResumeToken: token}))
	}},
}

// writes counts the requests that change something.
func writes(srv *azuremltest.Server) int {
	counts := sent(srv)
	return counts[http.MethodPut] + counts[http.MethodDelete]
}

// TestStoppedWaitsGoOnElsewhere stops waiting after the first look, and goes on with the
// token in what could be another process: nothing of the first is used any more.
func TestStoppedWaitsGoOnElsewhere(t *testing.T) {
	for name, o := range operations {
		t.Run(name, func(t *testing.T) {
			emulated(t, func(t *testing.T, srv *azuremltest.Server, ws *workspace.Workspace) {
				if o.compute != nil {
					srv.AddCompute(azuremltest.Workspace{}, *o.compute)
				}
				begun, err := o.begin(t.Context(), ws, "")
				require.NoError(t, err)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				err = begun.wait(ctx, &azureml.WaitOptions{OnProgress: func(azureml.Progress) { cancel() }})
				require.ErrorIs(t, err, context.Canceled)
				assert.Contains(t, err.Error(), "the operation goes on at the service")
				assert.Contains(t, azureml.Explain(err), "ResumeToken", "it says how to go on")
				token, err := begun.token()
				require.NoError(t, err)
				require.Equal(t, 1, writes(srv), "nothing is taken back")

				resumed, err := o.begin(t.Context(), connect(t, srv), token)
				require.NoError(t, err)
				require.NoError(t, resumed.wait(t.Context(), nil))
				assert.Equal(t, 1, writes(srv), "nothing is begun twice")
				computes := srv.Computes(azuremltest.Workspace{})
				if o.gone {
					assert.Empty(t, computes)
					return
				}
				require.Len(t, computes, 1)
				assert.Equal(t, string(compute.StateSucceeded), computes[0].State)
			})
		})
	}
}

func TestLostAnswersAreMadeUpFor(t *testing.T) {
	for name, o := range operations {
		t.Run(name, func(t *testing.T) {
			emulated(t, func(t *testing.T, srv *azuremltest.Server, ws *workspace.Workspace) {
				method := http.MethodPut
				if o.gone {
					method = http.MethodDelete
				}
				if o.compute != nil {
					srv.AddCompute(azuremltest.Workspace{}, *o.compute)
				}
				srv.Fault(azuremltest.Fault{Method: method, ResetAfter: true, Count: -1})
				begun, err := o.begin(t.Context(), ws, "")
				require.NoError(t, err)
				require.NoError(t, begun.wait(t.Context(), nil))
				assert.Equal(t, !o.gone, len(srv.Computes(azuremltest.Workspace{})) == 1)
			})
		})
	}
}

// TestALostUpdateThatWasAnothers: what was going on when the answer was lost was somebody
// else's update.
func TestALostUpdateThatWasAnothers(t *testing.T) {
	emulated(t, func(t *testing.T, srv *azuremltest.Server, ws *workspace.Workspace) {
		srv.AddCompute(azuremltest.Workspace{}, azuremltest.Compute{Name: "myaks"})
		aks, err := compute.GetAks(t.Context(), ws, "myaks")
		require.NoError(t, err)
		srv.Fault(azuremltest.Fault{Method: http.MethodPut, ResetBefore: true, Count: 3})
		srv.Fault(azuremltest.Fault{Method: http.MethodPut, Status: http.StatusGatewayTimeout, Delay: time.Minute})
		other := make(chan error)
		go func() {
			time.Sleep(30 * time.Second)
			_, err := aks.BeginUpdate(t.Context(), compute.AksUpdateConfiguration{SSL: &compute.SslConfiguration{LeafDomainLabel: "fabrikam"}}, nil)
			other <- err
		}()
		p, err := aks.BeginUpdate(t.Context(), compute.AksUpdateConfiguration{SSL: &compute.SslConfiguration{LeafDomainLabel: "contoso"}}, nil)
		require.NoError(t, err)
		require.NoError(t, <-other)
		_, err = azureml.Wait(t.Context(), p, nil)
		assert.ErrorIs(t, err, azureml.ErrUnavailable)
		assert.Contains(t, err.Error(), "does not show the change")
	})
}

// TestANewComputeThatIsNotSeenYet: what answers reads lags behind the operation.
func TestANewComputeThatIsNotSeenYet(t *testing.T) {
	lag := azuremltest.Fault{Method: http.MethodGet, Path: "computes/myaks", Status: http.StatusNotFound}
	begin := func(t *testing.T, ws *workspace.Workspace) *runtime.Poller[*compute.AksCompute] {
		p, err := compute.BeginCreate(t.Context(), ws, "myaks", compute.AksProvisioningConfiguration{}, &compute.CreateOptions{Overwrite: true})
		require.NoError(t, err)
		return p
	}
	t.Run("is waited for", func(t *testing.T) {
		emulated(t, func(t *testing.T, srv *azuremltest.Server, ws *workspace.Workspace) {
			lag := lag
			lag.Count = 4
			srv.Fault(lag)
			aks, err := azureml.Wait(t.Context(), begin(t, ws), nil)
			require.NoError(t, err)
			assert.Equal(t, "myaks", aks.Name)
		})
	})
	t.Run("is given up", func(t *testing.T) {
		emulated(t, func(t *testing.T, srv *azuremltest.Server, ws *workspace.Workspace) {
			lag := lag
			lag.Count = -1
			srv.Fault(lag)
			start := time.Now()
			_, err := azureml.Wait(t.Context(), begin(t, ws), nil)
			assert.ErrorIs(t, err, azureml.ErrNotFound)
			assert.Less(t, time.Since(start), time.Minute)
		})
	})
	t.Run("is not waited for any longer", func(t *testing.T) {
		emulated(t, func(t *testing.T, srv *azuremltest.Server, ws *workspace.Workspace) {
			lag := lag
			lag.Count = -1
			srv.Fault(lag)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			p := begin(t, ws)
			_, err := azureml.Wait(ctx, p, nil)
			assert.ErrorIs(t, err, context.DeadlineExceeded)
		})
	})
	t.Run("and whose operation may not be read", func(t *testing.T) {
		emulated(t, func(t *testing.T, srv *azuremltest.Server, ws *workspace.Workspace) {
			lag := lag
			lag.Count = 5
			srv.Fault(lag)
			srv.Fault(azuremltest.Fault{Path: "computeOperationsStatus", Status: http.StatusForbidden, Count: -1})
			_, err := azureml.Wait(t.Context(), begin(t, ws), nil)
			require.NoError(t, err)
		})
	})
}

func TestAMereReadIsWaitedFor(t *testing.T) {
	emulated(t, func(t *testing.T, srv *azuremltest.Server, ws *workspace.Workspace) {
		_, err := compute.BeginCreate(t.Context(), ws, "myaks", compute.AksProvisioningConfiguration{}, nil)
		require.NoError(t, err)
		elsewhere := connect(t, srv)
		aks, err := compute.GetAks(t.Context(), elsewhere, "myaks")
		require.NoError(t, err)
		require.Equal(t, compute.StateCreating, aks.ProvisioningState)
		p, err := aks.BeginWait(t.Context(), nil)
		require.NoError(t, err)
		token, err := p.ResumeToken()
		require.NoError(t, err)
		p, err = aks.BeginWait(t.Context(), &compute.WaitOptions{ResumeToken: token})
		require.NoError(t, err)
		done, err := azureml.Wait(t.Context(), p, nil)
		require.NoError(t, err)
		assert.Equal(t, compute.StateSucceeded, done.ProvisioningState)
		assert.Equal(t, 1, writes(srv))
	})
}

func TestAFailedComputeThatWasMerelyRead(t *testing.T) {
	emulated(t, func(t *testing.T, srv *azuremltest.Server, ws *workspace.Workspace) {
		srv.AddCompute(azuremltest.Workspace{}, azuremltest.Compute{Name: "myaks", State: "Failed", Errors: []azuremltest.ErrorDetail{{Code: "QuotaExceeded", Message: "no cores left"}}})
		aks, err := compute.GetAks(t.Context(), ws, "myaks")
		require.NoError(t, err)
		p, err := aks.BeginWait(t.Context(), nil)
		require.NoError(t, err)
		_, err = azureml.Wait(t.Context(), p, nil)
		require.ErrorIs(t, err, azureml.ErrOperationFailed)
		assert.True(t, azureml.HasCode(err, "QuotaExceeded"))
		assert.Contains(t, err.Error(), "no cores left")
	})
}
