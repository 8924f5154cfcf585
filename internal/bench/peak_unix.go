//go:build unix

package main

import (
	"runtime"
	"syscall"
)

// peakOfProcess is the largest resident set that this process has had, in bytes.
func peakOfProcess() (int64, error) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0, err
	}
	peak := int64(usage.Maxrss)
	if runtime.GOOS != "darwin" {
		peak <<= 10 // KiB elsewhere
	}
	return peak, nil
}
