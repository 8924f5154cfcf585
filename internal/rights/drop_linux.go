package rights

import (
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// override are the capabilities that let root read and write everything.
const override = 1<<unix.CAP_DAC_OVERRIDE | 1<<unix.CAP_DAC_READ_SEARCH

// Drop takes away root's right to pass over the rights of files until the test ends: from
// the test's own goroutine, which alone must use them. Others have no such right.
func Drop(t testing.TB) {
	t.Helper()
	if os.Getuid() != 0 {
		return
	}
	// The thread is not given back: it ends with the goroutine.
	runtime.LockOSThread()
	change(t, func(effective uint32) uint32 { return effective &^ override })
	t.Cleanup(func() { change(t, func(effective uint32) uint32 { return effective | override }) })
}

// change changes the effective capabilities of this thread.
func change(t testing.TB, to func(effective uint32) uint32) {
	t.Helper()
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&head, &data[0]); err != nil {
		t.Fatal(err)
	}
	data[0].Effective = to(data[0].Effective) & data[0].Permitted
	if err := unix.Capset(&head, &data[0]); err != nil {
		t.Fatal(err)
	}
}
