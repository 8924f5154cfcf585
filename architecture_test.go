package azureml_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestArchitecture compares the lists of ARCHITECTURE.md with what is imported: a line a
// package, its own packages before the bar, internal ones after it.
func TestArchitecture(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("ARCHITECTURE.md")
	require.NoError(t, err)
	drawn := map[string]string{}
	for line := range strings.Lines(string(page)) {
		if name, to, ok := strings.Cut(line, "→"); ok && !strings.HasPrefix(line, " ") {
			drawn[strings.TrimSpace(name)] = strings.Join(strings.Fields(to), " ")
		}
	}
	real := map[string]string{}
	for name, imports := range importedBy(t) {
		if below(name, "examples") || slices.ContainsFunc(testOnly, func(root string) bool { return below(name, root) }) {
			continue
		}
		var public, internal []string
		for _, i := range imports {
			if inner, ok := strings.CutPrefix(i, "internal/"); ok {
				internal = append(internal, inner)
			} else {
				public = append(public, i)
			}
		}
		text := strings.Join(public, " ")
		if len(internal) > 0 {
			text = strings.TrimSpace(text + " | " + strings.Join(internal, " "))
		}
		if text == "" {
			text = "nothing"
		}
		real[name] = text
	}
	for name, to := range real {
		assert.Equal(t, to, drawn[name], "ARCHITECTURE.md needs the line\n%s", fmt.Sprintf("%-20s → %s", name, to))
	}
	for name := range drawn {
		assert.Contains(t, real, name, "ARCHITECTURE.md draws a package that there is not")
	}
	assert.LessOrEqual(t, strings.Count(string(page), "\n"), 110, "one page")
}

// importedBy gives the packages of this module that each package imports, sorted; the root
// is called azureml.
func importedBy(t *testing.T) map[string][]string {
	t.Helper()
	named := func(dir string) string {
		if dir == "." || dir == "" {
			return "azureml"
		}
		return dir
	}
	found := map[string][]string{}
	for _, s := range sources(t) {
		name := named(s.dir)
		found[name] = append(found[name], nil...)
		for _, path := range s.imports {
			if own, ok := strings.CutPrefix(path, module); ok {
				found[name] = append(found[name], named(strings.TrimPrefix(own, "/")))
			}
		}
	}
	for name, imports := range found {
		slices.Sort(imports)
		found[name] = slices.Compact(imports)
	}
	return found
}
