package blob

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azlog "github.com/Azure/azure-sdk-for-go/sdk/azcore/log"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
)

// listing has a block, and takes no other.
type listing struct{}

func (listing) Do(r *http.Request) (*http.Response, error) {
	body, status := "", http.StatusForbidden
	if r.Method == http.MethodGet {
		body, status = `<?xml version="1.0"?><BlockList><UncommittedBlocks><Block><Name>UExBTlRFRA==</Name><Size>1</Size></Block></UncommittedBlocks></BlockList>`, http.StatusOK
	}
	return &http.Response{
		StatusCode: status, Request: r, Header: http.Header{"Content-Type": {"application/xml"}}, ContentLength: int64(len(body)),
		Body: io.NopCloser(strings.NewReader(body)),
	}, nil
}

// TestBodiesAreNotLogged, nor is the signature, whatever the caller's options say.
func TestBodiesAreNotLogged(t *testing.T) {
	var mu sync.Mutex
	var logged strings.Builder
	azlog.SetListener(func(_ azlog.Event, text string) {
		mu.Lock()
		defer mu.Unlock()
		logged.WriteString(text)
	})
	defer azlog.SetListener(nil)
	u := New(Config{Options: azcore.ClientOptions{Transport: listing{}, Logging: policy.LogOptions{IncludeBody: true}}, Operation: "upload", BlockSize: 1})
	_, err := u.Upload(t.Context(), Upload{Subject: "file", URI: "https://store.example/a?sig=SIGNED", Content: strings.NewReader("xyz"), Size: 3, Resume: true})
	require.ErrorIs(t, err, azureml.ErrForbidden)
	mu.Lock()
	defer mu.Unlock()
	assert.Contains(t, logged.String(), "store.example")
	assert.NotContains(t, logged.String(), "UExBTlRFRA==")
	assert.NotContains(t, logged.String(), "SIGNED")
}
