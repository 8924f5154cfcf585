package chaos

import (
	"flag"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var soakCalls = flag.Int("calls", 50_000, "calls of the soak")

// TestSoakHeavy scores a service while its keys are rotated. No call may fail, and
// nothing may pile up.
func TestSoakHeavy(t *testing.T) {
	if os.Getenv("AZUREML_HEAVY") != "1" {
		t.Skip("50,000 calls take a while: set AZUREML_HEAVY=1")
	}
	result, err := Soak(t.Context(), SoakOptions{Calls: *soakCalls, Callers: 8, RotateEvery: max(*soakCalls/50, 1)})
	require.NoError(t, err)
	t.Log(result)
	assert.Zero(t, result.Failed, "the first failure: %v", result.First)
	assert.Equal(t, *soakCalls, result.Calls)
	assert.GreaterOrEqual(t, result.Rotations, 5)
	assert.Less(t, result.Late.Heap, result.Early.Heap+result.Early.Heap/4+2<<20, "the heap grows")
	assert.LessOrEqual(t, result.Late.Goroutines, result.Early.Goroutines+4, "goroutines pile up")
}
