package blob

import (
	"bytes"
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
)

const small = 1 << 10

// smallUploader sends blocks of 1 KiB.
func (s *storage) smallUploader() *Uploader {
	return New(Config{Options: s.options(), Concurrency: 2, Operation: "upload", BlockSize: small})
}

// interrupt uploads content until storage has had n blocks, and gives the ids of those
// that the uploader knew of.
func interrupt(t *testing.T, s *storage, content []byte, n int32) []string {
	t.Helper()
	var blocks atomic.Int32
	s.before = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Query().Get("comp") == "block" && blocks.Add(1) > n {
			fail(w, http.StatusForbidden, "AuthorizationFailure")
			return true
		}
		return false
	}
	defer func() { s.before = nil }()
	var mu sync.Mutex
	ids := make([]string, len(content)/small+1)
	// One after the other, so that it is known which.
	u := New(Config{Options: s.options(), Concurrency: 1, Operation: "upload", BlockSize: small})
	_, err := u.Upload(t.Context(), Upload{
		Subject: "file", URI: s.uri("a"), Content: bytes.NewReader(content), Size: int64(len(content)),
		Staged: func(number int, id string) {
			mu.Lock()
			defer mu.Unlock()
			ids[number] = id
		},
	})
	require.Error(t, err)
	return ids
}

func TestResumeSendsOnlyWhatIsMissing(t *testing.T) {
	t.Parallel()
	content := pattern(10*small + 7)
	for name, c := range map[string]struct {
		change  func(content []byte, ids []string) []string
		blocks  int
		kept    int64
		differs bool
	}{
		"as it was":                             {func(_ []byte, ids []string) []string { return ids }, 6, 5 * small, false},
		"nothing is known":                      {func([]byte, []string) []string { return nil }, 6, 5 * small, false},
		"a block has changed":                   {func(content []byte, ids []string) []string { content[2*small+3]++; return ids }, 9, 2 * small, true},
		"a block has changed, nothing is known": {func(content []byte, _ []string) []string { content[2*small+3]++; return nil }, 7, 4 * small, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStorage(t)
			content := slices.Clone(content)
			ids := interrupt(t, s, content, 5)
			ids = c.change(content, ids)
			before := s.count("comp=block&")
			var last int64
			r, err := s.smallUploader().Upload(t.Context(), Upload{
				Subject: "file", URI: s.uri("a"), Content: bytes.NewReader(content), Size: int64(len(content)),
				Resume: true, Earlier: ids, Progress: func(sent int64) { last = sent },
			})
			require.NoError(t, err)
			assert.Equal(t, c.blocks, s.count("comp=block&")-before, "blocks")
			assert.Equal(t, 1, s.count("blocklisttype=uncommitted"))
			assert.Equal(t, c.kept, r.Kept)
			assert.Equal(t, c.differs, r.Differs)
			assert.EqualValues(t, len(content), last)
			assert.True(t, bytes.Equal(content, s.blobs["/azureml/a"].content), "the content differs")
		})
	}
}

// TestResumeDistrustsSizes: a block of another size is not the one.
func TestResumeDistrustsSizes(t *testing.T) {
	t.Parallel()
	s := newStorage(t)
	content := pattern(3 * small)
	interrupt(t, s, content, 2)
	for id := range s.blocks["/azureml/a"] {
		s.blocks["/azureml/a"][id] = []byte("short")
	}
	r, err := s.smallUploader().Upload(t.Context(), Upload{
		Subject: "file", URI: s.uri("a"), Content: bytes.NewReader(content), Size: int64(len(content)), Resume: true,
	})
	require.NoError(t, err)
	assert.Zero(t, r.Kept)
	assert.True(t, bytes.Equal(content, s.blobs["/azureml/a"].content))
}

func TestResumeWithNothingThere(t *testing.T) {
	t.Parallel()
	s := newStorage(t)
	u := s.smallUploader()
	r, err := u.Upload(t.Context(), Upload{Subject: "file", URI: s.uri("a"), Content: bytes.NewReader(pattern(3 * small)), Size: -1, Resume: true})
	require.NoError(t, err)
	assert.Zero(t, r.Kept)

	s.before = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Query().Get("comp") == "blocklist" && r.Method == http.MethodGet {
			fail(w, http.StatusForbidden, "AuthorizationFailure")
			return true
		}
		return false
	}
	_, err = u.Upload(t.Context(), Upload{Subject: "file", URI: s.uri("b"), Content: bytes.NewReader(pattern(3 * small)), Size: -1, Resume: true})
	require.ErrorIs(t, err, azureml.ErrForbidden)
	assert.Len(t, u.buffers, 2, "buffers were lost")
	noSignature(t, err)
}

func TestReplace(t *testing.T) {
	t.Parallel()
	for _, size := range []int{10, 3 * small} {
		s := newStorage(t)
		u := s.smallUploader()
		up := Upload{Subject: "file", URI: s.uri("a"), Content: strings.NewReader("old"), Size: 3}
		_, err := u.Upload(t.Context(), up)
		require.NoError(t, err)
		there, ok, err := u.Look(t.Context(), up)
		require.NoError(t, err)
		require.True(t, ok)
		assert.EqualValues(t, 3, there.Size)
		assert.Len(t, there.MD5, 16)

		up.Content, up.Size, up.Replace = bytes.NewReader(pattern(size)), int64(size), `"of another one"`
		_, err = u.Upload(t.Context(), up)
		require.ErrorIs(t, err, azureml.ErrConflict)
		up.Content, up.Replace = bytes.NewReader(pattern(size)), there.ETag
		_, err = u.Upload(t.Context(), up)
		require.NoError(t, err)
		assert.Len(t, s.blobs["/azureml/a"].content, size)

		up.URI = s.uri("nothing")
		_, ok, err = u.Look(t.Context(), up)
		require.NoError(t, err)
		assert.False(t, ok)
	}
}

// TestBlockSizes: no content has more blocks than storage takes.
func TestBlockSizes(t *testing.T) {
	t.Parallel()
	u := New(Config{})
	const gib, tib = int64(1) << 30, int64(1) << 40
	for size, want := range map[int64]int64{
		0: BlockSize, gib: BlockSize, BlockSize * MaxBlocks: BlockSize, BlockSize*MaxBlocks + 1: 9 << 20, tib: 21 << 20, 4 * tib: 84 << 20,
	} {
		got := u.sizeOf(0, size)
		assert.Equal(t, want, got, size)
		assert.LessOrEqual(t, (size+got-1)/got, int64(MaxBlocks), size)
		assert.Equal(t, got, u.sizeOf(MaxBlocks-1, size), "all blocks are equal when the size is known")
	}
	var all int64
	for n := range MaxBlocks {
		all += u.sizeOf(n, -1)
	}
	assert.Greater(t, all, 2*tib)
	assert.EqualValues(t, BlockSize, u.sizeOf(MaxBlocks/5-1, -1))
	assert.EqualValues(t, 2*BlockSize, u.sizeOf(MaxBlocks/5, -1))
	assert.EqualValues(t, 16*BlockSize, u.sizeOf(MaxBlocks-1, -1))
}

// ranOutAnswer is what storage says of a signature whose time is over.
func ranOutAnswer(w http.ResponseWriter) {
	w.Header().Set("x-ms-error-code", "AuthenticationFailed")
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(http.StatusForbidden)
	fmt.Fprint(w, `<?xml version="1.0" encoding="utf-8"?><Error><Code>AuthenticationFailed</Code><Message>Server failed to authenticate the request.</Message><AuthenticationErrorDetail>Signature not valid in the specified time frame: Start [] - Expiry [x] - Current [y]</AuthenticationErrorDetail></Error>`)
}

const renewedMark = "&renewed=yes"

// TestRenewal: of all requests that meet the end of the signature, one renews it.
func TestRenewal(t *testing.T) {
	t.Parallel()
	content := pattern(40 * small)
	s := newStorage(t)
	var requests, renewals atomic.Int32
	s.before = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		if requests.Add(1) > 7 && !strings.Contains(r.URL.RawQuery, renewedMark) {
			ranOutAnswer(w)
			return true
		}
		return false
	}
	var last int64
	_, err := New(Config{Options: s.options(), Concurrency: 8, BlockSize: small, Operation: "upload"}).Upload(t.Context(), Upload{
		Subject: "file", URI: s.uri("a"), Content: bytes.NewReader(content), Size: int64(len(content)),
		Renew: func(context.Context) (string, error) {
			renewals.Add(1)
			time.Sleep(5 * time.Millisecond)
			return s.uri("a") + renewedMark, nil
		},
		Progress: func(sent int64) {
			assert.Greater(t, sent, last)
			last = sent
		},
	})
	require.NoError(t, err)
	assert.EqualValues(t, 1, renewals.Load())
	assert.True(t, bytes.Equal(content, s.blobs["/azureml/a"].content))
	assert.EqualValues(t, len(content), last)
}

// TestRenewalByTheClock: an address that ends is renewed before storage refuses it, and
// storage's own clock counts where no text says why.
func TestRenewalByTheClock(t *testing.T) {
	t.Parallel()
	address := func(end time.Time) string {
		return "https://h/a?sig=PLANTED&se=" + url.QueryEscape(end.UTC().Format(time.RFC3339))
	}
	for name, c := range map[string]struct {
		lives, wait time.Duration
		renewals    int
		date        time.Duration
		status      []int
	}{
		"still good":                 {time.Hour, 0, 0, 0, []int{201}},
		"ends while waiting":         {time.Minute, time.Hour, 1, 0, []int{201}},
		"seemed over from the start": {-time.Hour, 0, 0, -2 * time.Hour, []int{201}},
		"storage says by its clock":  {time.Minute, 0, 1, time.Hour, []int{403, 201}},
		"another 403":                {time.Hour, 0, 0, 0, []int{403}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var sent, renewals int
				o := Config{Operation: "upload"}
				o.Options.Transport = transportFunc(func(r *http.Request) (*http.Response, error) {
					status := c.status[sent]
					sent++
					h := http.Header{"Date": {time.Now().Add(c.date).UTC().Format(http.TimeFormat)}}
					return &http.Response{StatusCode: status, Header: h, Body: http.NoBody, Request: r}, nil
				})
				u := New(o)
				target, err := u.target(t.Context(), Upload{Subject: "file", URI: address(time.Now().Add(c.lives)), Renew: func(context.Context) (string, error) {
					renewals++
					return address(time.Now().Add(24 * time.Hour)), nil
				}})
				require.NoError(t, err)
				time.Sleep(c.wait)
				err = target.put(t.Context(), []byte("x"), Result{Size: 1})
				if slices.Equal(c.status, []int{403}) {
					require.ErrorIs(t, err, azureml.ErrForbidden)
				} else {
					require.NoError(t, err)
				}
				assert.Equal(t, c.renewals, renewals)
				assert.Equal(t, len(c.status), sent)
			})
		})
	}
}

func TestRenewalFails(t *testing.T) {
	t.Parallel()
	refused := &azureml.Error{Operation: "register", Message: "no role any more", Kind: azureml.ErrForbidden, Remedy: "Ask for one."}
	for name, c := range map[string]struct {
		renew func(*storage) (string, error)
		kind  error
		text  string
	}{
		"refused":        {func(*storage) (string, error) { return "", refused }, azureml.ErrForbidden, "cannot be renewed: no role any more"},
		"another blob":   {func(s *storage) (string, error) { return s.uri("b"), nil }, azureml.ErrUnavailable, "named another place"},
		"another host":   {func(*storage) (string, error) { return "https://evil.example/azureml/a?sig=PLANTED", nil }, azureml.ErrUnavailable, "named another place"},
		"not an address": {func(*storage) (string, error) { return "%zz?sig=PLANTED", nil }, azureml.ErrUnavailable, "named another place"},
		"run out again":  {func(s *storage) (string, error) { return s.uri("a"), nil }, azureml.ErrForbidden, ""},
		"canceled":       {func(*storage) (string, error) { return "", context.Canceled }, nil, "canceled"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStorage(t)
			s.before = func(_ int, w http.ResponseWriter, _ *http.Request) bool { ranOutAnswer(w); return true }
			_, err := s.smallUploader().Upload(t.Context(), Upload{
				Subject: "file", URI: s.uri("a"), Content: strings.NewReader("x"), Size: 1,
				Renew: func(context.Context) (string, error) { return c.renew(s) },
			})
			require.Error(t, err)
			if c.kind != nil {
				require.ErrorIs(t, err, c.kind)
			}
			assert.Contains(t, err.Error(), c.text)
			assert.LessOrEqual(t, s.count(""), 2)
			noSignature(t, err)
			_, ok := errors.AsType[*azureml.Error](err)
			assert.True(t, ok)
		})
	}
}

// TestDownloadGoesOn: what an earlier call has got is not asked for again, and is part of
// what is verified.
func TestDownloadGoesOn(t *testing.T) {
	t.Parallel()
	content := pattern(1000)
	sum := md5.Sum(content)
	for name, c := range map[string]struct {
		have, ranges int
		etag         azcore.ETag
		spoil        bool
		size         int64
		differs      bool
	}{
		"the rest":       {have: 400, ranges: 1, etag: `"1"`, size: 1000},
		"everything":     {have: 1000, ranges: 0, etag: `"1"`, size: 1000},
		"another blob":   {have: 400, ranges: 1, etag: `"0"`, size: 1000, differs: true},
		"damaged":        {have: 400, ranges: 1, etag: `"1"`, size: 1000, spoil: true, differs: true},
		"damaged, whole": {have: 1000, ranges: 0, etag: `"1"`, size: 1000, spoil: true, differs: true},
		"too much":       {have: 400, ranges: 0, etag: `"1"`, size: 300, differs: true},
		"no etag":        {have: 400, ranges: 0, size: 1000, differs: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStorage(t)
			s.before = (&sender{content: content, etag: `"1"`}).serve(t)
			front := slices.Clone(content[:c.have])
			if c.spoil {
				front[7]++
			}
			var rest bytes.Buffer
			r, err := NewDownloader(Config{Options: s.options(), Operation: "download"}).Download(t.Context(), Download{
				Subject: "file", URI: s.uri("a"), Content: &rest,
				Earlier: &Part{Blob: Blob{ETag: c.etag, Size: c.size, MD5: sum[:]}, Content: bytes.NewReader(front)},
			})
			assert.Equal(t, c.ranges, s.count("GET"))
			if c.differs {
				require.ErrorIs(t, err, ErrDiffers)
				noSignature(t, err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, content[c.have:], append([]byte{}, rest.Bytes()...))
			assert.Equal(t, Result{Size: 1000, MD5: sum}, r)
		})
	}
}

// TestDownloadRenews: a signature that runs out between two pieces is renewed.
func TestDownloadRenews(t *testing.T) {
	t.Parallel()
	s := newStorage(t)
	serve := (&sender{content: pattern(1000), etag: `"1"`, cuts: []int{400}}).serve(t)
	s.before = func(n int, w http.ResponseWriter, r *http.Request) bool {
		if n > 1 && !strings.Contains(r.URL.RawQuery, renewedMark) {
			ranOutAnswer(w)
			return true
		}
		return serve(n, w, r)
	}
	renewals := 0
	var got bytes.Buffer
	var begun []Blob
	_, err := NewDownloader(Config{Options: s.options(), Operation: "download"}).Download(t.Context(), Download{
		Subject: "file", URI: s.uri("a"), Content: &got,
		Renew: func(context.Context) (string, error) { renewals++; return s.uri("a") + renewedMark, nil },
		Begun: func(b Blob) error { begun = append(begun, b); return nil },
	})
	require.NoError(t, err)
	assert.Equal(t, 1, renewals)
	assert.Equal(t, pattern(1000), got.Bytes())
	require.Len(t, begun, 1)
	assert.Equal(t, azcore.ETag(`"1"`), begun[0].ETag)
	assert.EqualValues(t, 1000, begun[0].Size)

	full := errors.New("the disk is full")
	_, err = NewDownloader(Config{Options: s.options(), Operation: "download"}).Download(t.Context(), Download{
		Subject: "file", URI: s.uri("a") + renewedMark, Content: &got, Begun: func(Blob) error { return full },
	})
	require.ErrorIs(t, err, full)
}
