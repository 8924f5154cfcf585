package main

import (
	"os"
	"path/filepath"
)

// entryScript writes an entry script that answers with what it was asked into a
// temporary folder, and returns its path and what removes it.
func entryScript() (path string, remove func(), err error) {
	folder, err := os.MkdirTemp("", "conformance-")
	if err != nil {
		return "", nil, err
	}
	path = filepath.Join(folder, "score.py")
	const text = "import json\n\n\ndef init():\n    pass\n\n\ndef run(data):\n    return json.loads(data)\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		os.RemoveAll(folder)
		return "", nil, err
	}
	return path, func() { os.RemoveAll(folder) }, nil
}
