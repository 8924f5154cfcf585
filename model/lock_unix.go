//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package model

import (
	"errors"
	"os"
	"syscall"
)

// lockFile locks a file until it is closed. busy tells that somebody else has it; where
// neither is true, it cannot be done.
func lockFile(f *os.File) (locked, busy bool) {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) //nolint:gosec // descriptors are small
	return err == nil, errors.Is(err, syscall.EWOULDBLOCK)
}
