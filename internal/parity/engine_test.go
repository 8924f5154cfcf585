package parity

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fakeT is a test that may fail without failing the one that looks at it.
type fakeT struct {
	testing.TB
	ctx      context.Context
	dir      string
	failures []string
}

func (f *fakeT) Helper()                  {}
func (f *fakeT) TempDir() string          { return f.dir }
func (f *fakeT) Context() context.Context { return f.ctx }
func (f *fakeT) Errorf(format string, args ...any) {
	f.failures = append(f.failures, fmt.Sprintf(format, args...))
}

func (f *fakeT) Fatalf(format string, args ...any) {
	f.Errorf(format, args...)
	runtime.Goexit()
}

// replayed runs a scenario against a golden in JSON and returns what was complained about.
func replayed(t *testing.T, golden string, rules []Difference, scenario Scenario) (string, Outcome) {
	t.Helper()
	parsed, err := Parse([]byte(golden))
	require.NoError(t, err)
	fake := &fakeT{ctx: t.Context(), dir: t.TempDir()}
	var outcome Outcome
	var wait sync.WaitGroup
	wait.Go(func() { outcome = replay(fake, parsed, rules, scenario) })
	wait.Wait()
	return strings.Join(fake.failures, "\n"), outcome
}

// script runs requests like "PUT https://h/a {"x":1}"; a line starting with - needs no
// success, one with + gets an Authorization header.
func script(lines ...string) func(context.Context, *Stage) (any, error) {
	return func(ctx context.Context, s *Stage) (any, error) {
		for _, line := range lines {
			if _, err := do(ctx, s, line); err != nil && line[0] != '-' {
				return nil, err
			}
		}
		return nil, nil
	}
}

func do(ctx context.Context, s *Stage, line string) (string, error) {
	plain := strings.TrimLeft(line, "-+")
	method, rest, _ := strings.Cut(plain, " ")
	address, body, _ := strings.Cut(rest, " ")
	request, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader([]byte(body)))
	if err != nil {
		return "", err
	}
	if line[0] == '+' {
		request.Header.Set("Authorization", "Bearer x")
	}
	response, err := s.HTTPClient().Do(request)
	if err != nil {
		return "", err
	}
	data, err := io.ReadAll(response.Body)
	if response.StatusCode >= 400 {
		return string(data), fmt.Errorf("status %d", response.StatusCode)
	}
	return string(data), err
}

// goldenOf makes an untrimmed golden of interactions; " is written as '.
func goldenOf(name, outcome string, interactions ...string) string {
	text := fmt.Sprintf(`{'scenario':%q,'title':'t','steps':['a'],'interactions':[%s],'sleeps':[{'seconds':2.5},{'seconds':1}],%s}`,
		name, strings.Join(interactions, ","), outcome)
	return strings.ReplaceAll(strings.ReplaceAll(text, `"`, `'`), `'`, `"`)
}

// at is an interaction without bodies.
func at(method, address string, status int) string {
	return fmt.Sprintf(`{'step':0,'request':{'method':%q,'url':%q},'response':{'status':%d}}`, method, address, status)
}

// with is an interaction with JSON bodies.
func with(method, address, body string, status int, answer string) string {
	return fmt.Sprintf(`{'step':0,'request':{'method':%q,'url':%q,'json':%s},'response':{'status':%d,'json':%s}}`, method, address, body, status, answer)
}

const ok = `'result':null`

func TestChangesAreCompared(t *testing.T) {
	t.Parallel()
	golden := goldenOf("made_up", ok,
		at("GET", "https://h/x", 200),
		with("PUT", "https://h/a?v=1", `{'n':1.0,'null':null}`, 200, `{}`),
		with("POST", "https://h/services", `{}`, 202, `{}`),
		at("POST", "https://h/services/validate", 200),
		at("DELETE", "https://h/a?v=1", 204),
	)
	const (
		put    = `PUT https://h/a?v=1 {"null":null,"n":1}`
		post   = `POST https://h/services {}`
		remove = `DELETE https://h/a?v=1`
	)
	for name, in := range map[string]struct {
		requests []string
		want     string
	}{
		"right":                    {[]string{put, post, remove}, ""},
		"reads as well":            {[]string{"GET https://h/x", put, post, "POST https://h/services/validate", remove}, ""},
		"wrong body":               {[]string{`PUT https://h/a?v=1 {"n":2,"null":null}`, post, remove}, "PUT https://h/a?v=1: $.n: want 1.0, got 2"},
		"absent is not null":       {[]string{`PUT https://h/a?v=1 {"n":1}`, post, remove}, "$.null: want null, but it is absent"},
		"null is not absent":       {[]string{put, `POST https://h/services {"a":null}`, remove}, "$.a: not expected, got null"},
		"no JSON":                  {[]string{`PUT https://h/a?v=1 x`, post, remove}, "want JSON, got 1 bytes"},
		"no body":                  {[]string{`PUT https://h/a?v=1`, post, remove}, "want JSON, got nothing"},
		"body where none was":      {[]string{put, post, `DELETE https://h/a?v=1 {}`}, "body: want nothing, got 2 bytes"},
		"missing":                  {[]string{put, post}, "not made: DELETE https://h/a?v=1"},
		"wrong order":              {[]string{post, put, remove}, "wrong order: PUT https://h/a?v=1 came after POST https://h/services"},
		"one too many":             {[]string{put, post, post, remove}, "POST https://h/services: the golden has it no more often than it was made"},
		"another one":              {[]string{put, post, remove, "PATCH https://h/a?v=1"}, "PATCH https://h/a?v=1: the golden has no such request"},
		"other address":            {[]string{"PUT https://h/b?v=1 {}", post, remove}, "PUT https://h/b?v=1: the golden has no such request"},
		"other query, with a hint": {[]string{"PUT https://h/a?v=2 {}", post, remove}, "no such request\n    it has PUT https://h/a?v=1"},
		"token not sent before":    {[]string{"+" + put, post, remove}, "Authorization header: want false, got true"},
		"unknown read":             {[]string{put, post, remove, "GET https://h/y"}, "GET https://h/y: the golden has no such request"},
		"too many requests":        {[]string{put, post, remove, "GET https://h/x", "GET https://h/x", "GET https://h/x"}, "6 requests, but the golden has only 5:\n    PUT"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for i := range in.requests {
				in.requests[i] = "-" + in.requests[i]
				in.requests[i] = strings.Replace(in.requests[i], "-+", "+", 1)
			}
			complaint, _ := replayed(t, golden, nil, Scenario{Run: script(in.requests...)})
			if in.want == "" {
				assert.Empty(t, complaint)
			} else {
				assert.Contains(t, complaint, in.want)
			}
		})
	}
}

func TestAuthorizationMustBeThereWhereTheGoldenHasIt(t *testing.T) {
	t.Parallel()
	golden := goldenOf("made_up", ok, `{'step':0,'request':{'method':'GET','url':'https://h/x','headers':{'Authorization':'Bearer aud=x'}},'response':{'status':200}}`)
	complaint, _ := replayed(t, golden, nil, Scenario{Run: script("GET https://h/x")})
	assert.Contains(t, complaint, "Authorization header: want true, got false")
	complaint, _ = replayed(t, golden, nil, Scenario{Run: script("+GET https://h/x")})
	assert.Empty(t, complaint)
}

func TestReadsFollowTheStory(t *testing.T) {
	t.Parallel()
	read := func(state string) string {
		return fmt.Sprintf(`{'step':0,'request':{'method':'GET','url':'https://h:443/x'},'response':{'status':200,'text':%q}}`, state)
	}
	golden := goldenOf("made_up", ok,
		read("before"), at("PUT", "https://h/x", 200), read("creating"),
		strings.Replace(read("poll 1"), "/x", "/op", 1), strings.Replace(read("poll 2"), "/x", "/op", 1), read("there"))
	ask := func(lines ...string) []string {
		var states []string
		complaint, _ := replayed(t, golden, nil, Scenario{Run: func(ctx context.Context, s *Stage) (any, error) {
			for _, line := range lines {
				state, err := do(ctx, s, line)
				if err != nil {
					return nil, err
				}
				if state != "" {
					states = append(states, state)
				}
			}
			return nil, nil
		}})
		assert.Empty(t, complaint)
		return states
	}
	const x, put, poll = "GET https://h/x", "PUT https://h/x", "GET https://h/op"
	assert.Equal(t, []string{"before", "creating", "poll 1", "poll 2", "there"}, ask(x, put, x, poll, poll, x))
	assert.Equal(t, []string{"before", "before", "creating"}, ask(x, x, put, x), "a read shows nothing of the future")
	assert.Equal(t, []string{"poll 1", "poll 2", "there", "there"}, ask(put, poll, poll, x, x), "nor of the past, and the last answer stays")
	assert.Equal(t, []string{"poll 1", "poll 2", "poll 2"}, ask(put, poll, poll, poll))

	complaint, _ := replayed(t, goldenOf("made_up", ok, at("PUT", "https://h/x", 200), read("there")), nil, Scenario{Run: script("-GET https://h/x", put)})
	assert.Contains(t, complaint, "GET https://h/x: the golden answers it only after PUT https://h/x")
}

func TestOutcomeIsCompared(t *testing.T) {
	t.Parallel()
	const result, raised = `'result':{'id':'a:1','inner':{'n':1,'m':2},'list':[1],'token':'<jwt aud=x>'}`, `'error':{'type':'Boom','message':'it broke'}`
	for name, in := range map[string]struct {
		golden string
		value  any
		err    error
		want   string
	}{
		"all":             {result, map[string]any{"id": "a:1", "inner": map[string]any{"n": 1.0, "m": 2}, "list": []int{1}}, nil, ""},
		"selected":        {result, map[string]any{"inner": map[string]any{"n": 1}}, nil, ""},
		"masked":          {result, map[string]any{"token": webToken("x")}, nil, ""},
		"nothing":         {result, nil, nil, ""},
		"other value":     {result, map[string]any{"inner": map[string]any{"n": 3}}, nil, "result $.inner.n: want 1, got 3"},
		"other list":      {result, map[string]any{"list": []int{}}, nil, "result $.list: want 1 elements"},
		"unknown member":  {result, map[string]any{"nope": 1}, nil, "result $.nope: not expected"},
		"error":           {result, nil, io.EOF, "error: EOF"},
		"expected error":  {raised, nil, io.EOF, ""},
		"missing error":   {raised, nil, nil, "no error, but the golden has Boom: it broke"},
		"value, no value": {`'x':1`, 1, nil, "the golden has none"},
		"null":            {ok, 1, nil, "result $: want null, got 1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			complaint, _ := replayed(t, goldenOf("made_up", in.golden), nil, Scenario{Run: func(context.Context, *Stage) (any, error) { return in.value, in.err }})
			if in.want == "" {
				assert.Empty(t, complaint)
			} else {
				assert.Contains(t, complaint, in.want)
			}
		})
	}
}

func TestAllowances(t *testing.T) {
	t.Parallel()
	golden := goldenOf("made_up", ok, at("PUT", "https://h/x", 200), at("GET", "https://h/x", 200))
	check := Allowance{For: SafetyCheck, Option: "SkipCheck", Method: "GET", Path: "/x"}
	check.Answer.Status = 404
	logs := Allowance{For: EnrichesError, Method: "GET", Path: "/logs"}
	logs.Answer.Status = 200
	with := func(change func(*Allowance), a Allowance) Allowance { change(&a); return a }
	for name, in := range map[string]struct {
		allow    []Allowance
		requests []string
		want     string
	}{
		"check and enriching": {[]Allowance{check, logs}, []string{"-GET https://h/x", "PUT https://h/x", "GET https://h/x", "GET https://h/logs?tail=1"}, ""},
		"twice":               {[]Allowance{logs}, []string{"PUT https://h/x", "GET https://h/logs", "-GET https://h/logs"}, "GET https://h/logs: the golden has no such request"},
		"not sent":            {[]Allowance{logs}, []string{"PUT https://h/x"}, "allowance GET …/logs: declared, but not sent"},
		"golden answers":      {[]Allowance{check}, []string{"PUT https://h/x", "GET https://h/x"}, "answered by the golden"},
		"no option":           {[]Allowance{with(func(a *Allowance) { a.Option = "" }, check)}, []string{"-GET https://h/x", "PUT https://h/x"}, "does not name the option"},
		"enriching write":     {[]Allowance{with(func(a *Allowance) { a.Method = "POST" }, logs)}, []string{"PUT https://h/x", "POST https://h/logs"}, "only reads enrich errors or find something out"},
		"no purpose":          {[]Allowance{with(func(a *Allowance) { a.For = "" }, logs)}, []string{"PUT https://h/x", "GET https://h/logs"}, "is not known"},
		"too many":            {[]Allowance{logs, logs, logs, logs}, []string{"PUT https://h/x", "GET https://h/logs", "GET https://h/logs", "GET https://h/logs", "GET https://h/logs"}, "4 reads enrich the error, 3 are allowed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			complaint, _ := replayed(t, golden, nil, Scenario{Allow: in.allow, Run: script(in.requests...)})
			if in.want == "" {
				assert.Empty(t, complaint)
			} else {
				assert.Contains(t, complaint, in.want)
			}
		})
	}
}

func TestSameChangeTwiceIsTwoChanges(t *testing.T) {
	t.Parallel()
	post := with("POST", "https://h/models", `{'a':1}`, 200, `{}`)
	golden := goldenOf("made_up", ok, post, post)
	const line = `POST https://h/models {"a":1}`
	complaint, _ := replayed(t, golden, nil, Scenario{Run: script(line, line)})
	assert.Empty(t, complaint)
	complaint, _ = replayed(t, golden, nil, Scenario{Run: script(line)})
	assert.Contains(t, complaint, "not made: POST https://h/models", "only what failed is repeated")
}

func TestIsChange(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]bool{
		"PUT https://h/computes/a": true, "PATCH https://h/services/a": true, "DELETE https://h/models/a%3A1": true,
		"POST https://h/services": true, "POST https://h/models?x=1": true, "POST https://h/assets": true, "POST https://h/packages": true,
		"POST https://h/profiles": true, "POST https://h/services/a/regenerateKeys": true, "POST https://h/services/migrate": true,
		"POST https://h/artifacts/batch/metadata/LocalUpload/x": true,
		"POST https://h/services/validate":                      false, "POST https://h/services/validate/name/a": false, "POST https://h/services/a/listkeys": false,
		"POST https://h/services/a/token": false, "POST http://20.61.10.11/api/v1/service/a/score": false, "GET https://h/services": false, "HEAD https://h/a": false,
		"POST https://login.microsoftonline.com/t/oauth2/v2.0/services": false,
	} {
		method, address, _ := strings.Cut(line, " ")
		assert.Equal(t, want, isChange(method, address), line)
	}
}

func TestDefaultPorts(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"http://h:80/a": "http://h/a", "https://h:443/a": "https://h/a", "https://h:443": "https://h", "http://h:443/a": "http://h:443/a",
		"https://h:8443/a": "https://h:8443/a", "https://h/a:443": "https://h/a:443", "https://h?a=:443": "https://h?a=:443", "h:80": "h:80",
	} {
		assert.Equal(t, want, withoutDefaultPort(in), in)
	}
}

func TestAnswersSpeakOfWhatWasSent(t *testing.T) {
	t.Parallel()
	golden := goldenOf("made_up", ok,
		strings.Replace(with("POST", meta+"<uuid8>", `{'paths':[{'path':'a'}]}`, 200, `{}`), "'status':200", "'status':200,'headers':{'Location':'/<uuid8>'}", 1))
	complaint, _ := replayed(t, golden, nil, Scenario{Run: func(_ context.Context, s *Stage) (any, error) {
		response, err := s.HTTPClient().Post(meta+"0a1b2c3d", "application/json", strings.NewReader(`{"paths":[{"path":"a"}]}`))
		require.NoError(t, err)
		assert.Equal(t, "/0a1b2c3d", response.Header.Get("Location"))
		return nil, nil
	}})
	assert.Empty(t, complaint)
}

// The first poll of an operation asks for no log, all others do, whatever the golden does.
func TestAskForLog(t *testing.T) {
	t.Parallel()
	parsed, err := Parse([]byte(goldenOf("webservice_regen_key_made_up", ok,
		at("GET", "https://h/operations/1", 200), at("GET", "https://h/operations/1", 200), at("GET", "https://h/operations/1?offset=0", 200),
		at("GET", "https://h/operations/2?offset=5", 200), at("GET", "https://h/services/1", 200))))
	require.NoError(t, err)
	script, used, err := newScript(parsed, Differences())
	require.NoError(t, err)
	assert.Equal(t, 3, used["operation-offset"])
	var addresses []string
	for _, line := range script.Lines {
		addresses = append(addresses, line.URL)
	}
	assert.Equal(t, []string{
		"https://h/operations/1", "https://h/operations/1?offset=<any>", "https://h/operations/1?offset=<any>",
		"https://h/operations/2", "https://h/services/1",
	}, addresses)
}

func TestStageFiles(t *testing.T) {
	parsed, err := Parse([]byte(goldenOf("made_up", ok)))
	require.NoError(t, err)
	replay(t, parsed, nil, Scenario{Run: func(_ context.Context, s *Stage) (any, error) {
		path := s.WriteFile("a/b.txt", "x")
		s.Chdir("a")
		data, err := os.ReadFile("b.txt")
		require.NoError(t, err)
		assert.Equal(t, "x", string(data))
		assert.True(t, strings.HasPrefix(path, s.Dir()))
		assert.Equal(t, parsed, s.Golden())
		return nil, nil
	}})
	assert.Len(t, EntryScript, 118)
}

func TestPollingForEverEnds(t *testing.T) {
	t.Parallel()
	complaint, _ := replayed(t, goldenOf("made_up", ok, at("GET", "https://h/x", 200)), nil, Scenario{Run: func(ctx context.Context, s *Stage) (any, error) {
		for {
			if _, err := do(ctx, s, "GET https://h/x"); err != nil {
				return nil, err
			}
		}
	}})
	assert.Contains(t, complaint, "too many requests, this does not end")
	assert.Contains(t, complaint, "1001 requests, but the golden has only 1")
}

func TestFillJSON(t *testing.T) {
	t.Parallel()
	upper := func(text string) string { return strings.ReplaceAll(text, "<x>", `"ü`) }
	for in, want := range map[string]string{
		`{"b":"<x>","a":[1.0,"\\\"<x>"],"<x>":null}`: `{"b":"\"ü","a":[1.0,"\\\"\"ü"],"\"ü":null}`,
		`"<x>"`: `"\"ü"`, `1`: `1`, ``: ``,
	} {
		got, err := fillJSON([]byte(in), upper)
		require.NoError(t, err)
		assert.Equal(t, want, string(got))
	}
	for _, in := range []string{`{"a`, `"\"`, `"\x"`} {
		_, err := fillJSON([]byte(in), upper)
		assert.Error(t, err, in)
	}
}
