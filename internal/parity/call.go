package parity

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/azureml-go/azureml/internal/recording/wire"
)

// Call is a request in the form in which both sides are compared.
type Call struct {
	Method string
	// URL has no default port. The golden's may hold masks.
	URL string
	// Body is the decoded JSON where HasJSON is set; else Bytes says what was sent, nil
	// for nothing.
	Body    any
	HasJSON bool
	Bytes   *wire.Digest
	// Bearer says whether there is an Authorization header.
	Bearer bool
	// AnyContent leaves the body out of the comparison, AnySum only its checksum.
	AnyContent, AnySum bool
	// AnyOrder lets it change places with its neighbours that have it too.
	AnyOrder bool
}

// callOf makes a call of a golden's request.
func callOf(r *wire.Request) (*Call, error) {
	c := &Call{Method: r.Method, URL: withoutDefaultPort(r.URL), Bytes: r.Bytes}
	_, c.Bearer = r.Header("Authorization")
	switch {
	case len(r.JSON) > 0:
		body, err := wire.DecodeJSON(r.JSON)
		if err != nil {
			return nil, err
		}
		c.Body, c.HasJSON = body, true
	case r.Text != nil && *r.Text != "":
		digest := wire.DigestOf([]byte(*r.Text))
		c.Bytes = &digest
	}
	return c, nil
}

// callSent makes a call of one of our requests. A body that is JSON and of which the
// golden has only a digest is compared by its digest, so both are kept.
func callSent(got *wire.Got) *Call {
	c := &Call{Method: got.Method, URL: withoutDefaultPort(got.URL), Bearer: got.Header.Get("Authorization") != ""}
	if len(got.Body) == 0 {
		return c
	}
	digest := wire.DigestOf(got.Body)
	c.Bytes = &digest
	if body, err := wire.DecodeJSON(got.Body); err == nil {
		c.Body, c.HasJSON = body, true
	}
	return c
}

func (c *Call) String() string { return c.Method + " " + c.URL }

// base is the address without its query.
func (c *Call) base() string {
	base, _, _ := strings.Cut(c.URL, "?")
	return base
}

// setQuery replaces the value of a query parameter that is there, or takes it out.
func (c *Call) setQuery(name string, change func(value string) (string, bool)) bool {
	base, query, _ := strings.Cut(c.URL, "?")
	var parts []string
	changed := false
	for part := range strings.SplitSeq(query, "&") {
		key, value, _ := strings.Cut(part, "=")
		if part != "" && key == name {
			next, keep := change(value)
			changed = changed || !keep || next != value
			if !keep {
				continue
			}
			part = key + "=" + next
		}
		if part != "" {
			parts = append(parts, part)
		}
	}
	c.URL = base
	if len(parts) > 0 {
		c.URL += "?" + strings.Join(parts, "&")
	}
	return changed
}

func withoutDefaultPort(address string) string {
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok {
		return address
	}
	end := strings.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	host := rest[:end]
	switch scheme {
	case "http":
		host = strings.TrimSuffix(host, ":80")
	case "https":
		host = strings.TrimSuffix(host, ":443")
	}
	return scheme + "://" + host + rest[end:]
}

// changingPosts are the last path segments of POSTs that change something.
var changingPosts = map[string]bool{
	"services": true, "models": true, "assets": true, "packages": true, "profiles": true,
	"regenerateKeys": true, "migrate": true,
}

// isChange tells the requests that are compared.
func isChange(method, address string) bool {
	if isTokenRequest(address) {
		return false
	}
	switch method {
	case http.MethodPut, http.MethodPatch, http.MethodDelete:
		return true
	case http.MethodPost:
		base, _, _ := strings.Cut(address, "?")
		return changingPosts[base[strings.LastIndex(base, "/")+1:]] || strings.Contains(base, "/artifacts/batch/metadata/")
	}
	return false
}

// isUpload tells the calls by which a file gets into the workspace's storage.
func (c *Call) isUpload() bool {
	return strings.Contains(c.URL, "/artifacts/batch/metadata/") || c.artifact() != ""
}

// artifact is the id of the artifact that the call puts into storage, empty if it does
// something else.
func (c *Call) artifact() string {
	if c.Method != http.MethodPut || !strings.Contains(c.URL, ".blob.") {
		return ""
	}
	_, id, ok := strings.Cut(c.base(), "/LocalUpload/")
	if !ok {
		return ""
	}
	if plain, err := url.PathUnescape(id); err == nil {
		id = plain
	}
	return "LocalUpload/" + id
}
