package recording

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/azureml-go/azureml/internal/recording/wire"
)

// Recording is one file of recorded exchanges.
type Recording struct {
	// Source says where the facts come from; see the package comment for its forms.
	Source string `json:"source"`
	// Title says what the recording shows.
	Title     string     `json:"title"`
	Exchanges []Exchange `json:"exchanges"`
}

// Exchange is one try of a request, and its answer.
type Exchange struct {
	Request  wire.Request  `json:"request"`
	Response wire.Response `json:"response"`
	// Unordered names a group of neighbouring exchanges that may be made in any order.
	Unordered string `json:"unordered,omitempty"`
}

var (
	sourceForm = regexp.MustCompile(`^(golden [a-z0-9_]+|contract (authentication|compute|model|webservice|workspace|v2-export) §\d+(\.\d+)*|emulator|live)$`)
	methods    = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}
	digestForm = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// Parse reads a recording. Unknown members, missing ones and contradictions are errors,
// all of them in one.
func Parse(data []byte) (*Recording, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	r := new(Recording)
	if err := decoder.Decode(r); err != nil {
		return nil, fmt.Errorf("recording: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("recording: something follows the JSON object")
	}
	if violations := r.violations(); len(violations) > 0 {
		return nil, fmt.Errorf("recording: %s", strings.Join(violations, "; "))
	}
	return r, nil
}

// Encode writes a recording the way it is kept in the repository.
func (r *Recording) Encode() ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(r); err != nil {
		return nil, fmt.Errorf("recording: %w", err)
	}
	return out.Bytes(), nil
}

func (r *Recording) violations() []string {
	var found []string
	if !sourceForm.MatchString(r.Source) {
		found = append(found, fmt.Sprintf(`source %q must be "golden NAME", "contract AREA §N", "emulator" or "live"`, r.Source))
	}
	if r.Title == "" {
		found = append(found, "title is missing")
	}
	if len(r.Exchanges) == 0 {
		found = append(found, "exchanges are missing")
	}
	for i := range r.Exchanges {
		for _, text := range r.exchangeViolations(i) {
			found = append(found, fmt.Sprintf("exchange %d: %s", i+1, text))
		}
	}
	return append(found, r.groupViolations()...)
}

func (r *Recording) exchangeViolations(i int) []string {
	request, response := &r.Exchanges[i].Request, &r.Exchanges[i].Response
	found := requestViolations(request)
	found = append(found, responseViolations(response)...)
	named := r.namedUpTo(i)
	for _, mask := range masksOf(response) {
		switch {
		case mask.Name == "":
			found = append(found, fmt.Sprintf("the answer holds a <%s>: only masks with a name can be filled in", mask.Kind))
		case !slices.Contains(named, mask.Named()):
			found = append(found, fmt.Sprintf("the answer holds <%s>, which no request so far has", mask.Named()))
		}
	}
	return found
}

func requestViolations(r *wire.Request) []string {
	var found []string
	if !slices.Contains(methods, r.Method) {
		found = append(found, fmt.Sprintf("method %q is none of %s", r.Method, strings.Join(methods, " ")))
	}
	plain := wire.Fill(r.URL, func(wire.Mask) (string, bool) { return "0", true })
	address, err := url.Parse(plain)
	switch {
	case err != nil || (address.Scheme != "http" && address.Scheme != "https") || address.Host == "" || !strings.HasPrefix(address.Path, "/"):
		found = append(found, fmt.Sprintf("url %q is not an absolute http(s) address with a path", r.URL))
	case strings.ContainsAny(plain, "<> "):
		found = append(found, fmt.Sprintf("url %q holds a mask that is not known, or a blank", r.URL))
	case address.Query().Has("sig"):
		if _, ok := r.Header("Authorization"); ok {
			found = append(found, "a signed address must not get an Authorization header")
		}
	}
	if r.Bodies() > 1 {
		found = append(found, "the request has more than one body")
	}
	if r.Bytes != nil && (r.Bytes.Length < 0 || !digestForm.MatchString(r.Bytes.SHA256)) {
		found = append(found, "bytes needs a length and a sha256 of 64 hexadecimal digits")
	}
	return append(found, headerViolations(r.Headers)...)
}

func responseViolations(r *wire.Response) []string {
	var found []string
	switch {
	case r.Fault != "" && !slices.Contains(wire.PossibleFaults(), r.Fault):
		found = append(found, fmt.Sprintf("fault %q is none of %v", r.Fault, wire.PossibleFaults()))
	case r.Fault != "" && (r.Status != 0 || len(r.Headers) > 0 || r.Bodies() > 0):
		found = append(found, "the answer is a fault and something else")
	case r.Fault == "" && (r.Status < 200 || r.Status > 599):
		found = append(found, fmt.Sprintf("status %d is not within 200 to 599", r.Status))
	}
	if r.Bodies() > 1 {
		found = append(found, "the answer has more than one body")
	}
	if _, err := r.Body(); err != nil {
		found = append(found, err.Error())
	}
	return append(found, headerViolations(r.Headers)...)
}

func headerViolations(headers map[string]string) []string {
	var found []string
	seen := map[string]bool{}
	for name, value := range headers {
		if lower := strings.ToLower(name); name == "" || strings.ContainsAny(name, " :\r\n") || seen[lower] {
			found = append(found, fmt.Sprintf("header %q is malformed or there twice", name))
		} else {
			seen[lower] = true
		}
		if strings.ContainsAny(value, "\r\n") {
			found = append(found, fmt.Sprintf("header %q has more than one line", name))
		}
	}
	slices.Sort(found)
	return found
}

func (r *Recording) groupViolations() []string {
	var found []string
	closed := map[string]bool{}
	for start := 0; start < len(r.Exchanges); {
		end, name := r.groupEnd(start), r.Exchanges[start].Unordered
		if name != "" && closed[name] {
			found = append(found, fmt.Sprintf("exchange %d: unordered group %q was closed before", start+1, name))
		}
		if name != "" && end-start == 1 {
			found = append(found, fmt.Sprintf("exchange %d: unordered group %q has no other member", start+1, name))
		}
		closed[name] = true
		start = end
	}
	return found
}

// groupEnd is the index after the last exchange that may be made in the place of start.
func (r *Recording) groupEnd(start int) int {
	end := start + 1
	for name := r.Exchanges[start].Unordered; name != "" && end < len(r.Exchanges) && r.Exchanges[end].Unordered == name; {
		end++
	}
	return end
}

// namedUpTo lists the named masks of all requests that may be made before answer i.
func (r *Recording) namedUpTo(i int) []string {
	var names []string
	for j := range r.groupEnd(i) {
		request := &r.Exchanges[j].Request
		texts := []string{request.URL, string(request.JSON)}
		if request.Text != nil {
			texts = append(texts, *request.Text)
		}
		for _, value := range request.Headers {
			texts = append(texts, value)
		}
		for _, text := range texts {
			for _, mask := range wire.Masks(text) {
				names = append(names, mask.Named())
			}
		}
	}
	return names
}

func masksOf(r *wire.Response) []wire.Mask {
	masks := wire.Masks(string(r.JSON))
	if r.Text != nil {
		masks = append(masks, wire.Masks(*r.Text)...)
	}
	for _, value := range r.Headers {
		masks = append(masks, wire.Masks(value)...)
	}
	return masks
}
