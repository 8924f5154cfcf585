package rest

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"net/url"

	"github.com/azureml-go/azureml"
)

// Page is one page of a list.
type Page struct {
	Value             []json.RawMessage `json:"value"`
	NextLink          string            `json:"nextLink"`
	ContinuationToken string            `json:"continuationToken"`
}

// List reads all pages of r, one at a time, decoding items into T. next makes the
// request for the page after page, or reports that there is none. A failure is
// yielded once, with the zero T, and ends the list; so does a page that repeats the
// request of an earlier one.
func List[T any](ctx context.Context, c *Client, r Request, next func(r Request, page Page) (Request, bool, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		seen := map[string]bool{}
		request := r
		for {
			if seen[request.URL] {
				yield(*new(T), &azureml.Error{Operation: r.Operation, Subject: r.Subject, Kind: azureml.ErrUnavailable, Message: "the list repeats itself: the service named a page that was read already"})
				return
			}
			seen[request.URL] = true
			var page Page
			if _, err := c.Do(ctx, request, &page); err != nil {
				yield(*new(T), err)
				return
			}
			for _, raw := range page.Value {
				var item T
				if err := Unmarshal(raw, &item); err != nil {
					yield(*new(T), &azureml.Error{Operation: r.Operation, Subject: r.Subject, Message: "an item of the list is not the JSON that was expected", Body: raw, Err: err})
					return
				}
				if !yield(item, nil) {
					return
				}
			}
			following, more, err := next(request, page)
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
