package model

import (
	_ "embed"
	"encoding/json"
	"strings"
)

// driverText is the program that a service's container starts: a Python module that
// loads the entry script. It is a text file, so that no tool takes it for code of this
// package.
//
//go:embed driver.py.txt
var driverText string

// driverProgram gives the driver for an entry script. Both paths are relative to the
// driver's own folder, with slashes; sourceDirectory is empty if only the script is sent.
func driverProgram(entryScript, sourceDirectory string) string {
	return strings.NewReplacer(
		"{{entry_script}}", pythonText(entryScript),
		"{{source_directory}}", pythonText(sourceDirectory),
	).Replace(driverText)
}

// pythonText writes a text as a Python literal. JSON's escapes mean the same in Python.
func pythonText(text string) string {
	data, err := json.Marshal(text)
	if err != nil {
		return `""`
	}
	return string(data)
}
