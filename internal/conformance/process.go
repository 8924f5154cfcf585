package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/azureml-go/azureml/azuremltest"
)

// report is what a scenario's process leaves behind: see scenarios/harness.py.
type report struct {
	Client   string                       `json:"client"`
	Python   string                       `json:"python"`
	Checks   []check                      `json:"checks"`
	Bugs     []bug                        `json:"bugs"`
	World    any                          `json:"world"`
	Uploaded map[string]map[string]string `json:"uploaded"`
	Seconds  float64                      `json:"seconds"`
	Error    string                       `json:"error"`
}

// check is one comparison.
type check struct {
	Label string `json:"label"`
	OK    bool   `json:"ok"`
	Got   string `json:"got,omitempty"`
	Want  string `json:"want,omitempty"`
}

// bug is something that the client cannot do.
type bug struct {
	Label     string `json:"label"`
	Exception string `json:"exception"`
	Message   string `json:"message,omitempty"`
	AsKnown   bool   `json:"as_known"`
	Got       string `json:"got,omitempty"`
}

// settings are what a scenario is told about the emulator.
func settings(srv *azuremltest.Server, more map[string]any) ([]byte, error) {
	all := map[string]any{
		"tenant": azuremltest.TenantID, "client": azuremltest.ClientID, "secret": azuremltest.ClientSecret,
		"subscription": azuremltest.SubscriptionID, "group": azuremltest.ResourceGroup, "name": azuremltest.WorkspaceName,
		"location": azuremltest.Location, "other": otherWorkspace, "cluster": clusterID, "workspace_id": srv.Workspaces()[0].ID,
	}
	for key, value := range more {
		all[key] = value
	}
	return json.Marshal(all)
}

// clusterID is the cluster that every emulator has.
const clusterID = "/subscriptions/" + azuremltest.SubscriptionID + "/resourceGroups/" + azuremltest.ClusterResourceGroup +
	"/providers/Microsoft.ContainerService/managedClusters/" + azuremltest.ClusterName

// run runs a scenario against the emulator, in a folder of its own below folder.
func (c *pythonClient) run(ctx context.Context, srv *azuremltest.Server, folder, scenario string, more map[string]any) (*report, error) {
	told, err := settings(srv, more)
	if err != nil {
		return nil, err
	}
	work, err := os.MkdirTemp(folder, scenario+"-")
	if err != nil {
		return nil, err
	}
	defer discard(work)
	authority, result, home := filepath.Join(work, "ca.pem"), filepath.Join(work, "result.json"), filepath.Join(work, "home")
	inside := filepath.Join(work, "work")
	if err := errors.Join(os.WriteFile(authority, srv.CACertificate(), 0o600), os.Mkdir(home, 0o700), os.Mkdir(inside, 0o700)); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, c.python, filepath.Join(c.scripts, "harness.py"), scenario, result)
	cmd.Dir = inside
	cmd.WaitDelay = 5 * time.Second
	cmd.Env = append(bareEnvironment(),
		"HTTPS_PROXY="+srv.ProxyURL(), "HTTP_PROXY="+srv.ProxyURL(), "REQUESTS_CA_BUNDLE="+authority, "SSL_CERT_FILE="+authority,
		"HOME="+home, "USERPROFILE="+home, "TMPDIR="+work, "PYTHONDONTWRITEBYTECODE=1", "PYTHONUTF8=1", "CONFORMANCE="+string(told))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	ended := cmd.Run()
	text, err := os.ReadFile(result)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the process ended without a result: %w: %s", errors.Join(ended, ctx.Err()), tail(out.String(), 2000))
	}
	if err != nil {
		return nil, err
	}
	r := &report{}
	return r, json.Unmarshal(text, r)
}

// bareEnvironment is this process's environment without what would tell the client
// who it is, where to go, and by which way.
func bareEnvironment() []string {
	var kept []string
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(strings.ToUpper(entry), "=")
		switch {
		case name == "PATH", name == "SYSTEMROOT", name == "LANG", strings.HasPrefix(name, "LC_"), name == "TZ":
			kept = append(kept, entry)
		}
	}
	return kept
}
