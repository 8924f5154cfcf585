package blob

import (
	"context"
	"net/http"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"
)

// client makes the client library's client when it is first needed. It serves all blobs:
// to make one takes nearly as long as to send a small file with it. The blob that a
// request is for stands in its context, see [target.call].
func client(options azcore.ClientOptions, patient policy.Policy) func() (*blockblob.Client, error) {
	return sync.OnceValues(func() (*blockblob.Client, error) {
		o := blockblob.ClientOptions{ClientOptions: options}
		o.PerCallPolicies = append([]policy.Policy{placed{}, runtime.NewRequestIDPolicy()}, options.PerCallPolicies...)
		// Before the caller's own policies, so that they see what is sent.
		o.PerRetryPolicies = append([]policy.Policy{admitted{}, countTries{}, patient}, options.PerRetryPolicies...)
		return blockblob.NewClientWithNoCredential("https://blob.invalid", &o)
	})
}

// call is what the context of a request knows of it.
type call struct {
	target *target
	tries  int
}

type callKey struct{}

// call gives a context for requests to the blob, and the number of times that they go out.
func (t *target) call(ctx context.Context) (context.Context, *int) {
	c := &call{target: t}
	return context.WithValue(ctx, callKey{}, c), &c.tries
}

func callOf(req *policy.Request) *call {
	c, _ := req.Raw().Context().Value(callKey{}).(*call)
	return c
}

// placed leads a request to its blob, before anything logs where it goes.
type placed struct{}

// Do takes the address of the blob, and of the request's what the operation needs.
func (placed) Do(req *policy.Request) (*http.Response, error) {
	raw := req.Raw()
	at := *callOf(req).target.right.current().URL
	at.RawQuery = raw.URL.RawQuery
	raw.URL, raw.Host = &at, at.Host
	return req.Next()
}

// admitted sends a try with the right to its blob.
type admitted struct{}

// Do leaves it to the blob's address.
func (admitted) Do(req *policy.Request) (*http.Response, error) {
	return callOf(req).target.right.Do(req)
}

// countTries counts how often a request goes out.
type countTries struct{}

// Do adds one to the counter in the context.
func (countTries) Do(req *policy.Request) (*http.Response, error) {
	callOf(req).tries++
	return req.Next()
}
