//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package model

import "os"

// lockFile locks a file until it is closed; here that cannot be done.
func lockFile(*os.File) (locked, busy bool) { return false, false }
