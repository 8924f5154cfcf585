package main

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // storage's own check sum, not a protection
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	azblob "github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"
	"golang.org/x/sync/errgroup"

	"github.com/azureml-go/azureml/internal/blob"
)

// storage takes blobs and forgets them. Behind a bandwidth it reads no faster.
type storage struct {
	*httptest.Server
	mu        sync.Mutex
	bandwidth float64 // bytes a second; 0 is no limit
	free      time.Time
}

func newStorage(bandwidth float64) *storage {
	s := &storage{bandwidth: bandwidth}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		buffer := make([]byte, 256<<10)
		for {
			n, err := r.Body.Read(buffer)
			s.pace(n)
			if err != nil {
				break
			}
		}
		w.WriteHeader(http.StatusCreated)
	}))
	return s
}

// pace sleeps until the line would have carried so many bytes more.
func (s *storage) pace(n int) {
	if s.bandwidth == 0 {
		return
	}
	s.mu.Lock()
	if now := time.Now(); s.free.Before(now.Add(-50 * time.Millisecond)) {
		s.free = now
	}
	s.free = s.free.Add(time.Duration(float64(n) / s.bandwidth * float64(time.Second)))
	until := time.Until(s.free)
	s.mu.Unlock()
	if until > time.Millisecond {
		time.Sleep(until)
	}
}

func (s *storage) address() string { return s.URL + "/account/container/model.bin?sig=x" }

// uploadOurs uploads a file as Register does.
func uploadOurs(ctx context.Context, address, path string, size int64) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	_, err = blob.New(blob.Config{Operation: "upload"}).Upload(ctx, blob.Upload{Subject: "file", URI: address, Content: f, Size: size})
	return err
}

// uploadAzblob uploads a file with azblob alone: blocks of the same size, as many at once,
// and, with sums, the same MD5 of each block and of the whole.
func uploadAzblob(ctx context.Context, address, path string, sums bool) error {
	client, err := blockblob.NewClientWithNoCredential(address, &blockblob.ClientOptions{ClientOptions: azcore.ClientOptions{}})
	if err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	if !sums {
		_, err = client.UploadFile(ctx, f, &blockblob.UploadFileOptions{BlockSize: blob.BlockSize, Concurrency: blob.DefaultConcurrency})
		return err
	}
	buffers := make(chan []byte, blob.DefaultConcurrency)
	for range blob.DefaultConcurrency {
		buffers <- make([]byte, blob.BlockSize)
	}
	whole := md5.New() //nolint:gosec // storage's own check sum
	var ids []string
	group, staging := errgroup.WithContext(ctx)
	for {
		buffer := <-buffers
		n, err := io.ReadFull(f, buffer)
		if n == 0 {
			break
		}
		block := buffer[:n]
		whole.Write(block)
		id := base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, uint64(len(ids))))
		ids = append(ids, id)
		group.Go(func() error {
			sum := md5.Sum(block) //nolint:gosec // storage's own check sum
			_, err := client.StageBlock(staging, id, streaming.NopCloser(bytes.NewReader(block)), &blockblob.StageBlockOptions{
				TransactionalValidation: azblob.TransferValidationTypeMD5(sum[:]),
			})
			buffers <- buffer
			return err
		})
		if err != nil {
			break
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	_, err = client.CommitBlockList(ctx, ids, &blockblob.CommitBlockListOptions{HTTPHeaders: &azblob.HTTPHeaders{BlobContentMD5: whole.Sum(nil)}})
	return err
}

func uploads(ctx context.Context, s settings) ([]line, error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, "model.bin")
	size := int64(s.uploadMiB) << 20
	if err := fill(path, size); err != nil {
		return nil, err
	}
	fast, err := uploadRatio(ctx, s.rounds, 0, path, size, true)
	if err != nil {
		return nil, err
	}
	// At 1 Gbit/s the whole would take minutes and say the same.
	part := min(size, int64(s.of(256))<<20)
	partly := filepath.Join(dir, "part.bin")
	if err := fill(partly, part); err != nil {
		return nil, err
	}
	slow, err := uploadRatio(ctx, min(s.rounds, 21), 125e6, partly, part, false)
	if err != nil {
		return nil, err
	}
	lines := []line{
		{
			row: 5, work: fmt.Sprintf("upload of %d MiB", size>>20), baseline: "azblob's blockblob, same MD5",
			figure: "throughput " + ratio(fast.ours.throughput()), self: ratio(fast.self.throughput()),
			goal: "≥ 0.95 ×", met: fast.ours.throughput() >= 0.95,
		},
		{
			row: 5, work: fmt.Sprintf("upload of %d MiB at 1 Gbit/s", part>>20), baseline: "azblob's UploadFile",
			figure: "throughput " + ratio(slow.ours.throughput()), self: ratio(slow.self.throughput()),
			goal: "≥ 0.98 ×", met: slow.ours.throughput() >= 0.98,
		},
	}
	sizes := []int64{64, 1024, 4096}
	if s.quick {
		sizes = sizes[:1]
	}
	for _, mib := range sizes {
		peak, err := peakMemory(ctx, dir, mib<<20)
		if err != nil {
			return nil, err
		}
		lines = append(lines, line{
			row: 5, work: fmt.Sprintf("upload of %d MiB, own process", mib), baseline: "–",
			figure: fmt.Sprintf("peak memory %d MiB", peak>>20), goal: "≤ 96 MiB", met: peak <= 96<<20,
		})
	}
	return lines, nil
}

func uploadRatio(ctx context.Context, rounds int, bandwidth float64, path string, size int64, sums bool) (comparison, error) {
	server := newStorage(bandwidth)
	defer server.Close()
	as := func(upload func() error) side {
		return func(context.Context) (int, []time.Duration, error) { return 1, nil, upload() }
	}
	return compare(ctx, rounds,
		as(func() error { return uploadAzblob(ctx, server.address(), path, sums) }),
		as(func() error { return uploadOurs(ctx, server.address(), path, size) }))
}

// fill makes a file that does not compress and does not lie in a hole.
func fill(path string, size int64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	block := make([]byte, 1<<20)
	for at := int64(0); at < size; at += int64(len(block)) {
		for i := 0; i+8 <= len(block); i += 8 {
			binary.LittleEndian.PutUint64(block[i:], uint64(at+int64(i))*0x9E3779B97F4A7C15)
		}
		if _, err := f.Write(block[:min(int64(len(block)), size-at)]); err != nil {
			return errors.Join(err, f.Close())
		}
	}
	return f.Close()
}

// uploadChild is the first argument of a process that only uploads.
const uploadChild = "upload-child"

// uploadProcess uploads a file and prints the peak memory of its process in bytes.
func uploadProcess(args []string) int {
	info, err := os.Stat(args[1])
	if err == nil {
		err = uploadOurs(context.Background(), args[0], args[1], info.Size())
	}
	var peak int64
	if err == nil {
		peak, err = peakOfProcess()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(peak)
	return 0
}

// peakMemory is the peak of a process that uploads so many bytes, of a sparse file.
func peakMemory(ctx context.Context, dir string, size int64) (int64, error) {
	server := newStorage(0)
	defer server.Close()
	path := filepath.Join(dir, "sparse.bin")
	f, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	if err := errors.Join(f.Truncate(size), f.Close()); err != nil {
		return 0, err
	}
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	command := exec.CommandContext(ctx, self, uploadChild, server.address(), path)
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
}
