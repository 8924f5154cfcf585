package model_test

import (
	"net/http"
	"path/filepath"
	"testing"
	"testing/synctest"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/internal/recording"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/workspace"
)

// playEmulated plays what the emulator answered, with its faults;
// AZUREML_RECORD=emulator records it anew.
func playEmulated(t *testing.T, name string, o azuremltest.Options, faults []azuremltest.Fault, test func(t *testing.T, ws *workspace.Workspace)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := recording.Play(t, name, recording.Emulator(func() (policy.Transporter, azcore.TokenCredential) {
			o.InMemory = true
			srv := azuremltest.NewServer(&o)
			t.Cleanup(srv.Close)
			for _, f := range faults {
				srv.Fault(f)
			}
			return srv.Client(), srv.Credential()
		}))
		test(t, openEmulated(t, p))
	})
}

// TestRecordedResume: an upload that storage's firewall ended, and the call that goes on:
// the artifacts of the container, the blob, the blocks, then what is missing.
func TestRecordedResume(t *testing.T) {
	t.Parallel()
	refused := azuremltest.Fault{Method: http.MethodPut, Host: storage, From: 3, Status: http.StatusForbidden}
	playEmulated(t, "register_resume", azuremltest.Options{}, []azuremltest.Fault{refused}, func(t *testing.T, ws *workspace.Workspace) {
		path := filepath.Join(write(t, map[string]string{"model.bin": string(random(3*kib + 1))}), "model.bin")
		o := model.InBlocksOf(kib, model.RegisterOptions{Checkpoint: filepath.Join(t.TempDir(), "checkpoint"), Concurrency: 1})
		_, err := model.Register(t.Context(), ws, "m", path, o)
		require.ErrorIs(t, err, azureml.ErrForbidden)
		assert.Contains(t, failure(t, err).Remedy, "the same Checkpoint")
		m, err := model.Register(t.Context(), ws, "m", path, o)
		require.NoError(t, err)
		assert.Equal(t, "m:1", m.ID)
		assert.NoFileExists(t, o.Checkpoint)
	})
}

// TestRecordedResumeOfRegistration: the files are there and the asset may be; both are
// found.
func TestRecordedResumeOfRegistration(t *testing.T) {
	t.Parallel()
	refused := []azuremltest.Fault{
		{Method: http.MethodPost, Path: "/assets", Status: http.StatusForbidden},
		{Method: http.MethodPost, Path: "/models", Status: http.StatusForbidden},
	}
	playEmulated(t, "register_resume_asset", azuremltest.Options{}, refused, func(t *testing.T, ws *workspace.Workspace) {
		o := &model.RegisterOptions{Checkpoint: filepath.Join(t.TempDir(), "checkpoint")}
		path := pickle(t)
		for range 2 {
			_, err := model.Register(t.Context(), ws, "m", path, o)
			require.ErrorIs(t, err, azureml.ErrForbidden)
		}
		m, err := model.Register(t.Context(), ws, "m", path, o)
		require.NoError(t, err)
		assert.Equal(t, "m:1", m.ID)
	})
}

// TestRecordedRenewal: a signature that storage does not take any more is renewed, for an
// upload and for a download; then the service refuses to.
func TestRecordedRenewal(t *testing.T) {
	t.Parallel()
	over := azuremltest.Fault{
		Host: storage, Status: http.StatusForbidden, Header: http.Header{"X-Ms-Error-Code": {"AuthenticationFailed"}, "Content-Type": {"application/xml"}},
		Body: `<?xml version="1.0" encoding="utf-8"?><Error><Code>AuthenticationFailed</Code><Message>Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly including the signature.</Message><AuthenticationErrorDetail>Signature not valid in the specified time frame: Start [] - Expiry [Sat, 01 Jan 2000 00:00:00 GMT] - Current [Sat, 01 Jan 2000 00:01:00 GMT]</AuthenticationErrorDetail></Error>`,
	}
	put, get, again := over, over, over
	put.Method, get.Method, again.Method, again.From = http.MethodPut, http.MethodGet, http.MethodGet, 2
	refused := azuremltest.Fault{Path: "/artifacts/contentinfo/", From: 2, Status: http.StatusForbidden}
	playEmulated(t, "signature_renewed", azuremltest.Options{}, []azuremltest.Fault{put, get, again, refused}, func(t *testing.T, ws *workspace.Workspace) {
		m, err := model.Register(t.Context(), ws, "m", pickle(t), nil)
		require.NoError(t, err)
		dir := t.TempDir()
		_, err = m.Download(t.Context(), dir, nil)
		require.NoError(t, err)
		assert.Equal(t, map[string]string{"model.pkl": content}, tree(t, dir))
		_, err = m.Download(t.Context(), t.TempDir(), nil)
		require.ErrorIs(t, err, azureml.ErrForbidden)
		assert.Contains(t, failure(t, err).Message, "cannot be renewed")
	})
}

// TestRecordedReuse: the first call makes a version with the hash, the second finds it.
func TestRecordedReuse(t *testing.T) {
	t.Parallel()
	refused := azuremltest.Fault{Method: http.MethodGet, Path: "/models", From: 3, Status: http.StatusForbidden}
	playEmulated(t, "register_reuse", azuremltest.Options{}, []azuremltest.Fault{refused}, func(t *testing.T, ws *workspace.Workspace) {
		path, o := pickle(t), &model.RegisterOptions{ReuseIdentical: true}
		m, err := model.Register(t.Context(), ws, "m", path, o)
		require.NoError(t, err)
		again, err := model.Register(t.Context(), ws, "m", path, o)
		require.NoError(t, err)
		assert.Equal(t, m.ID, again.ID)
		_, err = model.Register(t.Context(), ws, "m", path, o)
		require.ErrorIs(t, err, azureml.ErrForbidden)
	})
}

// TestRecordedDownloadGoesOn: a connection breaks; the rest is asked for on condition
// that the file is the same, as it is by a later call. No emulator's answer can be
// recorded half.
func TestRecordedDownloadGoesOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := recording.Play(t, "download_resumed")
		ws := openEmulated(t, p)
		m, err := model.Register(t.Context(), ws, "m", pickle(t), nil)
		require.NoError(t, err)
		dir := t.TempDir()
		_, err = m.Download(t.Context(), dir, nil)
		require.NoError(t, err)
		assert.Equal(t, map[string]string{"model.pkl": content}, tree(t, dir))
	})
}

// openEmulated opens the emulator's workspace.
func openEmulated(t *testing.T, p *recording.Player) *workspace.Workspace {
	t.Helper()
	ws, err := workspace.Get(t.Context(), azuremltest.WorkspaceName, p.Credential(), &workspace.GetOptions{
		ClientOptions: p.ClientOptions(), SubscriptionID: azuremltest.SubscriptionID, ResourceGroup: azuremltest.ResourceGroup,
	})
	require.NoError(t, err)
	return ws
}
