package azureml_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "github.com/azureml-go/azureml"

// source is one Go file of the module that is no test.
type source struct {
	path    string // slashes, relative to the module's root
	dir     string
	imports []string
	file    *ast.File
}

func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	set := token.NewFileSet()
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() && path != "." && (strings.HasPrefix(name, ".") || name == "testdata" || name == "tools") {
			return filepath.SkipDir
		}
		if entry.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		s := source{path: filepath.ToSlash(path), dir: filepath.ToSlash(filepath.Dir(path)), file: file}
		for _, i := range file.Imports {
			p, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			s.imports = append(s.imports, p)
		}
		all = append(all, s)
		return nil
	})
	require.NoError(t, err)
	require.NotEmpty(t, all)
	return all
}

// below tells whether dir is root or below it.
func below(dir, root string) bool { return dir == root || strings.HasPrefix(dir, root+"/") }

// testOnly are internal packages that only tests, or commands for developers, import.
var testOnly = []string{"internal/recording", "internal/parity", "internal/recipes", "internal/bench", "internal/conformance", "internal/schemas", "internal/chaos", "internal/rights"}

// TestWhoImportsWhom holds the rules of the layout: imports point downwards, and some
// libraries have one place.
func TestWhoImportsWhom(t *testing.T) {
	t.Parallel()
	const azure = "github.com/Azure/azure-sdk-for-go/sdk/"
	places := map[string][]string{
		azure + "azidentity":                       {"authentication", "internal/signin", "internal/bench", "examples"},
		azure + "azidentity/cache":                 {"examples/azml"},
		azure + "storage/azblob/blockblob":         {"internal/blob", "internal/bench"},
		"github.com/hashicorp/go-retryablehttp":    {"internal/scoring"},
		azure + "storage/azblob":                   nil,
		"github.com/stretchr/testify":              testOnly,
		"github.com/jarcoal/httpmock":              testOnly,
		"github.com/invopop/jsonschema":            testOnly,
		"github.com/santhosh-tekuri/jsonschema/v6": testOnly,
	}
	mayImport := map[string][]string{
		".":              {},
		"authentication": {"", "internal"},
		"workspace":      {"", "internal", "authentication"},
		"compute":        {"", "internal", "workspace"},
		"model":          {"", "internal", "workspace"},
		"webservice":     {"", "internal", "workspace", "model"},
		"azuremltest":    nil,
	}
	for _, s := range sources(t) {
		for _, path := range s.imports {
			if where, limited := places[path]; limited {
				assert.True(t, slices.ContainsFunc(where, func(root string) bool { return below(s.dir, root) }), "%s imports %s", s.path, path)
			}
			own, isOwn := strings.CutPrefix(path, module)
			if !isOwn {
				continue
			}
			own = strings.TrimPrefix(own, "/")
			for root, allowed := range mayImport {
				if s.dir != root && (root == "." || !below(s.dir, root)) {
					continue
				}
				ok := below(own, root) || slices.ContainsFunc(allowed, func(a string) bool { return own == a || a != "" && below(own, a) })
				assert.True(t, ok, "%s imports %s", s.path, path)
				assert.False(t, slices.ContainsFunc(testOnly, func(a string) bool { return below(own, a) }), "%s imports %s, which is for tests", s.path, path)
			}
			if below(s.dir, "internal") && !slices.ContainsFunc(testOnly, func(a string) bool { return below(s.dir, a) }) {
				assert.True(t, own == "" || below(own, "internal"), "%s imports %s", s.path, path)
			}
		}
	}
}

// TestOnlyRestBuildsPipelines: everything that carries a token goes through one place.
func TestOnlyRestBuildsPipelines(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				// The baselines of the benchmarks are what one would write without this module.
				if s.dir != "internal/bench" && (n.Sel.Name == "NewPipeline" || n.Sel.Name == "NewBearerTokenPolicy") {
					assert.Equal(t, "internal/rest", s.dir, "%s uses %s", s.path, n.Sel.Name)
				}
			case *ast.FuncDecl:
				assert.False(t, n.Recv == nil && n.Name.Name == "init", "%s has an init function", s.path)
			}
			return true
		})
	}
}
