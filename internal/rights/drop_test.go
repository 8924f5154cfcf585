package rights_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml/internal/rights"
)

// TestDrop: what may not be touched is not, and is again when the test has ended.
func TestDrop(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(path, []byte("x"), 0))
	t.Run("without", func(t *testing.T) {
		require.NoError(t, os.Chmod(dir, 0o500))
		rights.Drop(t)
		_, err := os.ReadFile(path)
		require.ErrorIs(t, err, fs.ErrPermission)
		require.ErrorIs(t, os.WriteFile(filepath.Join(dir, "other"), nil, 0o600), fs.ErrPermission)
	})
	require.NoError(t, os.Chmod(dir, 0o700))
	assert.NoError(t, os.WriteFile(filepath.Join(dir, "other"), nil, 0o600))
}
