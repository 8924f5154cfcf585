package main

import (
	"os"
	"path/filepath"
)

// temporary makes a folder, and gives what removes it with all that is in it.
func temporary() (folder string, remove func(), err error) {
	folder, err = os.MkdirTemp("", "conformance-")
	return folder, func() { discard(folder) }, err
}

// discard removes a folder. One that cannot be removed is left to the system, which
// cleans up its temporary files.
func discard(folder string) { _ = os.RemoveAll(folder) }

// entryScript writes an entry script that answers with what it was asked into a
// temporary folder, and returns its path and what removes it.
func entryScript() (path string, remove func(), err error) {
	folder, remove, err := temporary()
	if err != nil {
		return "", nil, err
	}
	path = filepath.Join(folder, "score.py")
	const text = "import json\n\n\ndef init():\n    pass\n\n\ndef run(data):\n    return json.loads(data)\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		remove()
		return "", nil, err
	}
	return path, remove, nil
}
