package remedy

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the page of remedies anew")

// TestPage: the page of remedies is that of the table, and has a heading for every
// anchor that errors lead to.
func TestPage(t *testing.T) {
	t.Parallel()
	const file = "../../TROUBLESHOOTING.md"
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(Markdown()), 0o644)) //nolint:gosec // a page that everyone may read
	}
	page, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, Markdown(), string(page), "run: go test ./internal/remedy -update")
	anchors := map[string]int{}
	for line := range strings.Lines(string(page)) {
		if heading, ok := strings.CutPrefix(line, "### "); ok {
			anchors[slug(strings.TrimSpace(heading))]++
		}
	}
	for _, entry := range Entries() {
		assert.Equal(t, 1, anchors[entry.Slug()], entry.Title)
		assert.True(t, strings.HasPrefix(entry.Help(), Page+"#"))
	}
	for number := range signIn {
		assert.Contains(t, string(page), number)
	}
}
