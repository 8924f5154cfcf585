package validate

import (
	"errors"
	"io/fs"
	"os"
	"strings"
)

// PEM gives the text of one of two sources, exactly one of which must be there: a text,
// or a file that holds it. It reads files as Python's text mode does, with line breaks
// of every kind as "\n". The text itself is never shown, not even where it was given as
// the file's path by mistake.
func PEM(c *Checker, textField, text, fileField, file string) (string, bool) {
	switch {
	case strings.ContainsAny(file, "\r\n") || strings.Contains(file, "-----BEGIN"):
		c.Addf(fileField, nil, "must be the path of a file; the text itself goes to %s", textField)
		return "", false
	case text != "" && file != "":
		c.Addf(fileField, file, "and %s exclude each other", textField)
		return "", false
	case text != "":
		return text, true
	case file == "":
		c.Addf(textField, nil, "or %s is required", fileField)
		return "", false
	}
	data, err := os.ReadFile(file)
	if err != nil {
		c.Addf(fileField, file, "cannot be read: %s", withoutPath(err))
		return "", false
	}
	unix := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(data))
	if strings.TrimSpace(unix) == "" {
		c.Add(fileField, file, "is empty")
		return "", false
	}
	return unix, true
}

// withoutPath is why a file cannot be read, without its path, which stands before it.
func withoutPath(err error) string {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err.Error()
	}
	return err.Error()
}
