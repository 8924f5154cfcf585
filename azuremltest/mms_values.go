package azuremltest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// mmsTime writes a time as the data plane does.
func mmsTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.0000000+00:00") }

// timeOrNull is mmsTime for times that may be missing.
func timeOrNull(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	text := mmsTime(t)
	return &text
}

// tagMap is a map from text to text in which values may be null. Numbers and
// booleans are accepted and kept as text.
type tagMap map[string]*string

// UnmarshalJSON implements [json.Unmarshaler].
func (m *tagMap) UnmarshalJSON(b []byte) error {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(b, &raw); err != nil {
		return err
	}
	if raw == nil {
		*m = nil
		return nil
	}
	*m = make(tagMap, len(raw))
	for k, v := range raw {
		text, err := scalarText(v)
		if err != nil {
			return fmt.Errorf("the value of %q: %w", k, err)
		}
		(*m)[k] = text
	}
	return nil
}

// scalarText returns a JSON scalar as text, nil for null.
func scalarText(v json.RawMessage) (*string, error) {
	v = bytes.TrimSpace(v)
	switch v[0] {
	case 'n':
		return nil, nil
	case '"':
		var s string
		err := json.Unmarshal(v, &s)
		return &s, err
	case '{', '[':
		return nil, errors.New("only text, numbers and booleans can be stored")
	}
	s := string(v)
	return &s, nil
}

// clone returns a map that is never nil.
func (m tagMap) clone() tagMap {
	c := make(tagMap, len(m))
	maps.Copy(c, m)
	return c
}

// tagFilter is one condition of a list: a key, and perhaps its value.
type tagFilter struct {
	key   string
	value *string
}

// parseTagFilter reads "key,key2=value2".
func parseTagFilter(text string) []tagFilter {
	var list []tagFilter
	for part := range strings.SplitSeq(text, ",") {
		if part == "" {
			continue
		}
		key, value, ok := strings.Cut(part, "=")
		f := tagFilter{key: key}
		if ok {
			f.value = &value
		}
		list = append(list, f)
	}
	return list
}

// has reports whether the map meets all conditions.
func (m tagMap) has(filter []tagFilter) bool {
	return !slices.ContainsFunc(filter, func(f tagFilter) bool {
		v, ok := m[f.key]
		return !ok || f.value != nil && (v == nil || *v != *f.value)
	})
}

// pageToken says where a page of a list begins.
type pageToken struct {
	After string `json:"after"` // key of the last item of the page before
	At    int    `json:"at"`    // its position, in case it has gone
}

// pageOf cuts the page that token asks for out of items, and returns the
// token of the page after it, empty if there is none.
func pageOf[T any](items []T, key func(T) string, token string, size int) (page []T, next string, err error) {
	start := 0
	if token != "" {
		raw, err := base64.RawURLEncoding.DecodeString(token)
		var t pageToken
		if err == nil {
			err = json.Unmarshal(raw, &t)
		}
		if err != nil || t.At < 0 {
			return nil, "", errors.New("the continuation token is none of ours")
		}
		start = min(t.At, len(items))
		if i := slices.IndexFunc(items, func(v T) bool { return key(v) == t.After }); i >= 0 {
			start = i + 1
		}
	}
	end := min(start+size, len(items))
	page = items[start:end]
	if end == len(items) || end == start {
		return page, "", nil
	}
	raw, err := json.Marshal(pageToken{After: key(items[end-1]), At: end})
	return page, base64.RawURLEncoding.EncodeToString(raw), err
}

// pageSize reads the query parameter count; without it, or with 0, a page is
// as large as the server's options say.
func (c *call) pageSize() (int, error) {
	text := c.query("count")
	if text == "" {
		return c.srv.opts.PageSize, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("the value %q of count is no number of items", text)
	}
	if n == 0 {
		n = c.srv.opts.PageSize
	}
	return n, nil
}

// nextLink is this request's URL with another continuation token.
func (c *call) nextLink(token string) string {
	q := url.Values{}
	for k, v := range c.r.URL.Query() {
		if !equalFold(k, "$skipToken") {
			q[k] = v
		}
	}
	q.Set("$skipToken", token)
	return "https://" + c.host() + c.r.URL.EscapedPath() + "?" + q.Encode()
}

// userBody is who made something.
type userBody struct {
	ObjectID string  `json:"userObjectId"`
	PUID     *string `json:"userPuId"`
	IDP      *string `json:"userIdp"`
	AltSecID *string `json:"userAltSecId"`
	Issuer   string  `json:"userIss"`
	TenantID string  `json:"userTenantId"`
	Name     string  `json:"userName"`
}

// user describes the caller.
func (c *call) user() *userBody {
	name := c.tok.Name
	if name == "" {
		name = c.tok.UPN
	}
	if name == "" {
		name = c.tok.AppID
	}
	return &userBody{ObjectID: c.tok.ObjectID, Issuer: "https://sts.windows.net/" + c.tok.Tenant + "/", TenantID: c.tok.Tenant, Name: name}
}

// orEmpty reads through a pointer.
func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// orDefault returns the value, or a pointer to one if there is none.
func orDefault[T any](v *T, otherwise T) *T {
	if v == nil {
		return &otherwise
	}
	return v
}

// nullIfEmpty is for members that are null where there is nothing to say.
func nullIfEmpty(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// sortedKeys returns the keys of a map in their order.
func sortedKeys[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }

// isNull reports whether a member is missing or null.
func isNull(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }
