package webservice_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/webservice"
)

// client is a program that holds one key, which a rotation changes.
type client struct {
	mu       sync.Mutex
	key      string
	received []webservice.KeyType
}

func (c *client) handOver(_ context.Context, keys webservice.Keys, use webservice.KeyType) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.received = append(c.received, use)
	c.key = keys.Primary.Reveal()
	if use == webservice.KeyTypeSecondary {
		c.key = keys.Secondary.Reveal()
	}
	return nil
}

func (c *client) current() azureml.Secret {
	c.mu.Lock()
	defer c.mu.Unlock()
	return azureml.NewSecret(c.key)
}

// regenerations counts the requests to regenerate keys that were accepted.
func regenerations(srv *azuremltest.Server) map[string]int {
	count := map[string]int{}
	for _, r := range srv.Requests() {
		if strings.HasSuffix(r.URL.Path, "/regenerateKeys") && r.Status >= 200 && r.Status < 300 {
			var body struct{ KeyType string }
			_ = json.Unmarshal(r.Body, &body)
			count[body.KeyType]++
		}
	}
	return count
}

var both = map[string]int{"Primary": 1, "Secondary": 1}

// scores tells whether a key lets in.
func scores(t *testing.T, w world, svc *webservice.Service, key azureml.Secret) bool {
	t.Helper()
	scorer, err := webservice.NewScorer(svc.ScoringURI, webservice.ScorerAuth{PrimaryKey: key}, &webservice.ScorerOptions{Transport: w.srv.Client().Transport})
	require.NoError(t, err)
	_, err = scorer.Run(t.Context(), one)
	return err == nil
}

func TestRotateKeys(t *testing.T) {
	t.Parallel()
	inMemory(t, func(t *testing.T, w world) {
		svc := mustDeploy(t, w, webservice.AksDeployConfiguration{})
		before, err := svc.Keys(t.Context())
		require.NoError(t, err)
		var bodies []string
		w.srv.SetScorer("myservice", func(_ context.Context, in *azuremltest.ScoreRequest) (*azuremltest.ScoreResponse, error) {
			bodies = append(bodies, string(in.Body))
			return nil, errors.New("no such input")
		})
		c := &client{key: before.Primary.Reveal()}
		var begun, done []webservice.RotationStep
		after, err := svc.RotateKeys(t.Context(), &webservice.RotateKeysOptions{
			HandOver: c.handOver,
			OnStep: func(e webservice.RotationEvent) {
				if e.Done {
					done = append(done, e.Step)
					return
				}
				begun = append(begun, e.Step)
			},
		})
		require.NoError(t, err)
		steps := webservice.PossibleRotationStepValues()
		assert.Equal(t, steps[:len(steps)-1], begun)
		assert.Equal(t, begun, done)
		assert.Equal(t, []webservice.KeyType{webservice.KeyTypeSecondary, webservice.KeyTypePrimary}, c.received)
		assert.Equal(t, []string{`{"data":[]}`, `{"data":[]}`, `{"data":[]}`}, bodies, "an exception shows that the key lets in")
		assert.NotEqual(t, before.Primary.Reveal(), after.Primary.Reveal())
		assert.NotEqual(t, before.Secondary.Reveal(), after.Secondary.Reveal())
		assert.Equal(t, after.Primary.Reveal(), c.key)
		assert.Equal(t, both, regenerations(w.srv))
		w.srv.SetScorer("myservice", nil)
		for key, want := range map[azureml.Secret]bool{before.Primary: false, before.Secondary: false, after.Primary: true, after.Secondary: true} {
			assert.Equal(t, want, scores(t, w, &svc.Service, key))
		}
	})
}

func TestRotateKeysOfOtherKinds(t *testing.T) {
	t.Parallel()
	inMemory(t, func(t *testing.T, w world) {
		aci, err := deploy(t, w, "my-aci", webservice.AciDeployConfiguration{AuthEnabled: to.Ptr(true)})
		require.NoError(t, err)
		w.srv.AddService(azuremltest.Workspace{}, map[string]any{
			"name": "myendpoint", "computeType": "AKSENDPOINT", "computeName": "myaks",
			"versions": map[string]any{"blue": map[string]any{"name": "blue", "computeType": "AKS", "environmentImageRequest": map[string]any{"modelIds": []string{"mymodel:1"}}}},
		})
		endpoint, err := webservice.GetEndpoint(t.Context(), w.ws, "myendpoint")
		require.NoError(t, err)
		for _, svc := range []webservice.Webservice{aci, endpoint} {
			before, err := svc.Keys(t.Context())
			require.NoError(t, err)
			after, err := svc.RotateKeys(t.Context(), nil)
			require.NoError(t, err)
			assert.NotEqual(t, before.Primary.Reveal(), after.Primary.Reveal())
			assert.NotEqual(t, before.Secondary.Reveal(), after.Secondary.Reveal())
		}

		// Of a service of an unknown kind nothing is known but its keys.
		unknown := aci.Service
		unknown.ComputeType = "IOT"
		svc := &webservice.UnknownWebservice{Service: unknown}
		_, err = svc.RotateKeys(t.Context(), nil)
		assert.Equal(t, []string{"Verify"}, fields(failure(t, err, azureml.ErrInvalid)))
		var tried []string
		after, err := svc.RotateKeys(t.Context(), &webservice.RotateKeysOptions{Verify: func(_ context.Context, key azureml.Secret) error {
			tried = append(tried, key.Reveal())
			return nil
		}})
		require.NoError(t, err)
		require.Len(t, tried, 3)
		assert.Equal(t, []string{after.Secondary.Reveal(), after.Primary.Reveal()}, tried[1:])

		open, err := deploy(t, w, "open", webservice.AciDeployConfiguration{})
		require.NoError(t, err)
		_, err = open.RotateKeys(t.Context(), nil)
		e := failure(t, err, azureml.ErrInvalid)
		assert.True(t, e.HasCode("AuthDisabled"))
	})
}

// TestRotateKeysWaitsForAKey: a new key reaches the service late, among answers that
// show nothing.
func TestRotateKeysWaitsForAKey(t *testing.T) {
	t.Parallel()
	inMemory(t, func(t *testing.T, w world) {
		svc := mustDeploy(t, w, webservice.AksDeployConfiguration{})
		for _, status := range []int{401, 503, 404, 502, 429, 403} {
			// A fault that is hit decides alone: each takes the next call after the first.
			w.srv.Fault(azuremltest.Fault{Method: http.MethodPost, Path: "/score", Status: status, From: 2})
		}
		attempts := map[webservice.RotationStep]int{}
		began := time.Now()
		_, err := svc.RotateKeys(t.Context(), &webservice.RotateKeysOptions{OnStep: func(e webservice.RotationEvent) { attempts[e.Step] = e.Attempts }})
		require.NoError(t, err)
		assert.Equal(t, 7, attempts[webservice.RotationVerifySecondary])
		assert.Equal(t, 1, attempts[webservice.RotationVerifyPrimary])
		assert.Greater(t, time.Since(began), 10*time.Second)
	})
}

// TestRotateKeysFails: each failure says which key lets in, and it does.
func TestRotateKeysFails(t *testing.T) {
	t.Parallel()
	refuse := func(from int) azuremltest.Fault {
		return azuremltest.Fault{Method: http.MethodPost, Path: "/score", Status: 401, From: from, Count: -1, Body: "key_auth_access_denied"}
	}
	const primaryIsKept, secondaryIsKept = "the primary key is unchanged, clients that use it are not affected", "the new secondary key, which was handed over, lets in"
	full := errors.New("the vault is full")
	for name, test := range map[string]struct {
		fault   azuremltest.Fault
		fail    int // the hand-over that fails
		kind    error
		text    []string
		remedy  string
		changed map[string]int
	}{
		"the probe is not answered":        {fault: refuse(1), kind: azureml.ErrUnauthorized, text: []string{"check primary failed: no answer within 20s shows that the key lets in; the last try: key_auth_access_denied; " + primaryIsKept}, remedy: "Give a Probe", changed: map[string]int{}},
		"the new secondary never lets in":  {fault: refuse(2), kind: azureml.ErrUnauthorized, text: []string{"verify secondary failed", primaryIsKept}, remedy: "VerifyTimeout", changed: map[string]int{"Secondary": 1}},
		"the secondary is not taken":       {fail: 1, text: []string{"hand over secondary failed: the vault is full", primaryIsKept}, remedy: "Go on with the last state", changed: map[string]int{"Secondary": 1}},
		"the primary cannot be changed":    {fault: azuremltest.Fault{Path: "/regenerateKeys", From: 2, Status: 500, Count: -1}, kind: azureml.ErrUnavailable, text: []string{"regenerate primary failed", secondaryIsKept}, remedy: "Go on with", changed: map[string]int{"Secondary": 1}},
		"the new primary never lets in":    {fault: refuse(3), kind: azureml.ErrUnauthorized, text: []string{"verify primary failed", secondaryIsKept}, remedy: "VerifyTimeout", changed: both},
		"the primary is not taken":         {fail: 2, text: []string{"hand over primary failed: the vault is full", secondaryIsKept}, remedy: "Go on with the last state", changed: both},
		"the keys cannot be read":          {fault: azuremltest.Fault{Path: "/listkeys", Status: 403, Count: -1}, kind: azureml.ErrForbidden, text: []string{"cannot rotate the keys of web service"}, remedy: "role", changed: map[string]int{}},
		"regenerating is refused at first": {fault: azuremltest.Fault{Path: "/regenerateKeys", Status: 403, Count: -1}, kind: azureml.ErrForbidden, text: []string{"regenerate secondary failed", primaryIsKept}, remedy: "role", changed: map[string]int{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inMemory(t, func(t *testing.T, w world) {
				svc := mustDeploy(t, w, webservice.AksDeployConfiguration{})
				before, err := svc.Keys(t.Context())
				require.NoError(t, err)
				remove := func() {}
				if test.fault.Path != "" {
					remove = w.srv.Fault(test.fault)
				}
				c, calls := &client{key: before.Primary.Reveal()}, 0
				_, err = svc.RotateKeys(t.Context(), &webservice.RotateKeysOptions{
					VerifyTimeout: 20 * time.Second,
					HandOver: func(ctx context.Context, keys webservice.Keys, use webservice.KeyType) error {
						if calls++; calls == test.fail {
							return full
						}
						return c.handOver(ctx, keys, use)
					},
				})
				e := failure(t, err, test.kind)
				for _, text := range test.text {
					assert.ErrorContains(t, err, text)
				}
				assert.Contains(t, e.Remedy, test.remedy)
				if test.fail > 0 {
					require.ErrorIs(t, err, full)
				}
				assert.Equal(t, test.changed, regenerations(w.srv))
				remove()
				assert.True(t, scores(t, w, &svc.Service, c.current()), "what clients hold lets in")
			})
		})
	}
}

func TestRotateKeysRules(t *testing.T) {
	t.Parallel()
	const good = `{"v":1,"workspace":"","service":"x","next":"check-primary","salt":"00000000000000000000000000000000"}`
	svc := &webservice.AksWebservice{Service: webservice.Service{Name: "x", ComputeType: webservice.ComputeTypeAKS, State: webservice.StateFailed}}
	_, err := svc.RotateKeys(t.Context(), &webservice.RotateKeysOptions{State: json.RawMessage(good)})
	failure(t, err, azureml.ErrUnavailable)
	assert.ErrorContains(t, err, "it has no scoring address")
	for state, rule := range map[string]string{
		`{`:          "is not what SaveState was given",
		`"text"`:     "is not what SaveState was given",
		`{"v":1}{}`:  "is not what SaveState was given",
		`{"other":1`: "is not what SaveState was given",
		strings.Replace(good, `"v":1`, `"v":2`, 1):                                   "must be of version 1",
		strings.Replace(good, `"x"`, `"y"`, 1):                                       "is that of another service",
		strings.Replace(good, `"workspace":""`, `"workspace":"/subscriptions/s"`, 1): "is that of another service",
		strings.Replace(good, `check-primary`, `jump`, 1):                            "names a step that does not exist",
		strings.Replace(good, `check-primary`, `verify-primary`, 1):                  "lacks a part that its step needs",
		strings.Replace(good, `00000000000000000000000000000000`, ``, 1):             "lacks a part that its step needs",
	} {
		_, err := svc.RotateKeys(t.Context(), &webservice.RotateKeysOptions{State: json.RawMessage(state), VerifyTimeout: -1})
		e := failure(t, err, azureml.ErrInvalid)
		assert.Equal(t, []string{"VerifyTimeout", "State"}, fields(e))
		assert.ErrorContains(t, err, rule)
	}
}

// TestRotateKeysUnderLoad: clients that hold one key and take what they are handed
// never fail.
func TestRotateKeysUnderLoad(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	svc := mustDeploy(t, w, webservice.AksDeployConfiguration{})
	keys, err := svc.Keys(t.Context())
	require.NoError(t, err)
	newScorer := func(key azureml.Secret) *webservice.Scorer {
		scorer, err := webservice.NewScorer(svc.ScoringURI, webservice.ScorerAuth{PrimaryKey: key}, &webservice.ScorerOptions{Transport: w.srv.Client().Transport})
		require.NoError(t, err)
		return scorer
	}
	var current atomic.Pointer[webservice.Scorer]
	current.Store(newScorer(keys.Primary))
	var inFlight sync.RWMutex
	var calls, failed atomic.Int32
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				inFlight.RLock()
				_, err := current.Load().Run(t.Context(), one)
				inFlight.RUnlock()
				calls.Add(1)
				if err != nil && failed.Add(1) == 1 {
					t.Error(err)
				}
			}
		})
	}
	for range 3 {
		_, err = svc.RotateKeys(t.Context(), &webservice.RotateKeysOptions{HandOver: func(_ context.Context, keys webservice.Keys, use webservice.KeyType) error {
			key := keys.Primary
			if use == webservice.KeyTypeSecondary {
				key = keys.Secondary
			}
			current.Store(newScorer(key))
			inFlight.Lock() // calls with the old key have ended
			defer inFlight.Unlock()
			return nil
		}})
		require.NoError(t, err)
	}
	close(stop)
	wg.Wait()
	assert.Zero(t, failed.Load())
	t.Logf("%d calls during 3 rotations", calls.Load())
}
