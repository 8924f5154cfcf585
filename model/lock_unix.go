//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package model

import (
	"os"
	"syscall"
)

// lockFile locks a file until it is closed; false if another process has, or it cannot be done.
func lockFile(f *os.File) bool {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil //nolint:gosec // descriptors are small
}
