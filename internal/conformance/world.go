package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/compute"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/webservice"
	"github.com/azureml-go/azureml/workspace"
)

// look is what this library sees of a workspace, in the form of scenarios/world.py.
func look(ctx context.Context, ws *workspace.Workspace) (any, error) {
	models, err := azureml.Collect(model.List(ctx, ws, nil))
	if err != nil {
		return nil, err
	}
	computes, err := azureml.Collect(compute.List(ctx, ws, nil))
	if err != nil {
		return nil, err
	}
	environments, err := azureml.Collect(model.ListEnvironments(ctx, ws))
	if err != nil {
		return nil, err
	}
	services, err := azureml.Collect(webservice.List(ctx, ws, nil))
	if err != nil {
		return nil, err
	}
	seen := map[string]any{
		"workspace": map[string]any{"name": ws.Name, "group": ws.ResourceGroup, "subscription": ws.SubscriptionID, "location": ws.Location},
		"models":    list(models, func(m *model.Model) string { return m.ID }, lookAtModel),
		"computes":  list(computes, func(c *compute.Compute) string { return c.Name }, lookAtCompute),
	}
	environments = slices.DeleteFunc(environments, func(e *model.Environment) bool { return strings.HasPrefix(e.Name, "AzureML-") })
	seen["environments"] = list(environments, func(e *model.Environment) string { return e.Name }, func(e *model.Environment) any {
		return map[string]any{"name": e.Name, "version": e.Version, "image": e.Docker.BaseImage}
	})
	var all []any
	slices.SortFunc(services, func(a, b webservice.Webservice) int { return strings.Compare(a.Common().Name, b.Common().Name) })
	for _, s := range services {
		one, err := lookAtService(ctx, s)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	seen["services"] = append([]any{}, all...)
	return plain(seen)
}

// list looks at all of a kind, in the order of their names.
func list[T any](all []T, name func(T) string, look func(T) any) []any {
	slices.SortFunc(all, func(a, b T) int { return strings.Compare(name(a), name(b)) })
	seen := []any{}
	for _, one := range all {
		seen = append(seen, look(one))
	}
	return seen
}

// plain turns values into what encoding/json makes of them.
func plain(v any) (any, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var out any
	err = json.Unmarshal(text, &out)
	return out, err
}

func lookAtModel(m *model.Model) any {
	seen := map[string]any{"id": m.ID, "name": m.Name, "version": m.Version, "framework": m.Framework,
		"frameworkVersion": m.FrameworkVersion, "description": m.Description, "url": m.URL, "tags": texts(m.Tags),
		"properties": texts(m.Properties), "cpu": nil}
	if m.ResourceConfiguration != nil {
		seen["cpu"] = m.ResourceConfiguration.CPU
	}
	return seen
}

func lookAtCompute(c *compute.Compute) any {
	seen := map[string]any{"name": c.Name, "type": c.Type, "state": c.ProvisioningState, "resource": c.ResourceID,
		"location": c.Location, "description": c.Description}
	if aks, err := c.AksCompute(); err == nil {
		seen["count"], seen["size"] = aks.AgentCount, aks.AgentVMSize
	}
	return seen
}

func lookAtService(ctx context.Context, s webservice.Webservice) (any, error) {
	c := s.Common()
	seen := map[string]any{"name": c.Name, "type": strings.ToUpper(string(c.ComputeType)), "state": c.State, "url": c.ScoringURI,
		"description": c.Description, "tags": texts(c.Tags), "properties": texts(c.Properties), "keyAuth": isTrue(c.AuthEnabled),
		"tokenAuth": isTrue(c.TokenAuthEnabled), "compute": "", "primary": "", "secondary": ""}
	if isTrue(c.AuthEnabled) {
		keys, err := c.Keys(ctx)
		if err != nil {
			return nil, err
		}
		seen["primary"], seen["secondary"] = keys.Primary.Reveal(), keys.Secondary.Reveal()
	}
	switch s := s.(type) {
	case *webservice.AksEndpoint:
		seen["compute"] = s.ComputeName
		versions := map[string]any{}
		for name, v := range s.Versions {
			versions[name] = lookAtVersion(v)
		}
		seen["versions"] = versions
		return seen, nil
	case *webservice.AksWebservice:
		seen["compute"], seen["models"] = s.ComputeName, sorted(s.ModelIDs)
		addResources(seen, s.ContainerResourceRequirements)
	case *webservice.AciWebservice:
		seen["models"] = sorted(s.ModelIDs)
		addResources(seen, s.ContainerResourceRequirements)
	}
	logs, err := c.Logs(ctx, nil)
	seen["logs"] = logs
	return seen, err
}

func lookAtVersion(v *webservice.AksWebservice) any {
	seen := map[string]any{"state": v.State, "traffic": 0, "default": isTrue(v.IsDefault), "kind": v.VersionType}
	if v.TrafficPercentile != nil {
		seen["traffic"] = *v.TrafficPercentile
	}
	addResources(seen, v.ContainerResourceRequirements)
	return seen
}

func addResources(seen map[string]any, r *webservice.ContainerResourceRequirements) {
	if r == nil {
		r = &webservice.ContainerResourceRequirements{}
	}
	seen["cpu"], seen["memory"] = r.CPU, r.MemoryGB
}

func isTrue(b *bool) bool { return b != nil && *b }

// texts makes an absent map an empty one.
func texts(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

func sorted(ids []string) []string { return append([]string{}, slices.Sorted(slices.Values(ids))...) }

// download downloads what the Python client has uploaded and is still there, and says
// what differs.
func download(ctx context.Context, ws *workspace.Workspace, uploaded map[string]map[string]string) ([]string, error) {
	folder, remove, err := temporary()
	if err != nil {
		return nil, err
	}
	defer remove()
	var wrong []string
	for id, want := range uploaded {
		m, err := model.Get(ctx, ws, id, nil)
		if azureml.HasCode(err, "ModelNotFound") {
			continue
		}
		if err != nil {
			return nil, err
		}
		into := filepath.Join(folder, strings.ReplaceAll(id, ":", "-"))
		if _, err := m.Download(ctx, into, nil); err != nil {
			return nil, err
		}
		got, err := digests(into)
		if err != nil {
			return nil, err
		}
		wrong = append(wrong, differences("files of "+id, got, want)...)
	}
	return wrong, nil
}

// digests returns the SHA-256 of the files of a folder, by their path in it.
func digests(folder string) (map[string]string, error) {
	found := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(folder, path)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(content)
		found[filepath.ToSlash(name)] = hex.EncodeToString(sum[:])
		return nil
	})
	return found, err
}

// differences says where two values differ, after a trip through JSON.
func differences(where string, ours, theirs any) []string {
	a, err := plain(ours)
	if err != nil {
		return []string{where + ": " + err.Error()}
	}
	b, err := plain(theirs)
	if err != nil {
		return []string{where + ": " + err.Error()}
	}
	return compare(where, a, b)
}

func compare(where string, ours, theirs any) []string {
	var wrong []string
	switch a := ours.(type) {
	case map[string]any:
		b, ok := theirs.(map[string]any)
		if !ok {
			break
		}
		for _, key := range slices.Sorted(keysOf(a, b)) {
			wrong = append(wrong, compare(where+"."+key, a[key], b[key])...)
		}
		return wrong
	case []any:
		b, ok := theirs.([]any)
		if !ok || len(a) != len(b) {
			break
		}
		for i := range a {
			wrong = append(wrong, compare(fmt.Sprintf("%s[%d]", where, i), a[i], b[i])...)
		}
		return wrong
	default:
		if ours == theirs {
			return nil
		}
	}
	return []string{fmt.Sprintf("%s: the library has %s, the client %s", where, show(ours), show(theirs))}
}

// keysOf gives the keys of both, each once.
func keysOf(a, b map[string]any) func(func(string) bool) {
	return func(yield func(string) bool) {
		for key := range a {
			if !yield(key) {
				return
			}
		}
		for key := range b {
			if _, both := a[key]; !both && !yield(key) {
				return
			}
		}
	}
}

func show(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}
