package model

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/blob"
	"github.com/azureml-go/azureml/workspace"
)

// ContentHashProperty is the model property that [RegisterOptions].ReuseIdentical
// compares.
const ContentHashProperty = "azureml-go.contentHash"

// contentHash is the hash of files: of the lines "SHA-256 of the content in hexadecimal,
// two spaces, path, line feed", sorted by path byte by byte. Paths are those of the
// artifacts, so they begin with the name of the file or folder that is registered.
func contentHash(ctx context.Context, t task, files []file, concurrency int) (string, error) {
	sums := make([]string, len(files))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(concurrency, blob.DefaultConcurrency))
	for i, f := range files {
		group.Go(func() error {
			sum, err := f.sum(ctx, sha256.New())
			if err != nil {
				return t.unreadable(f, err)
			}
			sums[i] = hex.EncodeToString(sum) + "  " + f.artifact + "\n"
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return "", err
	}
	const hexadecimal = 2 * sha256.Size
	slices.SortFunc(sums, func(a, b string) int { return strings.Compare(a[hexadecimal:], b[hexadecimal:]) })
	return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(strings.Join(sums, "")))), nil
}

// sum reads the file into h. A file that changed since it was found is an error.
func (f file) sum(ctx context.Context, h hash.Hash) ([]byte, error) {
	content, check, err := f.open()
	if err != nil {
		return nil, err
	}
	defer content.Close()
	buffer := make([]byte, 1<<20)
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n, err := content.Read(buffer)
		h.Write(buffer[:n])
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	return h.Sum(nil), check()
}

// unreadable is the error of a file that could not be read before its upload.
func (t task) unreadable(f file, err error) error {
	e := &azureml.Error{Operation: t.operation, Subject: t.file(f.artifact), Err: err, Message: "it cannot be read: " + reason(err)}
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		e.Message = "gave up: " + err.Error()
	case errors.Is(err, blob.ErrChanged):
		e.Kind, e.Message = azureml.ErrConflict, err.Error()
		e.Remedy = "Register it again when nothing writes to it any more."
	}
	return e
}

// identical finds the newest version of the model that has the content and all that the
// options ask for and that cannot be changed later, or nil. It makes one request.
func (o RegisterOptions) identical(ctx context.Context, ws *workspace.Workspace, t task, name, sum string) (*Model, error) {
	found, err := readPage(ctx, ws, workspace.Request{
		Service: workspace.ModelManagement, Operation: t.operation, Subject: t.subject, Path: "models",
		Query: ListOptions{Name: name, Properties: map[string]string{ContentHashProperty: sum}, OrderBy: OrderByCreatedAtDesc}.query(),
	})
	if err != nil {
		return nil, err
	}
	for _, m := range found {
		if m != nil && m.ID != "" && m.Name == name && m.Properties[ContentHashProperty] == sum && o.sameUse(m) {
			m.ws = ws
			o.tellOther(t, m)
			return m, nil
		}
	}
	return nil, nil
}

// sameUse tells whether a version is run the same way as the one that would be made.
func (o RegisterOptions) sameUse(m *Model) bool {
	framework := o.Framework
	if framework == "" {
		framework = FrameworkCustom
	}
	theirs := m.Framework
	if theirs == "" {
		theirs = FrameworkCustom
	}
	return framework == theirs && o.FrameworkVersion == m.FrameworkVersion && reflect.DeepEqual(o.resources(), m.resources())
}

func (o RegisterOptions) resources() ResourceConfiguration { return filled(o.ResourceConfiguration) }

func (m *Model) resources() ResourceConfiguration { return filled(m.ResourceConfiguration) }

func filled(r *ResourceConfiguration) ResourceConfiguration {
	if r == nil {
		return ResourceConfiguration{}
	}
	return *r
}

// tellOther warns of what the options ask for and the reused version does not have.
func (o RegisterOptions) tellOther(t task, m *Model) {
	if o.OnWarning == nil {
		return
	}
	var other []string
	note := func(field string, differs bool) {
		if differs {
			other = append(other, field)
		}
	}
	note("Description", o.Description != "" && o.Description != m.Description)
	note("Tags", !holds(m.Tags, o.Tags))
	note("Properties", !holds(m.Properties, o.Properties))
	note("Datasets", len(o.Datasets) > 0 && !slices.Equal(o.Datasets, m.Datasets))
	note("SampleInput", o.SampleInput != "" && datasetURL(o.SampleInput) != m.SampleInput)
	note("SampleOutput", o.SampleOutput != "" && datasetURL(o.SampleOutput) != m.SampleOutput)
	note("RunID", o.RunID != "" && o.RunID != m.RunID)
	note("ExperimentName", o.ExperimentName != "" && o.ExperimentName != m.ExperimentName)
	if len(other) > 0 {
		o.OnWarning(azureml.Warning{Subject: t.subject, Message: m.ID + " has the same content and is reused as it is; it differs in " + strings.Join(other, ", ")})
	}
}

// holds tells whether all has everything that some has.
func holds(all, some map[string]string) bool {
	for key, value := range some {
		if got, ok := all[key]; !ok || got != value {
			return false
		}
	}
	return true
}

// withHash adds the content's hash to the properties.
func (o RegisterOptions) withHash(sum string) RegisterOptions {
	o.Properties = maps.Clone(o.Properties)
	if o.Properties == nil {
		o.Properties = map[string]string{}
	}
	o.Properties[ContentHashProperty] = sum
	return o
}
