package main

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/examples/azml/cli"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"azml": main})
}

// TestScripts runs command lines as people type them. Each script has an emulator of its
// own, which azml reaches as any program does: by HTTPS_PROXY, HTTP_PROXY and a file with
// the authority to trust. It signs in with the service principal of the environment.
func TestScripts(t *testing.T) {
	t.Parallel()
	trusting(t)
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(env *testscript.Env) error {
			variables, err := reach(env.Defer, env.WorkDir, azuremltest.NewServer(nil))
			for name, value := range variables {
				env.Setenv(name, value)
			}
			return err
		},
	})
}

// trusting skips a test where programs do not take whom to trust from SSL_CERT_FILE.
func trusting(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		t.Skip("here, whom to trust is the system's business")
	}
}

// reach gives the variables with which azml reaches an emulator and signs in to it, as
// any program does.
func reach(atEnd func(func()), dir string, srv *azuremltest.Server) (map[string]string, error) {
	atEnd(srv.Close)
	authority := filepath.Join(dir, ".ca.pem")
	if err := os.WriteFile(authority, srv.CACertificate(), 0o600); err != nil {
		return nil, err
	}
	cluster := srv.AddCluster(azuremltest.Cluster{ResourceGroup: "rg-aks", Name: "aks-shared"})
	dataset := srv.AddDataset(azuremltest.Workspace{}, azuremltest.Dataset{Rows: 3})
	user := srv.AddUser(azuremltest.User{Name: "jdoe@example.com"})
	return map[string]string{
		"HTTPS_PROXY": srv.ProxyURL(), "HTTP_PROXY": srv.ProxyURL(), "SSL_CERT_FILE": authority,
		"AML_TENANT_ID": azuremltest.TenantID, "AML_PRINCIPAL_ID": azuremltest.ClientID, "AML_PRINCIPAL_PASS": azuremltest.ClientSecret,
		"WS": azuremltest.WorkspaceName, "RG": azuremltest.ResourceGroup, "SUB": azuremltest.SubscriptionID,
		"CLUSTER": cluster, "OBJECTID": user.ObjectID, "DATASET": dataset,
		"HOME": filepath.Join(dir, ".home"), "XDG_CACHE_HOME": filepath.Join(dir, ".cache"), "COLUMNS": "100",
	}, nil
}

// TestHelpOfEachCommand: each command describes itself, its example is a command line
// that can be read, and its flags have one name each that no other has.
func TestHelpOfEachCommand(t *testing.T) {
	t.Parallel()
	for _, words := range cli.Commands() {
		t.Run(words, func(t *testing.T) {
			t.Parallel()
			var out, errs strings.Builder
			code := cli.Run(context.Background(), append([]string{"help"}, strings.Fields(words)...), &cli.Environment{Out: &out, Err: &errs})
			if code != cli.ExitOK || errs.Len() > 0 || !strings.Contains(out.String(), "Usage: azml "+words) {
				t.Fatalf("exit code %d\n%s%s", code, out.String(), errs.String())
			}
		})
	}
}
