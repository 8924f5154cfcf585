package cli

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/azuremltest"
)

// desk runs command lines on an emulator of its own, in its workspace.
type desk struct {
	t    *testing.T
	srv  *azuremltest.Server
	in   string
	Out  string
	Err  string
	Code int
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	srv := azuremltest.NewServer(&azuremltest.Options{OperationPolls: 1})
	t.Cleanup(srv.Close)
	return &desk{t: t, srv: srv}
}

func (d *desk) connect(_ context.Context, g *Globals) (*Connection, error) {
	if g.Workspace == "" && g.Path == "" {
		g.Workspace, g.ResourceGroup, g.Subscription = azuremltest.WorkspaceName, azuremltest.ResourceGroup, azuremltest.SubscriptionID
	}
	return &Connection{Credential: d.srv.Credential(), Options: d.srv.ClientOptions()}, nil
}

// run runs a command line of words that hold no blanks.
func (d *desk) run(ctx context.Context, line ...string) {
	d.t.Helper()
	var out, errs strings.Builder
	d.Code = Run(ctx, line, &Environment{In: strings.NewReader(d.in), Out: &out, Err: &errs, Connect: d.connect})
	d.Out, d.Err = out.String(), errs.String()
}

// ok runs a command line that must succeed.
func (d *desk) ok(line string) string {
	d.t.Helper()
	d.run(d.t.Context(), strings.Fields(line)...)
	require.Equal(d.t, ExitOK, d.Code, "%s\n%s", line, d.Err)
	return d.Out
}

// fails runs a command line that must end with code.
func (d *desk) fails(code int, line string) string {
	d.t.Helper()
	d.run(d.t.Context(), strings.Fields(line)...)
	require.Equal(d.t, code, d.Code, "%s\n%s", line, d.Err)
	assert.Empty(d.t, d.Out, "results only on standard output")
	return d.Err
}

// files writes what is deployed into a folder and gives its path.
func files(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"model.pkl":             "a model",
		"score.py":              "def init():\n    pass\n\ndef run(data):\n    return data\n",
		"inferenceconfig.json":  `{"entryScript":"score.py","environment":{"name":"myenv","version":null,"docker":{"baseImage":"mcr.microsoft.com/azureml/base:latest"},"python":{"condaDependencies":{"dependencies":["python=3.8",{"pip":["azureml-defaults"]}]}}}}`,
		"deploymentconfig.json": `{"computeType":"aks","authEnabled":true,"containerResourceRequirements":{"cpu":0.5,"memoryInGB":1.0}}`,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	return dir
}

// deployed is a desk with the service "myservice".
func deployed(t *testing.T) *desk {
	t.Helper()
	d, dir := newDesk(t), files(t)
	d.ok("ml computetarget create aks -n myaks")
	d.ok("ml model register -n mymodel -p " + dir + "/model.pkl")
	d.ok("ml model deploy -ct myaks -m mymodel:1 -n myservice -ic " + dir + "/inferenceconfig.json -dc " + dir + "/deploymentconfig.json")
	return d
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for line, code := range map[string]int{
		"":                                       ExitUsage,
		"ml model":                               ExitUsage,
		"ml service show":                        ExitUsage,
		"ml service show -n x y":                 ExitUsage,
		"ml service show -n x -emulator-state f": ExitUsage,
		"ml computetarget create aks -n -":       ExitUsage, // the library's own rules
		"ml computetarget create aks -n myaks -a 2":           ExitUsage,
		"ml service show -n nothere":                          ExitNotFound,
		"ml model show -i nothere:1":                          ExitNotFound,
		"ml computetarget detach -n nothere":                  ExitNotFound,
		"ml model deploy -n x -m nothere:1 -cp aks -ct myaks": ExitNotFound,
		"ml model register -n mymodel -p nothere":             ExitUsage,
		"ml workspace show -w nothere":                        ExitNotFound,
		"ml workspace share --user jdoe@example.com --role x": ExitNotFound,
	} {
		d.fails(code, line)
	}
	for _, line := range []string{"help", "-h", "help ml", "ml -h", "ml model deploy --help", "version", "--version", "-version", "ml workspace list"} {
		assert.NotEmpty(t, d.ok(line), line)
		assert.Empty(t, d.Err, line)
	}
	d.srv.Fault(azuremltest.Fault{Path: "/services", Status: 403})
	d.fails(ExitFailure, "ml service list")
}

// TestRefusedByTheService: what a service refuses is no mistake of the command line.
func TestRefusedByTheService(t *testing.T) {
	t.Parallel()
	assert.True(t, refusedHere(&azureml.Error{Kind: azureml.ErrInvalid}))
	assert.False(t, refusedHere(&azureml.Error{Kind: azureml.ErrInvalid, StatusCode: 400, Attempts: 1}))
	assert.False(t, refusedHere(errors.New("no")))
}

// TestInterrupted: Ctrl-C while a command waits ends it at once.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	d.run(ctx, "ml", "service", "list")
	assert.Equal(t, ExitInterrupted, d.Code)
	assert.Empty(t, d.Out)
	assert.Contains(t, d.Err, "interrupted")
}

// TestSecrets: keys and tokens are written to standard output by the commands that are for
// that, and nowhere else, with -v neither. It runs alone: -v logs what the whole process
// sends.
func TestSecrets(t *testing.T) { //nolint:paralleltest // see above
	d := deployed(t)
	keys := strings.Fields(d.ok("ml service get-keys -n myservice -o tsv"))
	require.Len(t, keys, 6)
	secrets := []string{keys[2], keys[5]}
	fresh := strings.Fields(d.ok("ml service regen-key -n myservice -k Secondary -set-key averylongkeyofmyown0123456789abcd -o tsv"))
	require.Contains(t, fresh, "averylongkeyofmyown0123456789abcd")
	secrets = append(secrets, "averylongkeyofmyown0123456789abcd")
	d.ok("ml service update -n myservice --ae false --token-auth-enabled true")
	token := strings.Split(d.ok("ml service get-access-token -n myservice -o tsv"), "\n")[0]
	secrets = append(secrets, strings.TrimPrefix(token, "Access token\t"))
	d.ok("ml service update -n myservice --ae true --token-auth-enabled false")

	silent := func(line string) {
		t.Helper()
		for _, s := range secrets {
			require.Greater(t, len(s), 10)
			assert.NotContains(t, d.Out, s, line)
			assert.NotContains(t, d.Err, s, line)
		}
		assert.NotContains(t, d.Err, "Bearer ey", line)
	}
	for _, line := range []string{
		"ml service show -n myservice -v", "ml service list -v", "ml service logs -n myservice -v", "ml service run -v -n myservice -d {}",
		"ml service rotate-keys -n myservice -v", "ml workspace show -v", "ml computetarget show -n myaks -v",
	} {
		d.ok(line)
		assert.NotEmpty(t, d.Err, "with -v requests are written")
		silent(line)
	}
	for _, line := range []string{"ml service get-keys -v -n myservice", "ml service regen-key -v -n myservice -k Primary"} {
		d.ok(line)
		for _, s := range strings.Fields(d.Out) {
			if s = strings.Trim(s, `",`); len(s) >= 32 {
				assert.NotContains(t, d.Err, s, "the key is a result, and in no log")
			}
		}
	}
}

func TestRunAndLogs(t *testing.T) {
	t.Parallel()
	d := deployed(t)
	assert.Equal(t, "{\"data\":[[1]]}\n", d.ok(`ml service run -n myservice -d {"data":[[1]]}`))
	d.in = `{"data":[[2]]}`
	assert.Equal(t, "{\"data\":[[2]]}\n", d.ok(`ml service run -n myservice -d -`))
	path := filepath.Join(t.TempDir(), "in.json")
	require.NoError(t, os.WriteFile(path, []byte(`{"data":[[3]]}`), 0o600))
	assert.Equal(t, "{\"data\":[[3]]}\n", d.ok(`ml service run -n myservice -d @`+path))
	d.fails(ExitFailure, "ml service run -n myservice -d @nothere")
	assert.Contains(t, d.fails(ExitFailure, "ml service run -n neither -d @nothere"), "nothere", "the file comes first")
	assert.Contains(t, d.fails(ExitFailure, "ml service rotate-keys -n myservice -d @nothere"), "nothere")
	assert.NotEmpty(t, d.ok("ml service get-logs -n myservice"))

	// -follow ends with Ctrl-C, which is no failure.
	ctx, cancel := context.WithCancel(t.Context())
	out := &stopper{cancel: cancel}
	code := Run(ctx, strings.Fields("ml service logs -n myservice --follow"), &Environment{Out: out, Connect: d.connect})
	assert.Equal(t, ExitOK, code)
	assert.NotEmpty(t, out.text.String())
}

// stopper cancels at the first text.
type stopper struct {
	text   strings.Builder
	cancel func()
}

func (s *stopper) Write(text []byte) (int, error) {
	s.cancel()
	return s.text.Write(text)
}

// TestHalfDone: what was done is shown although something after it failed.
func TestHalfDone(t *testing.T) {
	t.Parallel()
	d, dir := newDesk(t), files(t)
	d.run(t.Context(), strings.Fields("ml model register -n mymodel -p "+dir+"/model.pkl -t "+dir+"/nothere/model.json")...)
	assert.Equal(t, ExitFailure, d.Code)
	assert.Contains(t, d.Out, `"id": "mymodel:1"`)
	assert.Contains(t, d.Err, "mymodel:1 is registered, but")
}
