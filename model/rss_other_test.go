//go:build !linux

package model_test

// peakRSS is the most memory that this process has had, in KiB; 0 if that is not known.
func peakRSS() int64 { return 0 }
