package azureml_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestReadmeShowsCodeThatRuns: the README's Go blocks stand in tests, word for word.
func TestReadmeShowsCodeThatRuns(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	var code strings.Builder
	for _, file := range []string{"example_test.go", "controller_example_test.go", "rollout_example_test.go"} {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		code.Write(text)
	}
	blocks := 0
	for i, part := range strings.Split(string(readme), "```") {
		block, isGo := strings.CutPrefix(part, "go\n")
		if i%2 == 0 || !isGo {
			continue
		}
		blocks++
		assert.Contains(t, code.String(), strings.TrimSpace(block))
	}
	assert.GreaterOrEqual(t, blocks, 2)
}
