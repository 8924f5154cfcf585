package parity

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/azureml-go/azureml/internal/recording/wire"
)

// Contents of files that the goldens upload.
const (
	// ModelContent is model.pkl.
	ModelContent = "not really a pickle\n"
	// EntryScript is as long as the reference's score.py.
	EntryScript = "import json\n\ndef init():\n    pass\n\ndef run(data):\n    return {'predictions': [0.5 for _ in json.loads(data)['data']]}\n"
)

// BundleContent is a file of the folder "bundle", by its path in there.
func BundleContent(path string) string { return "content of " + path + "\n" }

// Stage answers our requests with those of a golden. It is safe for concurrent use.
type Stage struct {
	t      testing.TB
	golden *Golden
	script *Script
	dir    string
	start  time.Time

	mu       sync.Mutex
	matcher  wire.Matcher
	cursor   int // the last line that was answered
	sent     []*sent
	allowed  []*allowed
	problems []string
	tokens   tokens
}

// sent is one of our requests.
type sent struct {
	call *Call
	// line is what answered it; nil if nothing or an allowance did.
	line     *Line
	findings []string
	allowed  bool
}

func newStage(t testing.TB, golden *Golden, rules []Difference) (*Stage, error) {
	script, _, err := newScript(golden, rules)
	if err != nil {
		return nil, err
	}
	s := &Stage{t: t, golden: golden, script: script, dir: t.TempDir(), start: time.Now(), cursor: -1}
	s.matcher.ByValue = true
	s.tokens.take(golden)
	return s, nil
}

// ClientOptions are for the clients under test.
func (s *Stage) ClientOptions() azcore.ClientOptions {
	return azcore.ClientOptions{Transport: s.HTTPClient()}
}

// HTTPClient is a client whose requests the stage answers.
func (s *Stage) HTTPClient() *http.Client { return &http.Client{Transport: s} }

// Credential has a token at once, without a request. Scenarios about authentication make
// their own from [TenantID], [ClientID] and [ClientSecret]; the stage answers it.
func (s *Stage) Credential() azcore.TokenCredential { return fakeCredential{} }

type fakeCredential struct{}

func (fakeCredential) GetToken(_ context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	audience := strings.TrimSuffix(strings.Join(options.Scopes, " "), "/.default")
	return azcore.AccessToken{Token: webToken(audience), ExpiresOn: time.Now().Add(time.Hour)}, nil
}

// Golden is what is replayed.
func (s *Stage) Golden() *Golden { return s.golden }

// Of passes an error on that a scenario wants to be of a kind; one that is not is a
// difference.
func (s *Stage) Of(err, kind error) error {
	if !errors.Is(err, kind) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.problems = append(s.problems, fmt.Sprintf("error: want %q, got %v", kind, err))
	}
	return err
}

// Dir is a folder of the scenario's own.
func (s *Stage) Dir() string { return s.dir }

// WriteFile puts a file below [Stage.Dir] and returns its path.
func (s *Stage) WriteFile(name, content string) string {
	s.t.Helper()
	path := filepath.Join(s.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		s.t.Fatalf("parity: %v", err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		s.t.Fatalf("parity: %v", err)
	}
	return path
}

// Chdir makes a folder below [Stage.Dir] the working directory until the test ends.
func (s *Stage) Chdir(name string) {
	s.t.Helper()
	path := filepath.Join(s.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(path, 0o755); err != nil {
		s.t.Fatalf("parity: %v", err)
	}
	s.t.Chdir(path)
}

// Setenv sets an environment variable until the test ends.
func (s *Stage) Setenv(name, value string) {
	s.t.Helper()
	s.t.Setenv(name, value)
}

// unanswered is the error for a request that the golden does not answer. No retry policy
// of azcore repeats it.
type unanswered struct{ text string }

func (e *unanswered) Error() string { return "parity: " + e.text }
func (e *unanswered) NonRetriable() {}

// RoundTrip implements http.RoundTripper.
func (s *Stage) RoundTrip(request *http.Request) (*http.Response, error) {
	got, err := wire.Read(request)
	if err != nil {
		return nil, err
	}
	if err := request.Context().Err(); err != nil {
		return nil, err
	}
	if isTokenRequest(got.URL) {
		return s.answerToken(got, request)
	}
	call := callSent(got)
	return s.answer(call, request)
}

// runaway is the number of requests after which a scenario is taken to poll for ever:
// virtual time has no end.
const runaway = 1000

func (s *Stage) answer(call *Call, request *http.Request) (*http.Response, error) {
	s.mu.Lock()
	record := &sent{call: call}
	s.sent = append(s.sent, record)
	if len(s.sent) > runaway {
		defer s.mu.Unlock()
		return nil, &unanswered{"too many requests, this does not end"}
	}
	known := len(s.matcher.Bound)
	record.line = s.pick(call)
	if record.line == nil {
		defer s.mu.Unlock()
		return s.answerAllowed(record, request)
	}
	record.findings = s.take(record.line, call)
	fill := s.filler(s.matcher.Bound[known:])
	line := record.line
	s.mu.Unlock()

	if line.Response.Fault == wire.FaultTimeout {
		return nil, waitForTimeout(request.Context(), line.Timeout)
	}
	if err := line.Response.Fault.Err(); err != nil {
		return nil, err
	}
	return respond(&line.Response, request, fill)
}

// take marks a line as made and notes what its masks stood for.
func (s *Stage) take(line *Line, call *Call) []string {
	line.made = true
	for i, l := range s.script.Lines {
		if l == line {
			s.cursor = max(s.cursor, i)
		}
	}
	s.matcher.URL(line.URL, call.URL)
	findings := compareBody(&s.matcher, &line.Call, call)
	if !line.change {
		findings = nil
	}
	if line.Bearer != call.Bearer {
		findings = append(findings, fmt.Sprintf("Authorization header: want %t, got %t", line.Bearer, call.Bearer))
	}
	return findings
}

// The reference waits for ever where a golden has no timeout; our own limit must come first.
const unlimited = 24 * time.Hour

func waitForTimeout(ctx context.Context, t *Timeout) error {
	limit := unlimited
	if t != nil {
		limit = time.Duration(t.Read * float64(time.Second))
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return wire.FaultTimeout.Err()
	}
}

// answerAllowed answers what the scenario has declared beyond the golden.
func (s *Stage) answerAllowed(record *sent, request *http.Request) (*http.Response, error) {
	for _, a := range s.allowed {
		if !a.fits(record.call) {
			continue
		}
		a.used++
		record.allowed = true
		if err := a.Answer.Fault.Err(); err != nil {
			return nil, err
		}
		return respond(&Response{Response: a.Answer}, request, s.filler(nil))
	}
	text := s.whyUnanswered(record.call)
	s.problems = append(s.problems, text)
	return nil, &unanswered{text}
}
