package webservice

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml/internal/jsonpatch"
	"github.com/azureml-go/azureml/internal/traffic"
	"github.com/azureml-go/azureml/model"
)

// endpointOf reads an endpoint, nil if it is none.
func endpointOf(data []byte) *AksEndpoint {
	svc, err := decode(nil, data)
	if err != nil {
		return nil
	}
	e, _ := svc.(*AksEndpoint)
	return e
}

// FuzzEndpoint: whatever an endpoint says of its versions, their shares make sense, every
// share that is asked for comes about, and patches are JSON.
func FuzzEndpoint(f *testing.F) {
	seeds(f)
	f.Add([]byte(`{"computeType":"AKSENDPOINT","versions":{"a":{"isDefault":true,"trafficPercentile":1e300},"b":{"isDefault":true,"type":"Control"},"c/~":{"trafficPercentile":-1}}}`))
	f.Add([]byte(`{"computeType":"AKSENDPOINT","versions":{"":{"trafficPercentile":33.33333},"b":null,"c":5}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		e := endpointOf(data)
		if e == nil {
			return
		}
		for name, share := range e.Traffic() {
			require.GreaterOrEqual(t, share, 0.0, name)
			require.False(t, math.IsNaN(share) || math.IsInf(share, 0), name)
		}
		for _, name := range e.versionNames() {
			assert.Equal(t, e.Name, e.Versions[name].endpoint)
			p := askFor(t, e, name)
			VersionUpdate{IsDefault: new(true), IsControlVersionType: new(true), TrafficPercentile: new(1.5)}.patch(e, name, p)
			VersionConfiguration{IsDefault: true, IsControlVersionType: true}.patch(e, name, new(model.ImageRequest), p)
			encoded, err := json.Marshal(p)
			require.NoError(t, err)
			require.True(t, json.Valid(encoded))
			break // one is enough: there may be thousands
		}
	})
}

// askFor asks for all of the traffic for one version and checks what comes of it.
func askFor(t *testing.T, e *AksEndpoint, name string) *jsonpatch.Patch {
	t.Helper()
	var rules endpointRules
	p := new(jsonpatch.Patch)
	SetTrafficOptions{DefaultVersion: name, ControlVersion: name}.build(e, map[string]float64{name: 100}, &rules, p)
	if !rules.OK() {
		require.Error(t, rules.err("set the traffic of", e.subject()))
		return p
	}
	after := planOf(e)
	after.makeDefault(name)
	changes, _ := traffic.Plan(after.traffic(), map[string]float64{name: 100})
	for _, c := range changes {
		after.setPercentile(c.Version, c.Percentage)
	}
	assert.InDelta(t, 100, traffic.Effective(after.traffic())[name], 1e-9)
	return p
}
