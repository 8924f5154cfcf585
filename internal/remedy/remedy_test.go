package remedy

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/azureml-go/azureml"
)

// TestEveryEntryIsReached makes, for each entry of the table, an error that only it is for.
func TestEveryEntryIsReached(t *testing.T) {
	t.Parallel()
	for _, entry := range Entries() {
		codes := entry.Codes
		if len(codes) == 0 {
			codes = []string{""}
		}
		for _, code := range codes {
			e := &azureml.Error{Code: "Outer", Details: []azureml.ErrorDetail{{Code: code, Message: "Well, " + entry.Text + "!"}}}
			got, _ := For(e)
			assert.Equal(t, entry.Remedy, got, "%q %q", code, entry.Text)
		}
	}
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	got, _ := For(&azureml.Error{Kind: azureml.ErrUnauthorized, Message: "AADSTS7000215: Invalid client secret provided. Ensure…"})
	assert.Contains(t, got, "secret's value, not its id")
	assert.Empty(t, SignIn("AADSTS1: unknown"))
}

func TestKinds(t *testing.T) {
	t.Parallel()
	got, _ := For(&azureml.Error{Kind: azureml.ErrForbidden})
	assert.Contains(t, got, "lacks a role")
	got, _ = For(&azureml.Error{Kind: azureml.ErrInvalid, Message: "no"})
	assert.Empty(t, got)
	assert.Contains(t, Transport("https://host.example/x?y"), "host.example can be reached")
	assert.Contains(t, Transport("::"), "network")
}
