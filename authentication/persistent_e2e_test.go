package authentication_test

import (
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity/cache"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/authentication"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/workspace"
)

// visitor answers device codes at once, and counts how often it is asked.
type visitor struct {
	srv   *azuremltest.Server
	user  azuremltest.User
	asked atomic.Int32
}

func (v *visitor) Write(p []byte) (int, error) {
	if m := userCode.FindSubmatch(p); m != nil {
		v.asked.Add(1)
		v.srv.CompleteDeviceLogin(string(m[1]), v.user)
	}
	return len(p), nil
}

// login is a new program of the visitor's, with a credential of its own.
func (v *visitor) login(t *testing.T, o authentication.InteractiveLoginOptions) *authentication.InteractiveLogin {
	t.Helper()
	o.ClientOptions, o.Method, o.DisableAzureCLI, o.Output = v.srv.ClientOptions(), authentication.LoginDeviceCode, true, v
	if o.Prompt == authentication.PromptOnTerminal {
		o.Prompt = authentication.PromptAlways
	}
	login, err := authentication.NewInteractiveLogin(&o)
	require.NoError(t, err)
	return login
}

// works opens the workspace, and asks for a header for calls without this module.
func (v *visitor) works(t *testing.T, login *authentication.InteractiveLogin) {
	t.Helper()
	_, err := workspace.Get(t.Context(), azuremltest.WorkspaceName, login, options(v.srv))
	require.NoError(t, err)
	_, err = login.Header(t.Context())
	require.NoError(t, err)
}

func newVisitor(t *testing.T) *visitor {
	t.Helper()
	srv := azuremltest.NewServer(nil)
	t.Cleanup(srv.Close)
	v := &visitor{srv: srv}
	v.user = srv.AddUser(azuremltest.User{Name: "user@contoso.example"})
	return v
}

// TestOneLoginForAllUses: a workspace asks for tokens that continuous access evaluation
// knows, a bare header does not. MSAL keeps the two apart; the person signs in once.
func TestOneLoginForAllUses(t *testing.T) {
	t.Parallel()
	for name, use := range map[string]func(*visitor, *authentication.InteractiveLogin){
		"workspace first": func(v *visitor, l *authentication.InteractiveLogin) { v.works(t, l) },
		"header first": func(v *visitor, l *authentication.InteractiveLogin) {
			_, err := l.Header(t.Context())
			require.NoError(t, err)
			v.works(t, l)
		},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVisitor(t)
			use(v, v.login(t, authentication.InteractiveLoginOptions{RecordFile: "none"}))
			assert.EqualValues(t, 1, v.asked.Load())
		})
	}
}

// persistent is a token cache that outlives the process, empty at first, as programs make
// it with package azidentity/cache.
func persistent(t *testing.T) (of func() azidentity.Cache, folder string) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("the key chains of other systems are the user's own")
	}
	folder = t.TempDir()
	t.Setenv("XDG_CACHE_HOME", folder)
	of = func() azidentity.Cache {
		c, err := cache.New(&cache.Options{Name: "azureml-go-test"})
		if err != nil {
			t.Skip("the kernel's key ring cannot be used here: ", err)
		}
		return c
	}
	of()
	return of, filepath.Join(folder, ".IdentityService")
}

// TestPersistedSignIn: who signed in once with a Cache is not asked by the next program,
// unless that one means somebody else.
func TestPersistedSignIn(t *testing.T) {
	of, folder := persistent(t)
	v := newVisitor(t)
	other := v.srv.AddUser(azuremltest.User{Name: "other@contoso.example"})
	record := filepath.Join(t.TempDir(), "record.json")
	v.works(t, v.login(t, authentication.InteractiveLoginOptions{Cache: of(), RecordFile: record}))
	require.EqualValues(t, 1, v.asked.Load())

	asks := func(name string, want int, o authentication.InteractiveLoginOptions) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			before := v.asked.Load()
			v.works(t, v.login(t, o))
			assert.EqualValues(t, want, v.asked.Load()-before)
		})
	}
	asks("the next program", 0, authentication.InteractiveLoginOptions{Cache: of(), RecordFile: record})
	asks("naming the user", 0, authentication.InteractiveLoginOptions{Cache: of(), RecordFile: record, LoginHint: "USER@contoso.example"})
	asks("naming the tenant", 0, authentication.InteractiveLoginOptions{Cache: of(), RecordFile: record, TenantID: azuremltest.TenantID})
	asks("naming the tenant's domain", 0, authentication.InteractiveLoginOptions{Cache: of(), RecordFile: record, TenantID: "contoso.example"})
	asks("not allowed to ask", 0, authentication.InteractiveLoginOptions{Cache: of(), RecordFile: record, Prompt: authentication.PromptNever})
	asks("told to ask", 1, authentication.InteractiveLoginOptions{Cache: of(), RecordFile: record, Force: true})
	asks("without the cache", 1, authentication.InteractiveLoginOptions{RecordFile: filepath.Join(t.TempDir(), "record.json")})
	asks("without the record", 1, authentication.InteractiveLoginOptions{Cache: of(), RecordFile: "none"})

	t.Run("another user", func(t *testing.T) {
		l := v.login(t, authentication.InteractiveLoginOptions{Cache: of(), RecordFile: record, LoginHint: other.Name, Prompt: authentication.PromptNever})
		sent := len(v.srv.Requests())
		_, err := l.Header(t.Context())
		require.ErrorIs(t, err, azureml.ErrInteractionRequired)
		assert.ErrorContains(t, err, "the token cache: nobody is signed in")
		assert.Len(t, v.srv.Requests(), sent, "no token of the first user's")
	})
	t.Run("another tenant", func(t *testing.T) {
		l := v.login(t, authentication.InteractiveLoginOptions{Cache: of(), RecordFile: record, TenantID: otherTenant, Prompt: authentication.PromptNever})
		sent := len(v.srv.Requests())
		_, err := l.Header(t.Context())
		require.ErrorIs(t, err, azureml.ErrInteractionRequired)
		assert.Len(t, v.srv.Requests(), sent)
	})
	t.Run("the other user signs in", func(t *testing.T) {
		before := v.asked.Load()
		v.user = other
		mine := filepath.Join(t.TempDir(), "record.json")
		v.works(t, v.login(t, authentication.InteractiveLoginOptions{Cache: of(), RecordFile: mine, LoginHint: other.Name}))
		assert.EqualValues(t, 1, v.asked.Load()-before)
		for path, name := range map[string]string{mine: other.Name, record: "user@contoso.example"} {
			noted, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.Contains(t, string(noted), name)
		}
		asks("the first is still known", 0, authentication.InteractiveLoginOptions{Cache: of(), RecordFile: record})
	})

	files, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, f := range files {
		kept, err := os.ReadFile(filepath.Join(folder, f.Name()))
		require.NoError(t, err)
		assert.NotContains(t, string(kept), "RefreshToken", "what is kept is encrypted")
		assert.NotContains(t, string(kept), v.user.Name)
	}
}
