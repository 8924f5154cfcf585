package parity

import (
	"maps"
	"net/http"
	"strings"

	"github.com/azureml-go/azureml/internal/recording/wire"
)

// keptHeaders are the headers of answers that clients look at, in canonical form.
var keptHeaders = map[string]bool{
	"Content-Type": true, "Operation-Location": true, "Azure-Asyncoperation": true, "Location": true,
	"Retry-After": true, "X-Ms-Error-Code": true, "X-Ms-Run-Function-Failed": true, "Www-Authenticate": true,
	"Content-Range": true, "Etag": true,
}

// Trim returns a golden without what neither comparing nor playing needs: requests for
// tokens (unless the golden is about them), the check of the subscription, the look at a
// blob after its upload, bodies of requests that are not compared, most headers.
func Trim(g *Golden) *Golden {
	trimmed := *g
	trimmed.Interactions = []Interaction{}
	aboutTokens := strings.HasPrefix(g.Scenario, "auth_") || strings.HasPrefix(g.Scenario, "fault_token")
	for _, i := range g.Interactions {
		if isNoise(&i.Request) || (isTokenRequest(i.Request.URL) && !aboutTokens) {
			continue
		}
		trimmed.Interactions = append(trimmed.Interactions, trimInteraction(i))
	}
	return &trimmed
}

// isNoise tells requests that we never send and nothing depends on.
func isNoise(r *wire.Request) bool {
	base, _, _ := strings.Cut(r.URL, "?")
	return r.Method == http.MethodHead || base == "https://management.azure.com/subscriptions" ||
		base == "https://management.azure.com/metadata/endpoints"
}

func trimInteraction(i Interaction) Interaction {
	i.Request.Headers = maps.Clone(i.Request.Headers)
	maps.DeleteFunc(i.Request.Headers, func(name, _ string) bool { return http.CanonicalHeaderKey(name) != "Authorization" })
	if !isChange(i.Request.Method, i.Request.URL) {
		i.Request.JSON, i.Request.Text, i.Request.Bytes = nil, nil, nil
	}
	i.Response.Headers = maps.Clone(i.Response.Headers)
	maps.DeleteFunc(i.Response.Headers, func(name, _ string) bool { return !keptHeaders[http.CanonicalHeaderKey(name)] })
	if i.Response.Fault != wire.FaultTimeout {
		i.Timeout = nil
	}
	return i
}
