package recording

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/azureml-go/azureml/internal/recording/wire"
)

// fakeT is a test that may fail without failing the one that looks at it.
type fakeT struct {
	testing.TB
	failures []string
	cleanups []func()
}

func (f *fakeT) Helper()             {}
func (f *fakeT) Name() string        { return "TestFake" }
func (f *fakeT) Failed() bool        { return len(f.failures) > 0 }
func (f *fakeT) Cleanup(run func())  { f.cleanups = append(f.cleanups, run) }
func (f *fakeT) Logf(string, ...any) {}
func (f *fakeT) Errorf(format string, args ...any) {
	f.failures = append(f.failures, fmt.Sprintf(format, args...))
}

func (f *fakeT) Fatalf(format string, args ...any) {
	f.Errorf(format, args...)
	runtime.Goexit()
}

// run runs a test with its cleanups and returns what it complained about.
func (f *fakeT) run(test func(t testing.TB)) string {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			for i := len(f.cleanups) - 1; i >= 0; i-- {
				f.cleanups[i]()
			}
		}()
		test(f)
	}()
	<-done
	return strings.Join(f.failures, "\n")
}

// get is an exchange of a GET and a 200.
func get(url string) Exchange {
	return Exchange{Request: wire.Request{Method: "GET", URL: url}, Response: wire.Response{Status: 200}}
}

// numbered is a named group of exchanges.
func group(name string, exchanges ...Exchange) []Exchange {
	for i := range exchanges {
		exchanges[i].Unordered = name
	}
	return exchanges
}

func text(s string) *string { return &s }
