package webservice

import (
	"crypto/x509"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml/internal/validate"
)

// TestInherit: a later picture shares the scorer of Run only if it is called in the same way.
func TestInherit(t *testing.T) {
	t.Parallel()
	earlier := Service{ScoringURI: "http://x.example/score", SwaggerURI: "http://x.example/swagger.json", runner: new(runner)}
	for name, test := range map[string]struct {
		change func(*Service)
		shared bool
	}{
		"nothing":       {func(*Service) {}, true},
		"the state":     {func(s *Service) { s.State = StateHealthy }, true},
		"the address":   {func(s *Service) { s.ScoringURI = "http://y.example/score" }, false},
		"the swagger":   {func(s *Service) { s.SwaggerURI = "http://y.example/swagger.json" }, false},
		"keys, now":     {func(s *Service) { s.AuthEnabled = new(true) }, false},
		"tokens, now":   {func(s *Service) { s.TokenAuthEnabled = new(true) }, false},
		"no keys, said": {func(s *Service) { s.AuthEnabled = new(false) }, true},
	} {
		later := earlier
		later.runner = new(runner)
		test.change(&later)
		later.inherit(&earlier)
		assert.Equal(t, test.shared, later.runner == earlier.runner, name)
	}
}

// TestOwnTransportKeepsConnections: a scorer with certificates of its own keeps as many idle
// connections as others, also when its transport was made to keep few, and that is not changed.
func TestOwnTransportKeepsConnections(t *testing.T) {
	t.Parallel()
	for kept, want := range map[int]int{0: 256, 2: 256, 1000: 1000, -1: -1} {
		given := &http.Transport{MaxIdleConnsPerHost: kept}
		var check validate.Checker
		_, owned := ScorerOptions{RootCAs: x509.NewCertPool(), Transport: given}.transport(&check)
		require.True(t, check.OK())
		assert.Equal(t, want, owned.MaxIdleConnsPerHost)
		assert.Equal(t, kept, given.MaxIdleConnsPerHost)
		assert.True(t, given.TLSClientConfig == nil || given.TLSClientConfig.RootCAs == nil)
	}
}
