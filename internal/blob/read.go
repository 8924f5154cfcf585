package blob

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
)

// ReadFrom reads at most limit bytes of a blob that is still being written, from offset
// on. Nothing there yet is no failure. Progress and Content of down are not used.
func (d *Downloader) ReadFrom(ctx context.Context, down Download, offset, limit int64) ([]byte, error) {
	t, err := d.target(ctx, down)
	if err != nil {
		return nil, err
	}
	ctx, tries := t.call(ctx)
	answer, err := t.client.DownloadStream(ctx, &blob.DownloadStreamOptions{Range: blob.HTTPRange{Offset: offset}})
	if refusal, ok := errors.AsType[*azcore.ResponseError](err); ok &&
		(refusal.StatusCode == http.StatusNotFound || refusal.StatusCode == http.StatusRequestedRangeNotSatisfiable) {
		return nil, nil
	}
	if err != nil {
		return nil, d.failure(ctx, down, err, *tries)
	}
	defer answer.Body.Close()
	if offset > 0 && answer.ContentRange == nil {
		// A server that does not know ranges sends everything again.
		if _, err := io.CopyN(io.Discard, answer.Body, offset); errors.Is(err, io.EOF) {
			return nil, nil
		} else if err != nil {
			return nil, d.failure(ctx, down, err, *tries)
		}
	}
	content, err := io.ReadAll(io.LimitReader(answer.Body, limit))
	if err != nil {
		return nil, d.failure(ctx, down, err, *tries)
	}
	return content, nil
}
