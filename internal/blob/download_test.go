package blob

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
)

// sender answers like storage does to the reading of a blob; each answer is cut off after
// cuts[n] bytes, if there are so many.
type sender struct {
	content []byte
	etag    string
	cuts    []int
	// whole sends everything, whatever range is asked for.
	whole bool
	n     int
}

func (s *sender) serve(t *testing.T) func(int, http.ResponseWriter, *http.Request) bool {
	return func(_ int, w http.ResponseWriter, r *http.Request) bool {
		assert.Equal(t, http.MethodGet, r.Method)
		assert.Equal(t, "identity", r.Header.Get("Accept-Encoding"))
		assert.Equal(t, storageVersion, r.Header.Get("x-ms-version"))
		status, content := http.StatusOK, s.content
		w.Header().Set("ETag", s.etag)
		w.Header().Set("Content-Type", "application/octet-stream")
		if asked := r.Header.Get("x-ms-range"); asked != "" {
			if r.Header.Get("If-Match") != s.etag {
				fail(w, http.StatusPreconditionFailed, "ConditionNotMet")
				return true
			}
			var from int
			_, err := fmt.Sscanf(asked, "bytes=%d-", &from)
			assert.NoError(t, err)
			if !s.whole {
				status, content = http.StatusPartialContent, s.content[from:]
				w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(s.content)-1, len(s.content)))
			}
		}
		if status == http.StatusOK {
			sum := md5.Sum(s.content)
			w.Header().Set("Content-MD5", base64.StdEncoding.EncodeToString(sum[:]))
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(content)))
		w.WriteHeader(status)
		s.n++
		if s.n <= len(s.cuts) {
			_, _ = w.Write(content[:s.cuts[s.n-1]])
			_ = http.NewResponseController(w).Flush()
			reset(w)
		}
		_, _ = w.Write(content)
		return true
	}
}

func download(ctx context.Context, s *storage, to io.Writer, progress func(int64, int64)) (Result, error) {
	d := NewDownloader(Config{Options: s.options(), Operation: "download"})
	return d.Download(ctx, Download{Subject: `file "a"`, URI: s.uri("a"), Content: to, Progress: progress})
}

func TestDownload(t *testing.T) {
	t.Parallel()
	large := pattern(3<<20 + 1)
	for name, c := range map[string]struct {
		sender
		requests int
	}{
		"empty":                {sender{content: nil, etag: `"1"`}, 1},
		"small":                {sender{content: []byte("abc"), etag: `"1"`}, 1},
		"large":                {sender{content: large, etag: `"1"`}, 1},
		"broken":               {sender{content: large, etag: `"1"`, cuts: []int{1 << 20, 0, 5}}, 4},
		"broken before all":    {sender{content: []byte("abc"), cuts: []int{0}}, 2},
		"ranges not known":     {sender{content: large, etag: `"1"`, cuts: []int{1 << 20}, whole: true}, 2},
		"broken while skipped": {sender{content: large, etag: `"1"`, cuts: []int{1 << 20, 9}, whole: true}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStorage(t)
			from := c.sender
			s.before = from.serve(t)
			var got bytes.Buffer
			last := int64(-1)
			r, err := download(t.Context(), s, &got, func(received, size int64) {
				assert.GreaterOrEqual(t, received, last)
				assert.EqualValues(t, len(c.content), size)
				last = received
			})
			require.NoError(t, err)
			assert.True(t, bytes.Equal(c.content, got.Bytes()))
			assert.Equal(t, Result{Size: int64(len(c.content)), MD5: md5.Sum(c.content)}, r)
			assert.EqualValues(t, len(c.content), last)
			assert.Equal(t, c.requests, s.count("GET"))
		})
	}
}

func TestDownloadFailures(t *testing.T) {
	t.Parallel()
	body := pattern(100)
	cut := sender{content: body, etag: `"1"`, cuts: []int{10, 10, 10, 10, 10, 10, 10}}
	changed := sender{content: body, etag: `"1"`, cuts: []int{10}}
	untold := sender{content: body, cuts: []int{10}}
	for name, c := range map[string]struct {
		serve    func(int, http.ResponseWriter, *http.Request) bool
		kind     error
		text     string
		requests int
	}{
		"forbidden": {func(_ int, w http.ResponseWriter, _ *http.Request) bool {
			fail(w, 403, "AuthenticationFailed")
			return true
		},
			azureml.ErrForbidden, "It said AuthenticationFailed", 1},
		"gone": {func(_ int, w http.ResponseWriter, _ *http.Request) bool { fail(w, 404, "BlobNotFound"); return true },
			azureml.ErrNotFound, "BlobNotFound", 1},
		"busy": {func(_ int, w http.ResponseWriter, _ *http.Request) bool { fail(w, 503, "ServerBusy"); return true },
			azureml.ErrUnavailable, "ServerBusy", 6},
		"always broken": {cut.serve(t), azureml.ErrUnavailable, "unexpected EOF", 6},
		"changed": {func(n int, w http.ResponseWriter, r *http.Request) bool {
			if n == 2 {
				changed.etag = `"2"`
			}
			return changed.serve(t)(n, w, r)
		}, azureml.ErrConflict, "changed while it was being downloaded", 2},
		"without an etag": {untold.serve(t), azureml.ErrUnavailable, "unexpected EOF", 1},
		"other place": {func(n int, w http.ResponseWriter, r *http.Request) bool {
			if n == 1 {
				return (&sender{content: body, etag: `"1"`, cuts: []int{10}}).serve(t)(n, w, r)
			}
			w.Header().Set("Content-Range", "bytes 11-99/100")
			w.WriteHeader(http.StatusPartialContent)
			return true
		}, azureml.ErrUnavailable, "not what follows byte 10", 2},
		"more than it said": {func(n int, w http.ResponseWriter, r *http.Request) bool {
			if n == 1 {
				return (&sender{content: body, etag: `"1"`, cuts: []int{10}}).serve(t)(n, w, r)
			}
			w.Header().Set("Content-Range", "bytes 10-199/200")
			w.WriteHeader(http.StatusPartialContent)
			_, _ = w.Write(pattern(190))
			return true
		}, azureml.ErrUnavailable, "there are 200 bytes in place of 100", 2},
		"other content": {func(_ int, w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-MD5", base64.StdEncoding.EncodeToString(make([]byte, 16)))
			_, _ = w.Write(body)
			return true
		}, azureml.ErrUnavailable, "MD5 sums differ", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStorage(t)
			s.before = c.serve
			_, err := download(t.Context(), s, io.Discard, nil)
			require.ErrorIs(t, err, c.kind)
			assert.Contains(t, err.Error(), c.text)
			assert.Contains(t, err.Error(), `cannot download file "a"`)
			assert.Equal(t, c.requests, s.count("GET"))
			noSignature(t, err)
		})
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestDownloadToNowhere(t *testing.T) {
	t.Parallel()
	s := newStorage(t)
	s.before = (&sender{content: pattern(100), etag: `"1"`}).serve(t)
	_, err := download(t.Context(), s, full{}, nil)
	require.Error(t, err)
	assert.Equal(t, `azureml: cannot download file "a": it cannot be written: no space left`, err.Error())
	require.NotErrorIs(t, err, azureml.ErrUnavailable)

	d := NewDownloader(Config{Options: s.options(), Operation: "download"})
	_, err = d.Download(t.Context(), Download{Subject: "x", URI: "http://h/a?" + signature, Content: io.Discard})
	require.ErrorIs(t, err, azureml.ErrInvalid)
	noSignature(t, err)

	ctx, cancel := context.WithCancel(t.Context())
	_, err = download(ctx, s, io.Discard, func(int64, int64) { cancel() })
	if err == nil { // a small answer may be whole before the cancellation is seen
		_, err = download(ctx, s, io.Discard, nil)
	}
	require.ErrorIs(t, err, context.Canceled)
	noSignature(t, err)
}

// slowBody brings a byte now and then, and then nothing any more.
type slowBody struct {
	ctx  context.Context
	left int
}

func (b *slowBody) Read(p []byte) (int, error) {
	if b.left == 0 {
		<-b.ctx.Done()
		return 0, b.ctx.Err()
	}
	time.Sleep(90 * time.Second)
	b.left--
	return copy(p, "x"), nil
}

func (b *slowBody) Close() error { return nil }

// TestDownloadStandstill: a stream in which nothing moves for 100 s is made anew, a slow
// one is not.
func TestDownloadStandstill(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		d := NewDownloader(Config{Operation: "download", Options: azcore.ClientOptions{
			Retry: policy.RetryOptions{RetryDelay: time.Second},
			Transport: transportFunc(func(r *http.Request) (*http.Response, error) {
				tries++
				resp := &http.Response{StatusCode: 200, ContentLength: 6, Header: http.Header{"Etag": {`"1"`}, "Content-Length": {"6"}}, Request: r}
				if tries == 1 {
					resp.Body = &slowBody{r.Context(), 3}
					return resp, nil
				}
				assert.Equal(t, "bytes=3-", r.Header.Get("x-ms-range"))
				resp.StatusCode = http.StatusPartialContent
				resp.Header.Set("Content-Range", "bytes 3-5/6")
				resp.Body = io.NopCloser(strings.NewReader("yyy"))
				return resp, nil
			}),
		}})
		var got bytes.Buffer
		start := time.Now()
		_, err := d.Download(t.Context(), Download{Subject: "f", URI: "https://h/a?sig=PLANTED", Content: &got})
		require.NoError(t, err)
		assert.Equal(t, "xxxyyy", got.String())
		assert.InDelta(t, (3*90 + 100 + 1), time.Since(start).Seconds(), 2)
	})
}
