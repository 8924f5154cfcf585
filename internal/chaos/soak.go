package chaos

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/webservice"
	"github.com/azureml-go/azureml/workspace"
)

// SoakOptions say how long to go on.
type SoakOptions struct {
	// Calls are made in all, by Callers at once with one scorer.
	Calls, Callers int
	// RotateEvery is how many calls lie between two rotations of both keys.
	RotateEvery int
}

// SoakResult is what a soak shows.
type SoakResult struct {
	Calls, Failed, Rotations int
	// Early is after a tenth of the calls, Late after all.
	Early, Late Footprint
	Took        time.Duration
	// First is the first failure.
	First error
}

// Footprint is what the process holds, after a garbage collection.
type Footprint struct {
	Heap       uint64
	Goroutines int
}

func footprint() Footprint {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return Footprint{m.HeapAlloc, runtime.NumGoroutine()}
}

// String is one row of a table.
func (r *SoakResult) String() string {
	return fmt.Sprintf("%d calls in %s (%.0f a second), %d failed, %d rotations of both keys; heap %d KiB after a tenth, %d KiB at the end; goroutines %d and %d",
		r.Calls, r.Took.Round(time.Second), float64(r.Calls)/r.Took.Seconds(), r.Failed, r.Rotations,
		r.Early.Heap>>10, r.Late.Heap>>10, r.Early.Goroutines, r.Late.Goroutines)
}

// soak is one that is under way.
type soak struct {
	o       SoakOptions
	svc     *webservice.AksWebservice
	scorer  *webservice.Scorer
	result  SoakResult
	calls   atomic.Int64
	failed  atomic.Int64
	failure sync.Once
}

// Soak deploys a service on an emulator of its own, over real connections, and scores it
// while its keys are rotated again and again.
func Soak(ctx context.Context, o SoakOptions) (*SoakResult, error) {
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	s := &soak{o: o}
	if err := s.deploy(ctx, srv); err != nil {
		return nil, err
	}
	defer s.scorer.Close()
	begun := time.Now()
	if err := s.phase(ctx, int64(o.Calls/10)); err != nil {
		return nil, err
	}
	srv.ResetRequests() // which it remembers, up to a number
	s.result.Early = footprint()
	if err := s.phase(ctx, int64(o.Calls)); err != nil {
		return nil, err
	}
	s.result.Took = time.Since(begun)
	srv.ResetRequests()
	s.result.Late = footprint()
	s.result.Calls, s.result.Failed = int(s.calls.Load()), int(s.failed.Load())
	return &s.result, nil
}

// deploy makes the service and the scorer that all callers share.
func (s *soak) deploy(ctx context.Context, srv *azuremltest.Server) error {
	srv.AddCompute(azuremltest.Workspace{}, azuremltest.Compute{Name: clusterName})
	srv.AddModel(azuremltest.Workspace{}, azuremltest.Model{Name: "soak", Framework: "ScikitLearn"})
	ws, err := workspace.Get(ctx, azuremltest.WorkspaceName, srv.Credential(), &workspace.GetOptions{
		ClientOptions: srv.ClientOptions(), SubscriptionID: azuremltest.SubscriptionID, ResourceGroup: azuremltest.ResourceGroup,
	})
	if err != nil {
		return err
	}
	m, err := model.Get(ctx, ws, "soak", nil)
	if err != nil {
		return err
	}
	p, err := model.BeginDeploy(ctx, ws, "soak", []*model.Model{m}, nil, webservice.AksDeployConfiguration{ComputeTarget: clusterName}, nil)
	if err != nil {
		return err
	}
	if s.svc, err = azureml.Wait(ctx, p, nil); err != nil {
		return err
	}
	s.scorer, err = s.svc.Scorer(ctx, nil)
	return err
}

// phase goes on until so many calls have been made in all. Keys are rotated meanwhile.
func (s *soak) phase(ctx context.Context, end int64) error {
	var callers sync.WaitGroup
	for range s.o.Callers {
		callers.Go(func() {
			for s.calls.Add(1) <= end {
				answer, err := s.scorer.Run(ctx, question)
				if err == nil && !bytes.Equal(answer, question) {
					err = fmt.Errorf("the answer is %q", answer)
				}
				if err != nil {
					s.failed.Add(1)
					s.failure.Do(func() { s.result.First = err })
				}
			}
			s.calls.Add(-1)
		})
	}
	done := make(chan struct{})
	go func() {
		callers.Wait()
		close(done)
	}()
	return s.rotate(ctx, done)
}

// rotate rotates the keys whenever enough calls have been made, until done.
func (s *soak) rotate(ctx context.Context, done <-chan struct{}) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	var failed error
	for {
		select {
		case <-done:
			return failed
		case <-tick.C:
		}
		if failed == nil && s.calls.Load() >= int64(s.result.Rotations+1)*int64(s.o.RotateEvery) {
			s.result.Rotations++
			if _, err := s.svc.RotateKeys(ctx, nil); err != nil {
				failed = fmt.Errorf("rotation %d: %w", s.result.Rotations, err)
			}
		}
	}
}
