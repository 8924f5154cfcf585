package azureml

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
)

// redacted is what a non-empty [Secret] shows of itself.
const redacted = "[redacted]"

// Secret holds a text that must not be shown by accident: a password, a key, a
// token, a private key's PEM text. Printing it in any way (also with %#v and as a
// field of a larger struct), logging it with slog and marshalling it to JSON
// gives "[redacted]", or nothing when it is empty. [Secret.Reveal] gives the text.
//
// The zero value is the empty secret. A Secret is safe for concurrent use; compare
// two with [Secret.Equal], not with ==.
type Secret struct {
	// A pointer, so that fmt, which cannot call methods on unexported fields of
	// other structs, prints an address there and not the text.
	text *string
}

// NewSecret keeps text as a secret.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{text: &text}
}

// Reveal gives the secret text itself.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsZero tells whether the secret is empty (for the JSON option omitzero).
func (s Secret) IsZero() bool { return s.text == nil }

// Len is the number of bytes of the secret, the only thing an error may say of it.
func (s Secret) Len() int { return len(s.Reveal()) }

// Equal compares two secrets in constant time.
func (s Secret) Equal(other Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(other.Reveal())) == 1
}

// String gives "[redacted]", or "" for an empty secret.
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	return redacted
}

// GoString is [Secret.String].
func (s Secret) GoString() string { return s.String() }

// Format prints [Secret.String] whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue is [Secret.String] for log/slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalJSON writes [Secret.String].
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// MarshalText writes [Secret.String] (for map keys and text encoders).
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalJSON reads the text, so that secrets can stand in configuration files.
func (s *Secret) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return fmt.Errorf("a secret must be a JSON string")
	}
	*s = NewSecret(text)
	return nil
}
