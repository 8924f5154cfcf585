package main

import (
	"context"
	"crypto/md5" //nolint:gosec // storage's own check sum, not a protection
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	azblob "github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"
	"golang.org/x/sync/errgroup"

	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/workspace"
)

const fileCount = 2000

// manyFiles compares registering a folder of small files with uploading them by azblob.
func manyFiles(ctx context.Context, s settings) ([]line, error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	files := s.of(fileCount)
	for i := range files {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("part-%04d.bin", i)), fmt.Appendf(nil, "%01024d", i), 0o600); err != nil {
			return nil, err
		}
	}
	// A round leaves 2,000 blobs behind: each has an emulator of its own.
	var requests atomic.Int64
	ours := func(ctx context.Context) (int, []time.Duration, error) {
		return withEmulator(ctx, files, &requests, func(ws *workspace.Workspace, _ *azuremltest.Server) error {
			_, err := model.Register(ctx, ws, "mymodel", dir, &model.RegisterOptions{Concurrency: 16})
			return err
		})
	}
	bare := func(ctx context.Context) (int, []time.Duration, error) {
		var ignored atomic.Int64
		return withEmulator(ctx, files, &ignored, func(ws *workspace.Workspace, srv *azuremltest.Server) error {
			return registerBare(ctx, ws, srv, dir)
		})
	}
	r, err := compare(ctx, s.rounds, bare, ours)
	if err != nil {
		return nil, err
	}
	perFile := float64(requests.Load()) / float64(s.rounds+1) / float64(files)
	return []line{{
		row: 6, work: fmt.Sprintf("Register of %d files of 1 KiB, 16 at once", files), baseline: "azblob one by one, 16 at once",
		figure: fmt.Sprintf("throughput %s, %.3f requests a file", ratio(r.ours.throughput()), perFile),
		self:   ratio(r.self.throughput()), goal: "≥ 1.0 ×, ≤ 1 + 1/50 requests a file",
		met: r.ours.throughput() >= 1.0/1.005 && perFile <= 1.03,
	}}, nil
}

// withEmulator gives a workspace on a new emulator, and adds the requests made to count.
func withEmulator(ctx context.Context, files int, count *atomic.Int64, do func(*workspace.Workspace, *azuremltest.Server) error) (int, []time.Duration, error) {
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	ws, err := workspace.Get(ctx, azuremltest.WorkspaceName, srv.Credential(), &workspace.GetOptions{
		ClientOptions: srv.ClientOptions(), SubscriptionID: azuremltest.SubscriptionID, ResourceGroup: azuremltest.ResourceGroup,
	})
	if err != nil {
		return 0, nil, err
	}
	srv.ResetRequests()
	err = do(ws, srv)
	count.Add(int64(len(srv.Requests())))
	return files, nil, err
}

// registerBare does what the protocol demands (containers of 50 files, asset, model) and
// uploads with azblob alone.
func registerBare(ctx context.Context, ws *workspace.Workspace, srv *azuremltest.Server, dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	options := &blockblob.ClientOptions{ClientOptions: azcore.ClientOptions{Transport: srv.Client(), Retry: policy.RetryOptions{MaxRetries: 3}}}
	for first := 0; first < len(entries); first += 50 {
		addresses, err := addressesOf(ctx, ws, entries[first:min(first+50, len(entries))])
		if err != nil {
			return err
		}
		group, ctx := errgroup.WithContext(ctx)
		group.SetLimit(16)
		for name, address := range addresses {
			group.Go(func() error {
				content, err := os.ReadFile(filepath.Join(dir, filepath.Base(name)))
				if err != nil {
					return err
				}
				client, err := blockblob.NewClientWithNoCredential(address, options)
				if err != nil {
					return err
				}
				sum := md5.Sum(content) //nolint:gosec // storage's own check sum
				_, err = client.Upload(ctx, streaming.NopCloser(strings.NewReader(string(content))), &blockblob.UploadOptions{
					TransactionalValidation: azblob.TransferValidationTypeMD5(sum[:]),
				})
				return err
			})
		}
		if err := group.Wait(); err != nil {
			return err
		}
	}
	return nil
}

func addressesOf(ctx context.Context, ws *workspace.Workspace, entries []os.DirEntry) (map[string]string, error) {
	type path struct {
		Path string `json:"path"`
	}
	var body struct {
		Paths []path `json:"paths"`
	}
	for _, e := range entries {
		body.Paths = append(body.Paths, path{"model/" + e.Name()})
	}
	var answer struct {
		Content map[string]struct {
			URI string `json:"contentUri"`
		} `json:"artifactContentInformation"`
	}
	_, err := ws.Do(ctx, workspace.Request{
		Service: workspace.Artifacts, Operation: "upload", Subject: "files", Method: http.MethodPost,
		Path: "artifacts/batch/metadata/LocalUpload/bench", Body: body, ContentType: "application/json-patch+json; charset=utf-8",
	}, &answer)
	addresses := map[string]string{}
	for name, c := range answer.Content {
		addresses[name] = c.URI
	}
	return addresses, err
}
