package azureml_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/authentication"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/compute"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/webservice"
	"github.com/azureml-go/azureml/workspace"
)

// shown collects every text that a program might print.
type shown struct {
	mu    sync.Mutex
	texts []string
}

func (s *shown) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.texts = append(s.texts, string(p))
	return len(p), nil
}

// value shows v in all the ways there are.
func (s *shown) value(v any) {
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "v", v)
	data, _ := json.Marshal(v)
	s.texts = append(s.texts, fmt.Sprint(v), fmt.Sprintf("%+v", v), fmt.Sprintf("%#v", v), log.String(), string(data))
	if err, ok := v.(error); ok {
		for e := err; e != nil; e = errors.Unwrap(e) {
			s.texts = append(s.texts, e.Error())
		}
		s.texts = append(s.texts, azureml.Explain(err))
	}
}

// TestPlantedSecrets does the main job with secrets that are known, shows everything it
// gets hold of, also of failures and in azcore's log, and looks for them.
func TestPlantedSecrets(t *testing.T) {
	const clientSecret, primary, secondary, fresh = "PLANTED-client", "PLANTEDprimary0000000000000000000", "PLANTEDsecondary00000000000000000", "PLANTEDfresh000000000000000000000"
	out := &shown{}
	azureml.LogTo(slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug})))
	defer azureml.LogTo(nil)
	ctx := t.Context()
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	principal := srv.AddServicePrincipal(azuremltest.ServicePrincipal{ClientID: "33333333-3333-3333-3333-333333333334", Secret: clientSecret})

	credential, err := authentication.NewServicePrincipal(azuremltest.TenantID, principal.ClientID, azureml.NewSecret(clientSecret), &authentication.ServicePrincipalOptions{ClientOptions: srv.ClientOptions()})
	require.NoError(t, err)
	out.value(credential)
	wrong, err := authentication.NewServicePrincipal(azuremltest.TenantID, azuremltest.ClientID, azureml.NewSecret(clientSecret), &authentication.ServicePrincipalOptions{ClientOptions: srv.ClientOptions()})
	require.NoError(t, err)
	options := &workspace.GetOptions{ClientOptions: srv.ClientOptions(), SubscriptionID: azuremltest.SubscriptionID, ResourceGroup: azuremltest.ResourceGroup}
	_, err = workspace.Get(ctx, azuremltest.WorkspaceName, wrong, options)
	require.ErrorIs(t, err, azureml.ErrUnauthorized)
	out.value(err)
	ws, err := workspace.Get(ctx, azuremltest.WorkspaceName, credential, options)
	require.NoError(t, err)
	out.value(ws)

	cluster, err := compute.BeginCreate(ctx, ws, "myaks", compute.AksProvisioningConfiguration{}, nil)
	require.NoError(t, err)
	aks, err := azureml.Wait(ctx, cluster, nil)
	require.NoError(t, err)
	out.value(aks)
	kubeconfigs, err := aks.Credentials(ctx)
	require.NoError(t, err)
	out.value(kubeconfigs)

	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "m.json"), []byte("{}"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "score.py"), []byte("def init(): pass\ndef run(d): return d\n"), 0o600))
	m, err := model.Register(ctx, ws, "m", filepath.Join(dir, "m.json"), nil)
	require.NoError(t, err)
	out.value(m)
	srv.Fault(azuremltest.Fault{Host: "*.blob.core.windows.net", Status: 403, Count: 1})
	_, err = model.Register(ctx, ws, "m", filepath.Join(dir, "m.json"), nil)
	require.Error(t, err)
	out.value(err)

	configuration := webservice.AksDeployConfiguration{ComputeTarget: "myaks", PrimaryKey: azureml.NewSecret(primary), SecondaryKey: azureml.NewSecret(secondary)}
	out.value(configuration)
	inference := &model.InferenceConfig{EntryScript: filepath.Join(dir, "score.py"), Environment: model.NewEnvironment("e")}
	deployment, err := model.BeginDeploy(ctx, ws, "svc", []*model.Model{m}, inference, configuration, nil)
	require.NoError(t, err)
	token, err := deployment.ResumeToken()
	require.NoError(t, err)
	out.value(token)
	svc, err := azureml.Wait(ctx, deployment, &azureml.WaitOptions{Output: out})
	require.NoError(t, err)
	out.value(svc)
	keys, err := svc.Keys(ctx)
	require.NoError(t, err)
	require.Equal(t, primary, keys.Primary.Reveal(), "the secrets are really in play")
	out.value(keys)
	scorer, err := svc.Scorer(ctx, nil)
	require.NoError(t, err)
	defer scorer.Close()
	_, err = scorer.Run(ctx, []byte("{}"))
	require.NoError(t, err)
	out.value(scorer)
	keys, err = svc.RegenerateKey(ctx, webservice.KeyTypePrimary, &webservice.RegenerateKeyOptions{Value: azureml.NewSecret(fresh)})
	require.NoError(t, err)
	require.Equal(t, fresh, keys.Primary.Reveal())
	stale, err := webservice.NewScorer(svc.ScoringURI, webservice.ScorerAuth{PrimaryKey: azureml.NewSecret(primary)}, &webservice.ScorerOptions{Transport: srv.Client().Transport})
	require.NoError(t, err)
	defer stale.Close()
	_, err = stale.Run(ctx, []byte("{}"))
	require.ErrorIs(t, err, azureml.ErrUnauthorized)
	out.value(err)
	out.value(stale)
	keys, err = svc.SetKeys(ctx, azureml.NewSecret(primary), azureml.NewSecret(secondary))
	require.NoError(t, err)
	out.value(keys)
	rotation := webservice.RotateKeysOptions{
		SaveState: func(_ context.Context, state json.RawMessage) error { out.value(string(state)); return nil },
		OnStep:    func(e webservice.RotationEvent) { out.value(e) },
		HandOver: func(_ context.Context, keys webservice.Keys, use webservice.KeyType) error {
			out.value(keys)
			return fmt.Errorf("no place for the %s key", use)
		},
	}
	_, err = svc.RotateKeys(ctx, &rotation)
	require.ErrorContains(t, err, "no place for")
	out.value(err)
	out.value(rotation)
	described, err := svc.Swagger(ctx)
	require.NoError(t, err)
	out.value(described)
	srv.Fault(azuremltest.Fault{Path: "/swagger.json", Status: 404, Body: "no: Bearer " + primary})
	_, err = svc.Swagger(ctx)
	require.ErrorIs(t, err, azureml.ErrNotFound)
	out.value(err)
	_, err = model.BeginDeploy(ctx, ws, "Bad Name", nil, inference, webservice.AksDeployConfiguration{PrimaryKey: azureml.NewSecret(primary), CPUCores: -1}, nil)
	require.ErrorIs(t, err, azureml.ErrInvalid)
	out.value(err)

	assert.Greater(t, len(out.texts), 100)
	adminConfig := kubeconfigs.AdminKubeconfig.Reveal()
	require.NotEmpty(t, adminConfig)
	for _, text := range out.texts {
		for _, secret := range []string{"PLANTED", adminConfig} {
			if i := strings.Index(text, secret); i >= 0 {
				t.Errorf("a secret is shown: …%.200s", text[max(0, i-100):])
			}
		}
		assert.NotRegexp(t, `sig=[A-Za-z0-9%]{12,}`, text)
		assert.NotRegexp(t, `eyJ[A-Za-z0-9_-]{20,}`, text)
	}
}
