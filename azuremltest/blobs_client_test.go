package azuremltest_test

import (
	"bytes"
	"io"
	"net/http"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Azure's own client finds nothing amiss.
func TestAzureBlobClient(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	client, err := blockblob.NewClientWithNoCredential(createArtifact(t, srv, "c", "dir/a b.bin"), &blockblob.ClientOptions{ClientOptions: srv.ClientOptions()})
	require.NoError(t, err)
	_, err = client.GetProperties(t.Context(), nil)
	assert.True(t, bloberror.HasCode(err, bloberror.BlobNotFound), "%v", err)

	// In blocks, several at once.
	content := bytes.Repeat([]byte("0123456789abcdef"), 5<<15)
	_, err = client.UploadStream(t.Context(), bytes.NewReader(content), &blockblob.UploadStreamOptions{BlockSize: 1 << 20, Concurrency: 4})
	require.NoError(t, err)
	list, err := client.GetBlockList(t.Context(), blockblob.BlockListTypeAll, nil)
	require.NoError(t, err)
	assert.Len(t, list.CommittedBlocks, 3)
	assert.Empty(t, list.UncommittedBlocks)
	assert.EqualValues(t, 1<<20, *list.CommittedBlocks[0].Size)

	buffer := make([]byte, len(content))
	n, err := client.DownloadBuffer(t.Context(), buffer, &blob.DownloadBufferOptions{BlockSize: 777_777, Concurrency: 3})
	require.NoError(t, err)
	assert.EqualValues(t, len(content), n)
	assert.True(t, bytes.Equal(content, buffer))
	part, err := client.DownloadStream(t.Context(), &blob.DownloadStreamOptions{Range: blob.HTTPRange{Offset: 1<<20 - 2, Count: 4}})
	require.NoError(t, err)
	text, err := io.ReadAll(part.Body)
	require.NoError(t, err)
	assert.Equal(t, string(content[1<<20-2:1<<20+2]), string(text))

	// In one piece, only if there is nothing yet.
	_, err = client.Upload(t.Context(), body("x"), &blockblob.UploadOptions{AccessConditions: &blob.AccessConditions{
		ModifiedAccessConditions: &blob.ModifiedAccessConditions{IfNoneMatch: to.Ptr(azcore.ETagAny)}}})
	assert.True(t, bloberror.HasCode(err, bloberror.BlobAlreadyExists), "%v", err)
	made, err := client.Upload(t.Context(), body("x"), nil)
	require.NoError(t, err)
	properties, err := client.GetProperties(t.Context(), nil)
	require.NoError(t, err)
	assert.Equal(t, *made.ETag, *properties.ETag)
	assert.Equal(t, made.ContentMD5, properties.ContentMD5)
	assert.EqualValues(t, 1, *properties.ContentLength)
	assert.Equal(t, blob.BlobTypeBlockBlob, *properties.BlobType)

	info := do(t, srv, http.MethodGet, artifactURL+"/contentinfo/LocalUpload/c/dir/a%20b.bin", "").at("contentUri").(string)
	reader, err := blockblob.NewClientWithNoCredential(info, &blockblob.ClientOptions{ClientOptions: srv.ClientOptions()})
	require.NoError(t, err)
	_, err = reader.Upload(t.Context(), body("y"), nil)
	assert.True(t, bloberror.HasCode(err, bloberror.AuthorizationPermissionMismatch), "%v", err)
}

// body is a request's body.
func body(text string) io.ReadSeekCloser { return nopCloser{bytes.NewReader([]byte(text))} }

type nopCloser struct{ io.ReadSeeker }

func (nopCloser) Close() error { return nil }
