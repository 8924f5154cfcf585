package azuremltest

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseSAS(t *testing.T) {
	t.Parallel()
	s, err := parseSAS(url.Values{"sv": {"2019-07-07"}, "sr": {"b"}, "sp": {"rcw"}, "se": {"2024-05-02T10:00:00Z"}, "st": {"2024-05-01"}, "sig": {"x="}})
	require.NoError(t, err)
	assert.Equal(t, time.Date(2024, 5, 2, 10, 0, 0, 0, time.UTC), s.expires)
	assert.Equal(t, time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC), s.starts)
	assert.Equal(t, "rcw", s.permissions)

	for _, missing := range []string{"sv", "sr", "sp", "se"} {
		q := url.Values{"sv": {"2019-07-07"}, "sr": {"b"}, "sp": {"r"}, "se": {"2024-05-02"}}
		q.Del(missing)
		_, err := parseSAS(q)
		assert.ErrorContains(t, err, missing+" is mandatory")
	}
	for _, key := range []string{"se", "st"} {
		q := url.Values{"sv": {"2019-07-07"}, "sr": {"b"}, "sp": {"r"}, "se": {"2024-05-02"}}
		q.Set(key, "tomorrow")
		_, err := parseSAS(q)
		assert.ErrorContains(t, err, `"tomorrow" is not a time`)
	}
}

// The string to sign is that of the storage service, so that signatures made
// elsewhere with the account's key are good, too.
func TestSASToSign(t *testing.T) {
	t.Parallel()
	s := &sas{version: "2019-07-07", resource: "b", permissions: "r", expiry: "2024-05-02T10:00:00Z"}
	assert.Equal(t, "r\n\n2024-05-02T10:00:00Z\n/blob/acc/azureml/a b.txt\n\n\n\n2019-07-07\nb\n\n\n\n\n\n", s.toSign("acc", "azureml/a b.txt"))
	s.version = "2020-12-06"
	assert.Equal(t, 15, strings.Count(s.toSign("acc", "azureml/a"), "\n"))

	one := s.sign([]byte("key"), "acc", "azureml/a")
	assert.Equal(t, one, s.sign([]byte("key"), "acc", "azureml/a"))
	assert.NotEqual(t, one, s.sign([]byte("other"), "acc", "azureml/a"))
	assert.NotEqual(t, one, s.sign([]byte("key"), "acc", "azureml/b"))
	s.permissions = "rw"
	assert.NotEqual(t, one, s.sign([]byte("key"), "acc", "azureml/a"))
}

func FuzzParseSAS(f *testing.F) {
	f.Add("sv=2019-07-07&sr=b&sig=RkFLRQ%3D%3D&se=2024-05-02T10%3A00%3A00Z&sp=rcw")
	f.Add("sv=2021-08-06&sr=c&sig=%2B&se=2024-05-02&st=2024-05-01T10%3A00Z&sp=r&spr=https&sip=1.2.3.4&rsct=text")
	f.Add("sv=&se=;&=")
	f.Fuzz(func(t *testing.T, query string) {
		q, err := url.ParseQuery(query)
		if err != nil {
			t.Skip("no query string, which the emulator would not see")
		}
		s, err := parseSAS(q)
		if err != nil {
			return
		}
		if s.expires.IsZero() && s.expiry != "0001-01-01" && !strings.HasPrefix(s.expiry, "0001-01-01T") {
			t.Fatalf("no expiry from %q", s.expiry)
		}
		if s.sign([]byte("k"), "a", "n") == "" {
			t.Fatal("no signature")
		}
	})
}

func TestParseBlockList(t *testing.T) {
	t.Parallel()
	refs, err := parseBlockList([]byte("<?xml version='1.0' encoding='utf-8'?>\n<BlockList><Latest>QQ==</Latest><Committed> Qg== </Committed><Uncommitted>Qw==</Uncommitted></BlockList>"))
	require.NoError(t, err)
	assert.Equal(t, []blockRef{{"Latest", "QQ=="}, {"Committed", "Qg=="}, {"Uncommitted", "Qw=="}}, refs)

	refs, err = parseBlockList([]byte("<BlockList/>"))
	require.NoError(t, err)
	assert.Empty(t, refs)

	for _, bad := range []string{"", "x", "<BlockList>", "<List></List>", "<BlockList><Newest>QQ==</Newest></BlockList>"} {
		_, err := parseBlockList([]byte(bad))
		assert.Error(t, err, bad)
	}
}

func FuzzParseBlockList(f *testing.F) {
	f.Add([]byte("<?xml version='1.0' encoding='utf-8'?>\n<BlockList><Latest>QQ==</Latest></BlockList>"))
	f.Add([]byte("<BlockList><Committed>a</Committed><!-- x --><Uncommitted><b/></Uncommitted></BlockList>"))
	f.Fuzz(func(t *testing.T, body []byte) {
		refs, err := parseBlockList(body)
		if err != nil {
			return
		}
		s := newBlobStore(nil)
		for _, r := range refs {
			if r.from != "Latest" && r.from != "Committed" && r.from != "Uncommitted" {
				t.Fatalf("from %q", r.from)
			}
			if _, err := s.pick("nothing", []blockRef{r}); err == nil {
				t.Fatalf("found %q in an empty store", r.id)
			}
		}
	})
}

func TestParseRange(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][2]int64{"bytes=0-0": {0, 0}, "bytes=5-9": {5, 9}, "bytes=7-": {7, -1}} {
		first, last, ok := parseRange(text)
		assert.True(t, ok, text)
		assert.Equal(t, want, [2]int64{first, last}, text)
	}
	for _, text := range []string{"", "0-1", "bytes=", "bytes=-5", "bytes=5", "bytes=9-5", "bytes=a-b", "bytes=0-1,3-4", "bytes=-1-2", "bytes=99999999999999999999-"} {
		_, _, ok := parseRange(text)
		assert.False(t, ok, text)
	}
}

func TestConditions(t *testing.T) {
	t.Parallel()
	now := time.Date(2024, 5, 1, 10, 0, 0, 5000, time.UTC)
	b := &blob{etag: `"0x8D1"`, modified: now}
	on, before, after := now.Format(http.TimeFormat), now.Add(-time.Hour).Format(http.TimeFormat), now.Add(time.Hour).Format(http.TimeFormat)
	for name, c := range map[string]struct {
		header, value string
		blob          *blob
		ok, unchanged bool
	}{
		"none":                    {"X", "", b, true, false},
		"match":                   {"If-Match", `"0x8D1"`, b, true, false},
		"match, bare":             {"If-Match", `0x8D1`, b, true, false},
		"match, list":             {"If-Match", `"0", "0x8D1"`, b, true, false},
		"match any":               {"If-Match", "*", b, true, false},
		"match any, no blob":      {"If-Match", "*", nil, false, false},
		"match other":             {"If-Match", `"0x8D2"`, b, false, false},
		"none match":              {"If-None-Match", `"0x8D1"`, b, true, true},
		"none match other":        {"If-None-Match", `"0x8D2"`, b, true, false},
		"none match any":          {"If-None-Match", "*", b, true, true},
		"none match any, no blob": {"If-None-Match", "*", nil, true, false},
		"since then":              {"If-Modified-Since", on, b, true, true},
		"since before":            {"If-Modified-Since", before, b, true, false},
		"not since before":        {"If-Unmodified-Since", before, b, false, false},
		"not since after":         {"If-Unmodified-Since", after, b, true, false},
	} {
		ok, unchanged := conditions(http.Header{c.header: {c.value}}, c.blob)
		assert.Equal(t, []bool{c.ok, c.unchanged}, []bool{ok, unchanged}, name)
	}
}
