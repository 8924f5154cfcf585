package azureml_test

import (
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	block   = regexp.MustCompile("(?s)```.*?\n *```")
	code    = regexp.MustCompile("`[^`\n]*`")
	link    = regexp.MustCompile(`\]\(([^()\s]*(?:\([^()\s]*\))?[^()\s]*)\)|(?m:^\[[^\]]+\]: (\S+)$)`)
	heading = regexp.MustCompile(`(?m)^#{1,6} (.+)$`)
)

// markdown gives all pages by their paths.
func markdown(t *testing.T) map[string]string {
	t.Helper()
	pages := map[string]string{}
	require.NoError(t, filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && path != "." && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata") {
			return filepath.SkipDir
		}
		if strings.HasSuffix(path, ".md") {
			text, err := os.ReadFile(path)
			pages[filepath.ToSlash(path)] = string(text)
			return err
		}
		return nil
	}))
	return pages
}

// anchors are those of a page's headings, as GitHub makes them.
func anchors(page string) map[string]bool {
	found := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(block.ReplaceAllString(page, ""), -1) {
		found[strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-', r == '_', unicode.IsLetter(r), unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, strings.TrimSpace(m[1]))] = true
	}
	return found
}

// brokenLinks says what is wrong with the links of a page.
func brokenLinks(pages map[string]string, path string) (wrong []string) {
	for _, m := range link.FindAllStringSubmatch(code.ReplaceAllString(block.ReplaceAllString(pages[path], ""), ""), -1) {
		target := m[1] + m[2]
		u, err := url.Parse(target)
		switch {
		case err != nil || target == "":
			wrong = append(wrong, target+" is no address")
			continue
		case u.IsAbs(): // others' pages come and go; only the form can be held here
			if u.Scheme != "https" || u.Host == "" || strings.ContainsAny(target, "<>…") {
				wrong = append(wrong, target+" is no https address")
			}
			continue
		}
		file := path
		if u.Path != "" {
			file = filepath.ToSlash(filepath.Join(filepath.Dir(path), filepath.FromSlash(u.Path)))
		}
		if _, err := os.Stat(filepath.FromSlash(file)); err != nil {
			wrong = append(wrong, target+" leads nowhere")
			continue
		}
		if page, ok := pages[file]; u.Fragment != "" && ok && !anchors(page)[u.Fragment] {
			wrong = append(wrong, target+": there is no such heading")
		}
	}
	return wrong
}

// TestLinks: links between the pages lead somewhere, to headings too.
func TestLinks(t *testing.T) {
	t.Parallel()
	pages := markdown(t)
	require.Contains(t, pages, "README.md")
	n := 0
	for path, page := range pages {
		assert.Empty(t, brokenLinks(pages, path), path)
		n += len(link.FindAllString(page, -1))
	}
	assert.Greater(t, n, 10)
	bad := map[string]string{"README.md": "# A b?\n[ok](#a-b) [ok](SECURITY.md) [ok](https://e.example/x_(y)) `[no](link)`\n" +
		"[1](#nothere) [2](nothere.md) [3](http://e.example) [4]()\n\n[5]: gone.md\n"}
	assert.Len(t, brokenLinks(bad, "README.md"), 5)
}
