package model

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/validate"
)

// InferenceConfig says what code answers the requests of a service, and in which
// environment. It mirrors azureml.core's InferenceConfig.
type InferenceConfig struct {
	// EntryScript is the Python file with the functions init() and run(data). It is
	// relative to SourceDirectory if that is set, else to the working directory. Its
	// name must be one that Python can import: letters, digits and underscores.
	EntryScript string
	// SourceDirectory, when set, is packed and sent as a whole, but for what its
	// .amlignore (or, without one, its .gitignore) leaves out; folders .git and
	// __pycache__ are left out anyway. Helper modules in it can be imported. When it is
	// not set only the entry script is sent.
	SourceDirectory string
	// Environment is what the script runs in. One that has nothing but a name, or name
	// and version, is read from the workspace. Nil takes the environment of the run
	// that made the model; the deployment fails if there is none.
	Environment *Environment
}

// code is a checked inference configuration: what is to be sent.
type code struct {
	// script is the path of the entry script on this machine.
	script file
	// entry is its path in the container, relative to the driver program.
	entry string
	// directory is the base name of the source directory, "" if there is none; files
	// are what is in it.
	directory string
	files     []file
	// environment is the caller's; nil for that of the model's run.
	environment *Environment
	warnings    []string
}

// maxSource is the size of a source directory above which it is probably a mistake.
const maxSource = 100 << 20

// check checks everything that can be checked on this machine.
func (i InferenceConfig) check(c *validate.Checker) code {
	found := code{environment: i.Environment}
	if !c.Require("EntryScript", i.EntryScript) {
		return found
	}
	found.locate(c, i)
	checkScriptName(c, i.EntryScript)
	if found.script.local != "" {
		found.warnings = append(found.warnings, scriptWarnings(found.script.local, i.EntryScript)...)
	}
	if i.Environment != nil {
		c.In("Environment", i.Environment.check)
		found.warnings = append(found.warnings, i.Environment.servingWarnings()...)
	}
	return found
}

// locate finds the entry script and the files of the source directory.
func (found *code) locate(c *validate.Checker, i InferenceConfig) {
	if i.SourceDirectory == "" {
		found.script = scriptFile(c, i.EntryScript, i.EntryScript)
		found.entry = filepath.Base(i.EntryScript)
		found.script.artifact = found.entry
		return
	}
	root, err := filepath.Abs(i.SourceDirectory)
	if err != nil {
		c.Add("SourceDirectory", i.SourceDirectory, "cannot be found: "+err.Error())
		return
	}
	if info, err := os.Stat(root); err != nil || !info.IsDir() {
		c.Add("SourceDirectory", i.SourceDirectory, "must be a folder that exists")
		return
	}
	found.directory = filepath.Base(root)
	if !validArtifactPath(found.directory) {
		c.Add("SourceDirectory", i.SourceDirectory, "must have a name that an artifact can have")
		return
	}
	relative := filepath.Clean(i.EntryScript)
	if filepath.IsAbs(relative) {
		if relative, err = filepath.Rel(root, relative); err != nil {
			relative = ".."
		}
	}
	if !filepath.IsLocal(relative) {
		c.Add("EntryScript", i.EntryScript, fmt.Sprintf("must lie inside of SourceDirectory (%s)", i.SourceDirectory))
		return
	}
	found.script = scriptFile(c, filepath.Join(root, relative), i.EntryScript)
	found.entry = path.Join(found.directory, filepath.ToSlash(relative))
	found.pack(c, i, root)
}

// pack lists what of the source directory is to be sent.
func (found *code) pack(c *validate.Checker, i InferenceConfig, root string) {
	packed, err := sourceFiles(root, found.directory)
	if err != nil {
		c.Add("SourceDirectory", i.SourceDirectory, "cannot be read: "+reason(err))
		return
	}
	found.files = packed.files
	found.warnings = append(found.warnings, packed.warnings...)
	if found.script.local != "" && !slices.ContainsFunc(found.files, func(f file) bool { return f.artifact == found.entry }) {
		if slices.Contains(packed.unusable, found.entry) {
			c.Add("EntryScript", i.EntryScript, "must not be a link that leads out of SourceDirectory")
		} else {
			c.Addf("EntryScript", i.EntryScript, "is left out by %s", packed.ignoredBy)
		}
	}
	total := int64(0)
	for _, f := range found.files {
		total += f.size
	}
	if total > maxSource {
		found.warnings = append(found.warnings, fmt.Sprintf("the source directory is large (%d MB in %d files); a file .amlignore in it can leave things out", total>>20, len(found.files)))
	}
}

// scriptFile looks at the entry script; the result has no local path if there is none.
func scriptFile(c *validate.Checker, local, shown string) file {
	info, err := os.Stat(local)
	if err != nil || !info.Mode().IsRegular() {
		c.Add("EntryScript", shown, "must be a file that exists; it is relative to SourceDirectory if that is set, else to the working directory")
		return file{}
	}
	return file{local: local, size: info.Size(), modified: info.ModTime()}
}

var (
	identifier = regexp.MustCompile(`^[\p{L}_][\p{L}\p{N}_]*$`)
	// initFunction and runFunction find definitions, also async ones, and names that are
	// assigned or imported, alone or among others. What comes with an import of "*" is not
	// known and is taken to be there.
	initFunction = definition("init")
	runFunction  = definition("run")
	keywords     = strings.Fields("False None True and as assert async await break class continue def del elif else except finally for from global if import in is lambda nonlocal not or pass raise return try while with yield")
)

func definition(name string) *regexp.Regexp {
	return regexp.MustCompile(`(?m)^(?:async\s+)?def\s+` + name + `\s*\(` +
		`|^\(?(?:\w+\s*,\s*)*` + name + `\s*(?:,[\w\s,]*)?\)?\s*(?::[^=\n]*)?=` +
		`|^(?:from|import)\s.*\b` + name + `\b|^from\s[^\n]*\([^)]*\b` + name + `\b|^from\s[^\n]*\bimport\s*\*` +
		`|^\s*(?:if|try|else|with)\b[\s\S]*?^\s+def\s+` + name + `\s*\(`)
}

// checkScriptName refuses names that Python cannot import.
func checkScriptName(c *validate.Checker, script string) {
	stem, isPython := strings.CutSuffix(filepath.Base(script), ".py")
	switch {
	case !isPython:
		c.Add("EntryScript", script, `must end in ".py"`)
	case !identifier.MatchString(stem) || slices.Contains(keywords, stem):
		c.Add("EntryScript", script, "must have a name that Python can import: letters, digits and underscores, not a digit first, no keyword of Python")
	}
}

// scriptWarnings looks whether the script defines what a service calls.
func scriptWarnings(local, shown string) []string {
	text, err := os.ReadFile(local)
	if err != nil {
		return []string{fmt.Sprintf("the entry script %s cannot be read: %s", shown, reason(err))}
	}
	var missing []string
	if !initFunction.Match(text) {
		missing = append(missing, "init()")
	}
	if !runFunction.Match(text) {
		missing = append(missing, "run(data)")
	}
	if len(missing) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("the entry script %s does not seem to define %s; the service will not start without", shown, strings.Join(missing, " and "))}
}

// warn hands warnings to the caller.
func warn(to func(azureml.Warning), subject string, messages ...string) {
	if to == nil {
		return
	}
	for _, m := range messages {
		to(azureml.Warning{Subject: subject, Message: m})
	}
}
