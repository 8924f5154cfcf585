package parity

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// goldens are the names of all goldens of the repository.
func goldens(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "golden", "*.json"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	var names []string
	for _, file := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(file), ".json"))
	}
	return names
}

func TestGoldensOfTheRepository(t *testing.T) {
	t.Parallel()
	for _, name := range goldens(t) {
		file := filepath.Join("testdata", "golden", name+".json")
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		golden, err := Parse(data)
		require.NoError(t, err)
		assert.Equal(t, name, golden.Scenario)
		trimmed, err := Trim(golden).Encode()
		require.NoError(t, err)
		assert.Equal(t, string(data), string(trimmed), "%s is not trimmed, or was changed by hand", name)
		assert.NotEmpty(t, golden.Steps, name)
		_, _, err = newScript(golden, Differences())
		assert.NoError(t, err, name)
	}
}

// No rule is dead: each changes something in a golden that each of its patterns names.
func TestDifferencesAreAllUsed(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, rule := range Differences() {
		assert.False(t, seen[rule.ID], "two rules are called %s", rule.ID)
		seen[rule.ID] = true
		assert.NotEmpty(t, rule.Does, rule.ID)
		assert.NotEmpty(t, rule.Reason, rule.ID)
		assert.NotEmpty(t, rule.Scenarios, rule.ID)
		for _, pattern := range rule.Scenarios {
			only := rule
			only.Scenarios = []string{pattern}
			assert.Positive(t, uses(t, only), "rule %s changes nothing in %s", rule.ID, pattern)
		}
	}
}

func uses(t *testing.T, rule Difference) int {
	t.Helper()
	count := 0
	for _, name := range goldens(t) {
		golden, err := Load(name)
		require.NoError(t, err)
		_, used, err := newScript(golden, []Difference{rule})
		require.NoError(t, err)
		count += used[rule.ID]
	}
	return count
}

// What the rules make of the goldens' addresses.
func TestDifferencesOnAddresses(t *testing.T) {
	t.Parallel()
	const workspace = "https://management.azure.com/subscriptions/" + SubscriptionID + "/resourceGroups/rg-ml/providers/Microsoft.MachineLearningServices/workspaces/ws-prod"
	for _, in := range []struct {
		golden string
		want   []string
	}{
		{"workspace_get", []string{"GET " + workspace + "?api-version=2024-04-01"}},
		{"compute_create_invalid_name", []string{"GET " + workspace + "?api-version=2024-04-01"}},
		{"compute_delete_failed", []string{
			"GET " + workspace + "?api-version=2024-04-01",
			"GET https://0eda8a1d-135f-8f1c-27f7-3e5f0f916b2d.workspace.westeurope.api.azureml.ms/discovery/workspaces/0eda8a1d-135f-8f1c-27f7-3e5f0f916b2d",
			"GET " + workspace + "/computes/aks-prod?api-version=2024-04-01",
			"DELETE " + workspace + "/computes/aks-prod?api-version=2024-04-01&underlyingResourceAction=Delete",
			"GET https://management.azure.com/subscriptions/" + SubscriptionID + "/providers/Microsoft.MachineLearningServices/locations/westeurope/computeOperationsStatus/b446177d-5599-fd84-fad0-af360a224edc?api-version=2020-02-02&service=new",
		}},
	} {
		golden, err := Load(in.golden)
		require.NoError(t, err)
		script, _, err := newScript(golden, Differences())
		require.NoError(t, err)
		var calls []string
		for _, line := range script.Lines {
			if len(calls) == 0 || calls[len(calls)-1] != line.String() {
				calls = append(calls, line.String())
			}
		}
		assert.Equal(t, in.want, calls, in.golden)
	}
}

func TestTrim(t *testing.T) {
	t.Parallel()
	raw := goldenOf("made_up", `'result':{'a':null},'setup':{'x':1},'stdout':'x'`,
		at("POST", "https://login.microsoftonline.com/t/oauth2/v2.0/token", 200),
		at("GET", "https://management.azure.com/subscriptions?api-version=1", 200),
		`{'step':0,'request':{'method':'PUT','url':'https://h/a','headers':{'authorization':'Bearer x','Accept':'*/*'},'json':{'a':'<uuid>'}},'response':{'status':200,'headers':{'retry-after':'1','Server':'x'}},'timeout':{'connect':1,'read':2}}`,
		at("HEAD", "https://s.blob.core.windows.net/a", 200),
		with("POST", "https://h/services/validate", `{'large':1}`, 200, `{}`),
		faulty("GET", "https://h/slow", "timeout"),
	)
	golden, err := Parse([]byte(raw))
	require.NoError(t, err)
	assert.Equal(t, 5, golden.Requests, "all but the token's")
	assert.InDelta(t, 3.5, golden.Waited, 0)
	data, err := Trim(golden).Encode()
	require.NoError(t, err)
	assert.JSONEq(t, strings.ReplaceAll(`{'scenario':'made_up','title':'t','steps':['a'],'requests':5,'waited':3.5,'result':{'a':null},'interactions':[
		{'step':0,'request':{'method':'PUT','url':'https://h/a','headers':{'authorization':'Bearer x'},'json':{'a':'<uuid>'}},'response':{'status':200,'headers':{'retry-after':'1'}}},
		{'step':0,'request':{'method':'POST','url':'https://h/services/validate'},'response':{'status':200,'json':{}}},
		{'step':0,'request':{'method':'GET','url':'https://h/slow'},'response':{'fault':'timeout'},'timeout':{'connect':1,'read':30}}]}`, "'", `"`), string(data))
	assert.Contains(t, string(data), "<uuid>", "masks stay readable")
	again, err := Parse(data)
	require.NoError(t, err)
	assert.Equal(t, 5, again.Requests, "a trimmed golden still knows what there was")

	about, err := Parse([]byte(strings.Replace(raw, "made_up", "auth_made_up", 1)))
	require.NoError(t, err)
	assert.Len(t, Trim(about).Interactions, 4, "goldens about tokens keep their requests for them")
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for want, text := range map[string]string{
		"unexpected end": `{`,
		"no scenario":    `{}`,
		"no address":     goldenOf("x", ok, at("GET", "/a", 200)),
		"no method":      goldenOf("x", ok, at("", "https://h/", 200)),
		"status 0":       goldenOf("x", ok, at("GET", "https://h/", 0)),
		"one body":       goldenOf("x", ok, `{'request':{'method':'PUT','url':'https://h/','json':1,'text':'x'},'response':{'status':200}}`),
	} {
		_, err := Parse([]byte(text))
		assert.ErrorContains(t, err, want)
	}
	_, err := Load("../x")
	assert.ErrorContains(t, err, "must consist of")
	_, err = Load("not_there")
	assert.ErrorIs(t, err, os.ErrNotExist)
}

func TestLoadFromAnotherFolder(t *testing.T) {
	t.Setenv(Directory, t.TempDir())
	require.NoError(t, os.WriteFile(filepath.Join(os.Getenv(Directory), "made_up.json"), []byte(goldenOf("made_up", ok)), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(os.Getenv(Directory), "other.json"), []byte(goldenOf("made_up", ok)), 0o600))
	golden, err := Load("made_up")
	require.NoError(t, err)
	assert.Equal(t, "t", golden.Title)
	_, err = Load("other")
	assert.ErrorContains(t, err, `its scenario is "made_up"`)
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(uploads()))
	f.Add([]byte(goldenOf("compute_x", ok, at("DELETE", "https://management.azure.com//subscriptions/x/providers/Microsoft.MachineLearningServices/workspaces/w/computes/c?underlyingResourceAction=&api-version", 200))))
	f.Add([]byte(goldenOf("model_register_directory", ok, with("POST", meta+"<uuid8>", `{'paths':[1,{'path':2}]}`, 200, `null`))))
	f.Fuzz(func(t *testing.T, data []byte) {
		golden, err := Parse(data)
		if err != nil {
			return
		}
		trimmed := Trim(golden)
		encoded, err := trimmed.Encode()
		require.NoError(t, err)
		again, err := Parse(encoded)
		require.NoError(t, err)
		require.Len(t, again.Interactions, len(trimmed.Interactions))
		_, _, err = newScript(golden, Differences())
		require.NoError(t, err)
	})
}
