package validate

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPEM(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		return file
	}
	good, empty, missing := write("good.pem", "a\r\nb\rc\n"), write("empty.pem", " \n"), filepath.Join(dir, "missing.pem")
	for name, test := range map[string]struct{ text, file, want, broken string }{
		"the text":               {"x\r\n", "", "x\r\n", ""},
		"a file, read as text":   {"", good, "a\nb\nc\n", ""},
		"both":                   {"x", good, "", "KeyPEMFile (" + good + ") and KeyPEM exclude each other"},
		"neither":                {"", "", "", "KeyPEM or KeyPEMFile is required"},
		"an empty file":          {"", empty, "", "KeyPEMFile (" + empty + ") is empty"},
		"no such file":           {"", missing, "", "KeyPEMFile (" + missing + ") cannot be read: no such file or directory"},
		"the text as a path":     {"", "-----BEGIN PRIVATE KEY-----planted", "", "KeyPEMFile must be the path of a file; the text itself goes to KeyPEM"},
		"some of it as a path":   {"", "planted\nplanted", "", "KeyPEMFile must be the path of a file; the text itself goes to KeyPEM"},
		"both, one of them text": {"x", "-----BEGIN PRIVATE KEY-----planted", "", "KeyPEMFile must be the path of a file; the text itself goes to KeyPEM"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var check Checker
			got, ok := PEM(&check, "KeyPEM", test.text, "KeyPEMFile", test.file)
			assert.Equal(t, test.want, got)
			assert.Equal(t, test.broken == "", ok)
			var broken string
			for _, v := range check.Violations() {
				broken = v.String()
			}
			// A path may be too long for a violation to show in full.
			if test.file == "" || test.broken == "" || test.file[0] != '/' {
				assert.Equal(t, test.broken, broken)
			} else {
				assert.Contains(t, broken, test.broken[len("KeyPEMFile ("+test.file+")"):])
			}
		})
	}
}
