package azuremltest

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// testRouter has a route per pattern; "GET /x" and "/x" are as for ServeMux.
func testRouter(patterns ...string) *router {
	rt := &router{}
	for _, p := range patterns {
		method, pattern, found := strings.Cut(p, " ")
		if !found {
			method, pattern = "", p
		}
		rt.add(&route{method: method, pattern: pattern})
	}
	return rt
}

func TestRouter(t *testing.T) {
	t.Parallel()
	rt := testRouter("GET /Models", "POST /Models", "GET /models/{id}", "GET /models/{id}/keys", "GET /models/all/keys", "PUT /models/all",
		"GET /envs/{$}", "GET /envs/{name}", "/files/{container}/{path...}", "GET /tree/")
	for path, want := range map[string]string{
		"GET /models":           "/Models",
		"HEAD //MODELS":         "/Models",
		"POST /models":          "/Models",
		"PUT /models":           "405 GET POST",
		"GET /models/a":         "/models/{id} id=a",
		"GET /models/a%3A1":     "/models/{id} id=a:1",
		"GET /models/a%2Fb":     "/models/{id} id=a/b",
		"GET /models/":          "404",
		"GET /models/a/":        "404",
		"GET /models/a/keys":    "/models/{id}/keys id=a",
		"GET /models/All/keys":  "/models/all/keys",
		"PUT /models/all":       "/models/all",
		"GET /models/all":       "/models/{id} id=all",
		"POST /models/all":      "405 GET PUT",
		"PUT /models/some":      "405 GET",
		"GET /envs/":            "/envs/{$}",
		"GET /envs":             "404",
		"GET /envs/x":           "/envs/{name} name=x",
		"PATCH /files/C/a//B/":  "/files/{container}/{path...} container=C path=a//B/",
		"GET /files/C/":         "/files/{container}/{path...} container=C path=",
		"GET /files/C":          "404",
		"GET /tree/a/b":         "/tree/ =a/b",
		"GET /models/%zz":       "/models/{id} id=%zz",
		"GET /":                 "404",
		"GET /models/a/nothing": "404",
	} {
		method, escaped, _ := strings.Cut(path, " ")
		r, wild, allowed := rt.match(method, escaped)
		got := "404"
		switch {
		case r != nil:
			got = r.pattern
			for _, name := range []string{"", "id", "name", "container", "path"} {
				if v, ok := wild[name]; ok {
					got += " " + name + "=" + v
				}
			}
		case allowed != nil:
			slices.Sort(allowed)
			got = "405 " + strings.Join(allowed, " ")
		}
		assert.Equal(t, want, got, path)
	}
	for _, patterns := range [][]string{{"GET /a/{x}", "GET /A/{x}"}, {"GET /a/{x}", "PUT /a/{y}"}, {"GET a"}} {
		assert.Panics(t, func() { testRouter(patterns...) }, patterns)
	}
}

func TestHostKinds(t *testing.T) {
	t.Parallel()
	s := NewServer(nil)
	defer s.Close()
	for host, want := range map[string]hostKind{
		"login.microsoftonline.com":                   hostAuthority,
		"LOGIN.windows.net:443":                       hostAuthority,
		"management.azure.com":                        hostARM,
		"management.azure.com.":                       hostARM,
		"westeurope.api.azureml.ms":                   hostAPI,
		"id.workspace.westeurope.api.azureml.ms":      hostAPI,
		"a.b.westeurope.api.azureml.ms":               hostForeign,
		"api.azureml.ms":                              hostForeign,
		".api.azureml.ms":                             hostForeign,
		"a.b.api.azureml.ms":                          hostForeign,
		"westeurope.modelmanagement.azureml.net":      hostMMS,
		"account.blob.core.windows.net":               hostBlob,
		"blob.core.windows.net":                       hostForeign,
		"graph.microsoft.com":                         hostGraph,
		"169.254.169.254":                             hostIMDS,
		"my-aci.westeurope.azurecontainer.io":         hostScoring,
		"contoso1a2b3c.westeurope.cloudapp.azure.com": hostScoring,
		"20.61.10.11":                                 hostScoring, // of the default cluster
		"20.61.10.12":                                 hostForeign,
		"127.0.0.1:8080":                              hostSelf,
		"[::1]:80":                                    hostSelf,
		"localhost":                                   hostSelf,
		"example.com":                                 hostForeign,
		"":                                            hostForeign,
		"management.azure.com.evil.example":           hostForeign,
		"evilmanagement.azure.com":                    hostForeign,
		"westeurope.api.azureml.ms.evil.example":      hostForeign,
		"www.contoso.example":                         hostForeign,
	} {
		assert.Equal(t, want, s.hostKindOf(host), host)
	}
	s.mu.Lock()
	s.claimHost("WWW.contoso.example")
	s.claimHost("www.contoso.example:443")
	s.releaseHost("www.contoso.example")
	s.mu.Unlock()
	assert.Equal(t, hostScoring, s.hostKindOf("www.contoso.example"))
	s.mu.Lock()
	s.releaseHost("www.contoso.example")
	s.mu.Unlock()
	assert.Equal(t, hostForeign, s.hostKindOf("www.contoso.example"))
	assert.Equal(t, "westeurope", hostRegion("id.workspace.westeurope.api.azureml.ms"))
	assert.Equal(t, "northeurope", hostRegion("northeurope.modelmanagement.azureml.net"))
	assert.Empty(t, hostRegion("management.azure.com"))
}

func FuzzRouter(f *testing.F) {
	for _, p := range []string{"/models/a%3A1", "//subscriptions/x", "/files/c/a//b/", "/%2e%2e/", "", "/models/%zz"} {
		f.Add(p)
	}
	rt := testRouter("/models/{id}", "/models/{id}/keys", "/files/{container}/{path...}")
	f.Fuzz(func(t *testing.T, path string) {
		r, wild, _ := rt.match("GET", path)
		if r == nil {
			return
		}
		again := r.pattern
		for name, value := range wild {
			for _, w := range []string{"{" + name + "}", "{" + name + "...}"} {
				again = strings.Replace(again, w, value, 1)
			}
		}
		var sent []string
		for s := range strings.SplitSeq(strings.TrimLeft(path, "/"), "/") {
			if u, err := url.PathUnescape(s); err == nil {
				s = u
			}
			sent = append(sent, s)
		}
		if want := "/" + strings.Join(sent, "/"); !strings.EqualFold(again, want) {
			t.Fatalf("%q matched %s with %v: that is %q, not %q", path, r.pattern, wild, again, want)
		}
	})
}
