package webservice

import (
	"context"
	"net/http"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/validate"
	"github.com/azureml-go/azureml/workspace"
)

// KeyType names one of the two keys of a web service.
type KeyType string

// The two keys. Both let in at any time, so that one can be changed while the other
// is in use.
const (
	KeyTypePrimary   KeyType = "Primary"
	KeyTypeSecondary KeyType = "Secondary"
)

// PossibleKeyTypeValues returns the values of [KeyType].
func PossibleKeyTypeValues() []KeyType { return []KeyType{KeyTypePrimary, KeyTypeSecondary} }

// Keys are the keys of a web service. They are sent as "Authorization: Bearer KEY".
type Keys struct {
	Primary   azureml.Secret `json:"primaryKey"`
	Secondary azureml.Secret `json:"secondaryKey"`
}

// Keys reads the service's keys. Errors: azureml.ErrInvalid when the service asks for
// no keys (it is open, or asks for tokens). A first [Service.Run] after it uses them. It
// mirrors azureml.core's get_keys.
func (s *Service) Keys(ctx context.Context) (*Keys, error) {
	keys, err := s.listKeys(ctx)
	if err == nil {
		s.offer(keys, false)
	}
	return keys, err
}

func (s *Service) listKeys(ctx context.Context) (*Keys, error) {
	const operation = "read the keys of"
	request := s.request(operation, http.MethodPost, "listkeys")
	request.Repeat = workspace.RepeatAlways
	var wire listedKeys
	resp, err := s.ws.Do(ctx, request, &wire)
	if err != nil {
		return nil, err
	}
	keys := wire.keys()
	if keys == nil {
		return nil, &azureml.Error{Operation: operation, Subject: s.subject(), StatusCode: resp.StatusCode, Message: "the answer has no keys"}
	}
	return keys, nil
}

type listedKeys struct {
	Primary   string `json:"primaryKey"`
	Secondary string `json:"secondaryKey"`
}

// keys are the keys of an answer, nil if there is none in it.
func (w listedKeys) keys() *Keys {
	if w.Primary == "" && w.Secondary == "" {
		return nil
	}
	return &Keys{Primary: azureml.NewSecret(w.Primary), Secondary: azureml.NewSecret(w.Secondary)}
}

// RegenerateKeyOptions are the optional parts of [Service.RegenerateKey].
type RegenerateKeyOptions struct {
	// Value is the new key. Default: the service makes one.
	Value azureml.Secret
}

// RegenerateKey replaces one of the two keys, waits until that is done and returns
// both keys as they are then. Callers that use the old key are refused from then on; to
// change keys without that, give callers the other key first.
//
// When ctx ends first, or the answer is lost, the key may have been replaced all the
// same: read it with [Service.Keys]. It mirrors azureml.core's regen_key.
func (s *Service) RegenerateKey(ctx context.Context, key KeyType, o *RegenerateKeyOptions) (*Keys, error) {
	var options RegenerateKeyOptions
	if o != nil {
		options = *o
	}
	operation := "regenerate the " + string(key) + " key of"
	var check validate.Checker
	if check.Require("key", string(key)) {
		validate.OneOf(&check, "key", key, PossibleKeyTypeValues()...)
	}
	checkKey(&check, "Value", options.Value)
	if err := check.Err("regenerate a key of", s.subject()); err != nil {
		return nil, err
	}
	request := s.request(operation, http.MethodPost, "regenerateKeys")
	request.Body = struct {
		Type  KeyType   `json:"keyType"`
		Value *revealed `json:"keyValue"`
	}{key, reveal(options.Value)}
	p, err := workspace.Begin(ctx, s.ws, request, workspace.Operation[*Keys]{
		Kind: "regenerate-key", Resource: servicePath(s.address()),
		Done: func(ctx context.Context, _ workspace.OperationStatus) (*Keys, error) { return s.listKeys(ctx) },
	})
	if err != nil {
		return nil, err
	}
	keys, err := azureml.Wait(ctx, p, nil)
	if err != nil {
		return nil, err
	}
	s.offer(keys, true)
	return keys, nil
}

// SetKeys replaces the keys that are given by values of the caller's own, one after
// the other, the secondary one first, and returns both as they are then. An empty
// secret leaves its key as it is; one must be given. It waits as [Service.RegenerateKey]
// does; when the second replacement fails the first stays.
func (s *Service) SetKeys(ctx context.Context, primary, secondary azureml.Secret) (*Keys, error) {
	var check validate.Checker
	if primary.IsZero() && secondary.IsZero() {
		check.Add("primary", nil, "or secondary is required")
	}
	checkKey(&check, "primary", primary)
	checkKey(&check, "secondary", secondary)
	if err := check.Err("set the keys of", s.subject()); err != nil {
		return nil, err
	}
	var keys *Keys
	for _, change := range []struct {
		key   KeyType
		value azureml.Secret
	}{{KeyTypeSecondary, secondary}, {KeyTypePrimary, primary}} {
		if change.value.IsZero() {
			continue
		}
		var err error
		if keys, err = s.RegenerateKey(ctx, change.key, &RegenerateKeyOptions{Value: change.value}); err != nil {
			return nil, err
		}
	}
	return keys, nil
}
