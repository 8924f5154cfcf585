package parity

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func faulty(method, address, fault string) string {
	return `{'step':0,'request':{'method':'` + method + `','url':'` + address + `','json':{}},'response':{'fault':'` + fault + `'},'timeout':{'connect':1,'read':30}}`
}

func TestFaults(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		golden := goldenOf("made_up", ok, faulty("GET", "https://h/reset", "reset"), faulty("GET", "https://h/closed", "closed"),
			faulty("GET", "https://h/refused", "refused"), faulty("GET", "https://h/slow", "timeout"), faulty("GET", "https://h/slow", "timeout"))
		complaint, _ := replayed(t, golden, nil, Scenario{Run: func(ctx context.Context, s *Stage) (any, error) {
			_, err := do(ctx, s, "GET https://h/reset")
			assert.ErrorIs(t, err, syscall.ECONNRESET)
			_, err = do(ctx, s, "GET https://h/closed")
			assert.ErrorIs(t, err, io.EOF)
			_, err = do(ctx, s, "GET https://h/refused")
			assert.ErrorIs(t, err, syscall.ECONNREFUSED)

			start := time.Now()
			_, err = do(ctx, s, "GET https://h/slow")
			timeout, ok := errors.AsType[net.Error](err)
			require.True(t, ok)
			assert.True(t, timeout.Timeout())
			assert.Equal(t, 30*time.Second, time.Since(start), "as long as the reference waited")

			start = time.Now()
			short, cancel := context.WithTimeout(ctx, 2*time.Second)
			defer cancel()
			_, err = do(short, s, "GET https://h/slow")
			assert.ErrorIs(t, err, context.DeadlineExceeded)
			assert.Equal(t, 2*time.Second, time.Since(start), "our own limit comes first")
			return nil, nil
		}})
		assert.Empty(t, complaint)
	})
}

// Of repeated changes only one is expected; of a fault golden the number of requests is
// not compared, but shown.
func TestFaultGoldens(t *testing.T) {
	t.Parallel()
	busy := strings.Replace(with("POST", "https://h/services", `{'a':1}`, 503, `{}`), "'status':503", "'status':503,'headers':{'Retry-After':'3'}", 1)
	golden := func(name string) string {
		return goldenOf(name, `'error':{'type':'Busy','message':'503'}`, busy, busy, busy, at("POST", "https://h/models", 200))
	}
	const post, models = `-POST https://h/services {"a":1}`, "POST https://h/models"
	failing := func(lines ...string) Scenario {
		return Scenario{Run: func(ctx context.Context, s *Stage) (any, error) {
			if _, err := script(lines...)(ctx, s); err != nil {
				return nil, err
			}
			return nil, io.ErrUnexpectedEOF
		}}
	}
	complaint, _ := replayed(t, golden("fault_made_up"), nil, failing(post, models))
	assert.Empty(t, complaint, "we need not repeat")
	complaint, outcome := replayed(t, golden("fault_made_up"), nil, failing(post, post, post, post, post, models))
	assert.Empty(t, complaint, "and may repeat more often")
	assert.Equal(t, 6, outcome.Requests)
	complaint, _ = replayed(t, golden("made_up"), nil, failing(post, post, post, post, models))
	assert.Contains(t, complaint, "5 requests, but the golden has only 4")
	complaint, _ = replayed(t, golden("fault_made_up"), nil, failing(models))
	assert.Contains(t, complaint, "not made: POST https://h/services")
	complaint, _ = replayed(t, golden("fault_made_up"), nil, failing(post))
	assert.Contains(t, complaint, "not made: POST https://h/models")
	complaint, _ = replayed(t, golden("fault_made_up"), nil, failing(post, models, post))
	assert.Contains(t, complaint, "wrong order: POST https://h/services came after POST https://h/models")
}

func TestTable(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		golden := goldenOf("fault_made_up", ok, at("PUT", "https://h/a", 503), at("PUT", "https://h/a", 503), at("PUT", "https://h/a", 200))
		complaint, outcome := replayed(t, golden, nil, Scenario{Run: azcorePut("https://h/a")})
		assert.Empty(t, complaint)
		assert.Equal(t, 3, outcome.Requests)
		assert.Greater(t, outcome.Waited, 2*time.Second, "azcore waits 0.8 s and 2.4 s, give or take")
		outcome.Waited = 3210 * time.Millisecond
		lines := strings.Split(Table([]Outcome{outcome}), "\n")
		require.Len(t, lines, 3)
		assert.Equal(t, []string{"fault_made_up", "3", "(3)", "3.2s", "(3.5s)", "ok", "(ok)"}, strings.Fields(lines[1]))
	})
}

// azcorePut sends one PUT through azcore's pipeline with its own retries.
func azcorePut(address string) func(context.Context, *Stage) (any, error) {
	return func(ctx context.Context, s *Stage) (any, error) {
		client, err := azcore.NewClient("x", "v0.0.0", runtime.PipelineOptions{}, new(s.ClientOptions()))
		if err != nil {
			return nil, err
		}
		request, err := runtime.NewRequest(ctx, "PUT", address)
		if err != nil {
			return nil, err
		}
		_, err = client.Pipeline().Do(request)
		return nil, err
	}
}

func TestUnansweredIsNotRepeated(t *testing.T) {
	t.Parallel()
	complaint, outcome := replayed(t, goldenOf("fault_made_up", `'error':{'type':'x','message':'y'}`), nil, Scenario{Run: azcorePut("https://h/b")})
	assert.Equal(t, 1, outcome.Requests)
	assert.Equal(t, "fault_made_up: PUT https://h/b: the golden has no such request", complaint)
}
