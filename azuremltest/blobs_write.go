package azuremltest

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

const (
	maxBlockID     = 64         // bytes, before base64
	maxCommitted   = 50000      // blocks of a blob
	maxUncommitted = 100000     // blocks waiting
	maxUpload      = 5000 << 20 // bytes of one request
)

// write answers PUT: Put Blob, Put Block, Put Block List.
func (b *blobCall) write() {
	if !b.permitted("cw") {
		return
	}
	switch comp := b.query("comp"); comp {
	case "":
		b.putBlob()
	case "block":
		b.putBlock()
	case "blocklist":
		b.putBlockList()
	default:
		b.blobError(http.StatusBadRequest, "InvalidQueryParameterValue",
			"Value for one of the query parameters specified in the request URI is invalid.",
			"<QueryParameterName>comp</QueryParameterName><QueryParameterValue>"+xmlText(comp)+"</QueryParameterValue>")
	}
}

// receive reads the body into memory once, and checks its MD5. It answers
// itself if it returns false.
func (b *blobCall) receive() (data, sum []byte, ok bool) {
	if b.r.ContentLength < 0 {
		return nil, nil, b.blobError(http.StatusLengthRequired, "MissingContentLengthHeader", "Content-Length HTTP header is missing.")
	}
	if b.r.ContentLength > maxUpload {
		return nil, nil, b.blobError(http.StatusRequestEntityTooLarge, "RequestBodyTooLarge", "The request body is too large and exceeds the maximum permissible limit.",
			"<MaxLimit>"+strconv.Itoa(maxUpload)+"</MaxLimit>")
	}
	data = make([]byte, b.r.ContentLength)
	if _, err := io.ReadFull(b.r.Body, data); err != nil {
		panic(http.ErrAbortHandler) // the client has gone
	}
	array := md5.Sum(data)
	sum = array[:]
	want := b.r.Header.Get("Content-MD5")
	if want == "" {
		return data, sum, true
	}
	declared, err := base64.StdEncoding.DecodeString(want)
	if err != nil || len(declared) != md5.Size {
		return nil, nil, b.blobError(http.StatusBadRequest, "InvalidMd5", "The MD5 value specified in the request is invalid. MD5 value must be 128 bits and base64 encoded.")
	}
	if !bytes.Equal(declared, sum) {
		return nil, nil, b.blobError(http.StatusBadRequest, "Md5Mismatch",
			"The MD5 value specified in the request did not match with the MD5 value calculated by the server.",
			"<UserSpecifiedMd5>"+want+"</UserSpecifiedMd5><ServerCalculatedMd5>"+base64Sum(sum)+"</ServerCalculatedMd5>")
	}
	return data, sum, true
}

// putBlob stores a blob in one piece.
func (b *blobCall) putBlob() {
	switch kind := b.r.Header.Get("x-ms-blob-type"); kind {
	case "BlockBlob":
	case "":
		b.blobError(http.StatusBadRequest, "MissingRequiredHeader", "An HTTP header that's mandatory for this request is not specified.",
			"<HeaderName>x-ms-blob-type</HeaderName>")
		return
	default:
		b.blobError(http.StatusBadRequest, "InvalidHeaderValue", "The value for one of the HTTP headers is not in the correct format.",
			"<HeaderName>x-ms-blob-type</HeaderName><HeaderValue>"+xmlText(kind)+"</HeaderValue>")
		return
	}
	data, sum, ok := b.receive()
	if !ok {
		return
	}
	stored := &blob{blocks: []block{{data: data}}, md5: sum, contentType: b.r.Header.Get("Content-Type")}
	if b.commit(func(*blobStore) (*blob, error) { return stored, nil }) {
		b.w.Header().Set("Content-MD5", base64Sum(sum))
		b.written(stored)
	}
}

// commit stores what build returns if the conditions allow it, all under the
// lock. It answers itself if it returns false.
func (b *blobCall) commit(build func(*blobStore) (*blob, error)) bool {
	store := &b.ws.data.store
	b.srv.mu.Lock()
	old := store.blobs[b.name]
	met, unchanged := conditions(b.r.Header, old)
	var next *blob
	var err error
	if met && !unchanged && b.mayReplace(old) {
		if next, err = build(store); err == nil {
			b.blobContentHeaders(next)
			store.put(b.name, next)
		}
	}
	b.srv.mu.Unlock()
	switch {
	case !met:
		return b.conditionNotMet()
	case unchanged && b.r.Header.Get("If-None-Match") == "*":
		return b.blobError(http.StatusConflict, "BlobAlreadyExists", "The specified blob already exists.")
	case unchanged:
		return b.conditionNotMet()
	case err != nil:
		return b.blobError(http.StatusBadRequest, "InvalidBlockList", "The specified block list is invalid.")
	case next == nil:
		return b.permitted("w")
	}
	return true
}

// mayReplace reports whether the signature allows to write over old: one that
// merely lets create does not.
func (b *blobCall) mayReplace(old *blob) bool {
	return old == nil || strings.Contains(b.sas.permissions, "w")
}

// blobContentHeaders takes over the properties that a request sets.
func (b *blobCall) blobContentHeaders(next *blob) {
	if t := b.r.Header.Get("x-ms-blob-content-type"); t != "" {
		next.contentType = t
	}
	if sum, err := base64.StdEncoding.DecodeString(b.r.Header.Get("x-ms-blob-content-md5")); err == nil && len(sum) == md5.Size {
		next.md5 = sum
	}
}

// written answers a write that made a blob.
func (b *blobCall) written(stored *blob) {
	h := b.w.Header()
	h.Set("ETag", stored.etag)
	h.Set("Last-Modified", stored.modified.Format(http.TimeFormat))
	h.Set("x-ms-request-server-encrypted", "true")
	b.w.WriteHeader(http.StatusCreated)
}

// putBlock keeps a block until a block list names it.
func (b *blobCall) putBlock() {
	id := b.query("blockid")
	if id == "" {
		b.blobError(http.StatusBadRequest, "MissingRequiredQueryParameter",
			"A query parameter that's mandatory for this request is not specified.", "<QueryParameterName>blockid</QueryParameterName>")
		return
	}
	if raw, err := base64.StdEncoding.DecodeString(id); err != nil || len(raw) > maxBlockID {
		b.blobError(http.StatusBadRequest, "InvalidQueryParameterValue",
			"Value for one of the query parameters specified in the request URI is invalid.",
			"<QueryParameterName>blockid</QueryParameterName><QueryParameterValue>"+xmlText(id)+"</QueryParameterValue><Reason>Not a valid base64 string.</Reason>")
		return
	}
	data, sum, ok := b.receive()
	if !ok {
		return
	}
	if len(data) == 0 {
		b.blobError(http.StatusBadRequest, "InvalidHeaderValue", "The value for one of the HTTP headers is not in the correct format.",
			"<HeaderName>Content-Length</HeaderName><HeaderValue>0</HeaderValue>")
		return
	}
	if !b.stage(block{id: id, data: data}) {
		return
	}
	b.w.Header().Set("Content-MD5", base64Sum(sum))
	b.w.Header().Set("x-ms-request-server-encrypted", "true")
	b.w.WriteHeader(http.StatusCreated)
}

// stage adds an uncommitted block, or replaces the one with its id. All ids of
// a blob are equally long. It answers itself if it returns false.
func (b *blobCall) stage(part block) bool {
	b.srv.mu.Lock()
	store := &b.ws.data.store
	waiting := store.pending[b.name]
	sameLength := len(waiting) == 0 || len(waiting[0].id) == len(part.id)
	i := slices.IndexFunc(waiting, func(w block) bool { return w.id == part.id })
	room := i >= 0 || len(waiting) < maxUncommitted
	switch {
	case !sameLength || !room:
	case i >= 0:
		waiting[i] = part
	default:
		store.pending[b.name] = append(waiting, part)
	}
	b.srv.mu.Unlock()
	switch {
	case !sameLength:
		return b.blobError(http.StatusBadRequest, "InvalidBlobOrBlock", "The specified blob or block content is invalid.")
	case !room:
		return b.blobError(http.StatusConflict, "BlockCountExceedsLimit",
			"The uncommitted block count cannot exceed the maximum limit of "+strconv.Itoa(maxUncommitted)+" blocks.")
	}
	return true
}

// blockRef is one entry of a block list: where to look for which block.
type blockRef struct {
	from string // Latest, Committed or Uncommitted
	id   string
}

// parseBlockList reads the body of Put Block List.
func parseBlockList(body []byte) ([]blockRef, error) {
	var list struct {
		XMLName xml.Name `xml:"BlockList"`
		Entries []struct {
			XMLName xml.Name
			ID      string `xml:",chardata"`
		} `xml:",any"`
	}
	if err := xml.Unmarshal(body, &list); err != nil {
		return nil, err
	}
	refs := make([]blockRef, 0, len(list.Entries))
	for _, e := range list.Entries {
		switch e.XMLName.Local {
		case "Latest", "Committed", "Uncommitted":
			refs = append(refs, blockRef{e.XMLName.Local, strings.TrimSpace(e.ID)})
		default:
			return nil, fmt.Errorf("a block list has no element %s", e.XMLName.Local)
		}
	}
	return refs, nil
}

// putBlockList makes a blob of blocks that are waiting, or that the blob has.
func (b *blobCall) putBlockList() {
	body, sum, ok := b.receive()
	if !ok {
		return
	}
	refs, err := parseBlockList(body)
	if err != nil {
		b.blobError(http.StatusBadRequest, "InvalidXmlDocument", "XML specified is not syntactically valid.")
		return
	}
	if len(refs) > maxCommitted {
		b.blobError(http.StatusBadRequest, "BlockListTooLong", "The block list may not contain more than 50,000 blocks.")
		return
	}
	var stored *blob
	made := b.commit(func(store *blobStore) (*blob, error) {
		parts, err := store.pick(b.name, refs)
		stored = &blob{blocks: parts}
		return stored, err
	})
	if made {
		b.w.Header().Set("Content-MD5", base64Sum(sum))
		b.written(stored)
	}
}

// pick finds the blocks of a list. The caller holds the server's lock.
func (s *blobStore) pick(name string, refs []blockRef) ([]block, error) {
	waiting, committed := map[string]block{}, map[string]block{}
	for _, p := range s.pending[name] {
		waiting[p.id] = p
	}
	if old := s.blobs[name]; old != nil {
		for _, p := range old.blocks {
			committed[p.id] = p
		}
	}
	parts := make([]block, 0, len(refs))
	for _, ref := range refs {
		part, ok := waiting[ref.id]
		if ref.from == "Committed" || !ok && ref.from == "Latest" {
			part, ok = committed[ref.id]
		}
		if !ok || ref.id == "" {
			return nil, fmt.Errorf("there is no block %q", ref.id)
		}
		parts = append(parts, part)
	}
	return parts, nil
}

// getBlockList lists the blocks of a blob.
func (b *blobCall) getBlockList() {
	type entry struct {
		Name string
		Size int
	}
	type entries struct {
		Block []entry
	}
	var list struct {
		XMLName           xml.Name `xml:"BlockList"`
		CommittedBlocks   *entries
		UncommittedBlocks *entries
	}
	convert := func(parts []block) *entries {
		e := &entries{}
		for _, p := range parts {
			if p.id != "" {
				e.Block = append(e.Block, entry{p.id, len(p.data)})
			}
		}
		return e
	}
	b.srv.mu.Lock()
	found, waiting := b.ws.data.store.blobs[b.name], slices.Clone(b.ws.data.store.pending[b.name])
	b.srv.mu.Unlock()
	if found == nil && len(waiting) == 0 {
		b.blobError(http.StatusNotFound, "BlobNotFound", "The specified blob does not exist.")
		return
	}
	kind := b.query("blocklisttype")
	if found != nil {
		b.w.Header().Set("ETag", found.etag)
		b.w.Header().Set("Last-Modified", found.modified.Format(http.TimeFormat))
		b.w.Header().Set("x-ms-blob-content-length", strconv.FormatInt(found.size, 10))
		if kind != "uncommitted" {
			list.CommittedBlocks = convert(found.blocks)
		}
	}
	if kind == "uncommitted" || kind == "all" {
		list.UncommittedBlocks = convert(waiting)
	}
	body, err := xml.Marshal(list)
	if err != nil {
		panic("azuremltest: cannot encode a block list: " + err.Error())
	}
	b.w.Header().Set("Content-Type", "application/xml")
	b.w.WriteHeader(http.StatusOK)
	io.WriteString(b.w, xml.Header)
	b.w.Write(body)
}
