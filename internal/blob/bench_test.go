package blob

import (
	"crypto/md5" //nolint:gosec // what is measured
	"io"
	"net/http"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"
	"github.com/stretchr/testify/require"
)

// benchSize is how much each upload of the benchmarks sends.
const benchSize = 64 << 20

// sink is storage that takes everything and keeps nothing.
func sink(b *testing.B) *storage {
	s := newStorage(b)
	s.before = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusCreated)
		return true
	}
	b.SetBytes(benchSize)
	return s
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func zeroes() io.Reader { return io.LimitReader(zeros{}, benchSize) }

// BenchmarkUpload is an upload with the MD5 of each block, which storage compares, and of
// the whole, which it keeps.
func BenchmarkUpload(b *testing.B) {
	s := sink(b)
	u := s.uploader(0)
	for b.Loop() {
		s.requests = nil
		_, err := u.Upload(b.Context(), Upload{Subject: "x", URI: s.uri("a"), Content: zeroes(), Size: benchSize})
		require.NoError(b, err)
	}
}

// BenchmarkUploadBaseline is the client library's own UploadStream, with blocks as large
// and as many at once, and without any MD5.
func BenchmarkUploadBaseline(b *testing.B) { baseline(b, nil, false) }

// BenchmarkUploadBaselineSums is the same with sums of each block and of the whole, as far
// as the library can: it knows CRC64 for blocks, and no sum of a stream's whole.
func BenchmarkUploadBaselineSums(b *testing.B) {
	baseline(b, blob.TransferValidationTypeComputeCRC64(), true)
}

func baseline(b *testing.B, validation blob.TransferValidationType, whole bool) {
	s := sink(b)
	// The client library writes the signature anew, which the test's storage would mind.
	client, err := blockblob.NewClientWithNoCredential(s.uri("a"), &blockblob.ClientOptions{ClientOptions: s.options()})
	require.NoError(b, err)
	s.anyQuery = true
	for b.Loop() {
		s.requests = nil
		content := zeroes()
		if whole {
			content = io.TeeReader(content, md5.New())
		}
		_, err := client.UploadStream(b.Context(), content, &blockblob.UploadStreamOptions{
			BlockSize: BlockSize, Concurrency: DefaultConcurrency, TransactionalValidation: validation,
		})
		require.NoError(b, err)
	}
}
