package azuremltest

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// listServiceKeys gives out the keys of a service with key authentication.
func (c *call) listServiceKeys() {
	svc := c.service()
	if svc == nil {
		return
	}
	if !*svc.spec.KeyAuth {
		c.invalidState("AuthDisabled", "Key authentication is not enabled for service "+svc.spec.Name)
		return
	}
	c.json(http.StatusOK, map[string]string{"primaryKey": svc.primary, "secondaryKey": svc.secondary})
}

// invalidState answers 400 for a request that does not fit the service.
func (c *call) invalidState(code, message string) {
	c.mmsError(http.StatusBadRequest, "BadRequest", message, errorDetail{Code: code, Message: message})
}

// regenerateKeys starts the operation that replaces a key by a new one, or by
// the one that is sent. The old key is good until the operation has ended.
func (c *call) regenerateKeys() {
	svc := c.service()
	if svc == nil {
		return
	}
	var in struct {
		Type  json.RawMessage `json:"keyType"`
		Value *string         `json:"keyValue"`
	}
	if !c.decode(&in) {
		return
	}
	key := svc.keyNamed(in.Type)
	switch {
	case key == nil:
		c.invalid("InvalidKeyType", "The keyType must be Primary or Secondary, it is %s.", string(in.Type))
		return
	case in.Value != nil && *in.Value == "":
		c.invalid("InvalidKeyValue", "The keyValue must not be empty.")
		return
	case !*svc.spec.KeyAuth:
		c.invalidState("AuthDisabled", "Key authentication is not enabled for service "+svc.spec.Name)
		return
	case !c.idle(svc):
		return
	}
	value := c.srv.hex(16)
	if in.Value != nil {
		value = *in.Value
	}
	failure := c.srv.takeFailure("service", svc.spec.Name)
	op := svc.begin(changePhases(svc.spec.Name), failure, func(o *serviceOperation) {
		if o.state == stateSucceeded {
			*key = value
		}
	})
	op.blame = generalBlame("regenerate a key of service " + svc.spec.Name)
	c.accepted(op)
}

// keyNamed finds the key that is meant. The schema says that the type is a
// number, but clients send the name.
func (svc *service) keyNamed(raw json.RawMessage) *string {
	var name string
	if json.Unmarshal(raw, &name) != nil {
		name = string(raw)
	}
	switch strings.ToLower(name) {
	case "primary", "0":
		return &svc.primary
	case "secondary", "1":
		return &svc.secondary
	}
	return nil
}

// serviceToken makes an access token for a service with token authentication.
// It is good for as long as the server's other tokens, and wants to be
// replaced when half of that time has passed.
func (c *call) serviceToken() {
	svc := c.service()
	if svc == nil {
		return
	}
	if svc.spec.ComputeType == typeACI {
		c.invalidState("TokenAuthNotSupported", "Token authentication is not supported for service "+svc.spec.Name+" of compute type ACI")
		return
	}
	if !*svc.spec.TokenAuth {
		c.invalidState("AuthDisabled", "Token authentication is not enabled for service "+svc.spec.Name)
		return
	}
	lifetime := c.srv.opts.TokenLifetime
	now := time.Now()
	c.json(http.StatusCreated, map[string]any{
		"accessToken": c.srv.mint(tokenClaims{Audience: svc.audience(), Tenant: c.ws.tenant, ObjectID: c.tok.ObjectID}, lifetime),
		"tokenType":   "Bearer", "refreshAfter": now.Add(lifetime / 2).Unix(), "expiryOn": now.Add(lifetime).Unix(),
	})
}

// audience is what a token for the service says that it is for.
func (svc *service) audience() string {
	return "https://" + svc.ws.mmsHost() + svc.ws.path() + "/services/" + svc.spec.Name
}
