package model

import (
	"context"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// gitTimeout bounds everything that is asked of git.
const gitTimeout = 5 * time.Second

// gitProperties gives the state of the git repository around folder as properties of a
// service, under azureml.core's names. Its variables AZUREML_GIT_… win over what git says.
// What cannot be found is left out.
func gitProperties(ctx context.Context, folder string) map[string]string {
	ctx, cancel := context.WithTimeout(ctx, gitTimeout)
	defer cancel()
	git := func(arguments ...string) string {
		out, err := exec.CommandContext(ctx, "git", append([]string{"-C", folder}, arguments...)...).Output()
		if err != nil {
			return ""
		}
		return strings.TrimSpace(string(out))
	}
	properties := map[string]string{}
	set := func(variable, found string, names ...string) {
		value := os.Getenv("AZUREML_GIT_" + variable)
		if value == "" {
			value = found
		}
		for _, name := range names {
			if value != "" {
				properties[name] = value
			}
		}
	}
	set("BRANCH", git("symbolic-ref", "--short", "HEAD"), "azureml.git.branch", "mlflow.source.git.branch")
	commit := git("rev-parse", "HEAD")
	set("COMMIT", commit, "azureml.git.commit", "mlflow.source.git.commit")
	dirty := ""
	if commit != "" {
		dirty = "False"
		if git("status", "--porcelain", ".") != "" {
			dirty = "True"
		}
	}
	set("DIRTY", dirty, "azureml.git.dirty")
	set("REPOSITORY_URI", git("config", "--get", "remote.origin.url"), "azureml.git.repository_uri", "mlflow.source.git.repoURL")
	set("BUILD_ID", "", "azureml.git.build_id")
	set("BUILD_URI", "", "azureml.git.build_uri")
	for _, name := range []string{"azureml.git.repository_uri", "mlflow.source.git.repoURL", "azureml.git.build_uri"} {
		if address, ok := properties[name]; ok {
			properties[name] = withoutUser(address)
		}
	}
	return properties
}

// withoutUser takes user and password, which often are in the addresses of remotes, and
// the query out of an address.
func withoutUser(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		// "git@host:path" and local paths have no password.
		head, _, _ := strings.Cut(address, "?")
		return head
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}

// gitFolder is where git is asked: where the code is.
func (p imagePlan) gitFolder(inference *InferenceConfig) string {
	switch {
	case inference == nil:
		return "."
	case inference.SourceDirectory != "":
		return inference.SourceDirectory
	}
	return filepath.Dir(p.code.script.local)
}
