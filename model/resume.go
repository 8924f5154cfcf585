package model

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // storage's own check sum, not a protection
	"errors"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/blob"
	"github.com/azureml-go/azureml/internal/validate"
	"github.com/azureml-go/azureml/workspace"
)

// checkpointOf is the state of an upload that has not begun.
func checkpointOf(ws *workspace.Workspace, name, path string, files []file) checkpointState {
	s := checkpointState{Format: checkpointFormat, Version: checkpointVersion, Model: name, Path: path}
	if ws != nil {
		s.Workspace = ws.ID
	}
	if absolute, err := filepath.Abs(path); err == nil {
		s.Path = absolute
	}
	s.Files = make([]checkpointFile, len(files))
	for i, f := range files {
		s.Files[i] = checkpointFile{Path: f.artifact, Size: f.size, Modified: f.modified}
	}
	return s
}

// earlier reads the checkpoint of an interrupted call; nil if there is none.
func (o RegisterOptions) earlier(c *validate.Checker, state checkpointState) *checkpointState {
	if o.Checkpoint == "" || !c.OK() {
		return nil
	}
	earlier, err := readCheckpoint(o.Checkpoint)
	if err != nil {
		c.Add("Checkpoint", o.Checkpoint, err.Error())
		return nil
	}
	if earlier == nil {
		return nil
	}
	if problem := earlier.fits(state); problem != "" {
		c.Add("Checkpoint", o.Checkpoint, problem)
		return nil
	}
	return earlier
}

// checkNoFiles refuses what only an upload of files can do.
func (o RegisterOptions) checkNoFiles(c *validate.Checker) {
	if o.Checkpoint != "" {
		c.Add("Checkpoint", o.Checkpoint, "can only be used with Register, which can read its files again")
	}
	if o.ReuseIdentical {
		c.Add("ReuseIdentical", true, "can only be used with Register, which can read its files before it sends them")
	}
}

// checkpoint begins to keep the checkpoint that the options name; nil if they name none.
func (o RegisterOptions) checkpoint(t task, state checkpointState, earlier *checkpointState) (*checkpoint, error) {
	if o.Checkpoint == "" {
		return nil, nil //nolint:nilnil // a nil checkpoint keeps nothing
	}
	resumed := earlier != nil && state.merge(earlier)
	if !resumed {
		state.Container = modelContainer()
		if earlier != nil && o.OnWarning != nil {
			o.OnWarning(azureml.Warning{Subject: t.subject, Message: "the upload begins anew, since files are gone, or have changed after they were complete"})
		}
	}
	kept, err := newCheckpoint(o.Checkpoint, state, resumed)
	if err != nil {
		return nil, t.notKept(err)
	}
	return kept, nil
}

// notKept is the error of a checkpoint that cannot be written.
func (t task) notKept(err error) error {
	return &azureml.Error{Operation: t.operation, Subject: t.subject, Err: err, Message: "the checkpoint cannot be written: " + reason(err)}
}

// forget removes the checkpoint of an upload that is over.
func (o RegisterOptions) forget(t task, kept *checkpoint) {
	if err := kept.remove(); err != nil && o.OnWarning != nil {
		o.OnWarning(azureml.Warning{Subject: t.subject, Message: "the checkpoint is done with and cannot be removed: " + reason(err), Err: err})
	}
}

func (c *checkpoint) container() string {
	if c == nil {
		return modelContainer()
	}
	return c.state.Container
}

// registering tells that an earlier call has uploaded everything.
func (c *checkpoint) registering() bool { return c != nil && c.state.Registering }

// registerKept is registerArtifacts that finds what an earlier call has made.
func (o RegisterOptions) registerKept(ctx context.Context, ws *workspace.Workspace, t task, kept *checkpoint, name, prefix string) (*Model, error) {
	if kept == nil {
		return o.registerArtifacts(ctx, ws, t, name, prefix)
	}
	asset := kept.state.Asset
	switch {
	case asset != "":
		m, err := findModel(ctx, ws, t, name, assetScheme+asset)
		if m != nil || err != nil {
			return m, err
		}
	case kept.registering():
		found, err := findAsset(ctx, ws, t, name, prefix)
		if err != nil {
			return nil, err
		}
		if found != nil {
			asset = found.ID
		}
	default:
		// Before anything is made: the next call must know what to look for.
		if err := kept.update(func(s *checkpointState) { s.Registering = true }); err != nil {
			return nil, t.notKept(err)
		}
	}
	if asset == "" {
		var err error
		if asset, err = createAsset(ctx, ws, t, name, prefix, o.RunID); err != nil {
			return nil, uploaded(err, artifactScheme+prefix)
		}
	}
	if err := kept.update(func(s *checkpointState) { s.Asset = asset }); err != nil {
		return nil, uploaded(t.notKept(err), assetScheme+asset)
	}
	return o.registerAsset(ctx, ws, t, name, asset)
}

// findModel finds the version with that address, or nil.
func findModel(ctx context.Context, ws *workspace.Workspace, t task, name, address string) (*Model, error) {
	request := workspace.Request{
		Service: workspace.ModelManagement, Operation: t.operation, Subject: t.subject, Path: "models",
		Query: ListOptions{Name: name, OrderBy: OrderByCreatedAtDesc}.query(),
	}
	for w, err := range workspace.List[*modelAnswer](ctx, ws, request, nextModels) {
		if err != nil {
			return nil, err
		}
		if w != nil && w.URL == address {
			return w.model(ws), nil
		}
	}
	return nil, nil
}

// resumable says in an error how to go on.
func resumable(err error, kept *checkpoint) error {
	e, ok := errors.AsType[*azureml.Error](err)
	if !ok || kept == nil {
		return err
	}
	copied := *e
	copied.Remedy = strings.TrimSpace(e.Remedy + "\nCall Register again with the same Checkpoint to go on where it ended.")
	return &copied
}

// resume uploads what an earlier call has begun, and gives the files that it has not.
func (u *uploads) resume(ctx context.Context, files []file) (fresh []file, err error) {
	begun, err := u.begun(ctx)
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(2 * max(u.concurrency, blob.DefaultConcurrency))
	for _, f := range files {
		address, ok := begun[f.artifact]
		if !ok {
			mu.Lock()
			fresh = append(fresh, f)
			mu.Unlock()
			continue
		}
		group.Go(func() error { return u.again(ctx, f, address) })
	}
	return fresh, group.Wait()
}

// begun gives the addresses to read, of all artifacts that are in the container.
func (u *uploads) begun(ctx context.Context) (map[string]azureml.Secret, error) {
	request := workspace.Request{
		Service: workspace.Artifacts, Operation: u.task.operation, Subject: u.task.subject,
		Path: "artifacts/prefix/contentinfo/" + escapePath(localUpload+"/"+u.container+"/"+u.prefix),
	}
	begun := map[string]azureml.Secret{}
	for at, err := range workspace.List[wireLocation](ctx, u.ws, request, nextArtifacts) {
		if errors.Is(err, azureml.ErrNotFound) {
			break
		}
		if err != nil {
			return nil, err
		}
		begun[at.Path] = at.URI
	}
	return begun, nil
}

// again uploads a file of an earlier call, unless storage has it.
func (u *uploads) again(ctx context.Context, f file, readable azureml.Secret) error {
	if err := ctx.Err(); err != nil {
		return &azureml.Error{Operation: u.task.operation, Subject: u.task.subject, Err: err, Message: "gave up: " + err.Error()}
	}
	if readable.IsZero() {
		var err error
		if readable, err = readAddress(ctx, u.ws, u.task, localUpload+"/"+u.container+"/"+f.artifact); err != nil {
			return err
		}
	}
	there, exists, err := u.sender.Look(ctx, blob.Upload{
		Subject: u.task.file(f.artifact), URI: readable.Reveal(),
		Renew: func(ctx context.Context) (string, error) {
			address, err := readAddress(ctx, u.ws, u.task, localUpload+"/"+u.container+"/"+f.artifact)
			return address.Reveal(), err
		},
	})
	if err != nil {
		return err
	}
	if exists {
		same, err := u.same(ctx, f, u.checkpoint.file(f.artifact), there)
		if err != nil {
			return err
		}
		if same {
			u.checkpoint.complete(f.artifact, there.MD5)
			u.moved(f.artifact, f.size, f.size, f.size)
			u.done(f.artifact, f.size, f.size)
			return nil
		}
	}
	address, err := writeAddress(ctx, u.ws, u.task, u.container, f.artifact)
	if err != nil {
		return err
	}
	up := u.begin(f)
	up.Replace = there.ETag
	return u.file(ctx, address, f, up)
}

// begin says of a file what an earlier call has done.
func (u *uploads) begin(f file) blob.Upload {
	if u.checkpoint == nil {
		return blob.Upload{}
	}
	known := u.checkpoint.file(f.artifact)
	return blob.Upload{Resume: known.carried, Earlier: known.Blocks}
}

// same tells whether storage has the file as it is now. A file that the checkpoint knows
// to be complete, and that has not changed since, is not read again.
func (u *uploads) same(ctx context.Context, f file, known checkpointFile, there blob.Blob) (bool, error) {
	if there.Size != f.size || len(there.MD5) == 0 {
		return false, nil
	}
	if bytes.Equal(known.MD5, there.MD5) {
		return true, nil
	}
	sum, err := f.sum(ctx, md5.New()) //nolint:gosec // see above
	if err != nil {
		return false, u.task.unreadable(f, err)
	}
	return bytes.Equal(sum, there.MD5), nil
}
