package azureml_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestStartingPointsHaveExamples: what a user begins with (constructors, and functions that
// open, make, read, list, load or wait) has an Example with an output that is checked.
func TestStartingPointsHaveExamples(t *testing.T) {
	t.Parallel()
	start := regexp.MustCompile(`^(New|Begin|Get|List|All|From|Load|Resume|Register|Collect|Wait|Explain|LogTo|With|Score|Start)`)
	shown := regexp.MustCompile(`(?i)^\s*(unordered )?output:`)
	seen := map[string]bool{}
	for _, dir := range []string{".", "authentication", "workspace", "compute", "model", "webservice", "azuremltest"} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		require.NoError(t, err)
		var wanted []string
		for _, name := range files {
			text, err := os.ReadFile(name)
			require.NoError(t, err)
			file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ParseComments)
			require.NoError(t, err)
			for _, d := range file.Decls {
				f, ok := d.(*ast.FuncDecl)
				switch {
				case !ok || f.Recv != nil:
				case strings.HasSuffix(name, "_test.go"):
					example, is := strings.CutPrefix(f.Name.Name, "Example")
					if is && hasOutput(file, f, shown) {
						symbol, _, _ := strings.Cut(example, "_")
						seen[dir+"."+symbol] = true
					}
				case start.MatchString(f.Name.Name):
					wanted = append(wanted, f.Name.Name)
				}
			}
		}
		for _, name := range wanted {
			assert.True(t, seen[dir+"."+name], "%s.%s has no Example with an output", dir, name)
		}
	}
	assert.Greater(t, len(seen), 50)
}

// hasOutput tells whether an example ends in a comment with what it prints.
func hasOutput(file *ast.File, f *ast.FuncDecl, shown *regexp.Regexp) bool {
	for _, c := range file.Comments {
		if c.Pos() > f.Body.Lbrace && c.End() < f.Body.Rbrace && shown.MatchString(c.Text()) {
			return true
		}
	}
	return false
}
