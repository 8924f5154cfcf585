package azuremltest_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/azureml-go/azureml/azuremltest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFaultStaleReads(t *testing.T) {
	t.Parallel()
	srv := newServiceWorld(t, nil)
	remove := srv.Fault(azuremltest.Fault{Path: "/services/svc", From: 1, Count: -1, Stale: true})
	deployed := create(t, srv, aciRequest("svc"))
	operationURL(t, deployed)
	do(t, srv, http.MethodGet, servicesURL+"/svc", "").want(t, http.StatusNotFound)
	remove()
	assert.Equal(t, "Transitioning", get(t, srv, "svc").at("state"))

	tags := `[{"op":"replace","path":"/description","value":"new"}]`
	const url = mmsURL + "/models/m:1"
	srv.Fault(azuremltest.Fault{Path: "/models/m:1", From: 2, Count: -1, Stale: true})
	do(t, srv, http.MethodGet, url, "").want(t, http.StatusOK)
	do(t, srv, http.MethodPatch, url, tags, "Content-Type", patchType).want(t, http.StatusOK)
	assert.Nil(t, do(t, srv, http.MethodGet, url, "").want(t, http.StatusOK).at("description"))
	assert.Equal(t, "new", do(t, srv, http.MethodGet, mmsURL+"/models", "").at("value", 1, "description"), "elsewhere it is seen")
}

func TestFaultExpiresToken(t *testing.T) {
	t.Parallel()
	srv := newServiceWorld(t, nil)
	srv.Fault(azuremltest.Fault{Host: "management.azure.com", ExpireToken: true})
	a := do(t, srv, http.MethodGet, workspaceURL+version, "").want(t, http.StatusUnauthorized)
	assert.Equal(t, "ExpiredAuthenticationToken", a.at("error", "code"))
	do(t, srv, http.MethodGet, workspaceURL+version, "").want(t, http.StatusOK)

	deploy(t, srv, aksRequest("svc", "aadAuthEnabled", true, "authEnabled", false))
	token := do(t, srv, http.MethodPost, servicesURL+"/svc/token", "").want(t, http.StatusCreated).at("accessToken").(string)
	srv.Fault(azuremltest.Fault{Path: "/score", ExpireToken: true})
	for _, want := range []int{http.StatusUnauthorized, http.StatusOK} {
		a, err := try(srv, http.MethodPost, srv.Services(defaultWorkspace)[0].ScoringURL, "1", "Authorization", "Bearer "+token)
		require.NoError(t, err)
		a.want(t, want)
	}
}

func TestFaultRotatesKeys(t *testing.T) {
	t.Parallel()
	srv := newServiceWorld(t, nil)
	deploy(t, srv, aksRequest("svc"))
	before := srv.Services(defaultWorkspace)[0]
	srv.Fault(azuremltest.Fault{Path: "/score", RotateKeys: true})
	for _, key := range []string{before.PrimaryKey, before.SecondaryKey} {
		a, err := try(srv, http.MethodPost, before.ScoringURL, "1", "Authorization", "Bearer "+key)
		require.NoError(t, err)
		assert.Equal(t, "key_auth_access_denied\n", a.want(t, http.StatusUnauthorized).text)
	}
	after := srv.Services(defaultWorkspace)[0]
	a, err := try(srv, http.MethodPost, after.ScoringURL, "1", "Authorization", "Bearer "+after.PrimaryKey)
	require.NoError(t, err)
	a.want(t, http.StatusOK)
	srv.Fault(azuremltest.Fault{Path: "/listkeys", RotateKeys: true})
	do(t, srv, http.MethodPost, servicesURL+"/svc/listkeys", "").want(t, http.StatusOK)
	assert.NotEqual(t, after.PrimaryKey, srv.Services(defaultWorkspace)[0].PrimaryKey)
}

func TestFaultClockSkew(t *testing.T) {
	t.Parallel()
	for skew, want := range map[time.Duration]int{
		time.Minute: 200, -time.Minute: 200, 50 * time.Minute: 200, 2 * time.Hour: 401, -10 * time.Minute: 401,
	} {
		srv := newServer(t, nil)
		srv.Fault(azuremltest.Fault{Count: -1, ClockSkew: skew})
		a := do(t, srv, http.MethodGet, workspaceURL+version, "").want(t, want)
		date, err := http.ParseTime(a.header.Get("Date"))
		require.NoError(t, err)
		assert.WithinDuration(t, time.Now().Add(skew), date, 10*time.Second)
	}
	srv := newServer(t, nil)
	uri := createArtifact(t, srv, "c", "a")
	srv.Fault(azuremltest.Fault{Host: "*.blob.core.windows.net", ClockSkew: 25 * time.Hour})
	assert.Equal(t, http.StatusForbidden, put(t, srv, uri, "x").status)
}

func TestFaultOfOperation(t *testing.T) {
	t.Parallel()
	srv := newServiceWorld(t, nil)
	srv.Fault(azuremltest.Fault{Method: "POST", Path: "/services", Operation: &azuremltest.OperationFailure{Code: "ImageBuildFailed"}})
	srv.Fault(azuremltest.Fault{Method: "PUT", Path: "/computes/", Operation: &azuremltest.OperationFailure{State: "Canceled"}})
	_, last := settle(t, srv, create(t, srv, aciRequest("svc")))
	assert.Equal(t, "Failed", last.at("state"))
	assert.Equal(t, "ImageBuildFailed", last.at("error", "code"))
	a := do(t, srv, http.MethodPut, computesURL+"/other"+version, aks("{}")).want(t, http.StatusCreated)
	assert.Equal(t, "Canceled", poll(t, srv, a.header.Get("Azure-AsyncOperation")).at("status"))

	// One that begins nothing is not left for the next.
	srv.Fault(azuremltest.Fault{Method: "GET", Operation: &azuremltest.OperationFailure{}})
	do(t, srv, http.MethodGet, workspaceURL+version, "").want(t, http.StatusOK)
	deploy(t, srv, aciRequest("next"))
}

func TestFaultSlowBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := azuremltest.NewServer(&azuremltest.Options{InMemory: true})
		defer srv.Close()
		srv.Fault(azuremltest.Fault{BodyDelay: 7 * time.Second})
		req, err := http.NewRequest(http.MethodGet, subscriptionsURL, nil)
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer "+srv.Token(azuremltest.TokenOptions{}))
		start := time.Now()
		resp, err := srv.Client().Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		assert.Zero(t, time.Since(start), "the headers are not slow")
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		assert.EqualValues(t, resp.ContentLength, len(body))
		assert.Equal(t, 7*time.Second, time.Since(start))
	})
}

func TestParseFaults(t *testing.T) {
	t.Parallel()
	list, err := azuremltest.ParseFaults([]byte(`{"faults": [
		{"host": "*.azureml.net", "method": "GET", "probability": 0.2, "seed": 7, "status": 429, "retryAfter": "2", "header": {"x-a": "b"}, "body": "<html>"},
		{"path": "/computes/", "from": 2, "count": -1, "afterEffect": true, "resetAfter": true, "cutBody": -1, "delay": "1.5s", "bodyDelay": "2s", "clockSkew": "-1h"},
		{"stale": true, "expireToken": true, "rotateKeys": true, "resetBefore": true, "operation": {"state": "TimedOut", "code": "C", "message": "M", "statusCode": 504}}
	]}`))
	require.NoError(t, err)
	assert.Equal(t, []azuremltest.Fault{
		{Host: "*.azureml.net", Method: "GET", Probability: 0.2, Seed: 7, Status: 429, RetryAfter: "2", Header: http.Header{"X-A": {"b"}}, Body: "<html>"},
		{Path: "/computes/", From: 2, Count: -1, AfterEffect: true, ResetAfter: true, CutBody: -1, Delay: 1500 * time.Millisecond, BodyDelay: 2 * time.Second, ClockSkew: -time.Hour},
		{Stale: true, ExpireToken: true, RotateKeys: true, ResetBefore: true, Operation: &azuremltest.OperationFailure{State: "TimedOut", Code: "C", Message: "M", StatusCode: 504}},
	}, list)
}

func TestParseFaultsRefused(t *testing.T) {
	t.Parallel()
	_, err := azuremltest.ParseFaults([]byte("{\"faults\": [\n {\"status\": 700,\n \"stauts\": 1},\n {\"delay\": 3},\n {\"method\": \"GET\"},\n" +
		" {\"host\": \"[\", \"probability\": 2, \"bodyDelay\": \"-1s\"},\n 7,\n {\"operation\": {\"state\": \"Done\",\n \"kind\": 1}}\n],\n \"more\": 1, \"more\": 2}"))
	require.Error(t, err)
	for _, want := range []string{
		`line 2: status 700`, `line 3: unknown member "stauts"; known are afterEffect, body`, `line 4: delay is no duration`,
		`line 5: with this fault nothing goes wrong`, `line 6: pattern "["`, "line 6: probability 2", "line 6: a delay is negative",
		"line 7: a fault is no object", `line 8: an operation cannot end as "Done"`, `line 9: unknown member "kind"`,
		`line 11: unknown member "more"`, `line 11: "more" is there twice`,
	} {
		assert.ErrorContains(t, err, want)
	}
	for text, want := range map[string]string{
		"": "line 1: unexpected end", "{\n]": "line 2: invalid character", "[]": `the document is no object; write {"faults": [...]}`, "{}": `"faults" is missing`, `{"faults":{}}`: "is no list",
	} {
		_, err := azuremltest.ParseFaults([]byte(text))
		assert.ErrorContains(t, err, want)
	}
	_, err = azuremltest.LoadFaults(filepath.Join(t.TempDir(), "none.json"))
	assert.ErrorIs(t, err, os.ErrNotExist)
	file := filepath.Join(t.TempDir(), "faults.json")
	require.NoError(t, os.WriteFile(file, []byte(`{"faults":[{"status":1}]}`), 0o600))
	_, err = azuremltest.LoadFaults(file)
	assert.ErrorContains(t, err, "faults.json: azuremltest: the faults are malformed: line 1: status 1")
}

// FuzzParseFaults reads odd plans. Those that are accepted can be set up.
func FuzzParseFaults(f *testing.F) {
	f.Add([]byte(`{"faults": [{"host": "*.azureml.net", "status": 429, "header": {"a": "b"}, "operation": {"state": "Stuck"}}]}`))
	f.Add([]byte(`{"faults": [{"delay": "1s"}, null, [], {"operation": null}]}`))
	srv := newServer(f, &azuremltest.Options{InMemory: true})
	f.Fuzz(func(t *testing.T, text []byte) {
		list, err := azuremltest.ParseFaults(text)
		if err != nil {
			assert.Nil(t, list)
			assert.NotContains(t, err.Error(), "line 0")
		}
		for _, fault := range list {
			srv.Fault(fault)()
		}
	})
}
