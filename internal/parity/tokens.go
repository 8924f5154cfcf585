package parity

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/azureml-go/azureml/internal/recording/wire"
)

// tokens answers requests for tokens: with the golden's answers of the same kind, in
// order, the last one again and again; else the way an authority does.
type tokens struct {
	answers map[string][]Response
}

// take keeps a golden's answers.
func (k *tokens) take(g *Golden) {
	k.answers = map[string][]Response{}
	for _, i := range g.Interactions {
		if isTokenRequest(i.Request.URL) {
			kind := tokenKind(i.Request.URL)
			k.answers[kind] = append(k.answers[kind], i.Response)
		}
	}
}

// next is the golden's next answer of a kind.
func (k *tokens) next(kind string) (Response, bool) {
	answers := k.answers[kind]
	if len(answers) == 0 {
		return Response{}, false
	}
	if len(answers) > 1 {
		k.answers[kind] = answers[1:]
	}
	return answers[0], true
}

// tokenKind is what a request for a token is about. The authorities' addresses differ
// between client libraries only in what is left out here.
func tokenKind(address string) string {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return address
	case strings.HasSuffix(u.Path, "/discovery/instance"):
		return "instance"
	case strings.HasSuffix(u.Path, "/.well-known/openid-configuration"):
		return "openid " + strings.Split(strings.TrimPrefix(u.Path, "/"), "/")[0]
	case strings.HasPrefix(u.Host, "login."):
		return "token"
	}
	return "identity " + u.Host + u.Path
}

func (s *Stage) answerToken(got *wire.Got, request *http.Request) (*http.Response, error) {
	s.mu.Lock()
	response, ok := s.tokens.next(tokenKind(got.URL))
	fill := s.filler(nil)
	s.mu.Unlock()
	if ok {
		if err := response.Fault.Err(); err != nil {
			return nil, err
		}
		return respond(&response, request, fill)
	}
	answer, err := authority(got)
	if err != nil {
		return nil, err
	}
	return respond(answer, request, fill)
}

// authority answers like an authority at which all is well.
func authority(got *wire.Got) (*Response, error) {
	u, err := url.Parse(got.URL)
	if err != nil {
		return nil, err
	}
	base := u.Scheme + "://" + u.Host
	var body map[string]any
	switch kind, tenant, _ := strings.Cut(tokenKind(got.URL), " "); kind {
	case "instance":
		body = map[string]any{
			"tenant_discovery_endpoint": base + "/" + TenantID + "/v2.0/.well-known/openid-configuration",
			"api-version":               "1.1",
			"metadata":                  []any{map[string]any{"preferred_network": u.Host, "preferred_cache": u.Host, "aliases": []any{u.Host}}},
		}
	case "openid":
		body = map[string]any{
			"token_endpoint":                base + "/" + tenant + "/oauth2/v2.0/token",
			"authorization_endpoint":        base + "/" + tenant + "/oauth2/v2.0/authorize",
			"device_authorization_endpoint": base + "/" + tenant + "/oauth2/v2.0/devicecode",
			"issuer":                        base + "/" + tenant + "/v2.0",
		}
	case "token":
		form, err := url.ParseQuery(string(got.Body))
		if err != nil {
			return nil, err
		}
		scope, _, _ := strings.Cut(form.Get("scope"), " ")
		body = map[string]any{
			"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599,
			"access_token": webToken(strings.TrimSuffix(scope, "/.default")),
		}
	default:
		return nil, fmt.Errorf("parity: no answer for %s", got)
	}
	data, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	return &Response{Response: wire.Response{Status: http.StatusOK, Headers: map[string]string{"Content-Type": "application/json"}, JSON: data}}, nil
}
