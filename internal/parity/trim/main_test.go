package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRun(t *testing.T) {
	t.Parallel()
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "new")
	const golden = `{"scenario":"a_b","title":"t","steps":["s"],"setup":{"x":1},"interactions":[],"sleeps":[],"result":null}`
	require.NoError(t, os.WriteFile(filepath.Join(from, "a_b.json"), []byte(golden), 0o600))
	var out bytes.Buffer
	require.NoError(t, run(from, to, []string{"a_*"}, &out))
	assert.Regexp(t, `^a_b: \d+ of \d+ bytes\n$`, out.String())
	data, err := os.ReadFile(filepath.Join(to, "a_b.json"))
	require.NoError(t, err)
	assert.JSONEq(t, `{"scenario":"a_b","title":"t","steps":["s"],"requests":0,"waited":0,"interactions":[],"result":null}`, string(data))

	assert.ErrorContains(t, run(from, to, nil, &out), "usage")
	assert.ErrorContains(t, run("", to, []string{"x"}, &out), "usage")
	assert.ErrorContains(t, run(from, to, []string{"nope"}, &out), "no golden nope")
	require.NoError(t, os.WriteFile(filepath.Join(from, "bad.json"), []byte("{"), 0o600))
	assert.ErrorContains(t, run(from, to, []string{"bad"}, &out), "bad.json")
}
