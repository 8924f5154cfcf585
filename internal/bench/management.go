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
