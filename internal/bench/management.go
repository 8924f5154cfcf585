package main

import (
	"context"
	"fmt"
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
	ours := func(ctx context.Context) (int, []time.Duration, error) {
		return parallel(ctx, 1, s.of(3000), func(ctx context.Context) error {
			svc, err := webservice.GetAks(ctx, ws, "svc")
			if err != nil {
				return err
			}
			return named(svc.Name)
		})
	}
	var lines []line
	for _, baseline := range []struct {
		name    string
		timeout time.Duration
	}{
		{"azcore pipeline, json.Unmarshal into the same struct", 0},
		{"the same with our bound on the time of a try", tryTimeout},
	} {
		pipeline := c.pipeline(baseline.timeout)
		bare := func(ctx context.Context) (int, []time.Duration, error) {
			return parallel(ctx, 1, s.of(3000), func(ctx context.Context) error {
				var svc described
				if err := read(ctx, pipeline, "https://"+servicesHost+servicesPath+"/svc?expand=true", &svc); err != nil {
					return err
				}
				return named(svc.Name)
			})
		}
		r, err := compare(ctx, s.rounds, bare, ours)
		if err != nil {
			return nil, err
		}
		lines = append(lines, line{
			row: 3, work: "webservice.GetAks", baseline: baseline.name,
			figure: fmt.Sprintf("time %s, allocations %s", ratio(r.ours.time), ratio(r.ours.allocRatio)),
			self:   ratio(r.self.time), goal: "≤ 1.10 × time, ≤ 1.3 × allocations",
			met: r.ours.time <= 1.10 && r.ours.allocRatio <= 1.3,
		})
	}
	return lines, nil
}

// tryTimeout is that of the library's requests.
const tryTimeout = 100 * time.Second

func named(name string) error {
	if name != "svc" {
		return fmt.Errorf("read %q", name)
	}
	return nil
}
