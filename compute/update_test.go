package compute_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/compute"
	"github.com/azureml-go/azureml/workspace"
)

// update reads the compute, updates it and waits.
func update(t *testing.T, ws *workspace.Workspace, name string, u compute.AksUpdateConfiguration) (*compute.AksCompute, error) {
	t.Helper()
	aks, err := compute.GetAks(t.Context(), ws, name)
	require.NoError(t, err)
	p, err := aks.BeginUpdate(t.Context(), u, nil)
	if err != nil {
		return nil, err
	}
	return azureml.Wait(t.Context(), p, nil)
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	certificate, key := newPair(t, "www.contoso.com")
	internal, subnet := compute.InternalLoadBalancer, "snet-lb"
	for _, c := range []struct {
		recording, name string
		update          compute.AksUpdateConfiguration
	}{
		{"update_ssl_disable", "aks-prod", compute.AksUpdateConfiguration{DisableSSL: true}},
		{"update_ssl_leaf_domain", "aks-prod", compute.AksUpdateConfiguration{SSL: &compute.SslConfiguration{LeafDomainLabel: "contoso", OverwriteExistingDomain: true}}},
		{"update_ssl_own_cert", "aks-prod", compute.AksUpdateConfiguration{SSL: &compute.SslConfiguration{CName: "www.contoso.com", CertPEM: certificate, KeyPEM: azureml.NewSecret(key)}}},
		{"update_renew", "myaks", compute.AksUpdateConfiguration{RenewSSL: true}},
		{"update_load_balancer", "myaks", compute.AksUpdateConfiguration{LoadBalancerType: &internal, LoadBalancerSubnet: &subnet}},
		{"update_answer_lost", "myaks", compute.AksUpdateConfiguration{LoadBalancerType: &internal, LoadBalancerSubnet: &subnet}},
	} {
		t.Run(c.recording, func(t *testing.T) {
			t.Parallel()
			play(t, c.recording, func(t *testing.T, ws *workspace.Workspace) {
				aks, err := update(t, ws, c.name, c.update)
				require.NoError(t, err)
				assert.Equal(t, compute.StateSucceeded, aks.ProvisioningState)
			})
		})
	}
}

func TestUpdateNeedsALabelToRenew(t *testing.T) {
	t.Parallel()
	play(t, "update_renew_without_label", func(t *testing.T, ws *workspace.Workspace) {
		_, err := update(t, ws, "aks-prod", compute.AksUpdateConfiguration{RenewSSL: true})
		assert.ErrorIs(t, err, azureml.ErrInvalid)
		assert.Equal(t, []string{"RenewSSL"}, fields(failure(t, err)))
	})
}

func TestUpdateChecksFirst(t *testing.T) {
	t.Parallel()
	public, wrong, empty, subnet := compute.PublicIP, compute.LoadBalancerType("Wrong"), compute.LoadBalancerType(""), "s"
	play(t, "get", func(t *testing.T, ws *workspace.Workspace) {
		aks, err := compute.GetAks(t.Context(), ws, "aks-prod")
		require.NoError(t, err)
		for _, c := range []struct {
			update compute.AksUpdateConfiguration
			fields []string
		}{
			{compute.AksUpdateConfiguration{}, []string{"AksUpdateConfiguration"}},
			{compute.AksUpdateConfiguration{DisableSSL: true, RenewSSL: true}, []string{"SSL"}},
			{compute.AksUpdateConfiguration{SSL: &compute.SslConfiguration{CName: "a.b"}}, []string{"SSL.CertPEM", "SSL.KeyPEM"}},
			{compute.AksUpdateConfiguration{LoadBalancerType: &wrong}, []string{"LoadBalancerType"}},
			{compute.AksUpdateConfiguration{LoadBalancerType: &empty}, []string{"LoadBalancerType"}},
			{compute.AksUpdateConfiguration{LoadBalancerType: &public, LoadBalancerSubnet: &subnet}, []string{"LoadBalancerSubnet"}},
		} {
			_, err := aks.BeginUpdate(t.Context(), c.update, nil)
			assert.ErrorIs(t, err, azureml.ErrInvalid)
			assert.Equal(t, c.fields, fields(failure(t, err)))
		}
		_, err = aks.Refresh(t.Context())
		require.NoError(t, err)
	})
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	t.Run("in base64", func(t *testing.T) {
		t.Parallel()
		play(t, "credentials", func(t *testing.T, ws *workspace.Workspace) {
			aks, err := compute.GetAks(t.Context(), ws, "aks-prod")
			require.NoError(t, err)
			credentials, err := aks.Credentials(t.Context())
			require.NoError(t, err)
			const want = "apiVersion: v1\nkind: Config\nclusters: [{name: aks-prod}]\n"
			assert.Equal(t, want, credentials.AdminKubeconfig.Reveal())
			assert.Equal(t, want, credentials.UserKubeconfig.Reveal())
			assert.NotEqual(t, want, credentials.RawUserKubeconfig.Reveal())
			assert.Equal(t, "azmlpullsecret", credentials.ImagePullSecretName)
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
				shown := fmt.Sprintf(verb, credentials) + fmt.Sprintf(verb, *credentials)
				assert.NotContains(t, shown, "apiVersion", verb)
				assert.NotContains(t, shown, credentials.RawUserKubeconfig.Reveal(), verb)
			}
		})
	})
	t.Run("as text", func(t *testing.T) {
		t.Parallel()
		play(t, "credentials_plain", func(t *testing.T, ws *workspace.Workspace) {
			aks, err := compute.GetAks(t.Context(), ws, "aks-prod")
			require.NoError(t, err)
			credentials, err := aks.Credentials(t.Context())
			require.NoError(t, err)
			assert.Equal(t, "apiVersion: v1\nkind: Config\n", credentials.UserKubeconfig.Reveal())
			assert.Equal(t, credentials.RawAdminKubeconfig.Reveal(), credentials.AdminKubeconfig.Reveal())
		})
	})
	t.Run("forbidden", func(t *testing.T) {
		t.Parallel()
		play(t, "credentials_forbidden", func(t *testing.T, ws *workspace.Workspace) {
			aks, err := compute.GetAks(t.Context(), ws, "aks-prod")
			require.NoError(t, err)
			_, err = aks.Credentials(t.Context())
			assert.ErrorIs(t, err, azureml.ErrForbidden)
		})
	})
}

func TestWait(t *testing.T) {
	t.Parallel()
	play(t, "wait", func(t *testing.T, ws *workspace.Workspace) {
		aks, err := compute.GetAks(t.Context(), ws, "aks-prod")
		require.NoError(t, err)
		assert.Equal(t, compute.StateUpdating, aks.ProvisioningState)
		p, err := aks.BeginWait(t.Context(), nil)
		require.NoError(t, err)
		done, err := azureml.Wait(t.Context(), p, nil)
		require.NoError(t, err)
		assert.Equal(t, compute.StateSucceeded, done.ProvisioningState)
	})
}
