package webservice

import (
	"bytes"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/validate"
)

// RotationStep is a part of [Service.RotateKeys].
type RotationStep string

// The steps, in their order.
const (
	// RotationCheck tries the primary key as it is, before anything is changed.
	RotationCheck RotationStep = "check-primary"
	// RotationRegenerateSecondary, RotationVerifySecondary and RotationHandOverSecondary
	// make clients use a new secondary key.
	RotationRegenerateSecondary RotationStep = "regenerate-secondary"
	RotationVerifySecondary     RotationStep = "verify-secondary"
	RotationHandOverSecondary   RotationStep = "hand-over-secondary"
	// RotationRegeneratePrimary, RotationVerifyPrimary and RotationHandOverPrimary make
	// them use a new primary key.
	RotationRegeneratePrimary RotationStep = "regenerate-primary"
	RotationVerifyPrimary     RotationStep = "verify-primary"
	RotationHandOverPrimary   RotationStep = "hand-over-primary"
	// RotationDone is after the last one.
	RotationDone RotationStep = "done"
)

// PossibleRotationStepValues returns the values of [RotationStep], in their order.
func PossibleRotationStepValues() []RotationStep {
	return []RotationStep{
		RotationCheck,
		RotationRegenerateSecondary, RotationVerifySecondary, RotationHandOverSecondary,
		RotationRegeneratePrimary, RotationVerifyPrimary, RotationHandOverPrimary,
		RotationDone,
	}
}

// after is the step that follows s.
func (s RotationStep) after() RotationStep {
	all := PossibleRotationStepValues()
	return all[min(slices.Index(all, s)+1, len(all)-1)]
}

// rotationState is what a rotation needs to go on in another process. Keys are in it as
// fingerprints only.
type rotationState struct {
	Version   int          `json:"v"`
	Workspace string       `json:"workspace"`
	Service   string       `json:"service"`
	Next      RotationStep `json:"next"`
	Salt      string       `json:"salt"`
	// Before is the key that is being regenerated, as it was: while it is the same, it has
	// not been regenerated. Secondary is the new secondary key.
	Before    string `json:"before,omitempty"`
	Secondary string `json:"secondary,omitempty"`
}

const (
	rotationVersion = 1
	// fingerprintBytes is short, so that a fingerprint fits a great many keys: it tells
	// whether a key has changed, not which one it was.
	fingerprintBytes = 4
	fingerprintWork  = 4096
)

// newRotationState is that of a rotation that has not begun.
func newRotationState(workspace, service string) *rotationState {
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // it never fails
	return &rotationState{Version: rotationVersion, Workspace: workspace, Service: service, Next: RotationCheck, Salt: hex.EncodeToString(salt)}
}

// readRotationState reads what was saved; it must be of the same service. What is wrong
// with it is added to check.
func readRotationState(check *validate.Checker, data []byte, workspace, service string) *rotationState {
	var state rotationState
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&state); err != nil || decoder.More() {
		check.Add("State", nil, "is not what SaveState was given")
		return nil
	}
	switch {
	case state.Version != rotationVersion:
		check.Add("State", state.Version, fmt.Sprintf("must be of version %d", rotationVersion))
	case state.Workspace != workspace || state.Service != service:
		check.Add("State", state.Service, "is that of another service")
	case !slices.Contains(PossibleRotationStepValues(), state.Next):
		check.Add("State", string(state.Next), "names a step that does not exist")
	case !state.complete():
		check.Add("State", nil, "lacks a part that its step needs")
	}
	return &state
}

// complete tells that everything is there that the next step needs.
func (s *rotationState) complete() bool {
	if len(s.Salt) < 16 {
		return false
	}
	all := PossibleRotationStepValues()
	isNew := slices.Index(all, s.Next) >= slices.Index(all, RotationVerifySecondary)
	return isNew == (s.Secondary != "")
}

// fingerprint tells a key from another one. It takes some time on purpose.
func (s *rotationState) fingerprint(key azureml.Secret) string {
	sum, err := pbkdf2.Key(sha256.New, key.Reveal(), []byte(s.Salt), fingerprintWork, sha256.Size)
	if err != nil {
		return err.Error() // nothing that is given here can be refused
	}
	return hex.EncodeToString(sum[:fingerprintBytes])
}
