package azuremltest

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// artifactContainer is the blob container that holds a workspace's artifacts.
const artifactContainer = "azureml"

// A blob is the content of a block blob. It is never changed once stored: a
// write puts another one in its place, so readers need no lock.
type blob struct {
	blocks      []block
	size        int64
	md5         []byte // nil if the writer of a block list gave none
	contentType string
	etag        string
	created     time.Time
	modified    time.Time
}

// block is a part of a blob; one that was put in one piece has a single block
// without an id.
type block struct {
	id   string
	data []byte
}

// newBlob makes a blob of one piece. It keeps a copy of the content.
func newBlob(content []byte) *blob {
	sum := md5.Sum(content)
	return &blob{blocks: []block{{data: bytes.Clone(content)}}, md5: sum[:]}
}

// blobStore is a storage account. Its maps are guarded by the server's lock.
type blobStore struct {
	key     []byte
	blobs   map[string]*blob   // by container and name, "azureml/LocalUpload/…"
	pending map[string][]block // uncommitted blocks, by the same names
	writes  uint64
}

func newBlobStore(key []byte) blobStore {
	return blobStore{key: key, blobs: map[string]*blob{}, pending: map[string][]block{}}
}

// put stores content under name and gives it an ETag and its times.
func (s *blobStore) put(name string, b *blob) {
	b.modified = time.Now().UTC()
	b.created = b.modified
	if old := s.blobs[name]; old != nil {
		b.created = old.created
	}
	s.writes++
	var stamp [8]byte
	binary.BigEndian.PutUint64(stamp[:], uint64(b.modified.UnixNano())+s.writes)
	b.etag = fmt.Sprintf(`"0x8D%X"`, stamp[1:])
	for _, part := range b.blocks {
		b.size += int64(len(part.data))
	}
	if b.contentType == "" {
		b.contentType = "application/octet-stream"
	}
	s.blobs[name] = b
	delete(s.pending, name)
}

// bytes returns a copy of the content.
func (b *blob) bytes() []byte {
	all := make([]byte, 0, b.size)
	for _, part := range b.blocks {
		all = append(all, part.data...)
	}
	return all
}

// writeRange writes n bytes from offset on.
func (b *blob) writeRange(w io.Writer, offset, n int64) {
	for _, part := range b.blocks {
		size := int64(len(part.data))
		if offset >= size {
			offset -= size
			continue
		}
		end := min(size, offset+n)
		if _, err := w.Write(part.data[offset:end]); err != nil {
			return // the client has gone
		}
		if n -= end - offset; n == 0 {
			return
		}
		offset = 0
	}
}

// blobCall is one request to a storage account.
type blobCall struct {
	*call
	ws   *workspace
	name string // of the blob, with its container
	sas  *sas
}

// blobRoutes are the storage accounts of all workspaces.
func (s *Server) blobRoutes() []route {
	on := func(method string, handle func(*blobCall)) route {
		return route{host: hostBlob, method: method, pattern: "/{container}/{blob...}", auth: authSelf,
			unlocked: true, stream: true, handle: func(c *call) {
				if b, ok := c.openBlob(); ok {
					handle(b)
				}
			}}
	}
	return []route{
		on(http.MethodPut, (*blobCall).write),
		on(http.MethodGet, (*blobCall).read),
		on("", func(b *blobCall) {
			b.blobError(http.StatusMethodNotAllowed, "UnsupportedHttpVerb", "The resource doesn't support specified Http Verb.")
		}),
	}
}

// openBlob finds the account and checks the shared access signature.
func (c *call) openBlob() (*blobCall, bool) {
	c.storageHeaders()
	account := strings.TrimSuffix(c.host(), blobDomain)
	b := &blobCall{call: c, name: c.path("container") + "/" + c.path("blob")}
	c.srv.mu.Lock()
	b.ws = c.srv.world.accountOwner(account)
	c.srv.mu.Unlock()
	if b.ws == nil {
		return nil, c.blobError(http.StatusNotFound, "ResourceNotFound", "The specified resource does not exist.")
	}
	allowed := b.authenticate(account)
	return b, allowed
}

// accountOwner finds the workspace whose storage account has the name.
func (w *world) accountOwner(account string) *workspace {
	for _, ws := range w.workspaces {
		if ws.storageAccount() == account {
			return ws
		}
	}
	return nil
}

// storageHeaders sets what blob storage sends with every answer.
func (c *call) storageHeaders() {
	h := c.w.Header()
	h.Set("Server", "Windows-Azure-Blob/1.0 Microsoft-HTTPAPI/2.0")
	version := c.r.Header.Get("x-ms-version")
	if version == "" {
		version = sasVersion
	}
	h.Set("x-ms-version", version)
}

// blobError answers as blob storage does, after reading what the client is
// still sending: closing the connection under it would hide the answer. It
// returns false.
func (c *call) blobError(status int, code, message string, extra ...string) bool {
	io.Copy(io.Discard, c.r.Body)
	body := `<?xml version="1.0" encoding="utf-8"?>` + "\n<Error><Code>" + code + "</Code><Message>" + xmlText(message) +
		"\nRequestId:" + c.requestID() + "\nTime:" + mmsTime(time.Now()) + "</Message>" + strings.Join(extra, "") + "</Error>"
	h := c.w.Header()
	h.Set("x-ms-error-code", code)
	h.Set("Content-Type", "application/xml")
	h.Set("Content-Length", fmt.Sprint(len(body)))
	c.w.WriteHeader(status)
	if c.r.Method != http.MethodHead {
		io.WriteString(c.w, body)
	}
	return false
}

// current returns what is stored under the name, or nil.
func (b *blobCall) current() *blob {
	b.srv.mu.Lock()
	defer b.srv.mu.Unlock()
	return b.ws.data.store.blobs[b.name]
}

// Blob returns the content of a file in the storage of the emulated
// workspaces. It is named by its URL, with or without a signature, by
// "aml://artifact/{id}", or by its path below the container, such as
// "LocalUpload/240501T100000-ab12cd34/model.pkl"; a path is looked for in all
// workspaces. It reports false if nothing has been uploaded there.
func (s *Server) Blob(where string) (content []byte, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	account, name := "", artifactContainer+"/"+strings.TrimPrefix(where, artifactScheme)
	if u, err := url.Parse(where); err == nil && u.Scheme == "https" {
		account, name = strings.TrimSuffix(hostname(u.Host), blobDomain), strings.TrimPrefix(u.Path, "/")
	}
	for _, ws := range s.world.sortedWorkspaces(func(ws *workspace) bool { return account == "" || ws.storageAccount() == account }) {
		if b := ws.data.store.blobs[name]; b != nil {
			return b.bytes(), true
		}
	}
	return nil, false
}

// Blobs returns the paths, below the container, of all files in the storage
// of a workspace, which is named as for [Server.Services].
func (s *Server) Blobs(in Workspace) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for _, name := range sortedKeys(s.mustWorkspace(in).data.store.blobs) {
		names = append(names, strings.TrimPrefix(name, artifactContainer+"/"))
	}
	return names
}

// base64Sum is how storage writes an MD5.
func base64Sum(sum []byte) string { return base64.StdEncoding.EncodeToString(sum) }
