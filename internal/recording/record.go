package recording

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/azureml-go/azureml/internal/recording/wire"
)

// Variable is the environment variable that asks for new recordings: "emulator" or
// "live".
const Variable = "AZUREML_RECORD"

const (
	fromEmulator = "emulator"
	fromLive     = "live"
)

// Option is a source to record from.
type Option func(*source)

// Open connects to a source: the transport to it and a credential for it. It is called
// only when something is recorded.
type Open func() (policy.Transporter, azcore.TokenCredential)

type source struct {
	kind string
	open Open
}

// Emulator is the source for AZUREML_RECORD=emulator.
func Emulator(open Open) Option {
	return func(s *source) { s.offer(fromEmulator, open) }
}

// Live is the source for AZUREML_RECORD=live.
func Live(open Open) Option {
	return func(s *source) { s.offer(fromLive, open) }
}

func (s *source) offer(kind string, open Open) {
	if s.kind == kind {
		s.open = open
	}
}

// wantedSource is the source that the environment asks for, nil to play.
func wantedSource(t testing.TB, options []Option) *source {
	s := &source{kind: os.Getenv(Variable)}
	switch s.kind {
	case "":
		return nil
	case fromEmulator, fromLive:
	default:
		t.Fatalf("%s is %q; it can be %q or %q", Variable, s.kind, fromEmulator, fromLive)
	}
	for _, option := range options {
		option(s)
	}
	if s.open == nil {
		return nil
	}
	return s
}

// Setting is a value that differs between the recorded world and the played one, such as
// a subscription id or a secret: fake when playing; when recording the environment
// variable's value, in whose place the file gets fake. Against an emulator the variable
// may be unset, which gives fake.
func (p *Player) Setting(variable, fake string) string {
	p.t.Helper()
	if p.settings.kind == "" {
		return fake
	}
	actual := os.Getenv(variable)
	switch {
	case actual == "" && p.settings.kind == fromLive:
		p.t.Fatalf("recording %s: set %s", p.name, variable)
	case actual == "":
		actual = fake
	}
	p.settings.add(actual, fake)
	return actual
}

// settings are the pairs that Setting was asked for, and what is recorded from.
type settings struct {
	kind string

	mu    sync.Mutex
	pairs [][2]string
}

func (s *settings) add(actual, fake string) {
	if actual == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pairs = append(s.pairs, [2]string{actual, fake})
}

// raw is an exchange as it happened.
type raw struct {
	got    *wire.Got
	status int
	header http.Header
	body   []byte
	fault  wire.Fault
}

// recorder passes requests on and keeps what went over the wire.
type recorder struct {
	next http.RoundTripper

	mu        sync.Mutex
	exchanges []*raw
}

// transporter makes a round tripper of any transport.
type transporter struct{ policy.Transporter }

func (t transporter) RoundTrip(request *http.Request) (*http.Response, error) { return t.Do(request) }

func roundTripper(t policy.Transporter) http.RoundTripper {
	client, ok := t.(*http.Client)
	switch {
	case !ok:
		return transporter{t}
	case client.Transport == nil:
		return http.DefaultTransport
	}
	// Not through the client: it would follow redirects, and the player's does that.
	return client.Transport
}

// RoundTrip implements http.RoundTripper.
func (r *recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	got, err := wire.Read(request)
	if err != nil {
		return nil, err
	}
	exchange := &raw{got: &wire.Got{Method: got.Method, URL: got.URL, Header: got.Header.Clone(), Body: got.Body}}
	r.mu.Lock()
	r.exchanges = append(r.exchanges, exchange)
	r.mu.Unlock()

	passed := request.Clone(request.Context())
	if request.Body != nil {
		passed.Body = io.NopCloser(bytes.NewReader(got.Body))
	}
	response, err := r.next.RoundTrip(passed)
	var body []byte
	if err == nil {
		body, err = io.ReadAll(response.Body)
		_ = response.Body.Close()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		exchange.fault = wire.FaultOf(err)
		return nil, err
	}
	exchange.status, exchange.header, exchange.body = response.StatusCode, response.Header.Clone(), body
	response.Body = io.NopCloser(bytes.NewReader(body))
	response.Request = request
	return response, nil
}

func record(t testing.TB, name, file string, s *source) *Player {
	actual, credential := s.open()
	recorder := &recorder{next: roundTripper(actual)}
	p := &Player{t: t, name: name, transport: recorder, credential: credential, settings: &settings{kind: s.kind}}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("recording %s: not written, the test failed", name)
			return
		}
		if err := recorder.write(file, t.Name(), p.settings); err != nil {
			t.Errorf("recording %s: not written: %v", name, err)
		}
	})
	return p
}

// write scrubs what was recorded and puts it in place of the file at once.
func (r *recorder) write(file, title string, s *settings) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	recording := &Recording{Source: s.kind, Title: title}
	if old, err := os.ReadFile(file); err == nil {
		if before, err := Parse(old); err == nil {
			recording.Title = before.Title
		}
	}
	scrub := newScrubber(s, r.exchanges)
	for _, exchange := range r.exchanges {
		recording.Exchanges = append(recording.Exchanges, scrub.exchange(exchange))
	}
	data, err := recording.Encode()
	if err != nil {
		return err
	}
	if _, err := Parse(data); err != nil {
		return err
	}
	if err := scrub.leaks(string(data)); err != nil {
		return err
	}
	return replaceFile(file, data)
}

func replaceFile(file string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	temporary, err := os.CreateTemp(filepath.Dir(file), ".recording-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temporary.Name()) }()
	if _, err := temporary.Write(data); err != nil {
		_ = temporary.Close()
		return err
	}
	if err := temporary.Chmod(0o644); err != nil {
		_ = temporary.Close()
		return err
	}
	if err := temporary.Close(); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), file)
}
