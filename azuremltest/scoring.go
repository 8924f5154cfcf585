package azuremltest

import (
	"cmp"
	"context"
	"crypto/hmac"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

// Scorer is the program of a web service: it gets a scoring request and makes
// the answer. Many may run at once; none holds a lock of the server. The
// context ends when the client goes away, when the server is closed, and after
// the service's scoringTimeoutMs.
//
// An error is what an exception in a scoring script is: the client is answered
// 500 without the reason, which goes to the service's log. A panic is a
// container that crashes: 502.
type Scorer func(ctx context.Context, in *ScoreRequest) (*ScoreResponse, error)

// ScoreRequest is a request to a web service that has been let in.
type ScoreRequest struct {
	Service string // its name
	Version string // of an endpoint; otherwise empty
	Body    []byte
	Header  http.Header // as it was sent, without Authorization

	model func(name string) fs.FS
}

// Model returns the files of a model of the service as they were uploaded: a
// file that was registered lies at the root under its own name, a folder's
// files in a folder of its name. The model is named "mymodel" or "mymodel:3".
// A model that the service was not deployed with is empty.
func (r *ScoreRequest) Model(name string) fs.FS { return r.model(name) }

// ScoreResponse is the answer of a [Scorer].
type ScoreResponse struct {
	Status int         // 200 if zero
	Header http.Header // Content-Type is application/json if it is not here
	Body   []byte
}

// scorerKey names a service, or a version of an endpoint.
type scorerKey struct{ service, version string }

// SetScorer makes fn answer the scoring requests to all services with the
// name, in whatever workspace, from now on; the service need not exist yet. A
// service without a scorer answers with the body that it was sent; a nil fn
// makes it do so again.
func (s *Server) SetScorer(service string, fn Scorer) { s.SetVersionScorer(service, "", fn) }

// SetVersionScorer makes fn answer the scoring requests to one version of an
// endpoint. Versions without a scorer of their own have the endpoint's.
func (s *Server) SetVersionScorer(service, version string, fn Scorer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.scorers == nil {
		s.scorers = map[scorerKey]Scorer{}
	}
	s.scorers[scorerKey{service, version}] = fn
}

// echo is the scorer of services that have none.
func echo(_ context.Context, in *ScoreRequest) (*ScoreResponse, error) {
	out := &ScoreResponse{Body: in.Body, Header: http.Header{}}
	if t := in.Header.Get("Content-Type"); t != "" {
		out.Header.Set("Content-Type", t)
	}
	return out, nil
}

// scoringRoutes are the web services, on clusters and in container groups.
// contract: webservice §8
func (s *Server) scoringRoutes() []route {
	on := func(method, pattern string, handle func(*call)) route {
		return route{host: hostScoring, method: method, pattern: pattern, auth: authSelf, unlocked: true, stream: true, handle: handle}
	}
	list := []route{
		on(http.MethodPost, "/score", (*call).score),
		on(http.MethodGet, "/swagger.json", (*call).swagger),
		on(http.MethodGet, "/{$}", (*call).alive),
	}
	for _, base := range []string{"/api/v1/service/{name}", "/api/v1/endpoint/{name}"} {
		for _, prefix := range []string{base, base + "/{version}"} {
			list = append(list, on(http.MethodPost, prefix+"/score", (*call).score), on(http.MethodGet, prefix+"/swagger.json", (*call).swagger))
		}
	}
	return list
}

// serverVersion is what the inference server calls itself.
const serverVersion = "azmlinfsrv/0.8.4.1"

// target finds the service that the host and the path name. The caller holds
// srv.mu.
func (c *call) target() *service {
	host, name := c.host(), c.path("name")
	for _, ws := range c.srv.world.sortedWorkspaces(func(*workspace) bool { return true }) {
		if name != "" {
			if svc := ws.data.services[name]; svc != nil && svc.spec.ComputeType != typeACI && svc.isAt(host) && svc.routed() {
				return svc
			}
			continue
		}
		for _, svc := range ws.data.services {
			if svc.spec.ComputeType == typeACI && svc.live != nil && (host == hostname(svc.host) || host == svc.fqdn || host == svc.publicIP) {
				return svc
			}
		}
	}
	return nil
}

// routed reports whether the cluster's router knows services of that type.
func (svc *service) routed() bool {
	k := svc.ws.compute(orEmpty(svc.spec.ComputeName))
	return svc.spec.ComputeType != typeEndpoint || k == nil || !k.newRouter
}

// isAt reports whether the service's cluster answers under the name.
func (svc *service) isAt(host string) bool {
	k := svc.ws.compute(orEmpty(svc.spec.ComputeName))
	if k == nil || k.cluster == nil {
		return svc.host != "" && host == hostname(svc.host)
	}
	_, name := k.endpoint()
	return host == k.cluster.ip || host == hostname(name)
}

// scoring is a scoring request that has been routed.
type scoring struct {
	svc     *service
	name    string // of the service, whose specification may be replaced meanwhile
	version *liveVersion
	scorer  Scorer
}

// enterService finds the service, checks the caller and chooses the version,
// all under the lock. It answers itself if it returns false.
func (c *call) enterService() (s scoring, ok bool) {
	status, text := c.admitScoring(&s)
	if status != 0 {
		io.Copy(io.Discard, c.r.Body) // or the client may not see the answer
		c.text(status, text)
	}
	return s, status == 0
}

// admitScoring returns a status and a text if the request is refused.
func (c *call) admitScoring(s *scoring) (status int, text string) {
	c.srv.mu.Lock()
	defer c.srv.mu.Unlock()
	s.svc = c.target()
	c.rotate(s.svc)
	switch {
	case s.svc == nil:
		return http.StatusNotFound, "Not Found"
	case s.svc.live == nil && s.svc.state == stateFailed:
		return http.StatusBadGateway, "Replica closed connection before replying"
	case s.svc.live == nil || len(s.svc.live.versions) == 0:
		return http.StatusServiceUnavailable, "no replicas available"
	}
	if text := c.scoringAuth(s.svc); text != "" {
		return http.StatusUnauthorized, text
	}
	if name := c.path("version"); name != "" {
		if s.version = s.svc.live.version(name); s.version == nil {
			return http.StatusNotFound, "Not Found"
		}
	} else if c.r.Method != http.MethodPost {
		s.version = s.svc.live.versions[0]
	} else if s.version = s.svc.live.route(); s.version == nil {
		return http.StatusServiceUnavailable, "no replicas available"
	}
	s.name = s.svc.spec.Name
	if s.scorer = c.srv.scorers[scorerKey{s.name, s.version.name}]; s.scorer == nil {
		s.scorer = c.srv.scorers[scorerKey{s.name, ""}]
	}
	if s.scorer == nil {
		s.scorer = s.svc.program(s.version)
	}
	return 0, ""
}

// program is the scorer of a version that has been given none: its program, if
// programs are run. One that was loaded with a state is started when it is wanted.
func (svc *service) program(v *liveVersion) Scorer {
	if v.container == nil {
		spec := svc.spec
		if v.name != "" {
			spec = spec.Versions[v.name]
		}
		if spec != nil {
			v.container = svc.newContainer(spec)
		}
	}
	if v.container == nil {
		return echo
	}
	return v.container.score
}

// scoringAuth checks the key or token; it returns the text of a refusal, or "".
func (c *call) scoringAuth(svc *service) string {
	live := svc.live
	if !live.keyAuth && !live.tokenAuth {
		return ""
	}
	kind := "key"
	if live.tokenAuth {
		kind = "token"
	}
	scheme, sent, _ := strings.Cut(c.r.Header.Get("Authorization"), " ")
	if !equalFold(scheme, "Bearer") || sent == "" {
		return kind + "_auth_bad_header_format"
	}
	if live.keyAuth && (hmac.Equal([]byte(sent), []byte(svc.primary)) || hmac.Equal([]byte(sent), []byte(svc.secondary))) {
		return ""
	}
	if live.tokenAuth {
		claims, err := c.srv.verify(sent)
		if err == nil && claims.Audience == svc.audience() && !c.expired(claims) && !c.premature(claims) {
			return ""
		}
	}
	return kind + "_auth_access_denied"
}

// score runs the service's program.
func (c *call) score() {
	s, ok := c.enterService()
	if !ok {
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, maxBody))
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		c.text(http.StatusRequestEntityTooLarge, fmt.Sprintf("The request is larger than %d bytes.", tooLarge.Limit))
		return
	}
	if err != nil {
		panic(http.ErrAbortHandler) // the client has gone
	}
	header := c.r.Header.Clone()
	header.Del("Authorization")
	in := &ScoreRequest{Service: s.name, Version: s.version.name, Body: body, Header: header, model: s.version.model}
	began := time.Now()
	out, problem := s.run(c, in)
	h := c.w.Header()
	h.Set("x-ms-server-version", serverVersion)
	h.Set("x-request-id", cmp.Or(c.r.Header.Get("x-request-id"), c.requestID()))
	if problem != nil && problem.status == http.StatusBadGateway {
		c.note(s.svc, problem.log)
		c.text(problem.status, problem.text)
		return
	}
	h.Set("x-ms-run-fn-exec-ms", strconv.FormatFloat(float64(time.Since(began))/float64(time.Millisecond), 'f', 3, 64))
	h.Set("x-ms-run-function-failed", "False")
	if problem != nil {
		h.Set("x-ms-run-function-failed", "True")
		c.note(s.svc, problem.log)
		c.json(problem.status, map[string]string{"message": problem.text})
		return
	}
	h.Set("Content-Type", "application/json")
	for name, values := range out.Header {
		h[http.CanonicalHeaderKey(name)] = values
	}
	c.w.WriteHeader(cmp.Or(out.Status, http.StatusOK))
	c.w.Write(out.Body)
}

// scoringProblem is what went wrong in a program: what the client is told and
// what the log says.
type scoringProblem struct {
	status    int
	text, log string
}

// run calls the scorer within the time that the service allows.
func (s *scoring) run(c *call, in *ScoreRequest) (out *ScoreResponse, problem *scoringProblem) {
	ctx := c.r.Context()
	if t := s.version.timeout; t > 0 {
		limited, cancel := context.WithTimeout(ctx, t)
		defer cancel()
		ctx = limited
	}
	defer func() {
		if p := recover(); p != nil {
			problem = &scoringProblem{http.StatusBadGateway, "Replica closed connection before replying", fmt.Sprintf("panic: %v\n%s", p, debug.Stack())}
		}
	}()
	out, err := s.scorer(ctx, in)
	switch {
	case ctx.Err() == context.DeadlineExceeded:
		text := fmt.Sprintf("Scoring timeout after %d ms", s.version.timeout.Milliseconds())
		return nil, &scoringProblem{http.StatusGatewayTimeout, text, text}
	case errors.Is(err, errReplicaDied):
		return nil, &scoringProblem{http.StatusBadGateway, "Replica closed connection before replying", err.Error()}
	case err != nil:
		return nil, &scoringProblem{http.StatusInternalServerError,
			"An unexpected error occurred in scoring script. Check the logs for more info.", "Exception in run(): " + err.Error()}
	case out == nil:
		out = &ScoreResponse{}
	}
	return out, nil
}

// note writes to the log of a service's containers.
func (c *call) note(svc *service, text string) {
	c.srv.mu.Lock()
	defer c.srv.mu.Unlock()
	svc.logLine(text)
}

// alive is the health check of an inference server.
func (c *call) alive() {
	c.text(http.StatusOK, "Healthy")
}

// swagger describes the service. The check of the caller is that of scoring.
func (c *call) swagger() {
	s, ok := c.enterService()
	if !ok {
		return
	}
	name, path := s.name, strings.TrimSuffix(c.r.URL.Path, "swagger.json")
	anything := map[string]any{"type": "object"}
	c.json(http.StatusOK, map[string]any{
		"swagger": "2.0",
		"info":    map[string]any{"title": name, "description": "API specification for the Azure Machine Learning service " + name, "version": "1.0"},
		"schemes": []string{"https"}, "consumes": []string{"application/json"}, "produces": []string{"application/json"},
		"securityDefinitions": map[string]any{"Bearer": map[string]any{"type": "apiKey", "name": "Authorization", "in": "header",
			"description": "For example: Bearer abc123"}},
		"paths": map[string]any{
			path + "score": map[string]any{"post": map[string]any{
				"operationId": "RunMLService", "description": "Run web service's model and get the prediction output",
				"security": []any{map[string]any{"Bearer": []any{}}},
				"parameters": []any{map[string]any{"name": "serviceInputPayload", "in": "body", "description": "The input payload for executing the real-time machine learning service.",
					"schema": map[string]any{"$ref": "#/definitions/ServiceInput"}}},
				"responses": map[string]any{
					"200": map[string]any{"description": "The service processed the input correctly and provided a result prediction, if applicable.",
						"schema": map[string]any{"$ref": "#/definitions/ServiceOutput"}},
					"default": map[string]any{"description": "The service failed to execute due to an error.", "schema": anything},
				},
			}},
		},
		"definitions": map[string]any{"ServiceInput": anything, "ServiceOutput": anything},
	})
}
