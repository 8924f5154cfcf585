package azuremltest_test

import (
	"crypto/md5"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/azureml-go/azureml/azuremltest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// blobRequest sends a request to storage: no token.
func blobRequest(t testing.TB, srv *azuremltest.Server, method, uri, body string, header ...string) answer {
	t.Helper()
	a, err := try(srv, method, uri, body, header...)
	require.NoError(t, err)
	return a
}

// wantStorageError checks the shape of an error of blob storage.
func wantStorageError(t testing.TB, a answer, status int, code string) {
	t.Helper()
	a.want(t, status)
	assert.Equal(t, code, a.header.Get("x-ms-error-code"))
	assert.Equal(t, "application/xml", a.header.Get("Content-Type"))
	assert.Contains(t, a.text, `<?xml version="1.0" encoding="utf-8"?>`+"\n<Error><Code>"+code+"</Code><Message>")
	assert.Contains(t, a.text, "\nRequestId:"+a.header.Get("x-ms-request-id")+"\nTime:")
}

func md5Of(text string) string {
	sum := md5.Sum([]byte(text))
	return base64.StdEncoding.EncodeToString(sum[:])
}

func TestPutBlob(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	uri := createArtifact(t, srv, "c", "dir/a b.txt")
	missing := blobRequest(t, srv, http.MethodGet, uri, "")
	wantStorageError(t, missing, http.StatusNotFound, "BlobNotFound")

	a := put(t, srv, uri+"&timeout=30", "hello", "x-ms-client-request-id", "me").want(t, http.StatusCreated)
	assert.Equal(t, md5Of("hello"), a.header.Get("Content-MD5"))
	assert.Regexp(t, `^"0x8D[0-9A-F]+"$`, a.header.Get("ETag"))
	assert.NotEmpty(t, a.header.Get("Last-Modified"))
	assert.Equal(t, "true", a.header.Get("x-ms-request-server-encrypted"))
	assert.Equal(t, "2021-08-06", a.header.Get("x-ms-version"))
	assert.Equal(t, "me", a.header.Get("x-ms-client-request-id"))
	assert.NotEmpty(t, a.header.Get("x-ms-request-id"))

	head := blobRequest(t, srv, http.MethodHead, uri, "").want(t, http.StatusOK)
	assert.Equal(t, "5", head.header.Get("Content-Length"))
	assert.Equal(t, "BlockBlob", head.header.Get("x-ms-blob-type"))
	assert.Equal(t, "application/octet-stream", head.header.Get("Content-Type"))
	assert.Equal(t, a.header.Get("ETag"), head.header.Get("ETag"))
	assert.Equal(t, md5Of("hello"), head.header.Get("Content-MD5"))

	get := blobRequest(t, srv, http.MethodGet, uri, "").want(t, http.StatusOK)
	assert.Equal(t, "hello", get.text)

	wantStorageError(t, put(t, srv, uri, "other"), http.StatusConflict, "BlobAlreadyExists")
	wantStorageError(t, put(t, srv, uri, "other", "If-None-Match", "", "If-Match", `"0x0"`), http.StatusPreconditionFailed, "ConditionNotMet")
	wantStorageError(t, put(t, srv, uri, "other", "If-None-Match", a.header.Get("ETag")), http.StatusPreconditionFailed, "ConditionNotMet")
	b := put(t, srv, uri, "other", "If-None-Match", "", "If-Match", a.header.Get("ETag"), "x-ms-blob-content-type", "text/plain").want(t, http.StatusCreated)
	assert.NotEqual(t, a.header.Get("ETag"), b.header.Get("ETag"))
	get = blobRequest(t, srv, http.MethodGet, uri, "").want(t, http.StatusOK)
	assert.Equal(t, "other", get.text)
	assert.Equal(t, "text/plain", get.header.Get("Content-Type"))

	content, ok := srv.Blob(uri)
	assert.True(t, ok)
	assert.Equal(t, "other", string(content))
	content, _ = srv.Blob("aml://artifact/LocalUpload/c/dir/a b.txt")
	assert.Equal(t, "other", string(content))
	assert.Equal(t, []string{"LocalUpload/c/dir/a b.txt"}, srv.Blobs(defaultWorkspace))
}

func TestPutBlobRefused(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	uri := createArtifact(t, srv, "c", "a")
	wantStorageError(t, put(t, srv, uri, "x", "x-ms-blob-type", ""), http.StatusBadRequest, "MissingRequiredHeader")
	wantStorageError(t, put(t, srv, uri, "x", "x-ms-blob-type", "PageBlob"), http.StatusBadRequest, "InvalidHeaderValue")
	bad := put(t, srv, uri, "x", "Content-MD5", md5Of("y"))
	wantStorageError(t, bad, http.StatusBadRequest, "Md5Mismatch")
	assert.Contains(t, bad.text, "<ServerCalculatedMd5>"+md5Of("x"))
	wantStorageError(t, put(t, srv, uri, "x", "Content-MD5", "eA=="), http.StatusBadRequest, "InvalidMd5")
	wantStorageError(t, put(t, srv, uri+"&comp=appendblock", "x"), http.StatusBadRequest, "InvalidQueryParameterValue")
	wantStorageError(t, blobRequest(t, srv, http.MethodPost, uri, "x"), http.StatusMethodNotAllowed, "UnsupportedHttpVerb")
	wantStorageError(t, put(t, srv, strings.Replace(uri, "https://", "https://x", 1), "x"), http.StatusNotFound, "ResourceNotFound")

	req, err := http.NewRequest(http.MethodPut, uri, io.MultiReader(strings.NewReader("x"))) // its length is unknown
	require.NoError(t, err)
	req.Header.Set("x-ms-blob-type", "BlockBlob")
	chunked, err := read(srv.Client().Do(req))
	require.NoError(t, err)
	wantStorageError(t, chunked, http.StatusLengthRequired, "MissingContentLengthHeader")
	assert.Empty(t, srv.Blobs(defaultWorkspace))
}

func TestSAS(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	uri := createArtifact(t, srv, "c", "a")
	put(t, srv, uri, "x").want(t, http.StatusCreated)
	bare, _, _ := strings.Cut(uri, "?")
	for name, c := range map[string]struct{ uri, want string }{
		"none":             {bare, "The URL has no shared access signature."},
		"no permissions":   {strings.Replace(uri, "&sp=rcw", "", 1), "sp is mandatory. Cannot be empty"},
		"more permissions": {uri + "d", "Signature did not match"},
		"later expiry":     {strings.Replace(uri, "&se=2", "&se=3", 1), "Signature did not match"},
		"other blob":       {strings.Replace(uri, "/a?", "/b?", 1), "Signature did not match"},
		"other signature":  {strings.Replace(uri, "&sig=", "&sig=A", 1), "Signature did not match"},
		"a container's":    {strings.Replace(uri, "sr=b", "sr=c", 1), "Signed resource c does not match a blob."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, method := range []string{http.MethodGet, http.MethodPut} {
				a := blobRequest(t, srv, method, c.uri, "", "x-ms-blob-type", "BlockBlob")
				wantStorageError(t, a, http.StatusForbidden, "AuthenticationFailed")
				assert.Contains(t, a.text, "Server failed to authenticate the request.")
				assert.Contains(t, a.text, "<AuthenticationErrorDetail>"+c.want)
			}
		})
	}
	token := blobRequest(t, srv, http.MethodGet, uri, "", "Authorization", "Bearer "+srv.Token(azuremltest.TokenOptions{}))
	wantStorageError(t, token, http.StatusForbidden, "AuthenticationFailed")
	assert.Contains(t, token.text, "An Authorization header was sent along")
	head := blobRequest(t, srv, http.MethodHead, bare, "").want(t, http.StatusForbidden)
	assert.Equal(t, "AuthenticationFailed", head.header.Get("x-ms-error-code"))

	readOnly := do(t, srv, http.MethodGet, artifactURL+"/contentinfo/LocalUpload/c/a", "").at("contentUri").(string)
	wantStorageError(t, put(t, srv, readOnly, "y", "If-None-Match", ""), http.StatusForbidden, "AuthorizationPermissionMismatch")
	blobRequest(t, srv, http.MethodGet, readOnly, "").want(t, http.StatusOK)
}

func TestSASExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := azuremltest.NewServer(&azuremltest.Options{InMemory: true})
		defer srv.Close()
		uri := createArtifact(t, srv, "c", "a")
		put(t, srv, uri, "x").want(t, http.StatusCreated)
		time.Sleep(24*time.Hour - time.Second)
		blobRequest(t, srv, http.MethodGet, uri, "").want(t, http.StatusOK)
		time.Sleep(2 * time.Second)
		a := blobRequest(t, srv, http.MethodGet, uri, "")
		wantStorageError(t, a, http.StatusForbidden, "AuthenticationFailed")
		assert.Contains(t, a.text, "Signature not valid in the specified time frame")
	})
}

func TestBlocks(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	uri := createArtifact(t, srv, "c", "big")
	id := func(n int) string { return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "block%03d", n)) }
	block := func(id, content string) answer {
		return blobRequest(t, srv, http.MethodPut, uri+"&comp=block&blockid="+escaped(id), content, "Content-MD5", md5Of(content))
	}
	list := func(kind string, ids ...string) string {
		return "<?xml version='1.0' encoding='utf-8'?>\n<BlockList><" + kind + ">" + strings.Join(ids, "</"+kind+"><"+kind+">") + "</" + kind + "></BlockList>"
	}
	commit := func(body string, header ...string) answer {
		return blobRequest(t, srv, http.MethodPut, uri+"&comp=blocklist", body, append([]string{"Content-Type", "application/xml", "Content-MD5", md5Of(body)}, header...)...)
	}
	wantStorageError(t, blobRequest(t, srv, http.MethodGet, uri+"&comp=blocklist", ""), http.StatusNotFound, "BlobNotFound")

	one := block(id(1), "one ").want(t, http.StatusCreated)
	assert.Equal(t, md5Of("one "), one.header.Get("Content-MD5"))
	block(id(2), "zwei ").want(t, http.StatusCreated)
	block(id(2), "two ").want(t, http.StatusCreated) // replaces
	block(id(3), "three").want(t, http.StatusCreated)
	wantStorageError(t, blobRequest(t, srv, http.MethodGet, uri, ""), http.StatusNotFound, "BlobNotFound")
	waiting := blobRequest(t, srv, http.MethodGet, uri+"&comp=blocklist&blocklisttype=uncommitted", "").want(t, http.StatusOK)
	assert.Contains(t, waiting.text, "<UncommittedBlocks><Block><Name>"+id(1)+"</Name><Size>4</Size></Block>")
	assert.Equal(t, 3, strings.Count(waiting.text, "<Block>"))

	wantStorageError(t, commit(list("Latest", id(1), id(9))), http.StatusBadRequest, "InvalidBlockList")
	wantStorageError(t, commit(list("Committed", id(1))), http.StatusBadRequest, "InvalidBlockList")
	wantStorageError(t, commit("<BlockList>"), http.StatusBadRequest, "InvalidXmlDocument")

	made := commit(list("Latest", id(2), id(1), id(3)), "If-None-Match", "*").want(t, http.StatusCreated)
	assert.NotEmpty(t, made.header.Get("ETag"))
	get := blobRequest(t, srv, http.MethodGet, uri, "").want(t, http.StatusOK)
	assert.Equal(t, "two one three", get.text)
	assert.Empty(t, get.header.Get("Content-MD5"), "nobody has said what it is")
	wantStorageError(t, commit(list("Latest", id(1)), "If-None-Match", "*"), http.StatusConflict, "BlobAlreadyExists")

	// Blocks are waiting no more, but can be committed again.
	wantStorageError(t, commit(list("Uncommitted", id(1))), http.StatusBadRequest, "InvalidBlockList")
	block(id(1), "ONE").want(t, http.StatusCreated)
	all := blobRequest(t, srv, http.MethodGet, uri+"&comp=blocklist&blocklisttype=all", "").want(t, http.StatusOK)
	assert.Contains(t, all.text, "<CommittedBlocks><Block><Name>"+id(2))
	assert.Contains(t, all.text, "<UncommittedBlocks><Block><Name>"+id(1)+"</Name><Size>3</Size>")
	assert.Equal(t, "13", all.header.Get("x-ms-blob-content-length"))
	body := "<BlockList><Uncommitted>" + id(1) + "</Uncommitted><Committed>" + id(1) + "</Committed><Latest>" + id(1) + "</Latest></BlockList>"
	commit(body, "x-ms-blob-content-md5", md5Of("ONEone ONE"), "x-ms-blob-content-type", "text/plain").want(t, http.StatusCreated)
	get = blobRequest(t, srv, http.MethodGet, uri, "").want(t, http.StatusOK)
	assert.Equal(t, "ONEone ONE", get.text)
	assert.Equal(t, md5Of("ONEone ONE"), get.header.Get("Content-MD5"))
	assert.Equal(t, "text/plain", get.header.Get("Content-Type"))

	wantStorageError(t, block("", "x"), http.StatusBadRequest, "MissingRequiredQueryParameter")
	wantStorageError(t, block("not base64", "x"), http.StatusBadRequest, "InvalidQueryParameterValue")
	wantStorageError(t, block(base64.StdEncoding.EncodeToString(make([]byte, 65)), "x"), http.StatusBadRequest, "InvalidQueryParameterValue")
	wantStorageError(t, block(id(1), ""), http.StatusBadRequest, "InvalidHeaderValue")
	block(id(4), "x").want(t, http.StatusCreated)
	wantStorageError(t, block("QQ==", "x"), http.StatusBadRequest, "InvalidBlobOrBlock")
}

func TestBlobRanges(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	uri := createArtifact(t, srv, "c", "digits")
	for i, part := range []string{"0123", "45", "6789"} {
		blobRequest(t, srv, http.MethodPut, fmt.Sprintf("%s&comp=block&blockid=QUF%c", uri, 'A'+i), part).want(t, http.StatusCreated)
	}
	blobRequest(t, srv, http.MethodPut, uri+"&comp=blocklist", "<BlockList><Latest>QUFA</Latest><Latest>QUFB</Latest><Latest>QUFC</Latest></BlockList>",
		"x-ms-blob-content-md5", md5Of("0123456789")).want(t, http.StatusCreated)
	for _, c := range []struct{ header, value, want, span string }{
		{"x-ms-range", "bytes=0-33554431", "0123456789", "bytes 0-9/10"},
		{"x-ms-range", "bytes=3-6", "3456", "bytes 3-6/10"},
		{"x-ms-range", "bytes=4-5", "45", "bytes 4-5/10"},
		{"x-ms-range", "bytes=9-", "9", "bytes 9-9/10"},
		{"Range", "bytes=5-7", "567", "bytes 5-7/10"},
	} {
		a := blobRequest(t, srv, http.MethodGet, uri, "", c.header, c.value).want(t, http.StatusPartialContent)
		assert.Equal(t, c.want, a.text, c.value)
		assert.Equal(t, c.span, a.header.Get("Content-Range"))
		assert.Equal(t, md5Of("0123456789"), a.header.Get("x-ms-blob-content-md5"))
		assert.Empty(t, a.header.Get("Content-MD5"))
	}
	both := blobRequest(t, srv, http.MethodGet, uri, "", "Range", "bytes=0-0", "x-ms-range", "bytes=1-1", "x-ms-range-get-content-md5", "true").want(t, http.StatusPartialContent)
	assert.Equal(t, "1", both.text)
	assert.Equal(t, md5Of("1"), both.header.Get("Content-MD5"))

	after := blobRequest(t, srv, http.MethodGet, uri, "", "x-ms-range", "bytes=10-")
	wantStorageError(t, after, http.StatusRequestedRangeNotSatisfiable, "InvalidRange")
	assert.Equal(t, "bytes */10", after.header.Get("Content-Range"))
	wantStorageError(t, blobRequest(t, srv, http.MethodGet, uri, "", "x-ms-range", "bytes=-5"), http.StatusBadRequest, "InvalidHeaderValue")
	assert.Equal(t, "0123456789", blobRequest(t, srv, http.MethodGet, uri, "", "Range", "bytes=-5").want(t, http.StatusOK).text)

	etag := blobRequest(t, srv, http.MethodHead, uri, "").header.Get("ETag")
	blobRequest(t, srv, http.MethodGet, uri, "", "If-Match", etag, "x-ms-range", "bytes=0-0").want(t, http.StatusPartialContent)
	wantStorageError(t, blobRequest(t, srv, http.MethodGet, uri, "", "If-Match", `"x"`), http.StatusPreconditionFailed, "ConditionNotMet")
	unchanged := blobRequest(t, srv, http.MethodGet, uri, "", "If-None-Match", etag).want(t, http.StatusNotModified)
	assert.Equal(t, etag, unchanged.header.Get("ETag"))
	assert.Empty(t, unchanged.text)

	empty := createArtifact(t, srv, "c", "empty")
	put(t, srv, empty, "").want(t, http.StatusCreated)
	wantStorageError(t, blobRequest(t, srv, http.MethodGet, empty, "", "x-ms-range", "bytes=0-33554431"), http.StatusRequestedRangeNotSatisfiable, "InvalidRange")
	assert.Empty(t, blobRequest(t, srv, http.MethodGet, empty, "").want(t, http.StatusOK).text)
}

// Uploads do not hold the server's lock: one that has stalled stops nobody.
func TestStalledUploadStopsNobody(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	uri := createArtifact(t, srv, "c", "slow")
	body, feed := io.Pipe()
	req, err := http.NewRequest(http.MethodPut, uri, body)
	require.NoError(t, err)
	req.ContentLength = 4
	req.Header.Set("x-ms-blob-type", "BlockBlob")
	var slow sync.WaitGroup
	slow.Go(func() {
		a, err := read(srv.Client().Do(req))
		if assert.NoError(t, err) {
			assert.Equal(t, http.StatusCreated, a.status, a.text)
		}
	})
	_, err = feed.Write([]byte("ab"))
	require.NoError(t, err)
	upload(t, srv, "c", "other", "x")
	_, err = feed.Write([]byte("cd"))
	require.NoError(t, err)
	feed.Close()
	slow.Wait()
	content, _ := srv.Blob("LocalUpload/c/slow")
	assert.Equal(t, "abcd", string(content))
}
