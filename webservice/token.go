package webservice

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/workspace"
)

// AccessToken lets in to a service that asks for tokens. It is sent as
// "Authorization: Bearer TOKEN". It mirrors azureml.core's AksServiceAccessToken.
type AccessToken struct {
	Token azureml.Secret `json:"accessToken"`
	// TokenType is "Bearer".
	TokenType string `json:"tokenType"`
	// RefreshAfter is when a new token should be asked for, ExpiresOn when this one ends.
	// Both are in UTC, zero where the service did not tell.
	RefreshAfter time.Time `json:"refreshAfter,omitzero"`
	ExpiresOn    time.Time `json:"expiryOn,omitzero"`
}

// Token asks for a token for the service, which must be on AKS and have
// TokenAuthEnabled; for other kinds it is refused without a request. The right to read
// the workspace is enough for it. [Service.Run] and [Scorer] ask for tokens by
// themselves.
//
// The running service checks tokens with the workspace's region: while that is down,
// no token lets in. It mirrors azureml.core's get_token and get_access_token.
func (s *Service) Token(ctx context.Context) (*AccessToken, error) {
	const operation = "ask for a token of"
	if s.ComputeType != ComputeTypeAKS && s.ComputeType != ComputeTypeAKSEndpoint {
		return nil, &azureml.Error{
			Operation: operation, Subject: s.subject(), Kind: azureml.ErrInvalid,
			Message: fmt.Sprintf("services of kind %s have no tokens", kindName(s.ComputeType)),
			Remedy:  "Use its keys, or deploy it to AKS with TokenAuthEnabled.",
		}
	}
	request := s.request(operation, http.MethodPost, "token")
	request.Repeat = workspace.RepeatAlways
	var wire issuedToken
	resp, err := s.ws.Do(ctx, request, &wire)
	if err != nil {
		return nil, err
	}
	token := wire.token()
	if token == nil {
		return nil, &azureml.Error{Operation: operation, Subject: s.subject(), StatusCode: resp.StatusCode, Message: "the answer has no token"}
	}
	return token, nil
}

type issuedToken struct {
	Token        string `json:"accessToken"`
	TokenType    string `json:"tokenType"`
	RefreshAfter int64  `json:"refreshAfter"`
	ExpiryOn     int64  `json:"expiryOn"`
}

// token is the token of an answer, nil if there is none in it.
func (w issuedToken) token() *AccessToken {
	if w.Token == "" {
		return nil
	}
	return &AccessToken{
		Token: azureml.NewSecret(w.Token), TokenType: w.TokenType,
		RefreshAfter: unixTime(w.RefreshAfter), ExpiresOn: unixTime(w.ExpiryOn),
	}
}

// lastSecond is the end of the year 9999, beyond which JSON has no times.
const lastSecond = 253402300799

// unixTime is a time given in seconds since 1970, zero for what is not set or no time.
func unixTime(seconds int64) time.Time {
	if seconds <= 0 || seconds > lastSecond {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}
