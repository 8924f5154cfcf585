package azureml_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
)

func TestSecretShowsNothing(t *testing.T) {
	t.Parallel()
	s := azureml.NewSecret("PLANTED")
	type holder struct {
		Public  azureml.Secret
		private azureml.Secret
		M       map[string]azureml.Secret
		L       []azureml.Secret
		P       *azureml.Secret
	}
	h := holder{s, s, map[string]azureml.Secret{"k": s}, []azureml.Secret{s}, &s}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "s", s, "h", h, "p", &h)
	data, err := json.Marshal(h)
	require.NoError(t, err)
	texts := []string{s.String(), s.GoString(), log.String(), string(data)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		texts = append(texts, fmt.Sprintf(verb, s), fmt.Sprintf(verb, &s), fmt.Sprintf(verb, h), fmt.Sprintf(verb, &h))
	}
	for _, text := range texts {
		assert.NotContains(t, text, "PLANTED")
		assert.NotContains(t, text, "504c414e544544")
	}
	assert.Equal(t, "[redacted]", s.String())
	assert.Equal(t, `{"Public":"[redacted]","M":{"k":"[redacted]"},"L":["[redacted]"],"P":"[redacted]"}`, string(data))
	assert.Equal(t, "PLANTED", s.Reveal())
	assert.Equal(t, 7, s.Len())
	assert.NotEmpty(t, h.private)
}

func TestSecretValues(t *testing.T) {
	t.Parallel()
	var empty azureml.Secret
	assert.True(t, empty.IsZero())
	assert.True(t, azureml.NewSecret("").IsZero())
	assert.Empty(t, empty.String())
	assert.True(t, azureml.NewSecret("a").Equal(azureml.NewSecret("a")))
	assert.False(t, azureml.NewSecret("a").Equal(azureml.NewSecret("b")))
	var read struct{ Key azureml.Secret }
	require.NoError(t, json.Unmarshal([]byte(`{"key":"PLANTED"}`), &read))
	assert.Equal(t, "PLANTED", read.Key.Reveal())
	err := json.Unmarshal([]byte(`{"key":{"a":"PLANTED"}}`), &read)
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "PLANTED")
	require.NoError(t, json.Unmarshal([]byte(`{"key":null}`), &read))
	out, err := json.Marshal(struct {
		Key azureml.Secret `json:"key,omitzero"`
	}{})
	require.NoError(t, err)
	assert.Equal(t, "{}", string(out))
}
