package azuremltest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// workspacePattern is the part of all data-plane patterns that names the workspace.
const workspacePattern = "/subscriptions/{sub}/resourceGroups/{rg}/providers/Microsoft.MachineLearningServices/workspaces/{ws}"

// mmsRoute is a route of model management.
func mmsRoute(method, pattern string, handle func(*call)) route {
	return route{host: hostMMS, method: method, pattern: "/modelmanagement/v1.0" + workspacePattern + pattern, auth: authARM, handle: handle}
}

// checks collects what is wrong with a request.
type checks []errorDetail

func (k *checks) add(code, format string, args ...any) {
	*k = append(*k, errorDetail{Code: code, Message: fmt.Sprintf(format, args...)})
}

// refused answers 400 if something is wrong, and says whether it did.
func (c *call) refused(bad checks) bool {
	if len(bad) > 0 {
		c.mmsError(http.StatusBadRequest, "BadRequest", "The request is invalid", bad...)
	}
	return len(bad) > 0
}

// invalid answers 400 for one reason.
func (c *call) invalid(code, format string, args ...any) {
	var bad checks
	bad.add(code, format, args...)
	c.refused(bad)
}

// notFound answers 404. The reason is its message as well as its detail: some
// clients look for the code in one place, some in the other.
func (c *call) notFound(code, message string) {
	c.mmsError(http.StatusNotFound, "NotFound", message, errorDetail{Code: code, Message: message})
}

// conflict answers 409.
func (c *call) conflict(code, format string, args ...any) {
	c.mmsError(http.StatusConflict, "Conflict", "Conflict", errorDetail{Code: code, Message: fmt.Sprintf(format, args...)})
}

// inUse answers 412: something else must be deleted first.
func (c *call) inUse(what, userKind string, users []string) {
	message := fmt.Sprintf("DeletionRequired: %s is in use and cannot be deleted. Delete the %s first: %s.", what, userKind, strings.Join(users, ", "))
	c.mmsError(http.StatusPreconditionFailed, "PreconditionFailed", message, errorDetail{Code: "DeletionRequired", Message: message})
}

// Patterns of the paths that a patch may change: * stands for one segment. The
// value is the operations that are allowed there.
type patchRules map[string]string

const (
	anyOf   = "add replace remove test"
	addOnly = "add test"
)

var (
	assetPatch = patchRules{
		"/kvTags": anyOf, "/kvTags/*": anyOf, "/description": anyOf, "/properties": addOnly, "/properties/*": addOnly,
	}
	modelPatch = patchRules{
		"/kvTags": anyOf, "/kvTags/*": anyOf, "/description": anyOf, "/properties": addOnly, "/properties/*": addOnly,
		"/sampleInputData": anyOf, "/sampleOutputData": anyOf, "/datasets": anyOf, "/datasets/*": anyOf,
		"/resourceRequirements": anyOf, "/resourceRequirements/*": anyOf,
	}
)

// allow returns the operations that the rules allow at a path, "" for none.
func (r patchRules) allow(path string) string {
	if ops, ok := r[path]; ok {
		return ops
	}
	tokens := strings.Split(path, "/")
	for pattern, ops := range r {
		if slices.EqualFunc(strings.Split(pattern, "/"), tokens, func(p, t string) bool { return p == t || p == "*" && t != "" }) {
			return ops
		}
	}
	return ""
}

// check says what is wrong with a patch's paths and operations.
func (r patchRules) check(steps []patchOperation) (bad checks) {
	for _, s := range steps {
		ops := r.allow(s.Path)
		switch {
		case ops == "":
			bad.add("InvalidPatchPath", "The path '%s' does not exist or cannot be changed.", s.Path)
		case !slices.Contains(strings.Fields(ops), s.Op):
			bad.add("InvalidPatchOperation", "The operation '%s' is not allowed on '%s'.", s.Op, s.Path)
		case s.Op != "remove" && s.Value == nil:
			bad.add("InvalidPatchValue", "The operation '%s' on '%s' has no value.", s.Op, s.Path)
		}
	}
	return bad
}

// patchSteps reads a JSON Patch. It answers itself if it returns false.
func (c *call) patchSteps(rules patchRules) ([]patchOperation, bool) {
	var steps []patchOperation
	if !c.decode(&steps, "application/json-patch+json") {
		return nil, false
	}
	return steps, !c.refused(rules.check(steps))
}

// keptProperties refuses a change of properties that exist: they can only be
// added. It answers itself if it returns false.
func (c *call) keptProperties(before, after tagMap) bool {
	return !c.refused(changedProperties(before, after))
}

func changedProperties(before, after tagMap) (bad checks) {
	for _, k := range sortedKeys(before) {
		v := before[k]
		w, ok := after[k]
		if !ok || (v == nil) != (w == nil) || orEmpty(v) != orEmpty(w) {
			bad.add("PropertyImmutable", "The property '%s' exists; properties can be added but not changed or removed.", k)
		}
	}
	return bad
}
