package model_test

import "syscall"

// peakRSS is the most memory that this process has had, in KiB; 0 if that is not known.
func peakRSS() int64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return u.Maxrss
}
