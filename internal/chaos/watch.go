package chaos

import (
	"os"
	"path/filepath"
	"strings"
	"sync"

	azlog "github.com/Azure/azure-sdk-for-go/sdk/azcore/log"
)

// listeners are who hears azcore's log, of which a process has one.
type listeners struct {
	mu  sync.Mutex
	all map[*secrets]bool
}

var heard = &listeners{all: map[*secrets]bool{}}

// Listen makes azcore's log part of the output of all runs; it is called once.
func Listen() {
	azlog.SetListener(func(event azlog.Event, text string) {
		heard.mu.Lock()
		defer heard.mu.Unlock()
		for s := range heard.all {
			s.print(string(event) + " " + text)
		}
	})
}

// listen adds a run's output.
func listen(s *secrets) (stop func()) {
	heard.mu.Lock()
	defer heard.mu.Unlock()
	heard.all[s] = true
	return func() {
		heard.mu.Lock()
		defer heard.mu.Unlock()
		delete(heard.all, s)
	}
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
