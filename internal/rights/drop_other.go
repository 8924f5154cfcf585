//go:build !linux

package rights

import (
	"os"
	"runtime"
	"testing"
)

// Drop skips the test where it would have all rights, or where they are not those of Unix.
func Drop(t testing.TB) {
	t.Helper()
	if os.Getuid() == 0 || runtime.GOOS == "windows" {
		t.Skip("root may read and write everything, and Windows has other rights")
	}
}
