package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/webservice"
	"github.com/azureml-go/azureml/workspace"
)

// scenarioTime is how long a scenario may take.
const scenarioTime = 5 * time.Minute

// drive runs scenarios, some at once, and gives their outcomes in their order. Each is
// told as soon as it is there.
func drive(ctx context.Context, c *pythonClient, folder string, list []scenario, parallel int, tell func(outcome)) []outcome {
	outcomes := make([]outcome, len(list))
	var wg sync.WaitGroup
	var mu sync.Mutex // so that one is told at a time
	free := make(chan struct{}, parallel)
	for i, s := range list {
		free <- struct{}{}
		wg.Go(func() {
			defer func() { <-free }()
			outcomes[i] = s.outcome(ctx, c, folder)
			mu.Lock()
			defer mu.Unlock()
			tell(outcomes[i])
		})
	}
	wg.Wait()
	return outcomes
}

// outcome runs the scenario on an emulator of its own.
func (s scenario) outcome(ctx context.Context, c *pythonClient, folder string) outcome {
	ctx, cancel := context.WithTimeout(ctx, scenarioTime)
	defer cancel()
	o := outcome{Scenario: s.name, About: s.about, Outcome: passed}
	r, compared, wrong, err := s.run(ctx, c, folder)
	if err != nil {
		wrong = append(wrong, err.Error())
	}
	if r != nil {
		o.Checks = len(r.Checks) + compared
		o.Bugs = r.Bugs
		wrong = append(wrong, r.faults()...)
	}
	if len(o.Bugs) > 0 {
		o.Outcome = referenceBug
	}
	if len(wrong) > 0 {
		o.Outcome, o.Wrong = failed, wrong
	}
	return o
}

// faults are what a report tells of that should not be.
func (r *report) faults() []string {
	var wrong []string
	for _, c := range r.Checks {
		if !c.OK {
			wrong = append(wrong, fmt.Sprintf("%s: got %s, want %s", c.Label, c.Got, c.Want))
		}
	}
	for _, b := range r.Bugs {
		if !b.AsKnown {
			wrong = append(wrong, fmt.Sprintf("%s: known to raise %s: %s, but: %s", b.Label, b.Exception, b.Message, b.Got))
		}
	}
	if r.Error != "" {
		wrong = append(wrong, r.Error)
	}
	if len(r.Checks) == 0 && r.Error == "" {
		wrong = append(wrong, "nothing was compared")
	}
	return wrong
}

// run runs the scenario and then looks at the same workspace with this library. It
// returns how many comparisons that were, and what was wrong.
func (s scenario) run(ctx context.Context, c *pythonClient, folder string) (r *report, compared int, wrong []string, err error) {
	options := s.options
	if options == nil {
		options = &azuremltest.Options{OperationPolls: 1}
	}
	srv := azuremltest.NewServer(options)
	defer srv.Close()
	defer func() {
		if (err != nil || len(wrong) > 0 || r != nil && len(r.faults()) > 0) && folder != "" {
			err = errors.Join(err, keepRequests(srv, filepath.Join(folder, s.name+".log")))
		}
	}()
	if s.prepare != nil {
		if err := s.prepare(ctx, srv); err != nil {
			return nil, 0, nil, fmt.Errorf("preparing: %w", err)
		}
	}
	if r, err = c.run(ctx, srv, folder, s.name, nil); err != nil || r.Error != "" {
		return r, 0, nil, err
	}
	ws, err := open(ctx, srv)
	if err != nil {
		return r, 0, nil, err
	}
	ours, err := look(ctx, ws)
	if err != nil {
		return r, 0, nil, fmt.Errorf("looking with the library: %w", err)
	}
	wrong = differences("world", ours, r.World)
	files, err := download(ctx, ws, r.Uploaded)
	if err != nil {
		return r, 1, wrong, fmt.Errorf("downloading with the library: %w", err)
	}
	answers, err := score(ctx, ws)
	return r, 2 + len(r.Uploaded), append(append(wrong, files...), answers...), err
}

// score asks every healthy service for an answer.
func score(ctx context.Context, ws *workspace.Workspace) ([]string, error) {
	var wrong []string
	for s, err := range webservice.List(ctx, ws, nil) {
		if err != nil {
			return nil, err
		}
		if s.Common().State != webservice.StateHealthy {
			continue
		}
		answer, err := s.Common().Run(ctx, []byte("[1]"))
		if err != nil {
			return nil, fmt.Errorf("scoring with the library: %w", err)
		}
		wrong = append(wrong, differences("answer of "+s.Common().Name, json.RawMessage(answer), []int{1})...)
	}
	return wrong, nil
}

// keepRequests writes what the emulator was asked in a scenario that failed.
func keepRequests(srv *azuremltest.Server, file string) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	for _, r := range srv.Requests() {
		fmt.Fprintf(f, "%s %s %d\n", r.Method, r.URL, r.Status)
		if r.Status >= 400 && len(r.Body) > 0 {
			fmt.Fprintf(f, "    %s\n", r.Body)
		}
	}
	return f.Close()
}
