package recording

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/azureml-go/azureml/internal/recording/wire"
	"github.com/azureml-go/azureml/internal/redact"
)

// Only these headers are kept: what the library reads or must send.
var (
	requestHeaders  = []string{"Content-Type", "If-Match", "If-None-Match", "Range", "X-Ms-Range", "X-Ms-Blob-Type"}
	responseHeaders = []string{
		"Content-Type", "Location", "Operation-Location", "Azure-AsyncOperation", "Retry-After", "Retry-After-Ms",
		"X-Ms-Error-Code", "X-Ms-Run-Function-Failed", "Etag", "Www-Authenticate",
	}
)

// secretNames are the JSON members and form fields whose values are secrets, in lower case.
var secretNames = map[string]bool{
	"primarykey": true, "secondarykey": true, "keyvalue": true, "accesstoken": true, "access_token": true,
	"refresh_token": true, "id_token": true, "token": true, "client_secret": true, "clientsecret": true,
	"client_assertion": true, "device_code": true, "code_verifier": true, "password": true, "secret": true,
	"userkubeconfig": true, "adminkubeconfig": true, "userstoragekey": true, "accountkey": true,
	"connectionstring": true, "sslcertificate": true, "sslkey": true, "databricksaccesstoken": true,
}

// personalNames are the JSON members that say who somebody is, in lower case.
var personalNames = map[string]bool{"username": true, "upn": true, "createdby": true, "lastmodifiedby": true}

const (
	uuidForm       = `[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}`
	redacted       = "redacted"
	anything       = "<any>"
	shortestSecret = 8
	longestText    = 64 << 10
)

var (
	uuids         = regexp.MustCompile(`\b` + uuidForm + `\b`)
	plainIDs      = regexp.MustCompile(`\b[0-9a-f]{32}\b`)
	subscriptions = regexp.MustCompile(`/subscriptions/(` + uuidForm + `)`)
	containers    = regexp.MustCompile(`LocalUpload/((?:\d{6}T\d{6}-)?[0-9a-f]{8})\b`)
	pems          = regexp.MustCompile(`(?s)-----BEGIN [A-Z ]+-----.*?-----END [A-Z ]+-----(?:\\n|\n)?`)
	signatures    = regexp.MustCompile(`(?i)\b(sig=|sig%3D)[^&\s"'<>\\]+`)
	storageKeys   = regexp.MustCompile(`(?i)\b(AccountKey|SharedAccessSignature|SharedAccessKey)=[^;\s"']+`)
	forms         = regexp.MustCompile(`(?i)\b(client_secret|client_assertion|refresh_token|access_token|device_code|code_verifier|password)=[^&\s"'<>]+`)
	webTokens     = regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*\.?[A-Za-z0-9_-]*`)
	placeholders  = regexp.MustCompile(`"(redacted[\w-]*|<any>)"|(?i:[a-z_]+(?:=|%3D))redacted[\w-]*`)
)

// scrubber takes secrets and ids out of what was recorded. Ids that a request has first
// become masks, as the client made them up; ids that an answer has first become fake
// ones, the same each time.
type scrubber struct {
	settings  [][2]string
	emulated  bool
	secrets   []string // the longest first
	ids       map[string]string
	folders   []string // of uploads, the longest first
	masks     int
	fakes     int
	inRequest bool
}

func newScrubber(s *settings, exchanges []*raw) *scrubber {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &scrubber{settings: s.pairs, emulated: s.kind == fromEmulator, ids: map[string]string{}}
	for _, pair := range s.pairs {
		c.ids[strings.ToLower(pair[1])] = pair[1]
	}
	for _, e := range exchanges {
		c.collect(e.got.Body)
		c.collect(e.body)
		if _, token, ok := strings.Cut(e.got.Header.Get("Authorization"), " "); ok {
			c.secret(token)
		}
	}
	slices.SortFunc(c.secrets, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	return c
}

func (c *scrubber) secret(value string) {
	if len(value) >= shortestSecret && !slices.Contains(c.secrets, value) {
		c.secrets = append(c.secrets, value)
	}
}

// collect notes the values of secret members, which may turn up elsewhere as well.
func (c *scrubber) collect(body []byte) {
	if value, err := wire.DecodeJSON(body); err == nil {
		c.collectJSON(value)
		return
	}
	if form, err := url.ParseQuery(string(body)); err == nil && utf8.Valid(body) {
		for name, values := range form {
			for _, value := range values {
				if secretNames[strings.ToLower(name)] {
					c.secret(value)
				}
			}
		}
	}
}

func (c *scrubber) collectJSON(value any) {
	switch value := value.(type) {
	case map[string]any:
		for name, member := range value {
			if text, ok := member.(string); ok && secretNames[strings.ToLower(name)] {
				c.secret(text)
			}
			c.collectJSON(member)
		}
	case []any:
		for _, element := range value {
			c.collectJSON(element)
		}
	}
}

func (c *scrubber) exchange(e *raw) Exchange {
	c.inRequest = true
	out := Exchange{Request: wire.Request{Method: e.got.Method, URL: c.text(e.got.URL), Headers: c.headers(e.got.Header, requestHeaders)}}
	if scheme, _, ok := strings.Cut(e.got.Header.Get("Authorization"), " "); ok {
		out.Request.Headers["Authorization"] = scheme + " " + anything
	}
	if len(e.got.Body) > 0 {
		out.Request.JSON, out.Request.Text = c.body(e.got.Body)
		if out.Request.Bodies() == 0 {
			digest := wire.DigestOf(e.got.Body)
			out.Request.Bytes = &digest
		}
	}
	c.inRequest = false
	if e.fault != "" {
		out.Response.Fault = e.fault
		return out
	}
	out.Response = wire.Response{Status: e.status, Headers: c.headers(e.header, responseHeaders)}
	if len(e.body) > 0 {
		out.Response.JSON, out.Response.Text = c.body(e.body)
		if out.Response.Bodies() == 0 {
			encoded := base64.StdEncoding.EncodeToString(e.body)
			out.Response.Base64 = &encoded
		}
	}
	return out
}

func (c *scrubber) headers(header http.Header, keep []string) map[string]string {
	kept := map[string]string{}
	for _, name := range keep {
		if value := header.Get(name); value != "" {
			kept[name] = c.text(value)
		}
	}
	return kept
}

// body gives the body as JSON or text, or neither for what is best kept as bytes.
func (c *scrubber) body(data []byte) (json.RawMessage, *string) {
	if value, err := wire.DecodeJSON(data); err == nil {
		var out bytes.Buffer
		encoder := json.NewEncoder(&out)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(c.json("", value)); err == nil {
			return bytes.TrimSpace(out.Bytes()), nil
		}
	}
	if !utf8.Valid(data) || len(data) > longestText {
		return nil, nil
	}
	text := c.text(string(data))
	return nil, &text
}

func (c *scrubber) json(name string, value any) any {
	switch value := value.(type) {
	case map[string]any:
		out := make(map[string]any, len(value))
		for key, member := range value {
			out[c.text(key)] = c.json(key, member)
		}
		return out
	case []any:
		out := make([]any, len(value))
		for i, element := range value {
			out[i] = c.json(name, element)
		}
		return out
	case string:
		if lower := strings.ToLower(name); secretNames[lower] || personalNames[lower] {
			return c.placeholder("-" + name)
		}
		return c.text(value)
	}
	return value
}

// placeholder stands for a secret: anything in requests, a fixed text in answers.
func (c *scrubber) placeholder(suffix string) string {
	if c.inRequest {
		return anything
	}
	return redacted + suffix
}

func (c *scrubber) text(text string) string {
	for _, pair := range c.settings {
		fakes := spellings(pair[1])
		for i, spelling := range spellings(pair[0]) {
			text = strings.ReplaceAll(text, spelling, fakes[i])
		}
	}
	text = pems.ReplaceAllString(text, c.placeholder("-pem"))
	text = signatures.ReplaceAllString(text, "${1}"+redacted)
	text = storageKeys.ReplaceAllString(text, "${1}="+redacted)
	text = forms.ReplaceAllString(text, "${1}="+c.placeholder(""))
	text = webTokens.ReplaceAllString(text, c.placeholder("-token"))
	for _, secret := range c.secrets {
		for _, spelling := range spellings(secret) {
			text = strings.ReplaceAll(text, spelling, c.placeholder(""))
		}
	}
	return c.identifiers(text)
}

func (c *scrubber) identifiers(text string) string {
	if c.emulated {
		for _, found := range subscriptions.FindAllStringSubmatch(text, -1) {
			if _, known := c.ids[strings.ToLower(found[1])]; !known {
				c.ids[strings.ToLower(found[1])] = found[1]
			}
		}
	}
	text = uuids.ReplaceAllStringFunc(text, func(id string) string {
		return c.replacement(id, "uuid", func(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) })
	})
	text = plainIDs.ReplaceAllStringFunc(text, func(id string) string {
		if _, known := c.ids[id]; !known && c.inRequest {
			return id
		}
		return c.replacement(id, "", func(n int) string { return fmt.Sprintf("%032d", n) })
	})
	for _, found := range containers.FindAllStringSubmatch(text, -1) {
		c.container(found[1])
	}
	for _, name := range c.folders {
		text = regexp.MustCompile(`\b`+regexp.QuoteMeta(name)+`\b`).ReplaceAllString(text, c.ids[name])
	}
	return text
}

// replacement is what stands for an id, the same each time.
func (c *scrubber) replacement(id, mask string, fake func(int) string) string {
	key := strings.ToLower(id)
	if known, ok := c.ids[key]; ok {
		return known
	}
	if c.inRequest && mask != "" {
		c.masks++
		c.ids[key] = fmt.Sprintf("<%s:%d>", mask, c.masks)
	} else {
		c.fakes++
		c.ids[key] = fake(c.fakes)
		c.ids[c.ids[key]] = c.ids[key]
	}
	return c.ids[key]
}

// container makes masks of an upload's folder, which the client makes up.
func (c *scrubber) container(name string) {
	if _, known := c.ids[name]; known {
		return
	}
	c.masks++
	c.ids[name] = fmt.Sprintf("<uuid8:%d>", c.masks)
	if strings.Contains(name, "-") {
		c.ids[name] = fmt.Sprintf("<timestamp:%d>-<uuid8:%d>", c.masks, c.masks)
		c.folders = slices.Insert(c.folders, 0, name)
	} else {
		c.folders = append(c.folders, name)
	}
}

// leaks looks at the finished file once more.
func (c *scrubber) leaks(file string) error {
	for _, pair := range c.settings {
		if pair[0] != pair[1] && containsAny(file, spellings(pair[0])) {
			return fmt.Errorf("a setting's value is still in it (in place of %q)", pair[1])
		}
	}
	for _, secret := range c.secrets {
		if containsAny(file, spellings(secret)) {
			return fmt.Errorf("a secret of %d characters is still in it", len(secret))
		}
	}
	plain := placeholders.ReplaceAllString(file, "null")
	lines := strings.Split(plain, "\n")
	for i, line := range strings.Split(redact.Text(plain), "\n") {
		if i >= len(lines) || line != lines[i] {
			return fmt.Errorf("line %d looks like holding a secret", i+1)
		}
	}
	return nil
}

// spellings are a value as it is, and as it stands in forms, path segments and paths.
func spellings(value string) []string {
	return []string{value, url.QueryEscape(value), url.PathEscape(value), (&url.URL{Path: value}).EscapedPath()}
}

func containsAny(text string, parts []string) bool {
	return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(text, part) })
}
