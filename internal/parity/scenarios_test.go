package parity_test

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml/internal/parity"
	"github.com/azureml-go/azureml/workspace"
)

// scenarios is the table of all scenarios, by area.
func scenarios() []parity.Scenario {
	return slices.Concat(authenticationScenarios(), workspaceScenarios(), computeScenarios(),
		modelScenarios(), modelManageScenarios(), environmentScenarios(), deployScenarios(), containerScenarios(), webserviceScenarios(), updateScenarios(), endpointScenarios(), faultScenarios())
}

func TestGolden(t *testing.T) {
	var faults, others []parity.Outcome
	for _, scenario := range scenarios() {
		t.Run(scenario.Name, func(t *testing.T) {
			outcome := parity.Test(t, scenario)
			if strings.HasPrefix(scenario.Name, "fault_") {
				faults = append(faults, outcome)
			} else {
				others = append(others, outcome)
			}
		})
	}
	if len(faults) > 0 {
		t.Logf("when something breaks:\n%s", parity.Table(faults))
	}
	ours, theirs := parity.Requests(others)
	t.Logf("requests when nothing breaks: %d scenarios, %d of ours, %d of azureml.core", len(others), ours, theirs)
}

// Every scenario has a golden, and every golden a scenario.
func TestScenariosHaveOneGoldenEach(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, scenario := range scenarios() {
		assert.FileExists(t, filepath.Join("testdata", "golden", scenario.Name+".json"))
		assert.False(t, seen[scenario.Name], "two scenarios are called %s", scenario.Name)
		seen[scenario.Name] = true
	}
	files, err := filepath.Glob(filepath.Join("testdata", "golden", "*.json"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		assert.True(t, seen[name], "golden %s has no scenario", name)
	}
}

// within makes a scenario that begins in the opened workspace.
func within(run func(ctx context.Context, s *parity.Stage, ws *workspace.Workspace) (any, error)) func(context.Context, *parity.Stage) (any, error) {
	return func(ctx context.Context, s *parity.Stage) (any, error) {
		ws, err := openWorkspace(ctx, s, parity.Workspace, parity.ResourceGroup)
		if err != nil {
			return nil, err
		}
		return run(ctx, s, ws)
	}
}

func openWorkspace(ctx context.Context, s *parity.Stage, name, group string) (*workspace.Workspace, error) {
	return workspace.Get(ctx, name, s.Credential(), &workspace.GetOptions{
		ClientOptions: s.ClientOptions(), SubscriptionID: parity.SubscriptionID, ResourceGroup: group,
	})
}
