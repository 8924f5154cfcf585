package blob

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
)

func TestUploadSizes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		size, requests, blocks int
		known                  bool
	}{
		{0, 1, 0, true}, {0, 1, 0, false}, {1, 1, 0, true}, {BlockSize - 1, 1, 0, false},
		{BlockSize, 1, 0, true}, {BlockSize, 1, 0, false},
		{BlockSize + 1, 3, 2, true}, {BlockSize + 1, 3, 2, false}, {2 * BlockSize, 3, 2, true},
		{3*BlockSize + 17, 5, 4, false},
	} {
		t.Run(fmt.Sprintf("%d known=%t", c.size, c.known), func(t *testing.T) {
			t.Parallel()
			s := newStorage(t)
			content := pattern(c.size)
			size := int64(-1)
			if c.known {
				size = int64(c.size)
			}
			var last int64
			// A reader that gives its last bytes along with io.EOF, as readers may.
			r, err := s.uploader(2).Upload(t.Context(), Upload{
				Subject: "file", URI: s.uri("dir/a%20b"), Content: iotest.DataErrReader(bytes.NewReader(content)), Size: size,
				Progress: func(sent int64) {
					assert.Greater(t, sent, last)
					last = sent
				},
			})
			require.NoError(t, err)
			sum := md5.Sum(content)
			assert.Equal(t, Result{Size: int64(c.size), MD5: sum}, r)
			assert.EqualValues(t, c.size, last)
			b, ok := s.blobs["/azureml/dir/a%20b"]
			require.True(t, ok, "blobs: %v", len(s.blobs))
			assert.True(t, bytes.Equal(content, b.content), "the content differs")
			assert.Equal(t, base64.StdEncoding.EncodeToString(sum[:]), b.md5)
			assert.Equal(t, "*", b.header.Get("If-None-Match"))
			assert.Equal(t, storageVersion, b.header.Get("x-ms-version"))
			assert.NotEmpty(t, b.header.Get("x-ms-client-request-id"))
			assert.Equal(t, c.requests, s.count(""), "requests")
			assert.Equal(t, c.blocks, s.count("comp=block&"), "blocks")
		})
	}
}

// TestSourceReadsOddReaders: the look-ahead copes with readers of any habit.
func TestSourceReadsOddReaders(t *testing.T) {
	t.Parallel()
	content := pattern(1000)
	for name, wrap := range map[string]func(io.Reader) io.Reader{
		"byte by byte": iotest.OneByteReader, "halves": iotest.HalfReader, "with EOF": iotest.DataErrReader,
		"plain": func(r io.Reader) io.Reader { return r },
	} {
		for _, block := range []int{1, 7, 500, 999, 1000, 1001} {
			in := &source{reader: wrap(bytes.NewReader(content))}
			var all []byte
			for {
				got, err := in.fill(t.Context(), make([]byte, block))
				require.NoError(t, err)
				in.add(got)
				all = append(all, got...)
				if in.ended() {
					break
				}
				require.Len(t, got, block, "%s: only the last block may be short", name)
			}
			assert.True(t, bytes.Equal(content, all), "%s in blocks of %d", name, block)
			assert.Equal(t, Result{Size: 1000, MD5: md5.Sum(content)}, in.result())
		}
	}
}

func TestUploadRetries(t *testing.T) {
	t.Parallel()
	content := pattern(2*BlockSize + 5)
	for name, fault := range map[string]func(n int, w http.ResponseWriter, r *http.Request) bool{
		"503": func(_ int, w http.ResponseWriter, _ *http.Request) bool {
			fail(w, http.StatusServiceUnavailable, "ServerBusy")
			return true
		},
		"500 without reading": func(_ int, w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(http.StatusInternalServerError)
			return true
		},
		"reset": func(_ int, w http.ResponseWriter, _ *http.Request) bool { reset(w); return true },
		"408":   func(_ int, w http.ResponseWriter, _ *http.Request) bool { fail(w, 408, "RequestTimeout"); return true },
		"cut off": func(_ int, w http.ResponseWriter, r *http.Request) bool {
			_, _ = r.Body.Read(make([]byte, 9))
			reset(w)
			return true
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStorage(t)
			var mu sync.Mutex
			seen := map[string]bool{}
			s.before = func(n int, w http.ResponseWriter, r *http.Request) bool {
				mu.Lock()
				first := !seen[r.URL.RequestURI()]
				seen[r.URL.RequestURI()] = true
				mu.Unlock()
				return first && fault(n, w, r)
			}
			var last int64
			_, err := s.uploader(3).Upload(t.Context(), Upload{
				Subject: "file", URI: s.uri("a"), Content: bytes.NewReader(content), Size: int64(len(content)),
				Progress: func(sent int64) {
					assert.Greater(t, sent, last, "progress fell")
					last = sent
				},
			})
			require.NoError(t, err)
			assert.True(t, bytes.Equal(content, s.blobs["/azureml/a"].content))
			assert.Equal(t, 8, s.count(""), "each of the four requests twice")
			assert.EqualValues(t, len(content), last)
		})
	}
}

// TestLostAnswers: the blob was made, the answer got lost, the repetition meets it.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	for _, size := range []int{10, BlockSize + 10} {
		for name, spoil := range map[string]func(w http.ResponseWriter){
			"reset": func(w http.ResponseWriter) { reset(w) },
			"500":   func(w http.ResponseWriter) { fail(w, 500, "InternalError") },
		} {
			t.Run(fmt.Sprint(name, size), func(t *testing.T) {
				t.Parallel()
				s := newStorage(t)
				var lost atomic.Bool
				s.after = func(_ int, w http.ResponseWriter, r *http.Request) bool {
					if r.Method == http.MethodPut && r.URL.Query().Get("comp") != "block" && lost.CompareAndSwap(false, true) {
						spoil(w)
						return true
					}
					return false
				}
				_, err := s.uploader(0).Upload(t.Context(), Upload{Subject: "file", URI: s.uri("a"), Content: bytes.NewReader(pattern(size)), Size: int64(size)})
				require.NoError(t, err)
				assert.Equal(t, 1, s.count("HEAD"))
			})
		}
	}
}

func TestConflicts(t *testing.T) {
	t.Parallel()
	s := newStorage(t)
	s.blobs["/azureml/a"] = stored{content: []byte("something else"), md5: "eHh4"}
	up := Upload{Subject: `file "a"`, URI: s.uri("a"), Content: strings.NewReader("content"), Size: 7}

	_, err := s.uploader(0).Upload(t.Context(), up)
	require.ErrorIs(t, err, azureml.ErrConflict)
	assert.Equal(t, 0, s.count("HEAD"), "the first try's conflict is not looked into")

	s.before = func(n int, w http.ResponseWriter, _ *http.Request) bool {
		if n == 2 {
			reset(w)
		}
		return false
	}
	up.Content = strings.NewReader("content")
	_, err = s.uploader(0).Upload(t.Context(), up)
	require.ErrorIs(t, err, azureml.ErrConflict)
	assert.Contains(t, err.Error(), "there is another blob at its place, of 14 bytes and not 7")
}

func TestFailures(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status   int
		code     string
		kind     error
		requests int
	}{
		"403": {403, "AuthorizationFailure", azureml.ErrForbidden, 1},
		"409": {409, "BlobAlreadyExists", azureml.ErrConflict, 1},
		"412": {412, "ConditionNotMet", azureml.ErrConflict, 1},
		"501": {501, "NotImplemented", azureml.ErrUnavailable, 1},
		"503": {503, "ServerBusy", azureml.ErrUnavailable, 1 + defaultRetries},
		"429": {429, "TooManyRequests", azureml.ErrThrottled, 1 + defaultRetries},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStorage(t)
			s.before = func(_ int, w http.ResponseWriter, _ *http.Request) bool { fail(w, c.status, c.code); return true }
			_, err := s.uploader(0).Upload(t.Context(), Upload{Subject: `file "a"`, URI: s.uri("a"), Content: strings.NewReader("x"), Size: 1})
			require.ErrorIs(t, err, c.kind)
			e, ok := errors.AsType[*azureml.Error](err)
			require.True(t, ok)
			assert.Equal(t, c.code, e.Code)
			assert.Equal(t, "It said "+c.code+".", e.Message)
			assert.Equal(t, c.requests, s.count(""))
			assert.Equal(t, c.requests, e.Attempts)
			assert.NotEmpty(t, e.Remedy+map[bool]string{true: "none needed"}[c.status == 409 || c.status == 412])
			assert.True(t, strings.HasPrefix(err.Error(), `azureml: cannot upload file "a": `), err.Error())
			_, ok = errors.AsType[*azcore.ResponseError](err)
			assert.True(t, ok, "wraps the answer")
			noSignature(t, err)
		})
	}
}

// noSignature fails if any way of showing err shows the signature.
func noSignature(t *testing.T, err error) {
	t.Helper()
	var all strings.Builder
	for e := err; e != nil; e = errors.Unwrap(e) {
		fmt.Fprintf(&all, "%v\n%+v\n%#v\n", e, e, e)
		if r, ok := errors.AsType[*azcore.ResponseError](e); ok && r.RawResponse != nil {
			fmt.Fprintf(&all, "%+v\n", r.RawResponse.Request.URL)
		}
	}
	all.WriteString(azureml.Explain(err))
	data, _ := json.Marshal(err)
	all.Write(data)
	assert.NotContains(t, all.String(), "PLANTED")
	assert.NotContains(t, strings.ReplaceAll(all.String(), "sig=[redacted]", ""), "sig=")
}

func TestConnectionFailure(t *testing.T) {
	t.Parallel()
	s := newStorage(t)
	s.before = func(_ int, w http.ResponseWriter, _ *http.Request) bool { reset(w); return true }
	_, err := s.uploader(0).Upload(t.Context(), Upload{Subject: `file "a"`, URI: s.uri("a"), Content: strings.NewReader("x"), Size: 1})
	require.ErrorIs(t, err, azureml.ErrUnavailable)
	assert.Contains(t, azureml.Explain(err), "can be reached from here")
	noSignature(t, err)
}

func TestOddAddresses(t *testing.T) {
	t.Parallel()
	for _, uri := range []string{"", "http://ws.blob.core.windows.net/a?sig=PLANTED", "%zz?sig=PLANTED", "http://127.evil.example/a?sig=PLANTED", "ftp://x/?sig=PLANTED"} {
		_, err := New(Config{Operation: "upload"}).Upload(t.Context(), Upload{Subject: "file", URI: uri, Content: strings.NewReader("x")})
		require.ErrorIs(t, err, azureml.ErrInvalid, uri)
		noSignature(t, err)
	}
}

func TestChangedContent(t *testing.T) {
	t.Parallel()
	for _, size := range []int{10, BlockSize + 10} {
		s := newStorage(t)
		up := Upload{Subject: "file", URI: s.uri("a"), Content: bytes.NewReader(pattern(size)), Size: int64(size) + 1}
		_, err := s.uploader(0).Upload(t.Context(), up)
		require.ErrorIs(t, err, ErrChanged)
		require.ErrorIs(t, err, azureml.ErrConflict)

		up.Content, up.Size = bytes.NewReader(pattern(size)), int64(size)
		up.Check = func() error { return fmt.Errorf("%w: really", ErrChanged) }
		_, err = s.uploader(0).Upload(t.Context(), up)
		require.ErrorIs(t, err, ErrChanged)
		assert.Contains(t, err.Error(), "really")
		assert.Empty(t, s.blobs, "the blob must not be made")
	}
}

func TestUnreadableContent(t *testing.T) {
	t.Parallel()
	broken := errors.New("the disk is gone")
	for _, before := range []int{0, BlockSize / 2, BlockSize, BlockSize + 5} {
		s := newStorage(t)
		u := s.uploader(2)
		_, err := u.Upload(t.Context(), Upload{
			Subject: "file", URI: s.uri("a"), Size: -1,
			Content: io.MultiReader(bytes.NewReader(pattern(before)), iotest.ErrReader(broken)),
		})
		require.ErrorIs(t, err, broken)
		assert.Equal(t, "azureml: cannot upload file: the disk is gone", err.Error())
		assert.Empty(t, s.blobs)
		assert.Len(t, u.buffers, 2, "buffers were lost")
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	s := newStorage(t)
	ctx, cancel := context.WithCancel(t.Context())
	var canceled time.Time
	var once sync.Once
	s.before = func(_ int, _ http.ResponseWriter, r *http.Request) bool {
		once.Do(func() { canceled = time.Now(); cancel() })
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
		return true
	}
	u := s.uploader(2)
	_, err := u.Upload(ctx, Upload{Subject: "file", URI: s.uri("a"), Content: bytes.NewReader(pattern(5 * BlockSize)), Size: 5 * BlockSize})
	require.ErrorIs(t, err, context.Canceled)
	once.Do(func() { t.Error("nothing was sent") })
	// In virtual time package model shows that it takes no second; here the machine counts.
	assert.Less(t, time.Since(canceled), 20*time.Second)
	assert.Len(t, u.buffers, 2, "buffers were lost")
	_, err = u.Upload(ctx, Upload{Subject: "file", URI: s.uri("a"), Content: strings.NewReader("x"), Size: 1})
	require.ErrorIs(t, err, context.Canceled)
	noSignature(t, err)
}

// TestManyUploadsShareTheBuffers: more uploads than buffers, of all sizes, at once.
func TestManyUploadsShareTheBuffers(t *testing.T) {
	t.Parallel()
	s := newStorage(t)
	u := s.uploader(2)
	var running, most atomic.Int32
	s.before = func(int, http.ResponseWriter, *http.Request) bool {
		if now := running.Add(1); now > most.Load() {
			most.Store(now)
		}
		return false
	}
	s.after = func(int, http.ResponseWriter, *http.Request) bool { running.Add(-1); return false }
	var wg sync.WaitGroup
	for i := range 12 {
		size := []int{3, BlockSize, 2*BlockSize + 1}[i%3]
		wg.Go(func() {
			content := pattern(size)
			_, err := u.Upload(t.Context(), Upload{Subject: "file", URI: s.uri(fmt.Sprint(i)), Content: bytes.NewReader(content), Size: int64(size)})
			assert.NoError(t, err)
		})
	}
	wg.Wait()
	for i := range 12 {
		assert.Len(t, s.blobs[fmt.Sprintf("/azureml/%d", i)].content, []int{3, BlockSize, 2*BlockSize + 1}[i%3])
	}
	// A block list goes out without a buffer; each of the four large uploads may be at one.
	assert.LessOrEqual(t, int(most.Load()), 2+4)
}

type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) Do(r *http.Request) (*http.Response, error) { return f(r) }

// TestStandstill: a try in which nothing moves ends after 100 s and is repeated; a slow
// one that moves does not end.
func TestStandstill(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		u := New(Config{Operation: "upload", Options: azcore.ClientOptions{
			Retry: policy.RetryOptions{MaxRetries: 1, RetryDelay: time.Second},
			Transport: transportFunc(func(r *http.Request) (*http.Response, error) {
				tries++
				if tries == 1 {
					<-r.Context().Done()
					return nil, r.Context().Err()
				}
				for {
					time.Sleep(90 * time.Second)
					if n, _ := r.Body.Read(make([]byte, 1)); n == 0 {
						break
					}
				}
				return &http.Response{StatusCode: 201, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
			}),
		}})
		start := time.Now()
		_, err := u.Upload(t.Context(), Upload{Subject: "file", URI: "https://h/a?sig=PLANTED", Content: strings.NewReader("abcd"), Size: 4})
		require.NoError(t, err)
		assert.Equal(t, 2, tries)
		assert.InDelta(t, (100*time.Second + time.Second + 5*90*time.Second).Seconds(), time.Since(start).Seconds(), 2)

		u = New(Config{Operation: "upload", Options: azcore.ClientOptions{
			Retry: policy.RetryOptions{MaxRetries: 1},
			Transport: transportFunc(func(r *http.Request) (*http.Response, error) {
				<-r.Context().Done()
				return nil, r.Context().Err()
			}),
		}})
		_, err = u.Upload(t.Context(), Upload{Subject: "file", URI: "https://h/a?sig=PLANTED", Content: strings.NewReader("abcd"), Size: 4})
		require.ErrorIs(t, err, azureml.ErrUnavailable)
		require.ErrorIs(t, err, errStalled)
	})
}

// TestTryBodyIsCutOff: what the transport still reads of a try that is over is an error,
// not the content of the buffer's next use.
func TestTryBodyIsCutOff(t *testing.T) {
	t.Parallel()
	var kept io.ReadCloser
	tries := 0
	u := New(Config{Operation: "upload", Options: azcore.ClientOptions{
		Retry: policy.RetryOptions{RetryDelay: time.Nanosecond},
		Transport: transportFunc(func(r *http.Request) (*http.Response, error) {
			tries++
			if tries == 1 {
				kept = r.Body
				return nil, errors.New("broken")
			}
			n, err := kept.Read(make([]byte, 1))
			assert.Zero(t, n)
			assert.ErrorIs(t, err, io.ErrClosedPipe)
			content, err := io.ReadAll(r.Body)
			assert.NoError(t, err)
			assert.Equal(t, "abcd", string(content))
			return &http.Response{StatusCode: http.StatusCreated, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
		}),
	}})
	_, err := u.Upload(t.Context(), Upload{Subject: "file", URI: "https://h/a?sig=PLANTED", Content: strings.NewReader("abcd"), Size: 4})
	require.NoError(t, err)
	assert.Equal(t, 2, tries)
}
