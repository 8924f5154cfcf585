package model

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"

	"github.com/azureml-go/azureml"
)

// hold keeps other calls, of this process and of others, from using the checkpoint until
// release is called: two that go on with the same upload would make two versions. Where
// files cannot be locked it does nothing.
func (o RegisterOptions) hold(t task) (release func(), err error) {
	release = func() {}
	if o.Checkpoint == "" {
		return release, nil
	}
	// The checkpoint itself is replaced whenever it is written, and so is no good for it.
	sum := sha256.Sum256([]byte(filepath.Base(o.Checkpoint)))
	name := filepath.Join(filepath.Dir(o.Checkpoint), ".azureml-"+hex.EncodeToString(sum[:8])+".lock")
	for {
		f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return release, t.notKept(err)
		}
		locked, busy := lockFile(f)
		if busy {
			_ = f.Close()
			return release, &azureml.Error{
				Operation: t.operation, Subject: t.subject, Kind: azureml.ErrConflict,
				Message: fmt.Sprintf("the checkpoint %q is being used by another call", o.Checkpoint),
				Remedy:  "Wait until that call has ended, or name another checkpoint.",
			}
		}
		if !locked {
			_ = f.Close()
			_ = os.Remove(name)
			return release, nil
		}
		ours, err := f.Stat()
		now, nowErr := os.Lstat(name)
		if err == nil && nowErr == nil && os.SameFile(ours, now) {
			// Removed before it is closed, by which the lock ends.
			return func() { _, _ = os.Remove(name), f.Close() }, nil
		}
		// Between opening and locking it, the call that had it has ended and removed it.
		_ = f.Close()
		if err != nil {
			return release, t.notKept(err)
		}
	}
}
