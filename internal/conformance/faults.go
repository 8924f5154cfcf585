package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/azureml-go/azureml/azuremltest"
)

// faultyShares of all requests go wrong, one after the other.
var faultyShares = []float64{0.05, 0.2}

// flowTime is how long a flow may take.
const flowTime = 10 * time.Minute

// notSignIn is the pattern of the hosts whose names do not begin like those of the
// authority.
const notSignIn = "[^l]*"

// faultKinds are the ways in which requests go wrong, all equally often.
var faultKinds = []struct {
	about string
	fault azuremltest.Fault
}{
	{"429 with Retry-After: 1", azuremltest.Fault{Status: http.StatusTooManyRequests, RetryAfter: "1"}},
	{"500", azuremltest.Fault{Status: http.StatusInternalServerError}},
	{"502 with an HTML page", azuremltest.Fault{Status: http.StatusBadGateway, Body: "<html><body><h1>502 Bad Gateway</h1></body></html>"}},
	{"503", azuremltest.Fault{Status: http.StatusServiceUnavailable}},
	{"504 after the effect", azuremltest.Fault{Status: http.StatusGatewayTimeout, AfterEffect: true}},
	{"a reset before the effect", azuremltest.Fault{ResetBefore: true}},
	{"a reset after the effect", azuremltest.Fault{ResetAfter: true}},
	{"an answer that is cut off after its headers", azuremltest.Fault{CutBody: -1}},
}

// plan sets the faults of a seed up, for a share of the requests to some hosts.
func plan(srv *azuremltest.Server, hosts string, share float64, seed int) {
	if share == 0 { // a fault without a probability hits always
		return
	}
	each := share / float64(len(faultKinds))
	for i, k := range faultKinds {
		f := k.fault
		f.Host = hosts
		f.Seed = uint64(seed*len(faultKinds) + i + 1)
		f.Probability = each / (1 - float64(i)*each) // those before it have had their share
		srv.Fault(f)
	}
}

// flow is something that both clients do under faults.
type flow struct {
	name, about string
	// hosts are those whose requests go wrong, all if empty.
	hosts string
	// ours does it with this library. It returns whether what was read is right.
	ours func(ctx context.Context, srv *azuremltest.Server) (right bool, err error)
	// made counts what the flow makes and whether it is in order; nil for one that only reads.
	made func(srv *flowServer) (count int, inOrder bool)
}

// flows are functions of that name in scenarios/flows.py, too.
var flows = []flow{
	{name: "flow_sign_in", about: "sign in (under faults, too), open the workspace", ours: ourSignIn},
	{name: "flow_register", about: "open the workspace, register a model", hosts: notSignIn, ours: ourRegister, made: registered},
	{name: "flow_deploy", about: "open the workspace, deploy to AKS, wait", hosts: notSignIn, ours: ourDeploy, made: deployed},
	{name: "flow_read", about: "open the workspace, list the models, read a service", hosts: notSignIn, ours: ourRead},
	{name: "flow_token", about: "open the workspace, get a token, score", hosts: notSignIn, ours: ourToken, made: scored},
}

func registered(srv *flowServer) (int, bool) {
	n := 0
	for _, m := range srv.Models(azuremltest.Workspace{}) {
		if m.Name == "flowmodel" {
			n++
		}
	}
	return n, n > 0
}

func deployed(srv *flowServer) (int, bool) {
	for _, s := range srv.Services(azuremltest.Workspace{}) {
		if s.Name == "flowservice" {
			return 1, s.State == "Healthy"
		}
	}
	return 0, false
}

// scored counts how often the service has worked an answer out.
func scored(srv *flowServer) (int, bool) {
	n := int(srv.answers.Load())
	return n, n > 0
}

// flowServer is an emulator with what the flows need.
type flowServer struct {
	*azuremltest.Server
	answers atomic.Int64 // of the service
}

// flowModels are the models that are there before a flow begins.
var flowModels = []string{"mymodel:1", "mymodel:2", "other:1"}

func newFlowServer() *flowServer {
	srv := &flowServer{Server: azuremltest.NewServer(&azuremltest.Options{OperationPolls: 1, PageSize: 2})}
	ws := azuremltest.Workspace{}
	srv.AddCompute(ws, azuremltest.Compute{Name: "aks", ResourceID: clusterID, Attached: true})
	for _, id := range flowModels {
		name, _, _ := strings.Cut(id, ":")
		srv.AddModel(ws, azuremltest.Model{Name: name, Framework: "ScikitLearn", Files: map[string][]byte{"model.pkl": []byte(id)}})
	}
	srv.AddService(ws, map[string]any{"name": "there", "computeType": "AKS", "computeName": "aks", "aadAuthEnabled": true,
		"authEnabled": false, "environmentImageRequest": map[string]any{"modelIds": flowModels[:1]}})
	srv.SetScorer("there", func(_ context.Context, in *azuremltest.ScoreRequest) (*azuremltest.ScoreResponse, error) {
		srv.answers.Add(1)
		return &azuremltest.ScoreResponse{Body: in.Body}, nil
	})
	return srv
}

// trial is one flow with one client and one seed.
type trial struct {
	saidDone, right  bool
	count            int // of what was made
	inOrder          bool
	requests, faults int
	took             time.Duration
	problem          string
}

// try runs a flow with the Python client, or with this library if c is nil.
func (f flow) try(ctx context.Context, c *pythonClient, folder string, share float64, seed int) (t trial) {
	ctx, cancel := context.WithTimeout(ctx, flowTime)
	defer cancel()
	srv := newFlowServer()
	defer srv.Close()
	plan(srv.Server, f.hosts, share, seed)
	t.inOrder = true
	began := time.Now()
	if c == nil {
		right, err := f.ours(ctx, srv.Server)
		t.saidDone, t.right, t.took = err == nil, right, time.Since(began)
		if err != nil {
			t.problem = err.Error()
		}
	} else {
		r, err := c.run(ctx, srv.Server, folder, f.name, map[string]any{"want_models": flowModels})
		t.took = time.Since(began)
		if err != nil {
			t.problem = err.Error()
		} else {
			t.saidDone, t.took = r.Error == "", time.Duration(r.Seconds*float64(time.Second))
			t.right = !slices.ContainsFunc(r.Checks, func(c check) bool { return !c.OK })
			t.problem = lastLine(r.Error)
		}
	}
	for _, r := range srv.Requests() {
		t.requests++
		if r.Fault {
			t.faults++
		}
	}
	if f.made != nil {
		t.count, t.inOrder = f.made(srv)
	}
	return t
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for _, line := range slices.Backward(lines) {
		if line != "" && line[0] != ' ' && line[0] != '\t' && line[0] != '{' && line[0] != '}' {
			return line
		}
	}
	return ""
}

// tally adds up the trials of one client at one flow.
type tally struct {
	trials, done, failed, wrongDone, wrongFailed, twice, faults int
	requests                                                    []int
	took                                                        []time.Duration
}

func tallyOf(trials []trial) tally {
	sum := tally{trials: len(trials)}
	for _, t := range trials {
		switch {
		case t.saidDone && !(t.right && t.inOrder):
			sum.wrongDone++
		case t.saidDone:
			sum.done++
		case t.count > 0:
			sum.wrongFailed++
		default:
			sum.failed++
		}
		sum.twice += max(0, t.count-1)
		sum.faults += t.faults
		sum.requests = append(sum.requests, t.requests)
		sum.took = append(sum.took, t.took)
	}
	slices.Sort(sum.requests)
	slices.Sort(sum.took)
	return sum
}

// runFaults runs all flows with both clients under all seeds and prints the table.
func runFaults(ctx context.Context, c *pythonClient, folder string, a arguments, out io.Writer) error {
	chosen := slices.DeleteFunc(slices.Clone(flows), func(f flow) bool { return !a.match.MatchString(f.name) })
	var rows []string
	for _, f := range chosen {
		for _, share := range faultyShares {
			for _, client := range []*pythonClient{nil, c} {
				trials := f.trials(ctx, client, folder, share, a, out)
				if err := ctx.Err(); err != nil {
					return err
				}
				rows = append(rows, tallyOf(trials).row(f, share, client))
				fmt.Fprintln(out, rows[len(rows)-1])
			}
		}
	}
	text := faultsTable(c, a.seeds, rows)
	fmt.Fprint(out, "\n", text)
	if a.out == "" {
		return nil
	}
	if len(chosen) < len(flows) {
		return errors.New("the outcome of some flows alone is not written")
	}
	return os.WriteFile(a.out, []byte(text), 0o644)
}

// trials runs a flow under all seeds, some at once.
func (f flow) trials(ctx context.Context, c *pythonClient, folder string, share float64, a arguments, out io.Writer) []trial {
	trials := make([]trial, a.seeds)
	var wg sync.WaitGroup
	free := make(chan struct{}, a.parallel)
	for i := range trials {
		free <- struct{}{}
		wg.Go(func() {
			defer func() { <-free }()
			trials[i] = f.try(ctx, c, folder, share, i+1)
		})
	}
	wg.Wait()
	for i, t := range trials {
		if t.problem != "" {
			fmt.Fprintf(out, "    %s, %.0f %%, %s, seed %d: %s\n", f.name, share*100, clientName(c), i+1, t.problem)
		}
	}
	return trials
}

func clientName(c *pythonClient) string {
	if c == nil {
		return "this library"
	}
	return packageName
}

func (s tally) row(f flow, share float64, c *pythonClient) string {
	twice := "–"
	if f.made != nil {
		twice = fmt.Sprint(s.twice)
	}
	middle := len(s.took) / 2
	return fmt.Sprintf("| %s | %.0f %% | %s | %d of %d | %d | %d | %d | %s | %d | %d | %.1f | %.1f |", f.about, share*100, clientName(c), s.done, s.trials, s.failed,
		s.wrongFailed, s.wrongDone, twice, s.faults, s.requests[middle], s.took[middle].Seconds(), s.took[len(s.took)-1].Seconds())
}

// faultsTable is the outcome as a page of Markdown.
func faultsTable(c *pythonClient, seeds int, rows []string) string {
	var kinds []string
	for _, k := range faultKinds {
		kinds = append(kinds, k.about)
	}
	return fmt.Sprintf(`# The same faults put to both clients

Written by `+"`go run ./internal/conformance -faults -seeds %d -out internal/conformance/FAULTS.md`"+` on %s, with %s %s
on Python %s and this library, each with its default settings, against the emulator. A share of the requests
goes wrong, chosen by a seed, all of these equally often: %s.
Each flow is run once with each of %d seeds, several at once. Requests for sign-in go wrong in the first flow only.

A flow that ends with an error when nothing was made "failed"; the next three columns are what a caller cannot
know. Of the last flow, what is made is an answer of the service: this library does not ask a service again whose
script may have run. "Seconds" are real ones, without the start of the program; "requests" are those that reached the emulator.

| Flow | Faulty | Client | Done | Failed | Said failed, but it is there | Said done, but it is not so | Made twice | Faults met, in all | Requests (median) | Seconds (median) | Seconds (longest) |
|---|---|---|---|---|---|---|---|---|---|---|---|
%s
`, seeds, time.Now().UTC().Format(time.DateOnly), packageName, c.Version, c.Python, strings.Join(kinds, ", "), seeds, strings.Join(rows, "\n"))
}
