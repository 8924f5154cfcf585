package main

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"time"

	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/webservice"
	"github.com/azureml-go/azureml/workspace"
)

const (
	listed   = 10_000
	pageSize = 100
)

// plainModel is a model without a way of its own to be decoded.
type plainModel model.Model

// listing compares lists of 10,000 services and models with bare paging.
func listing(ctx context.Context, s settings) ([]line, error) {
	services, err := list[described](ctx, s, "webservice.List", "services", serviceJSON, webservice.List, nil)
	if err != nil {
		return nil, err
	}
	models, err := list[plainModel](ctx, s, "model.List", "models", modelJSON, model.List, nil)
	return []line{services, models}, err
}

// list compares a list with bare paging that decodes into B.
func list[B, T, O any](ctx context.Context, s settings, work, what string, item func(name string) map[string]any,
	list func(context.Context, *workspace.Workspace, O) iter.Seq2[T, error], options O,
) (line, error) {
	path := resourcesPath + what
	c, pageBytes := inPages(path, item)
	defer c.close()
	ws, err := c.workspace(ctx)
	if err != nil {
		return line{}, err
	}
	pipeline := c.pipeline(0)
	bare := func(ctx context.Context) (int, []time.Duration, error) {
		n := 0
		for address := "https://" + servicesHost + path + "?expand=true"; address != ""; {
			var page struct {
				Value    []B    `json:"value"`
				NextLink string `json:"nextLink"`
			}
			if err := read(ctx, pipeline, address, &page); err != nil {
				return 0, nil, err
			}
			n += len(page.Value)
			address = page.NextLink
		}
		return n, nil, all(n)
	}
	ours := func(ctx context.Context) (int, []time.Duration, error) {
		n := 0
		for _, err := range list(ctx, ws, options) {
			if err != nil {
				return 0, nil, err
			}
			n++
		}
		return n, nil, all(n)
	}
	r, err := compare(ctx, s.rounds, bare, ours)
	if err != nil {
		return line{}, err
	}
	grown, err := heapWhileListing(list(ctx, ws, options))
	if err != nil {
		return line{}, err
	}
	// What is kept of a page: the structs, and the text that they were read from.
	limit := 4 * pageBytes
	return line{
		row: 7, work: work + " of 10,000", baseline: "bare paging, json.Unmarshal into the same structs",
		figure: fmt.Sprintf("time %s; live heap grows by %d KiB, a page's JSON has %d KiB", ratio(r.ours.time), grown>>10, pageBytes>>10),
		self:   ratio(r.self.time), goal: "≤ 1.1 × time; memory of one page",
		met: r.ours.time <= 1.1 && grown <= limit,
	}, nil
}

// inPages is a cloud that lists 10,000 items, and the size of a page.
func inPages(path string, item func(name string) map[string]any) (c *cloud, pageBytes int) {
	answers := map[string][]byte{}
	for first := 0; first < listed; first += pageSize {
		var page struct {
			Value    []map[string]any `json:"value"`
			NextLink string           `json:"nextLink,omitempty"`
		}
		for i := range pageSize {
			page.Value = append(page.Value, item(fmt.Sprintf("item-%d", first+i)))
		}
		if next := first + pageSize; next < listed {
			page.NextLink = fmt.Sprintf("https://%s%s?$skipToken=%d", servicesHost, path, next)
		}
		key := path
		if first > 0 {
			key = fmt.Sprintf("%s?%d", path, first)
		}
		answers[key] = mustJSON(page)
		pageBytes = len(answers[key])
	}
	return newCloud(answers), pageBytes
}

// modelJSON is a model as the service shows it.
func modelJSON(name string) map[string]any {
	return map[string]any{
		"id": name + ":1", "name": name, "version": 1, "framework": "ScikitLearn", "frameworkVersion": "1.5.1", "description": "diabetes",
		"url": "aml://asset/33333333333333333333333333333333", "mimeType": "application/json", "unpack": false,
		"createdTime": "2026-01-02T03:04:05.678901+00:00", "modifiedTime": "2026-01-02T03:14:05.678901+00:00",
		"kvTags": map[string]string{"team": "ml"}, "properties": map[string]string{"commit": "0123456789abcdef"}, "parentModelId": nil,
		"runId": "run_1", "experimentName": "diabetes", "derivedModelIds": nil, "datasets": []any{}, "sampleInputData": nil, "sampleOutputData": nil,
		"resourceRequirements": map[string]any{"cpu": 1, "memoryInGB": 0.5},
		"createdBy":            map[string]any{"userObjectId": "55555555-0000-0000-0000-000000000001", "userTenantId": "t", "userName": "Jane"},
	}
}

func all(n int) error {
	if n != listed {
		return fmt.Errorf("listed %d", n)
	}
	return nil
}

// heapWhileListing is the most by which the live heap has grown at any item looked at.
func heapWhileListing[T any](list iter.Seq2[T, error]) (int, error) {
	live := func() int {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc)
	}
	start, most, n := live(), 0, 0
	for _, err := range list {
		if err != nil {
			return 0, err
		}
		if n++; n%777 == 0 {
			most = max(most, live()-start)
		}
	}
	return most, nil
}
