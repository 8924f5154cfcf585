package remedy

import (
	"flag"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
)

// sentinels are all kinds that the root package has, found by their declarations.
func sentinels(t *testing.T) []error {
	t.Helper()
	source, err := os.ReadFile("../../errors.go")
	require.NoError(t, err)
	var kinds []error
	for _, m := range regexp.MustCompile(`(?m)^\t(Err\w+) += errors\.New\(`).FindAllStringSubmatch(string(source), -1) {
		i := slices.IndexFunc(Entries(), func(e Entry) bool { return e.Kind != nil && sentinel(e.Kind) == m[1] })
		if assert.GreaterOrEqual(t, i, 0, "%s has no section", m[1]) {
			kinds = append(kinds, Entries()[i].Kind)
		}
	}
	require.Len(t, kinds, 13)
	return kinds
}

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
	for code := range signIn {
		_, anchor, _ := strings.Cut(SignInHelp(code, ""), "#")
		assert.Equal(t, 1, anchors[anchor], code)
	}
	assert.Empty(t, SignInHelp("1", "unknown"))
	for _, kind := range sentinels(t) {
		_, anchor, found := strings.Cut(azureml.Explain(&azureml.Error{Kind: kind}), "More: "+Page+"#")
		require.True(t, found, kind)
		assert.Equal(t, 1, anchors[strings.TrimSpace(anchor)], kind)
		assert.Contains(t, string(page), "errors.Is(err, azureml."+sentinel(kind)+")")
	}
}
