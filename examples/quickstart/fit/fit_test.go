package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml/examples/quickstart/linear"
)

// TestCommittedModel fits the committed data again: the committed model must
// come out, with the R² that scikit-learn gives for the same fit.
func TestCommittedModel(t *testing.T) {
	t.Parallel()
	const data, model = "../data/diabetes.csv", "../model/diabetes.json"
	out := filepath.Join(t.TempDir(), "again.json")
	var said bytes.Buffer
	require.NoError(t, run(data, out, &said))
	assert.Contains(t, said.String(), "442 rows, R² 0.5177\n")

	want, got := parse(t, model), parse(t, out)
	assert.InDelta(t, 0.5177484222203498, got.R2, 1e-9)
	assert.Equal(t, want.Name, got.Name)
	assert.Equal(t, want.Target, got.Target)
	assert.Equal(t, want.Rows, got.Rows)
	assert.Equal(t, want.Features, got.Features)
	assert.InDelta(t, want.R2, got.R2, 1e-9)
	assert.InDelta(t, want.Intercept, got.Intercept, 1e-9)
	assert.InDeltaSlice(t, want.Coefficients, got.Coefficients, 1e-9)

	again := filepath.Join(t.TempDir(), "again.json")
	require.NoError(t, run(data, again, &said))
	first, err := os.ReadFile(out)
	require.NoError(t, err)
	second, err := os.ReadFile(again)
	require.NoError(t, err)
	assert.Equal(t, string(first), string(second), "the same data must give the same file")
}

func parse(t *testing.T, path string) *linear.Model {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	m, err := linear.Parse(text)
	require.NoError(t, err)
	return m
}

func TestFitFindsThePlane(t *testing.T) {
	t.Parallel()
	// z = 3 + 2a - 0.5b, without noise.
	m, err := fit(strings.NewReader("a,b,z\n0,0,3\n1,0,5\n0,4,1\n1,4,3\n10,100,-27\n"))
	require.NoError(t, err)
	assert.Equal(t, []string{"a", "b"}, m.Features)
	assert.Equal(t, "z", m.Target)
	assert.Equal(t, 5, m.Rows)
	assert.InDelta(t, 3, m.Intercept, 1e-9)
	assert.InDeltaSlice(t, []float64{2, -0.5}, m.Coefficients, 1e-9)
	assert.InDelta(t, 1, m.R2, 1e-9)
}

func TestFitRefuses(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ table, want string }{
		"empty":              {"", "want a header line"},
		"one column":         {"z\n1\n", "at least two columns"},
		"header only":        {"a,z\n", "0 rows are too few"},
		"as many as columns": {"a,b,z\n1,2,3\n4,5,6\n", "2 rows are too few"},
		"text":               {"a,z\n1,2\nx,4\n", `row 2, column a: "x" is no number`},
		"not a number":       {"a,z\n1,2\n3,NaN\n", `row 2, column z: "NaN" is no number`},
		"ragged":             {"a,z\n1,2\n3\n", "wrong number of fields"},
		"constant column":    {"a,b,z\n1,5,1\n2,5,3\n4,5,2\n7,5,1\n", "column 2 follows from the ones before it"},
		"dependent columns":  {"a,b,z\n1,3,1\n2,5,3\n4,9,2\n7,15,1\n", "column 2 follows from the ones before it"},
		"constant target":    {"a,z\n1,2\n2,2\n3,2\n", "the same in every row"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := fit(strings.NewReader(tc.table))
			assert.ErrorContains(t, err, tc.want)
		})
	}
}

func TestRunNamesTheFile(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "missing.csv")
	assert.ErrorContains(t, run(missing, "out.json", &bytes.Buffer{}), "missing.csv")
	bad := filepath.Join(t.TempDir(), "bad.csv")
	require.NoError(t, os.WriteFile(bad, []byte("a,z\n"), 0o600))
	assert.ErrorContains(t, run(bad, "out.json", &bytes.Buffer{}), "bad.csv: 0 rows")
}
