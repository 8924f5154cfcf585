//go:build !unix

package main

import "errors"

func peakOfProcess() (int64, error) {
	return 0, errors.New("the peak memory of a process cannot be read on this system")
}
