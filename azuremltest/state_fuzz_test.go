package azuremltest_test

import (
	"encoding/json"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/azureml-go/azureml/azuremltest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// FuzzLoadState loads documents that are not quite what was saved: with count
// of their values lost or replaced, or others altogether.
func FuzzLoadState(f *testing.F) {
	srv := newServer(f, &azuremltest.Options{InMemory: true})
	everything(f, srv)
	state := saved(f, srv)
	for seed := range uint64(5) {
		f.Add(seed, uint8(1+seed%3), "")
	}
	f.Add(uint64(0), uint8(0), `{"format":"azuremltest state","version":1}`)
	f.Fuzz(func(t *testing.T, seed uint64, count uint8, raw string) {
		if raw == "" {
			raw = damaged(t, state, rand.New(rand.NewPCG(seed, 1)), int(count%8))
		}
		useDamaged(t, srv, raw)
	})
}

// TestDamagedState does the same with 200 documents that are the same in each run.
func TestDamagedState(t *testing.T) {
	t.Parallel()
	srv := newServer(t, &azuremltest.Options{InMemory: true})
	everything(t, srv)
	state := saved(t, srv)
	for seed := range uint64(200) {
		useDamaged(t, srv, damaged(t, state, rand.New(rand.NewPCG(seed, 1)), int(1+seed%3)))
	}
}

// useDamaged loads a document. What is accepted can be saved, read back to the same, and
// shown.
func useDamaged(t *testing.T, srv *azuremltest.Server, document string) {
	if srv.LoadState(strings.NewReader(document)) != nil {
		return
	}
	first := saved(t, srv)
	require.NoError(t, srv.LoadState(strings.NewReader(first)))
	assert.JSONEq(t, withoutTime(t, first), withoutTime(t, saved(t, srv)))
	for _, w := range srv.Workspaces() {
		srv.Services(w)
		srv.Models(w)
		srv.Computes(w)
	}
	for _, url := range []string{mmsURL + "/services?expand=true", mmsURL + "/services/code", mmsURL + "/models", mmsURL + "/profiles", envURL, computesURL + version, workspaceURL + version,
		mmsURL + "/services/code/logs", artifactURL + "/LocalUpload/empty", arm + "/subscriptions/" + azuremltest.SubscriptionID + "/resources?api-version=2022-09-01"} {
		assert.NotContains(t, do(t, srv, "GET", url, "").text, "a mistake in the emulator")
	}
	assert.NotContains(t, change(t, srv, "end", `[{"op":"replace","path":"/versions/first/numReplicas","value":2}]`).text, "a mistake in the emulator")
	do(t, srv, "DELETE", servicesURL+"/group", "")
	saved(t, srv)
}

// damaged replaces or removes count values of a JSON document.
func damaged(t *testing.T, doc string, random *rand.Rand, count int) string {
	var tree any
	require.NoError(t, json.Unmarshal([]byte(doc), &tree))
	for range count {
		damage(tree, random)
	}
	return jsonOf(t, tree)
}

// damage walks down to some value and puts another one in its place.
func damage(tree any, random *rand.Rand) {
	others := []any{nil, "", "x", "v1", 0.0, -1.0, 3.5, 1e9, true, []any{}, map[string]any{}, []any{nil}, map[string]any{"": nil}}
	other := others[random.IntN(len(others))]
	switch v := tree.(type) {
	case map[string]any:
		if len(v) == 0 {
			return
		}
		key := slices.Sorted(maps.Keys(v))[random.IntN(len(v))]
		switch random.IntN(8) {
		case 0:
			delete(v, key)
		case 1:
			v[key] = other
		default:
			if deeper(v[key]) {
				damage(v[key], random)
			} else {
				v[key] = other
			}
		}
	case []any:
		if len(v) == 0 {
			return
		}
		i := random.IntN(len(v))
		if random.IntN(8) > 0 && deeper(v[i]) {
			damage(v[i], random)
		} else {
			v[i] = other
		}
	}
}

func deeper(v any) bool {
	switch v.(type) {
	case map[string]any, []any:
		return true
	}
	return false
}
