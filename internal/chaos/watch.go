package chaos

import (
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	azlog "github.com/Azure/azure-sdk-for-go/sdk/azcore/log"
)

// heard is the output of the run that hears azcore's log, of which a process has one.
// Runs follow each other.
var heard atomic.Pointer[secrets]

// Listen makes azcore's log part of the output of the runs; it is called once.
func Listen() {
	azlog.SetListener(func(event azlog.Event, text string) {
		if s := heard.Load(); s != nil {
			s.shown(string(event) + " " + text)
		}
	})
}

// bubbleIn finds the bubble in the first line of a goroutine's stack.
func bubbleIn(stack string) string {
	line, _, _ := strings.Cut(stack, "\n")
	_, name, _ := strings.Cut(line, "synctest bubble ")
	name, _, _ = strings.Cut(name, "]")
	return name
}

// openFiles are the files below dir that this process has open, where the system tells.
func openFiles(dir string) []string {
	const descriptors = "/proc/self/fd"
	entries, _ := os.ReadDir(descriptors)
	var open []string
	for _, e := range entries {
		if target, err := os.Readlink(filepath.Join(descriptors, e.Name())); err == nil && strings.HasPrefix(target, dir+string(filepath.Separator)) {
			open = append(open, target)
		}
	}
	return open
}
