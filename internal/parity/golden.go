package parity

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/azureml-go/azureml/internal/recording/wire"
)

// Directory is the environment variable that names another folder of goldens.
const Directory = "AZUREML_GOLDEN_DIR"

// What the goldens were recorded with.
const (
	SubscriptionID = "11111111-2222-3333-4444-555555555555"
	ResourceGroup  = "rg-ml"
	Workspace      = "ws-prod"
	Location       = "westeurope"
	TenantID       = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
	ClientID       = "99999999-8888-7777-6666-555555555555"
	ClientSecret   = "fake-client-secret-value"
)

// Golden is what azureml-core did in one scenario.
type Golden struct {
	Scenario string   `json:"scenario"`
	Title    string   `json:"title"`
	Steps    []string `json:"steps"`
	// Requests is how many requests the reference sent, those for tokens aside.
	Requests int `json:"requests"`
	// Waited is how many seconds the reference slept.
	Waited       float64       `json:"waited"`
	Interactions []Interaction `json:"interactions"`
	// Result is what the steps returned. It may be null.
	Result json.RawMessage `json:"result,omitempty"`
	// Error is what the steps raised instead.
	Error *Failure `json:"error,omitempty"`
}

// Failure is an exception of the reference.
type Failure struct {
	Type    string `json:"type"`
	Message string `json:"message"`
}

// Interaction is one try of a request.
type Interaction struct {
	// Step is an index in the golden's steps.
	Step     int          `json:"step"`
	Request  wire.Request `json:"request"`
	Response Response     `json:"response"`
	// Timeout is how long the reference would have waited for a connection or an answer.
	Timeout *Timeout `json:"timeout,omitempty"`
}

// Response is an answer; of some only the digest is known.
type Response struct {
	wire.Response
	Bytes *wire.Digest `json:"bytes,omitempty"`
}

// Timeout holds seconds.
type Timeout struct {
	Connect float64 `json:"connect"`
	Read    float64 `json:"read"`
}

var goldenName = regexp.MustCompile(`^[a-z0-9_]+$`)

// Load reads a golden by its name.
func Load(name string) (*Golden, error) {
	directory := os.Getenv(Directory)
	if directory == "" {
		directory = filepath.Join("testdata", "golden")
	}
	if !goldenName.MatchString(name) {
		return nil, fmt.Errorf("golden %q: the name must consist of a-z, 0-9 and _", name)
	}
	data, err := os.ReadFile(filepath.Join(directory, name+".json"))
	if err != nil {
		return nil, fmt.Errorf("golden: %w", err)
	}
	golden, err := Parse(data)
	if err != nil {
		return nil, err
	}
	if golden.Scenario != name {
		return nil, fmt.Errorf("golden %s: its scenario is %q", name, golden.Scenario)
	}
	golden.withContents()
	return golden, nil
}

// Parse reads a golden, trimmed or as recorded.
func Parse(data []byte) (*Golden, error) {
	var in struct {
		Golden
		// Only the untrimmed ones have these.
		Sleeps *[]struct {
			Seconds float64 `json:"seconds"`
		} `json:"sleeps"`
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return nil, fmt.Errorf("golden: %w", err)
	}
	golden := &in.Golden
	if golden.Scenario == "" {
		return nil, fmt.Errorf("golden: it has no scenario")
	}
	for i := range golden.Interactions {
		if err := golden.Interactions[i].check(); err != nil {
			return nil, fmt.Errorf("golden %s, interaction %d: %w", golden.Scenario, i, err)
		}
	}
	if in.Sleeps == nil {
		return golden, nil
	}
	for _, sleep := range *in.Sleeps {
		golden.Waited += sleep.Seconds
	}
	for i := range golden.Interactions {
		if !isTokenRequest(golden.Interactions[i].Request.URL) {
			golden.Requests++
		}
	}
	return golden, nil
}

func (i *Interaction) check() error {
	plain := wire.Fill(i.Request.URL, func(wire.Mask) (string, bool) { return "0", true })
	address, err := url.Parse(plain)
	switch {
	case err != nil || address.Host == "" || address.Scheme == "":
		return fmt.Errorf("%q is no address", i.Request.URL)
	case i.Request.Method == "":
		return fmt.Errorf("the request has no method")
	case i.Request.Bodies() > 1:
		return fmt.Errorf("the request has more than one body")
	case i.Response.Fault == "" && (i.Response.Status < 100 || i.Response.Status > 999):
		return fmt.Errorf("the answer has status %d and no fault", i.Response.Status)
	}
	return nil
}

// Encode writes a golden the way it is kept in the repository.
func (g *Golden) Encode() ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(g); err != nil {
		return nil, fmt.Errorf("golden %s: %w", g.Scenario, err)
	}
	return out.Bytes(), nil
}

// isFault tells the goldens that show what not to do.
func (g *Golden) isFault() bool { return strings.HasPrefix(g.Scenario, "fault_") }

// isTokenRequest tells requests for tokens; which of them are sent is the business of
// azidentity.
func isTokenRequest(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	host := u.Hostname()
	switch {
	case strings.HasPrefix(host, "login."), host == "169.254.169.254":
		return true
	}
	return u.Path == "/oauth2/token" && (host == "localhost" || host == "127.0.0.1")
}
