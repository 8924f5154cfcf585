package compute_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/compute"
	"github.com/azureml-go/azureml/workspace"
)

// shownOf is v in all the forms that a program may print it in.
func shownOf(t *testing.T, v any) string {
	t.Helper()
	var all strings.Builder
	slog.New(slog.NewJSONHandler(&all, nil)).Info("x", "v", v)
	slog.New(slog.NewTextHandler(&all, nil)).Info("x", "v", v)
	data, err := json.Marshal(v)
	require.NoError(t, err)
	fmt.Fprintf(&all, "%s %v %+v %#v", data, v, v, v)
	if err, ok := v.(error); ok {
		all.WriteString(azureml.Explain(err))
		for ; err != nil; err = errors.Unwrap(err) {
			all.WriteString(err.Error())
		}
	}
	return all.String()
}

// TestSecretsOfComputesAreNeverShown changes azcore's log, of which there is one: it does
// not run beside others.
func TestSecretsOfComputesAreNeverShown(t *testing.T) {
	var log bytes.Buffer
	azureml.LogTo(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	defer azureml.LogTo(nil)
	srv := azuremltest.NewServer(&azuremltest.Options{OperationPolls: 1})
	defer srv.Close()
	options := &workspace.GetOptions{ClientOptions: srv.ClientOptions(), SubscriptionID: azuremltest.SubscriptionID, ResourceGroup: azuremltest.ResourceGroup}
	options.ClientOptions.Retry.MaxRetries = -1
	ws, err := workspace.Get(t.Context(), azuremltest.WorkspaceName, srv.Credential(), options)
	require.NoError(t, err)

	certificate, key := newPair(t, "www.contoso.com")
	ssl := &compute.SslConfiguration{CName: "www.contoso.com", CertPEM: certificate, KeyPEM: azureml.NewSecret(key)}
	configuration := compute.AksProvisioningConfiguration{SSL: ssl}
	var screen bytes.Buffer
	shown := []string{shownOf(t, configuration), shownOf(t, ssl), shownOf(t, *ssl)}

	echo, err := json.Marshal(map[string]any{"error": map[string]any{"code": "BadRequest", "message": "cannot use " + key}})
	require.NoError(t, err)
	remove := srv.Fault(azuremltest.Fault{Method: http.MethodPut, Status: http.StatusBadRequest, Body: string(echo)})
	_, err = compute.BeginCreate(t.Context(), ws, "myaks", configuration, nil)
	require.ErrorIs(t, err, azureml.ErrInvalid)
	shown = append(shown, shownOf(t, err))
	remove()

	p, err := compute.BeginCreate(t.Context(), ws, "myaks", configuration, nil)
	require.NoError(t, err)
	token, err := p.ResumeToken()
	require.NoError(t, err)
	aks, err := azureml.Wait(t.Context(), p, &azureml.WaitOptions{Output: &screen})
	require.NoError(t, err)
	credentials, err := aks.Credentials(t.Context())
	require.NoError(t, err)
	kubeconfig := credentials.UserKubeconfig.Reveal()
	require.Contains(t, kubeconfig, "kind: Config")
	shown = append(shown, token, shownOf(t, aks), shownOf(t, credentials), shownOf(t, *credentials))

	body := `{"adminKubeConfig":` + string(mustMarshal(t, kubeconfig)) + ` and then nonsense`
	srv.Fault(azuremltest.Fault{Path: "listKeys", Status: http.StatusOK, Body: body})
	_, err = aks.Credentials(t.Context())
	require.Error(t, err)
	assert.Empty(t, failure(t, err).Body, "an answer that cannot be understood is not kept")
	shown = append(shown, shownOf(t, err), screen.String(), log.String())

	require.Contains(t, log.String(), "listKeys", "the log has been written")
	secrets := []string{"kind: Config"}
	for line := range strings.SplitSeq(key, "\n") {
		if line != "" && !strings.HasPrefix(line, "-----") {
			secrets = append(secrets, line)
		}
	}
	for _, text := range shown {
		for _, secret := range secrets {
			if i := strings.Index(text, secret); i >= 0 {
				t.Errorf("a secret is shown: %.300s", text[max(0, i-200):])
			}
		}
	}
}

func mustMarshal(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	require.NoError(t, err)
	return data
}
