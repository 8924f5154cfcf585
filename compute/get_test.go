package compute_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/compute"
	"github.com/azureml-go/azureml/workspace"
)

func TestGet(t *testing.T) {
	t.Parallel()
	play(t, "get", func(t *testing.T, ws *workspace.Workspace) {
		aks, err := compute.GetAks(t.Context(), ws, "aks-prod")
		require.NoError(t, err)
		assert.Equal(t, "aks-prod", aks.Name)
		assert.Equal(t, workspaceID+"/computes/aks-prod", aks.ID)
		assert.Equal(t, compute.TypeAKS, aks.Type)
		assert.Equal(t, compute.StateSucceeded, aks.ProvisioningState)
		assert.Equal(t, 3, *aks.AgentCount)
		assert.Equal(t, "Standard_D3_v2", aks.AgentVMSize)
		assert.Equal(t, compute.FastProd, aks.ClusterPurpose)
		assert.Equal(t, compute.PublicIP, aks.LoadBalancerType)
		assert.Equal(t, []compute.SystemService{{Type: "ScoringFe", Version: "1.5.0", PublicIPAddress: "20.61.10.11"}}, aks.SystemServices)
		assert.False(t, *aks.IsAttached)
		assert.Equal(t, 2024, aks.CreatedOn.Year())
		assert.Equal(t, compute.SslAuto, aks.SSL.Status)
		assert.Equal(t, "contoso657acb.westeurope.cloudapp.azure.com", aks.SSL.CName)
		assert.Equal(t, `AKS compute "aks-prod" (Succeeded)`, aks.String())

		fresh, err := aks.Refresh(t.Context())
		require.NoError(t, err)
		assert.Equal(t, aks, fresh)
	})
}

func TestGetShowsTLS(t *testing.T) {
	t.Parallel()
	play(t, "get_contract", func(t *testing.T, ws *workspace.Workspace) {
		aks, err := compute.GetAks(t.Context(), ws, "myaks")
		require.NoError(t, err)
		no := false
		assert.Equal(t, &compute.SslSettings{Status: compute.SslAuto, LeafDomainLabel: "contoso", OverwriteExistingDomain: &no}, aks.SSL)
		assert.Equal(t, "STANDARD_D3_V2", aks.AgentVMSize)
		assert.Equal(t, 151007400, aks.CreatedOn.Nanosecond())
	})
}

func TestGetWhileCreating(t *testing.T) {
	t.Parallel()
	play(t, "get_creating", func(t *testing.T, ws *workspace.Workspace) {
		aks, err := compute.GetAks(t.Context(), ws, "aks-prod")
		require.NoError(t, err)
		assert.Equal(t, compute.StateCreating, aks.ProvisioningState)
		assert.Nil(t, aks.AgentCount)
	})
}

func TestGetFailures(t *testing.T) {
	t.Parallel()
	t.Run("unknown", func(t *testing.T) {
		t.Parallel()
		play(t, "get_unknown", func(t *testing.T, ws *workspace.Workspace) {
			_, err := compute.GetAks(t.Context(), ws, "nope")
			e := failure(t, err)
			assert.ErrorIs(t, err, azureml.ErrNotFound)
			assert.Equal(t, `compute "nope"`, e.Subject)
			assert.True(t, e.HasCode("ComputeNotFound"))
			assert.Contains(t, err.Error(), "nope")
		})
	})
	t.Run("forbidden", func(t *testing.T) {
		t.Parallel()
		play(t, "get_forbidden", func(t *testing.T, ws *workspace.Workspace) {
			_, err := compute.GetAks(t.Context(), ws, "aks-prod")
			assert.ErrorIs(t, err, azureml.ErrForbidden)
			assert.Contains(t, err.Error(), "permission to read")
		})
	})
	t.Run("another type", func(t *testing.T) {
		t.Parallel()
		play(t, "get_other_type", func(t *testing.T, ws *workspace.Workspace) {
			_, err := compute.GetAks(t.Context(), ws, "k8s")
			assert.ErrorIs(t, err, azureml.ErrInvalid)
			assert.Contains(t, err.Error(), "it is a compute of type Kubernetes, not AKS")

			c, err := compute.Get(t.Context(), ws, "k8s")
			require.NoError(t, err)
			assert.Equal(t, compute.TypeKubernetes, c.Type)
			assert.JSONEq(t, `"stable"`, member(t, c.Properties, "extensionInstanceReleaseTrain"))
			assert.JSONEq(t, `{"type":"SystemAssigned"}`, member(t, c.Raw, "identity"))
		})
	})
}

func member(t *testing.T, object json.RawMessage, name string) string {
	t.Helper()
	var members map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(object, &members))
	return string(members[name])
}

func TestGetOddAnswers(t *testing.T) {
	t.Parallel()
	play(t, "get_odd", func(t *testing.T, ws *workspace.Workspace) {
		for _, c := range []struct{ name, says string }{
			{"html", `HTML page, not JSON: "Sign in"`},
			{"list", "names no computeType"},
			{"cut", "not complete JSON"},
			{"empty", "the answer is empty"},
			{"bare", "names no computeType"},
			{"page", `HTML page: "404 page"`},
		} {
			_, err := compute.GetAks(t.Context(), ws, c.name)
			e := failure(t, err)
			assert.Contains(t, err.Error(), c.says, c.name)
			assert.Equal(t, fmt.Sprintf("compute %q", c.name), e.Subject)
		}
	})
}

func TestCallsCheckTheirArguments(t *testing.T) {
	t.Parallel()
	_, err := compute.GetAks(t.Context(), nil, " ")
	assert.ErrorIs(t, err, azureml.ErrInvalid)
	assert.ElementsMatch(t, []string{"ws", "name"}, fields(failure(t, err)))

	_, err = compute.BeginCreate(t.Context(), nil, "x", compute.AksProvisioningConfiguration{}, nil)
	assert.ErrorIs(t, err, azureml.ErrInvalid)
	_, err = compute.BeginAttach(t.Context(), nil, "x", compute.AksAttachConfiguration{}, nil)
	assert.ErrorIs(t, err, azureml.ErrInvalid)
	for _, err := range compute.List(t.Context(), nil, nil) {
		assert.ErrorIs(t, err, azureml.ErrInvalid)
	}
	for _, err := range compute.VMSizes(t.Context(), nil, nil) {
		assert.ErrorIs(t, err, azureml.ErrInvalid)
	}
	for _, err := range compute.Usages(t.Context(), nil, nil) {
		assert.ErrorIs(t, err, azureml.ErrInvalid)
	}
}

func TestUnmarshalledComputeHasNoConnection(t *testing.T) {
	t.Parallel()
	aks := &compute.AksCompute{Compute: compute.Compute{Name: "x", Type: compute.TypeAKS}}
	calls := map[string]func() error{
		"refresh": func() error { _, err := aks.Refresh(t.Context()); return err },
		"delete":  func() error { _, err := aks.BeginDelete(t.Context(), nil); return err },
		"detach":  func() error { _, err := aks.BeginDetach(t.Context(), nil); return err },
		"update": func() error {
			_, err := aks.BeginUpdate(t.Context(), compute.AksUpdateConfiguration{}, nil)
			return err
		},
		"wait":        func() error { _, err := aks.BeginWait(t.Context(), nil); return err },
		"credentials": func() error { _, err := aks.Credentials(t.Context()); return err },
	}
	for name, call := range calls {
		err := call()
		assert.ErrorIs(t, err, azureml.ErrInvalid, name)
		assert.Contains(t, err.Error(), "no connection to a workspace", name)
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	play(t, "list", func(t *testing.T, ws *workspace.Workspace) {
		var names []string
		for c, err := range compute.List(t.Context(), ws, nil) {
			require.NoError(t, err)
			names = append(names, c.String())
			if c.Name == "aks-three" {
				assert.Equal(t, []azureml.ErrorDetail{{Code: "BadArgument", Message: "no quota"}}, c.ProvisioningErrors)
				_, err := c.AksCompute()
				assert.NoError(t, err)
			}
		}
		assert.Equal(t, []string{
			`AKS compute "aks-one" (Succeeded)`, `AKS compute "aks-two" (Succeeded)`,
			`Unknownish compute "cluster" (Succeeded)`, `AKS compute "aks-three" (Failed)`,
		}, names)
	})
}

func TestListOfOneType(t *testing.T) {
	t.Parallel()
	play(t, "list_type", func(t *testing.T, ws *workspace.Workspace) {
		n := 0
		for c, err := range compute.List(t.Context(), ws, &compute.ListOptions{Type: "aks"}) {
			require.NoError(t, err)
			assert.Equal(t, compute.TypeAKS, c.Type)
			n++
		}
		assert.Equal(t, 3, n)
	})
}

func TestListKeepsOddEntries(t *testing.T) {
	t.Parallel()
	play(t, "list_odd", func(t *testing.T, ws *workspace.Workspace) {
		var raw []string
		for c, err := range compute.List(t.Context(), ws, nil) {
			require.NoError(t, err)
			raw = append(raw, string(c.Raw))
			if c.Name == "typed" {
				assert.Equal(t, map[string]string{"n": "1"}, c.Tags)
				assert.Nil(t, c.IsAttached)
			}
		}
		require.Len(t, raw, 5)
		assert.JSONEq(t, `{"name":"odd"}`, raw[0])
		assert.Equal(t, "null", raw[1])
		assert.Equal(t, `"text"`, raw[2])
	})
}

func TestListFails(t *testing.T) {
	t.Parallel()
	play(t, "list_forbidden", func(t *testing.T, ws *workspace.Workspace) {
		n := 0
		for c, err := range compute.List(t.Context(), ws, nil) {
			assert.Nil(t, c)
			assert.ErrorIs(t, err, azureml.ErrForbidden)
			assert.Equal(t, http.StatusForbidden, failure(t, err).StatusCode)
			n++
		}
		assert.Equal(t, 1, n)
	})
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	play(t, "get_contract", func(t *testing.T, ws *workspace.Workspace) {
		aks, err := compute.GetAks(t.Context(), ws, "myaks")
		require.NoError(t, err)
		data, err := json.Marshal(aks)
		require.NoError(t, err)
		var back compute.AksCompute
		require.NoError(t, json.Unmarshal(data, &back))
		again, err := json.Marshal(&back)
		require.NoError(t, err)
		assert.JSONEq(t, string(data), string(again))
		assert.Equal(t, aks.SSL, back.SSL)
		assert.JSONEq(t, string(aks.Raw), string(back.Raw))
	})
}

func TestVMSizes(t *testing.T) {
	t.Parallel()
	play(t, "vm_sizes", func(t *testing.T, ws *workspace.Workspace) {
		var names []string
		for size, err := range compute.VMSizes(t.Context(), ws, nil) {
			require.NoError(t, err)
			names = append(names, fmt.Sprintf("%s %d %g", size.Name, *size.VCPUs, *size.MemoryGB))
		}
		assert.Equal(t, []string{"Standard_D3_v2 4 14", "Standard_D2_v2 2 7", "STANDARD_X9 2 14.5"}, names)
	})
}

func TestUsages(t *testing.T) {
	t.Parallel()
	play(t, "usages", func(t *testing.T, ws *workspace.Workspace) {
		n := 0
		for usage, err := range compute.Usages(t.Context(), ws, &compute.UsagesOptions{Location: "North Europe"}) {
			require.NoError(t, err)
			assert.Equal(t, int64(12), *usage.CurrentValue)
			assert.Equal(t, int64(100), *usage.Limit)
			assert.Equal(t, "standardDv2Family", usage.Name.Value)
			n++
		}
		assert.Equal(t, 1, n)
	})
}

func TestPossibleValues(t *testing.T) {
	t.Parallel()
	assert.Contains(t, compute.PossibleTypeValues(), compute.TypeAKS)
	assert.Contains(t, compute.PossibleProvisioningStateValues(), compute.StateSucceeded)
	assert.Contains(t, compute.PossibleClusterPurposeValues(), compute.DevTest)
	assert.Equal(t, []compute.LoadBalancerType{"PublicIp", "InternalLoadBalancer"}, compute.PossibleLoadBalancerTypeValues())
	assert.Equal(t, []compute.SslStatus{"Disabled", "Enabled", "Auto"}, compute.PossibleSslStatusValues())
}
