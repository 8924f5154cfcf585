package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/webservice"
)

// The names in the emulated workspace.
const (
	endpointName = "churn"
	firstVersion = "churn-1"
	goodVersion  = "churn-2"
	badVersion   = "churn-3"
	cluster      = "prod-aks"
	modelName    = "churn-model"
)

// story is one run of the example.
type story struct {
	settings settings
	out      io.Writer
	world    *world
	endpoint *webservice.AksEndpoint
	callers  *callers
	drawing  *drawing
}

// play deploys an endpoint and rolls out a good version, then a bad one.
func play(ctx context.Context, s settings, out io.Writer) error {
	w, err := newWorld(ctx, s.bad)
	if err != nil {
		return err
	}
	defer w.Close()
	p := &story{settings: s, out: out, world: w, drawing: newDrawing(out, s.terminal, s.width)}
	if err := p.deploy(ctx); err != nil {
		return err
	}
	if p.callers, err = call(ctx, p.endpoint); err != nil {
		return err
	}
	defer p.callers.stop()
	if err := p.promote(ctx); err != nil {
		return err
	}
	return p.rollBack(ctx)
}

func (p *story) say(format string, args ...any) { fmt.Fprintf(p.out, format+"\n", args...) }

// deploy deploys the endpoint with its first version.
func (p *story) deploy(ctx context.Context) error {
	p.say("1. Deploy the endpoint %s with the version %s", endpointName, firstVersion)
	poller, err := model.BeginDeploy(ctx, p.world.ws, endpointName, []*model.Model{p.world.model}, nil,
		webservice.AksEndpointDeployConfiguration{ComputeTarget: cluster, VersionName: firstVersion, CPUCores: 0.1, MemoryGB: 0.5}, nil)
	if err != nil {
		return err
	}
	p.endpoint, err = azureml.Wait(ctx, poller, nil)
	if err != nil {
		return err
	}
	p.say("   %s", p.endpoint)
	return nil
}

// add adds a version that gets no requests yet.
func (p *story) add(ctx context.Context, version string) error {
	poller, err := p.endpoint.BeginCreateVersion(ctx, version, []*model.Model{p.world.model}, nil,
		webservice.VersionConfiguration{CPUCores: 0.1, MemoryGB: 0.5}, nil)
	if err != nil {
		return err
	}
	p.endpoint, err = azureml.Wait(ctx, poller, nil)
	return err
}

// promote rolls out the good version.
func (p *story) promote(ctx context.Context) error {
	p.say("2. Roll out %s, which is as good as %s", goodVersion, firstVersion)
	if err := p.add(ctx, goodVersion); err != nil {
		return err
	}
	result, err := p.rollout(ctx, goodVersion)
	if err != nil {
		return err
	}
	p.say("   %s: it is the default version now, %s is deleted", result.Outcome, firstVersion)
	return nil
}

// rollBack rolls out the bad version, or tries to.
func (p *story) rollBack(ctx context.Context) error {
	what := map[string]string{"fail": "which fails every fourth time", "slow": "which is slow"}[p.settings.bad]
	p.say("3. Roll out %s, %s", badVersion, what)
	if err := p.add(ctx, badVersion); err != nil {
		return err
	}
	result, err := p.rollout(ctx, badVersion)
	switch {
	case ctx.Err() != nil:
		return err
	case err == nil:
		return fmt.Errorf("%s was promoted, though it is bad", badVersion)
	case !errors.Is(err, webservice.ErrRolledBack):
		return err
	}
	p.say("   %s: %s", result.Outcome, result.Reason)
	now, err := p.endpoint.Refresh(ctx)
	if err != nil {
		return err
	}
	if share := now.Traffic()[goodVersion]; share < 100 {
		return fmt.Errorf("%s has %v %% of the traffic, and not all of it", goodVersion, share)
	}
	p.say("Done: %s has all of the traffic.", goodVersion)
	return nil
}

// rollout is the call that all of this is about.
func (p *story) rollout(ctx context.Context, version string) (*webservice.RolloutResult, error) {
	var state webservice.RolloutState // a program that may end keeps it in a file or a database
	result, err := webservice.Rollout(ctx, p.endpoint, version, &webservice.RolloutOptions{
		Steps:     []float64{5, 25, 50, 100},
		Bake:      p.settings.bake,
		Interval:  p.settings.bake / 3,
		DeleteOld: true,
		OnCancel:  p.settings.onCancel,
		Judge: webservice.AllJudges(webservice.StateJudge(), webservice.ProbeJudge([][]byte{[]byte(`{"data":[[0.1,0.2]]}`)}, &webservice.ProbeOptions{
			Count:     100,
			VersionOf: versionOf, // the script of this model says who it is
			Limits:    &webservice.Limits{MinRequests: 5, LatencySlack: 20 * time.Millisecond},
		})),
		OnEvent: p.drawing.event,
		Save: func(_ context.Context, s webservice.RolloutState) error {
			state = s
			return nil
		},
	})
	p.drawing.end()
	if ctx.Err() != nil {
		return result, p.interrupted(state, err)
	}
	return result, err
}

// interrupted says where an interrupted rollout stands.
func (p *story) interrupted(state webservice.RolloutState, err error) error {
	if errors.Is(err, webservice.ErrRolledBack) {
		return fmt.Errorf("the rollout of %s was rolled back; the traffic is as it was", state.Version())
	}
	text, marshalErr := json.Marshal(state)
	if marshalErr != nil {
		return marshalErr
	}
	return fmt.Errorf("the rollout of %s holds at %v %%; ResumeRollout goes on from this state:\n%s", state.Version(), state.Percent(), text)
}
