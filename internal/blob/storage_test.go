package blob

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// signature is a signed query with parts that a careless client would encode anew.
const signature = "sv=2019-07-07&sr=b&sig=PLANTED%2f%2B%3d&se=2024-06-10T15%3A13%3A20Z&sp=rcw"

// stored is a blob as the test's storage keeps it.
type stored struct {
	content []byte
	md5     string
	etag    string
	header  http.Header
}

// storage is a blob server that checks what a client of it must do.
type storage struct {
	*httptest.Server
	t testing.TB

	mu       sync.Mutex
	blobs    map[string]stored
	blocks   map[string]map[string][]byte
	requests []string
	// anyQuery takes addresses that are signed otherwise.
	anyQuery bool
	// before may answer in place of the storage; after may spoil its answer.
	before, after func(n int, w http.ResponseWriter, r *http.Request) bool
}

func newStorage(t testing.TB) *storage {
	s := &storage{t: t, blobs: map[string]stored{}, blocks: map[string]map[string][]byte{}}
	s.Server = httptest.NewUnstartedServer(s)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func (s *storage) uri(name string) string { return s.URL + "/azureml/" + name + "?" + signature }

func (s *storage) options() azcore.ClientOptions {
	return azcore.ClientOptions{Transport: s.Client(), Retry: policy.RetryOptions{RetryDelay: time.Nanosecond}}
}

func (s *storage) uploader(concurrency int) *Uploader {
	return New(Config{Options: s.options(), Concurrency: concurrency, Operation: "upload"})
}

// count is how many requests had text in method and address.
func (s *storage) count(text string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, r := range s.requests {
		if strings.Contains(r, text) {
			n++
		}
	}
	return n
}

func (s *storage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests = append(s.requests, r.Method+" "+r.URL.RequestURI())
	n := len(s.requests)
	s.mu.Unlock()
	if r.Header.Get("Authorization") != "" {
		s.t.Errorf("a token was sent to storage")
	}
	if !s.anyQuery && !strings.HasPrefix(r.URL.RawQuery, signature) {
		s.t.Errorf("the signed query was changed: %s", r.URL.RawQuery)
	}
	if s.before != nil && s.before(n, w, r) {
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	if sum := md5.Sum(body); r.Header.Get("Content-MD5") != "" && r.Header.Get("Content-MD5") != base64.StdEncoding.EncodeToString(sum[:]) {
		fail(w, http.StatusBadRequest, "Md5Mismatch")
		return
	}
	answer := httptest.NewRecorder()
	s.mu.Lock()
	s.serve(answer, r, body)
	s.mu.Unlock()
	if s.after != nil && s.after(n, w, r) {
		return
	}
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

func (s *storage) serve(w http.ResponseWriter, r *http.Request, body []byte) {
	name := r.URL.EscapedPath()
	switch comp := r.URL.Query().Get("comp"); {
	case r.Method == http.MethodHead:
		b, ok := s.blobs[name]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(b.content)))
		w.Header().Set("Content-MD5", b.md5)
		w.Header().Set("ETag", b.etag)
	case r.Method == http.MethodGet && comp == "blocklist":
		s.list(w, name)
	case r.Method != http.MethodPut:
		fail(w, http.StatusMethodNotAllowed, "UnsupportedHttpVerb")
	case comp == "block":
		if s.blocks[name] == nil {
			s.blocks[name] = map[string][]byte{}
		}
		s.blocks[name][r.URL.Query().Get("blockid")] = body
		w.WriteHeader(http.StatusCreated)
	case comp == "blocklist":
		s.join(w, r, name, body)
	case r.Header.Get("x-ms-blob-type") != "BlockBlob" || r.Header.Get("Content-MD5") == "":
		fail(w, http.StatusBadRequest, "MissingRequiredHeader")
	default:
		s.make(w, r, name, body, r.Header.Get("Content-MD5"))
	}
}

func (s *storage) join(w http.ResponseWriter, r *http.Request, name string, body []byte) {
	var list struct{ Latest []string }
	if err := xml.Unmarshal(body, &list); err != nil {
		fail(w, http.StatusBadRequest, "InvalidXmlDocument")
		return
	}
	var whole bytes.Buffer
	for _, id := range list.Latest {
		block, ok := s.blocks[name][id]
		if !ok || len(id) != len(list.Latest[0]) {
			fail(w, http.StatusBadRequest, "InvalidBlockList")
			return
		}
		whole.Write(block)
	}
	s.make(w, r, name, whole.Bytes(), r.Header.Get("x-ms-blob-content-md5"))
}

func (s *storage) make(w http.ResponseWriter, r *http.Request, name string, content []byte, sum string) {
	old, ok := s.blobs[name]
	if match := r.Header.Get("If-Match"); match != "" && match != old.etag {
		fail(w, http.StatusPreconditionFailed, "ConditionNotMet")
		return
	}
	if ok && r.Header.Get("If-None-Match") == "*" {
		fail(w, http.StatusConflict, "BlobAlreadyExists")
		return
	}
	s.blobs[name] = stored{content: slices.Clone(content), md5: sum, etag: fmt.Sprintf("\"%d\"", len(s.requests)), header: r.Header.Clone()}
	w.WriteHeader(http.StatusCreated)
}

// list answers with the blocks that belong to no blob yet.
func (s *storage) list(w http.ResponseWriter, name string) {
	if s.blocks[name] == nil {
		fail(w, http.StatusNotFound, "BlobNotFound")
		return
	}
	w.Header().Set("Content-Type", "application/xml")
	fmt.Fprint(w, `<?xml version="1.0" encoding="utf-8"?><BlockList><CommittedBlocks/><UncommittedBlocks>`)
	for id, content := range s.blocks[name] {
		fmt.Fprintf(w, "<Block><Name>%s</Name><Size>%d</Size></Block>", id, len(content))
	}
	fmt.Fprint(w, `</UncommittedBlocks></BlockList>`)
}

func fail(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.Header().Set("x-ms-error-code", code)
	w.Header().Set("x-ms-request-id", "11111111-0000-0000-0000-000000000000")
	w.WriteHeader(status)
	fmt.Fprintf(w, "\ufeff<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>%s</Code><Message>It said %s.\nRequestId:1 https://x/?sig=PLANTED</Message></Error>", code, code)
}

// reset breaks the connection.
func reset(http.ResponseWriter) { panic(http.ErrAbortHandler) }

// pattern is content of n bytes in which no two blocks are the same.
func pattern(n int) []byte {
	content := make([]byte, n)
	for i := range content {
		content[i] = byte(i) ^ byte(i>>8) ^ byte(i>>16) ^ byte(i>>23)
	}
	return content
}
