package main

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml/azuremltest"
)

// TestConfigNamesTheEmulatorsWorkspace keeps the example's config.json pointed
// at the workspace that the emulator starts with.
func TestConfigNamesTheEmulatorsWorkspace(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("config.json")
	require.NoError(t, err)
	var config map[string]string
	require.NoError(t, json.Unmarshal(text, &config))
	assert.Equal(t, map[string]string{
		"subscription_id": azuremltest.SubscriptionID,
		"resource_group":  azuremltest.ResourceGroup,
		"workspace_name":  azuremltest.WorkspaceName,
	}, config)
}
