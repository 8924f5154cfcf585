package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/azureml-go/azureml/azuremltest"
)

const (
	// lastRequests and lastOperations are how many the page shows.
	lastRequests   = 50
	lastOperations = 50
)

//go:embed status.html
var page []byte

// watch logs the requests and serves the status page.
type watch struct {
	out    io.Writer
	format string
	srv    atomic.Pointer[azuremltest.Server]

	mu    sync.Mutex
	count int
	last  []requestLine
}

// requestLine is what is told of a request. The query is left out: there are
// signatures in it.
type requestLine struct {
	Time   time.Time `json:"time"`
	Method string    `json:"method"`
	Host   string    `json:"host"`
	Path   string    `json:"path"`
	Status int       `json:"status"` // 0 if the connection was broken
	Fault  bool      `json:"fault,omitempty"`
}

func newWatch(out io.Writer, format string) *watch { return &watch{out: out, format: format} }

// serve lets the page show a server.
func (w *watch) serve(srv *azuremltest.Server) { w.srv.Store(srv) }

// own says whether a request is one of the status page itself, under any name of this
// machine.
func (w *watch) own(r azuremltest.Request) bool {
	if !slices.Contains([]string{"/", "/status.json", "/favicon.ico"}, r.URL.Path) {
		return false
	}
	srv := w.srv.Load()
	a, err := netip.ParseAddr(r.Host)
	return r.Host == "localhost" || err == nil && a.IsLoopback() || srv != nil && "http://"+r.URL.Host == srv.URL
}

// request logs a request. Those of the status page itself are none.
func (w *watch) request(r azuremltest.Request) {
	if w.own(r) {
		return
	}
	line := requestLine{r.Time, r.Method, r.Host, r.URL.Path, r.Status, r.Fault}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.count++
	if w.last = append(w.last, line); len(w.last) > lastRequests {
		w.last = slices.Delete(w.last, 0, 1)
	}
	switch w.format {
	case "json":
		text, err := json.Marshal(line)
		if err == nil {
			fmt.Fprintf(w.out, "%s\n", text)
		}
	case "text":
		mark := ""
		if line.Fault {
			mark = " (fault)"
		}
		path := (&url.URL{Path: line.Path}).EscapedPath() // which breaks no line
		fmt.Fprintf(w.out, "%s %3d %-6s %s%s%s\n", line.Time.Format("15:04:05.000"), line.Status, line.Method, line.Host, path, mark)
	}
}

// ServeHTTP answers a browser.
func (w *watch) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	rw.Header().Set("Cache-Control", "no-store")
	rw.Header().Set("X-Content-Type-Options", "nosniff")
	switch srv := w.srv.Load(); {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		rw.Header().Set("Allow", "GET, HEAD")
		http.Error(rw, "this page can only be read", http.StatusMethodNotAllowed)
	case r.URL.Path == "/":
		rw.Header().Set("Content-Type", "text/html; charset=utf-8")
		rw.Header().Set("Content-Security-Policy", "default-src 'none'; connect-src 'self'; script-src 'unsafe-inline'; style-src 'unsafe-inline'")
		rw.Write(page) //nolint:errcheck // a browser that has gone
	case r.URL.Path == "/status.json" && srv != nil:
		rw.Header().Set("Content-Type", "application/json")
		json.NewEncoder(rw).Encode(w.status(srv)) //nolint:errcheck // a browser that has gone
	default:
		http.NotFound(rw, r)
	}
}

// status is what the page shows. There is no key and no token in it.
type status struct {
	Time       time.Time         `json:"time"`
	URL        string            `json:"url"`
	Workspaces []workspaceStatus `json:"workspaces"`
	Operations []operationStatus `json:"operations"` // the newest first
	Count      int               `json:"count"`
	Requests   []requestLine     `json:"requests"` // the newest first
}

type workspaceStatus struct {
	Name          string          `json:"name"`
	ResourceGroup string          `json:"resourceGroup"`
	Location      string          `json:"location"`
	Models        int             `json:"models"`
	Computes      []computeStatus `json:"computes"`
	Services      []serviceStatus `json:"services"`
}

type computeStatus struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	State string `json:"state"`
}

type serviceStatus struct {
	Name     string          `json:"name"`
	Type     string          `json:"type"`
	Compute  string          `json:"compute"`
	State    string          `json:"state"`
	URL      string          `json:"url"`
	Models   []string        `json:"models"`
	Versions []versionStatus `json:"versions"`
}

type versionStatus struct {
	Name     string  `json:"name"`
	State    string  `json:"state"`
	Default  bool    `json:"default"`
	Share    float64 `json:"share"`
	Requests int     `json:"requests"`
}

type operationStatus struct {
	Kind    string    `json:"kind"`
	Subject string    `json:"subject"`
	State   string    `json:"state"`
	Active  bool      `json:"active"`
	Started time.Time `json:"started"`
	Error   string    `json:"error,omitempty"`
}

func (w *watch) status(srv *azuremltest.Server) status {
	out := status{Time: time.Now(), URL: srv.URL, Workspaces: []workspaceStatus{}, Operations: []operationStatus{}}
	for _, ws := range srv.Workspaces() {
		out.Workspaces = append(out.Workspaces, workspaceOf(srv, ws))
	}
	operations := srv.Operations()
	slices.Reverse(operations)
	for _, o := range operations[:min(len(operations), lastOperations)] {
		line := operationStatus{o.Kind, o.Subject, o.State, o.Active, o.Started, ""}
		if o.Error != nil {
			line.Error = o.Error.Code + ": " + o.Error.Message
		}
		out.Operations = append(out.Operations, line)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	out.Count, out.Requests = w.count, append([]requestLine{}, w.last...)
	slices.Reverse(out.Requests)
	return out
}

func workspaceOf(srv *azuremltest.Server, ws azuremltest.Workspace) workspaceStatus {
	computes, services, models, ok := inside(srv, ws)
	out := workspaceStatus{Name: ws.Name, ResourceGroup: ws.ResourceGroup, Location: ws.Location, Computes: []computeStatus{}, Services: []serviceStatus{}}
	if !ok {
		return out
	}
	out.Models = models
	for _, k := range computes {
		out.Computes = append(out.Computes, computeStatus{k.Name, k.Type, k.State})
	}
	for _, svc := range services {
		line := serviceStatus{Name: svc.Name, Type: svc.ComputeType, Compute: svc.ComputeName, State: svc.State, URL: svc.ScoringURL,
			Models: svc.ModelIDs, Versions: []versionStatus{}}
		for _, v := range svc.Versions {
			line.Versions = append(line.Versions, versionStatus{v.Name, v.State, v.Default, v.Share, v.Requests})
		}
		out.Services = append(out.Services, line)
	}
	return out
}

// inside reads what is in a workspace. It reports false if the workspace has
// gone since it was listed, which the emulator takes for a mistake.
func inside(srv *azuremltest.Server, ws azuremltest.Workspace) (computes []azuremltest.Compute, services []azuremltest.Service, models int, ok bool) {
	defer func() { ok = recover() == nil }()
	return srv.Computes(ws), srv.Services(ws), len(srv.Models(ws)), true
}
