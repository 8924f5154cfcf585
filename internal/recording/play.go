package recording

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/jarcoal/httpmock"

	"github.com/azureml-go/azureml/internal/clouds"
	"github.com/azureml-go/azureml/internal/recording/wire"
)

// Player answers requests from a recording, or records them anew. It is safe for
// concurrent use.
type Player struct {
	t          testing.TB
	name       string
	transport  http.RoundTripper
	credential azcore.TokenCredential
	settings   *settings

	mu        sync.Mutex
	recording *Recording
	made      []bool
	matcher   *wire.Matcher
	broken    bool
}

var nameForm = regexp.MustCompile(`^[a-z0-9_]+$`)

// Play opens testdata/recordings/NAME.json of the package under test. When the test ends
// it checks that all recorded requests were made. With AZUREML_RECORD set and a source of
// that kind among the options it records the file anew instead.
func Play(t testing.TB, name string, options ...Option) *Player {
	t.Helper()
	if !nameForm.MatchString(name) {
		t.Fatalf("recording name %q must consist of a-z, 0-9 and _", name)
	}
	file := filepath.Join("testdata", "recordings", name+".json")
	if source := wantedSource(t, options); source != nil {
		return record(t, name, file, source)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("no recording: %v", err)
	}
	recording, err := Parse(data)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return play(t, name, recording)
}

func play(t testing.TB, name string, recording *Recording) *Player {
	p := &Player{
		t: t, name: name, recording: recording, made: make([]bool, len(recording.Exchanges)), matcher: new(wire.Matcher),
		credential: fakeCredential{}, settings: &settings{},
	}
	mock := httpmock.NewMockTransport()
	mock.RegisterNoResponder(p.respond)
	p.transport = mock
	t.Cleanup(p.finish)
	return p
}

// ClientOptions are for the client under test: this player as transport, and retries
// without noticeable waits (an answer's Retry-After is still obeyed).
func (p *Player) ClientOptions() azcore.ClientOptions {
	return azcore.ClientOptions{
		Cloud:     clouds.Public().Configuration(), // whatever the environment names
		Transport: p.HTTPClient(),
		Retry:     policy.RetryOptions{RetryDelay: time.Nanosecond},
	}
}

// HTTPClient is a client whose requests this player answers.
func (p *Player) HTTPClient() *http.Client { return &http.Client{Transport: p.transport} }

// Credential is a credential whose token is "aud=" and the scope without "/.default".
// While recording it is that of the source.
func (p *Player) Credential() azcore.TokenCredential { return p.credential }

type fakeCredential struct{}

func (fakeCredential) GetToken(_ context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	audience := strings.TrimSuffix(strings.Join(options.Scopes, " "), "/.default")
	return azcore.AccessToken{Token: "aud=" + audience, ExpiresOn: time.Now().Add(time.Hour)}, nil
}

// mismatch is the error that a client gets for a request the recording does not have. No
// retry policy of azcore repeats it.
type mismatch struct{ text string }

func (e *mismatch) Error() string { return e.text }
func (e *mismatch) NonRetriable() {}

// respond answers one request.
func (p *Player) respond(request *http.Request) (*http.Response, error) {
	got, err := wire.Read(request)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.broken {
		return nil, &mismatch{fmt.Sprintf("recording %s: already failed before %s", p.name, got)}
	}
	at, problem := p.find(got)
	if problem != "" {
		p.broken = true
		p.t.Errorf("recording %s: %s", p.name, problem)
		return nil, &mismatch{fmt.Sprintf("recording %s: unexpected request %s", p.name, got)}
	}
	p.made[at] = true
	return p.answer(&p.recording.Exchanges[at].Response, request)
}

// find returns the exchange that a request is, and commits the values of its masks.
func (p *Player) find(got *wire.Got) (int, string) {
	start, end := p.next()
	if start == len(p.made) {
		return 0, fmt.Sprintf("all %d exchanges were made, and then came\n  got  %s", len(p.made), got)
	}
	var report strings.Builder
	for i := start; i < end; i++ {
		if p.made[i] {
			continue
		}
		matcher := requestMatcher{p.matcher.Clone()}
		findings := matcher.request(&p.recording.Exchanges[i].Request, got)
		if len(findings) == 0 {
			p.matcher = matcher.Matcher
			return i, ""
		}
		fmt.Fprintf(&report, "\n  want exchange %d of %d: %s", i+1, len(p.made), line(&p.recording.Exchanges[i].Request))
		for _, finding := range findings {
			fmt.Fprintf(&report, "\n    - %s", finding)
		}
	}
	return 0, fmt.Sprintf("unexpected request\n  got  %s%s%s", got, report.String(), p.hint(got, end))
}

// next is the range of exchanges of which one must come next.
func (p *Player) next() (start, end int) {
	for start < len(p.made) {
		end = p.recording.groupEnd(start)
		for i := start; i < end; i++ {
			if !p.made[i] {
				return start, end
			}
		}
		start = end
	}
	return start, start
}

// hint tells when a request is right but too early or again.
func (p *Player) hint(got *wire.Got, end int) string {
	for i := range p.recording.Exchanges {
		matcher := requestMatcher{p.matcher.Clone()}
		if len(matcher.request(&p.recording.Exchanges[i].Request, got)) > 0 {
			continue
		}
		switch {
		case p.made[i]:
			return fmt.Sprintf("\n  it is exchange %d, made before", i+1)
		case i >= end:
			return fmt.Sprintf("\n  it is exchange %d, whose turn it is not", i+1)
		}
	}
	return ""
}

func (p *Player) answer(response *wire.Response, request *http.Request) (*http.Response, error) {
	if err := response.Fault.Err(); err != nil {
		return nil, err
	}
	body, err := response.Body()
	if err != nil {
		return nil, err
	}
	missing := ""
	value := func(quoted bool) func(wire.Mask) (string, bool) {
		return func(mask wire.Mask) (string, bool) {
			text, ok := p.matcher.Named(mask)
			if !ok {
				missing = mask.Named()
			}
			if quoted {
				text = quote(text)
			}
			return text, ok
		}
	}
	filled := *response
	filled.Headers = map[string]string{}
	for name, text := range response.Headers {
		filled.Headers[name] = wire.Fill(text, value(false))
	}
	if response.Base64 == nil {
		body = []byte(wire.Fill(string(body), value(len(response.JSON) > 0)))
	}
	if missing != "" {
		p.t.Errorf("recording %s: the answer needs <%s>, which no request had yet", p.name, missing)
	}
	return filled.HTTP(request, body), nil
}

func (p *Player) finish() {
	p.mu.Lock()
	defer p.mu.Unlock()
	var missing strings.Builder
	for i := range p.made {
		if !p.made[i] {
			fmt.Fprintf(&missing, "\n  exchange %d of %d: %s", i+1, len(p.made), line(&p.recording.Exchanges[i].Request))
		}
	}
	if missing.Len() > 0 {
		p.t.Errorf("recording %s: not made:%s", p.name, missing.String())
	}
}

func line(r *wire.Request) string { return r.Method + " " + r.URL }
