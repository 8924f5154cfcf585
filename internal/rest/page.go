package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"reflect"
	"strings"

	"github.com/azureml-go/azureml"
)

// Page tells what comes after a page of a list.
type Page struct {
	NextLink          string
	ContinuationToken string
}

// List reads all pages of r, one at a time, decoding items into T. next makes the
// request for the page after page, or reports that there is none. A failure is
// yielded once, with the zero T, and ends the list; so does a page that repeats the
// request of an earlier one.
func List[T any](ctx context.Context, c *Client, r Request, next func(r Request, page Page) (Request, bool, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		seen := map[string]bool{}
		request, length := r, 0
		for {
			if seen[request.URL] {
				yield(*new(T), &azureml.Error{Operation: r.Operation, Subject: r.Subject, Kind: azureml.ErrUnavailable, Message: "the list repeats itself: the service named a page that was read already"})
				return
			}
			seen[request.URL] = true
			page := pageOf[T]{expected: length}
			if _, err := c.Do(ctx, request, &page); err != nil {
				yield(*new(T), err)
				return
			}
			length = len(page.items)
			for _, item := range page.items {
				if !yield(item, nil) {
					return
				}
			}
			if page.odd != nil {
				yield(*new(T), &azureml.Error{Operation: r.Operation, Subject: r.Subject, Message: "an item of the list is not the JSON that was expected", Body: page.oddText, Err: page.odd})
				return
			}
			following, more, err := next(request, page.Page)
			if err != nil {
				yield(*new(T), err)
				return
			}
			if !more {
				return
			}
			request = following
		}
	}
}

// pageOf is a page with its items.
type pageOf[T any] struct {
	Page
	items []T
	// expected is how many items the page may have: as many as the one before.
	expected int
	// odd is why the item behind the last one, oddText, could not be decoded.
	odd     error
	oddText []byte
}

// unmarshalText reads a page, if there is something odd in it item by item.
func (p *pageOf[T]) unmarshalText(data []byte) error {
	if p.readWhole(data) {
		return nil
	}
	return p.readByItem(data)
}

// readByItem goes through the page once and decodes each item when it comes by, so that
// what is odd in one of them does not spoil the others.
func (p *pageOf[T]) readByItem(data []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	start, err := decoder.Token()
	switch {
	case err != nil:
		return broken(data, err)
	case start == nil:
		return nil
	case start != json.Delim('{'):
		return &json.UnmarshalTypeError{Value: fmt.Sprintf("%T", start), Type: reflect.TypeFor[Page]()}
	}
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return broken(data, err)
		}
		name, _ := key.(string)
		if strings.EqualFold(name, "value") && opensArray(data[decoder.InputOffset():]) {
			err = p.readItems(decoder, data)
		} else {
			err = p.readMember(decoder, name)
		}
		if err != nil {
			return broken(data, err)
		}
	}
	if _, err := decoder.Token(); err != nil {
		return broken(data, err)
	}
	if rest := bytes.TrimSpace(data[decoder.InputOffset():]); len(rest) > 0 {
		return broken(data, errors.New("something follows the JSON"))
	}
	return nil
}

func (p *pageOf[T]) readItems(decoder *json.Decoder, data []byte) error {
	if _, err := decoder.Token(); err != nil {
		return err
	}
	for decoder.More() {
		var item T
		start := decoder.InputOffset()
		err := decoder.Decode(&item)
		mismatch, odd := errors.AsType[*json.UnmarshalTypeError](err)
		if err != nil && !odd {
			return err
		}
		if p.odd != nil {
			continue // read to the end, to see that it has one
		}
		text := bytes.TrimLeft(data[start:decoder.InputOffset()], ", \t\r\n")
		switch keeper, keeps := any(&item).(Keeper); {
		case keeps:
			keeper.KeepJSON(bytes.Clone(text), err)
		case odd && mismatch.Field == "":
			p.odd, p.oddText = err, bytes.Clone(text)
			continue
		case odd:
			if mender, ok := any(item).(Mender); ok {
				mender.MendJSON(text)
			}
		}
		p.items = append(p.items, item)
	}
	_, err := decoder.Token()
	return err
}

// readMember reads what is no item: only what tells of the next page counts, and only if
// it is a text.
func (p *pageOf[T]) readMember(decoder *json.Decoder, name string) error {
	var value json.RawMessage
	if err := decoder.Decode(&value); err != nil {
		return err
	}
	var to *string
	switch {
	case strings.EqualFold(name, "nextLink"):
		to = &p.NextLink
	case strings.EqualFold(name, "continuationToken"):
		to = &p.ContinuationToken
	default:
		return nil
	}
	_ = json.Unmarshal(value, to)
	return nil
}

// opensArray tells whether the value behind a member's name is an array.
func opensArray(data []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(data, ": \t\r\n"), []byte{'['})
}

// broken is the error that encoding/json has for data as a whole.
func broken(data []byte, otherwise error) error {
	var whole json.RawMessage
	if err := json.Unmarshal(data, &whole); err != nil {
		return err
	}
	return otherwise
}

// FollowLink goes on with the page's nextLink as it is, for the resource manager.
// The link must be of the host of the list, which the token is for.
func FollowLink(r Request, page Page) (Request, bool, error) {
	if page.NextLink == "" {
		return r, false, nil
	}
	link, err := url.Parse(page.NextLink)
	base, baseErr := url.Parse(r.URL)
	if err == nil && baseErr == nil && !link.IsAbs() {
		link = base.ResolveReference(link)
	}
	if err != nil || baseErr != nil || origin(link) != origin(base) || !secure(link) {
		return r, false, &azureml.Error{
			Operation: r.Operation, Subject: r.Subject, Kind: azureml.ErrInvalid,
			Message: "refused to follow the list to another host than it came from",
		}
	}
	r.URL = link.String()
	return r, true, nil
}

// FollowQuery goes on at the list's own address with the query of the page's
// nextLink, for the workspace's services: whatever host the link names, the token
// stays where it was.
func FollowQuery(r Request, page Page) (Request, bool, error) {
	if page.NextLink == "" {
		return r, false, nil
	}
	link, err := url.Parse(page.NextLink)
	if err != nil {
		return r, false, &azureml.Error{Operation: r.Operation, Subject: r.Subject, Message: "the address of the list's next page is not valid", Err: err}
	}
	base, err := url.Parse(r.URL)
	if err != nil {
		return r, false, err
	}
	base.RawQuery = link.RawQuery
	r.URL = base.String()
	r.Method = http.MethodGet
	return r, true, nil
}
