package blob

import (
	"context"
	"errors"
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
)

// Look asks storage about the blob of an upload, of which only Subject, URI and Renew
// matter. It reports false if there is none.
func (u *Uploader) Look(ctx context.Context, up Upload) (Blob, bool, error) {
	t, err := u.target(ctx, up)
	if err != nil {
		return Blob{}, false, err
	}
	ctx, tries := t.call(ctx)
	there, err := t.client.GetProperties(ctx, nil)
	if answer, ok := errors.AsType[*azcore.ResponseError](err); ok && answer.StatusCode == http.StatusNotFound {
		return Blob{}, false, nil
	}
	if err != nil {
		return Blob{}, false, u.failureAfter(up, err, *tries)
	}
	b := Blob{Size: -1, MD5: there.ContentMD5}
	if there.ContentLength != nil {
		b.Size = *there.ContentLength
	}
	if there.ETag != nil {
		b.ETag = *there.ETag
	}
	return b, true, nil
}
