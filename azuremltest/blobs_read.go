package azuremltest

import (
	"crypto/md5"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxHashedRange is the largest range for which storage computes an MD5.
const maxHashedRange = 4 << 20

// read answers GET and HEAD: Get Blob, Get Blob Properties, Get Block List.
func (b *blobCall) read() {
	if !b.permitted("r") {
		return
	}
	switch comp := b.query("comp"); comp {
	case "":
		b.get()
	case "blocklist":
		b.getBlockList()
	default:
		b.blobError(http.StatusBadRequest, "InvalidQueryParameterValue",
			"Value for one of the query parameters specified in the request URI is invalid.")
	}
}

// get answers with the blob, or a part of it.
func (b *blobCall) get() {
	found := b.current()
	if found == nil {
		b.blobError(http.StatusNotFound, "BlobNotFound", "The specified blob does not exist.")
		return
	}
	if !b.readConditions(found) {
		return
	}
	offset, n, part, ok := b.wantedRange(found)
	if !ok {
		return
	}
	b.blobHeaders(found)
	h := b.w.Header()
	h.Set("Content-Length", strconv.FormatInt(n, 10))
	status := http.StatusOK
	switch {
	case part:
		status = http.StatusPartialContent
		h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", offset, offset+n-1, found.size))
		if found.md5 != nil {
			h.Set("x-ms-blob-content-md5", base64Sum(found.md5))
		}
		if b.r.Header.Get("x-ms-range-get-content-md5") == "true" {
			sum := md5.New()
			found.writeRange(sum, offset, n)
			h.Set("Content-MD5", base64Sum(sum.Sum(nil)))
		}
	case found.md5 != nil:
		h.Set("Content-MD5", base64Sum(found.md5))
	}
	b.w.WriteHeader(status)
	if b.r.Method != http.MethodHead && n > 0 {
		found.writeRange(b.w, offset, n)
	}
}

// blobHeaders describes a blob.
func (b *blobCall) blobHeaders(found *blob) {
	h := b.w.Header()
	h.Set("Content-Type", found.contentType)
	h.Set("Accept-Ranges", "bytes")
	h.Set("ETag", found.etag)
	h.Set("Last-Modified", found.modified.Format(http.TimeFormat))
	h.Set("x-ms-creation-time", found.created.Format(http.TimeFormat))
	h.Set("x-ms-blob-type", "BlockBlob")
	h.Set("x-ms-lease-status", "unlocked")
	h.Set("x-ms-lease-state", "available")
	h.Set("x-ms-server-encrypted", "true")
}

// wantedRange reads x-ms-range, which goes before Range. A HEAD has none. It
// answers itself if it returns false.
func (b *blobCall) wantedRange(found *blob) (offset, n int64, part, ok bool) {
	text, own := b.r.Header.Get("x-ms-range"), true
	if text == "" {
		text, own = b.r.Header.Get("Range"), false
	}
	if text == "" || b.r.Method == http.MethodHead {
		return 0, found.size, false, true
	}
	first, last, valid := parseRange(text)
	switch {
	case !valid && own:
		return 0, 0, false, b.blobError(http.StatusBadRequest, "InvalidHeaderValue",
			"The value for one of the HTTP headers is not in the correct format.",
			"<HeaderName>x-ms-range</HeaderName><HeaderValue>"+xmlText(text)+"</HeaderValue>")
	case !valid:
		return 0, found.size, false, true // HTTP: an unintelligible Range is ignored
	case first >= found.size:
		b.w.Header().Set("Content-Range", fmt.Sprintf("bytes */%d", found.size))
		return 0, 0, false, b.blobError(http.StatusRequestedRangeNotSatisfiable, "InvalidRange",
			"The range specified is invalid for the current size of the resource.")
	}
	if last < 0 || last >= found.size {
		last = found.size - 1
	}
	n = last - first + 1
	if n > maxHashedRange && b.r.Header.Get("x-ms-range-get-content-md5") == "true" {
		return 0, 0, false, b.blobError(http.StatusBadRequest, "InvalidHeaderValue",
			"The value for one of the HTTP headers is not in the correct format.",
			"<HeaderName>x-ms-range-get-content-md5</HeaderName><HeaderValue>true</HeaderValue>")
	}
	return first, n, true, true
}

// parseRange reads "bytes=first-last" or "bytes=first-", the forms that blob
// storage knows; last is -1 if it is open.
func parseRange(text string) (first, last int64, ok bool) {
	span, ok := strings.CutPrefix(text, "bytes=")
	if !ok {
		return 0, 0, false
	}
	from, to, ok := strings.Cut(span, "-")
	if !ok {
		return 0, 0, false
	}
	f, err := strconv.ParseUint(from, 10, 63)
	if err != nil {
		return 0, 0, false
	}
	if to == "" {
		return int64(f), -1, true
	}
	l, err := strconv.ParseUint(to, 10, 63)
	if err != nil || l < f {
		return 0, 0, false
	}
	return int64(f), int64(l), true
}

// readConditions evaluates the conditional headers of a read. If it returns
// false it has answered.
func (b *blobCall) readConditions(found *blob) bool {
	switch ok, unchanged := conditions(b.r.Header, found); {
	case !ok:
		return b.conditionNotMet()
	case unchanged:
		b.blobHeaders(found)
		b.w.WriteHeader(http.StatusNotModified)
		return false
	}
	return true
}

func (b *blobCall) conditionNotMet() bool {
	return b.blobError(http.StatusPreconditionFailed, "ConditionNotMet",
		"The condition specified using HTTP conditional header(s) is not met.")
}

// conditions evaluates If-Match and If-Unmodified-Since, whose failing makes
// ok false, and If-None-Match and If-Modified-Since, whose failing makes
// unchanged true. found may be nil.
func conditions(h http.Header, found *blob) (ok, unchanged bool) {
	etag, modified := "", time.Time{}
	if found != nil {
		etag, modified = found.etag, found.modified.Truncate(time.Second)
	}
	if v := h.Get("If-Match"); v != "" && !matches(v, etag) {
		return false, false
	}
	if t, err := http.ParseTime(h.Get("If-Unmodified-Since")); err == nil && modified.After(t) {
		return false, false
	}
	if v := h.Get("If-None-Match"); v != "" {
		return true, matches(v, etag)
	}
	if t, err := http.ParseTime(h.Get("If-Modified-Since")); err == nil && found != nil {
		return true, !modified.After(t)
	}
	return true, false
}

// matches compares the value of If-Match or If-None-Match with an ETag, which
// is empty if there is no blob.
func matches(header, etag string) bool {
	if etag == "" {
		return false
	}
	for v := range strings.SplitSeq(header, ",") {
		if v = strings.TrimSpace(v); v == "*" || v == etag || `"`+v+`"` == etag {
			return true
		}
	}
	return false
}
