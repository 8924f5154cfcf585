package blob

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // storage's own check sum, not a protection
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"

	"github.com/azureml-go/azureml"
)

// target is the blob of one upload.
type target struct {
	uploader *Uploader
	up       Upload
	client   *blockblob.Client
	right    *address
	progress *progress
}

func (u *Uploader) target(ctx context.Context, up Upload) (*target, error) {
	where, err := parseAddress(up.URI)
	if err != nil {
		return nil, &azureml.Error{
			Operation: u.operation, Subject: up.Subject,
			Message: "the service gave a storage address that is not https", Kind: azureml.ErrInvalid,
		}
	}
	right := &address{ctx: ctx, renew: up.Renew}
	right.set(where)
	client, err := u.client()
	if err != nil {
		return nil, u.failure(up, err)
	}
	return &target{uploader: u, up: up, client: client, right: right, progress: &progress{report: up.Progress}}, nil
}

// secure tells of an address whose signature travels encrypted, or on this machine only.
func secure(u *url.URL) bool {
	switch u.Scheme {
	case "https":
		return true
	case "http":
		ip := net.ParseIP(u.Hostname())
		return strings.EqualFold(u.Hostname(), "localhost") || ip != nil && ip.IsLoopback()
	}
	return false
}

// condition is that there is no such blob, or still the one that is to be replaced.
func (t *target) condition() *blob.AccessConditions {
	modified := &blob.ModifiedAccessConditions{IfNoneMatch: to.Ptr(azcore.ETagAny)}
	if t.up.Replace != "" {
		modified = &blob.ModifiedAccessConditions{IfMatch: &t.up.Replace}
	}
	return &blob.AccessConditions{ModifiedAccessConditions: modified}
}

// put makes the blob in one request.
func (t *target) put(ctx context.Context, content []byte, r Result) error {
	ctx, tries := t.call(ctx)
	_, err := t.client.Upload(ctx, t.body(content), &blockblob.UploadOptions{
		TransactionalValidation: blob.TransferValidationTypeMD5(r.MD5[:]),
		AccessConditions:        t.condition(),
	})
	return t.made(ctx, err, *tries, r)
}

// stage sends one block.
func (t *target) stage(ctx context.Context, id string, content []byte, sum [md5.Size]byte) error {
	ctx, tries := t.call(ctx)
	_, err := t.client.StageBlock(ctx, id, t.body(content), &blockblob.StageBlockOptions{
		TransactionalValidation: blob.TransferValidationTypeMD5(sum[:]),
	})
	if err != nil {
		return t.uploader.failureAfter(t.up, err, *tries)
	}
	return nil
}

// staged are the sizes of the blocks that storage has got and that belong to no blob
// yet, by their ids.
func (t *target) staged(ctx context.Context) (map[string]int64, error) {
	ctx, tries := t.call(ctx)
	list, err := t.client.GetBlockList(ctx, blockblob.BlockListTypeUncommitted, nil)
	if answer, ok := errors.AsType[*azcore.ResponseError](err); ok && answer.StatusCode == http.StatusNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, t.uploader.failureAfter(t.up, err, *tries)
	}
	sizes := make(map[string]int64, len(list.UncommittedBlocks))
	for _, b := range list.UncommittedBlocks {
		if b != nil && b.Name != nil && b.Size != nil {
			sizes[*b.Name] = *b.Size
		}
	}
	return sizes, nil
}

// commit joins the blocks to the blob.
func (t *target) commit(ctx context.Context, ids []string, r Result) error {
	ctx, tries := t.call(ctx)
	_, err := t.client.CommitBlockList(ctx, ids, &blockblob.CommitBlockListOptions{
		HTTPHeaders:      &blob.HTTPHeaders{BlobContentMD5: r.MD5[:]},
		AccessConditions: t.condition(),
	})
	return t.made(ctx, err, *tries, r)
}

// made judges the answer to the request that makes the blob. When a repeated request
// meets a blob of the same content, the first one had worked and its answer was lost.
func (t *target) made(ctx context.Context, err error, tries int, r Result) error {
	if err == nil {
		return nil
	}
	failure := t.uploader.failureAfter(t.up, err, tries)
	if e, ok := errors.AsType[*azcore.ResponseError](err); !ok || tries < 2 || e.StatusCode != http.StatusConflict && e.StatusCode != http.StatusPreconditionFailed {
		return failure
	}
	there, headErr := t.client.GetProperties(ctx, nil)
	if headErr != nil || there.ContentLength == nil {
		return failure
	}
	if *there.ContentLength == r.Size && bytes.Equal(there.ContentMD5, r.MD5[:]) {
		return nil
	}
	failure.Message = fmt.Sprintf("there is another blob at its place, of %d bytes and not %d", *there.ContentLength, r.Size)
	return failure
}

// body wraps content for sending, counting what goes out.
func (t *target) body(content []byte) io.ReadSeekCloser {
	return &counted{ReadSeekCloser: streaming.NopCloser(bytes.NewReader(content)), progress: t.progress}
}
