package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/azureml-go/azureml/azuremltest"
)

// emulate starts an emulator for this command, with what the commands before have left in
// the state file. Of two commands at the same time the one that ends last is remembered.
func (s *session) emulate(context.Context, *Globals) (*Connection, error) {
	g := s.globals
	path, err := statePath(g.EmulatorState)
	if err != nil {
		return nil, fmt.Errorf("the emulator's state has no place: %w; name one with -emulator-state", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("the emulator's state has no place: %w", err)
	}
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
