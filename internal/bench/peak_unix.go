//go:build unix

package main

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"syscall"
)

// peakOfProcess is the largest resident set that this process has had, in bytes.
func peakOfProcess() (int64, error) {
	// On Linux the usage of a process begins with what its parent had when it started it.
	if status, err := os.ReadFile("/proc/self/status"); err == nil {
		if _, after, ok := bytes.Cut(status, []byte("VmHWM:")); ok {
			var kib int64
			if _, err := fmt.Fscan(bytes.NewReader(after), &kib); err == nil {
				return kib << 10, nil
			}
		}
	}
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
