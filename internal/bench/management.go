package main

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/azureml-go/azureml/webservice"
)

// described is what a caller of the bare service would decode to know what we tell.
type described struct {
	webservice.AksWebservice
	Image struct {
		ModelIDs    []string                         `json:"modelIds"`
		Environment *webservice.EnvironmentReference `json:"environment"`
	} `json:"environmentImageRequest"`
}

// management compares reading a web service with azcore's pipeline and encoding/json.
func management(ctx context.Context, s settings) ([]line, error) {
	c := newCloud(map[string][]byte{servicesPath + "/svc": mustJSON(serviceJSON("svc"))})
	defer c.close()
	ws, err := c.workspace(ctx)
	if err != nil {
		return nil, err
	}
	pipeline := c.pipeline()
	calls := s.of(3000)
	bare := func(ctx context.Context) (int, []time.Duration, error) {
		return parallel(ctx, 1, calls, func(ctx context.Context) error {
			var svc described
			if err := read(ctx, pipeline, "https://"+servicesHost+servicesPath+"/svc?expand=true", &svc); err != nil {
				return err
			}
			return named(svc.Name)
		})
	}
	ours := func(ctx context.Context) (int, []time.Duration, error) {
		return parallel(ctx, 1, calls, func(ctx context.Context) error {
			svc, err := webservice.GetAks(ctx, ws, "svc")
			if err != nil {
				return err
			}
			return named(svc.Name)
		})
	}
	r, err := compare(ctx, s.rounds, bare, ours)
	if err != nil {
		return nil, err
	}
	return []line{{
		row: 3, work: "webservice.GetAks", baseline: "azcore pipeline, json.Unmarshal into the same struct",
		figure: fmt.Sprintf("time %s, allocations %s", ratio(r.ours.time), ratio(r.ours.allocRatio)),
		self:   ratio(r.self.time), goal: "≤ 1.10 × time, ≤ 1.3 × allocations",
		met: r.ours.time <= 1.10 && r.ours.allocRatio <= 1.3,
	}}, nil
}

func named(name string) error {
	if name != "svc" {
		return fmt.Errorf("read %q", name)
	}
	return nil
}

const (
	listed   = 10_000
	pageSize = 100
)

// servicesInPages is a cloud that lists 10,000 services, and the size of a page.
func servicesInPages() (c *cloud, pageBytes int) {
	answers := map[string][]byte{}
	for first := 0; first < listed; first += pageSize {
		var page struct {
			Value    []map[string]any `json:"value"`
			NextLink string           `json:"nextLink,omitempty"`
		}
		for i := range pageSize {
			page.Value = append(page.Value, serviceJSON(fmt.Sprintf("svc-%d", first+i)))
		}
		if next := first + pageSize; next < listed {
			page.NextLink = fmt.Sprintf("https://%s%s?$skiptoken=%d", servicesHost, servicesPath, next)
		}
		path := servicesPath
		if first > 0 {
			path = fmt.Sprintf("%s?$skiptoken=%d", servicesPath, first)
		}
		answers[path] = mustJSON(page)
		pageBytes = len(answers[path])
	}
	return newCloud(answers), pageBytes
}

// listing compares a list of 10,000 services with bare paging.
func listing(ctx context.Context, s settings) ([]line, error) {
	c, pageBytes := servicesInPages()
	defer c.close()
	ws, err := c.workspace(ctx)
	if err != nil {
		return nil, err
	}
	pipeline := c.pipeline()
	bare := func(ctx context.Context) (int, []time.Duration, error) {
		n := 0
		for address := "https://" + servicesHost + servicesPath + "?expand=true"; address != ""; {
			var page struct {
				Value    []described `json:"value"`
				NextLink string      `json:"nextLink"`
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
		for _, err := range webservice.List(ctx, ws, nil) {
			if err != nil {
				return 0, nil, err
			}
			n++
		}
		return n, nil, all(n)
	}
	r, err := compare(ctx, s.rounds, bare, ours)
	if err != nil {
		return nil, err
	}
	grown, err := heapWhileListing(ctx, func(yield func() bool) error {
		for _, err := range webservice.List(ctx, ws, nil) {
			if err != nil {
				return err
			}
			if !yield() {
				return nil
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	// What is kept of a page: the structs, and the text that they were read from.
	limit := 4 * pageBytes
	return []line{{
		row: 7, work: "webservice.List of 10,000", baseline: "bare paging, json.Unmarshal into the same structs",
		figure: fmt.Sprintf("time %s; live heap grows by %d KiB, a page's JSON has %d KiB", ratio(r.ours.time), grown>>10, pageBytes>>10),
		self:   ratio(r.self.time), goal: "≤ 1.1 × time; memory of one page",
		met: r.ours.time <= 1.1 && grown <= limit,
	}}, nil
}

func all(n int) error {
	if n != listed {
		return fmt.Errorf("listed %d services", n)
	}
	return nil
}

// heapWhileListing is the most by which the live heap has grown at any item looked at.
func heapWhileListing(_ context.Context, list func(yield func() bool) error) (int, error) {
	live := func() int {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc)
	}
	start, most, n := live(), 0, 0
	err := list(func() bool {
		if n++; n%777 == 0 {
			most = max(most, live()-start)
		}
		return true
	})
	return most, err
}
