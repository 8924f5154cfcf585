package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/azureml-go/azureml/azuremltest"
)

// emulate starts an emulator for this command, with what the commands before have left in
// the state file. Of commands at the same time one waits for the other.
func (s *session) emulate(ctx context.Context, _ *Globals) (*Connection, error) {
	path, err := statePath(s.globals.EmulatorState)
	if err != nil {
		return nil, fmt.Errorf("the emulator's state has no place: %w; name one with -emulator-state", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("the emulator's state has no place: %w", err)
	}
	unlock, err := s.alone(ctx, filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	c, err := s.start(path)
	if err != nil {
		unlock()
		return nil, err
	}
	shutdown := c.Close
	c.Close = func() error {
		defer unlock()
		return shutdown()
	}
	return c, nil
}

// alone waits until no other command works on an emulator whose state is in the folder.
func (s *session) alone(ctx context.Context, folder string) (unlock func(), err error) {
	const interval, patience = 20 * time.Millisecond, time.Second
	for waited := time.Duration(0); ; waited += interval {
		unlock, err = lock(folder)
		if !errors.Is(err, errLocked) {
			break
		}
		if waited == patience {
			fmt.Fprintf(s.env.Err, "Another command works on the emulator in %s; this one waits for it.\n", folder)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(interval):
		}
	}
	if err != nil {
		return nil, fmt.Errorf("the emulator's state cannot be locked: %w", err)
	}
	return unlock, nil
}

// start starts the emulator with the state that the file remembers.
func (s *session) start(path string) (*Connection, error) {
	g := s.globals
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintf(s.env.Err, "A new emulator. %s remembers what is done on it; delete it to begin anew.\n", path)
	}
	srv, err := azuremltest.Start(&azuremltest.Options{StateFile: path})
	if err != nil {
		return nil, fmt.Errorf("%w; delete the file to begin anew", err)
	}
	if g.Workspace == "" {
		g.Workspace, g.ResourceGroup, g.Subscription = azuremltest.WorkspaceName, azuremltest.ResourceGroup, azuremltest.SubscriptionID
	}
	return &Connection{Credential: srv.Credential(), Options: srv.ClientOptions(), Close: srv.Shutdown}, nil
}

// statePath is where the emulator's state is kept.
func statePath(wanted string) (string, error) {
	if wanted != "" {
		return wanted, nil
	}
	folder, err := os.UserCacheDir()
	return filepath.Join(folder, "azml", "emulator.json"), err
}

// errLocked is what lock gives when another command has the folder.
var errLocked = errors.New("another command has it")
