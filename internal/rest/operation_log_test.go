package rest

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
)

// TestOperationLogFile: the log's own file is read on from where it ended, in whole lines, only
// if somebody listens, and its failures are none of the operation's.
func TestOperationLogFile(t *testing.T) {
	t.Parallel()
	for _, listening := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			s := &script{answers: []string{
				`202 {"status":"GettingOrProvisioningACR"}`, `200 {"status":"Running","logUrl":"https://x/log?sig=PLANTED"}`,
				`200 {"status":"Running","logUrl":"https://x/log?sig=PLANTED"}`, `200 {"status":"Running","logUrl":"https://x/log?sig=PLANTED"}`,
				`200 {"status":"Succeeded","logUrl":"https://x/log?sig=PLANTED"}`,
			}}
			c, op := operationOf(s)
			op.Plain = true
			parts := []string{"one\r\ntw", "o\n", "", "three"}
			var offsets []int64
			op.Log = func(_ context.Context, address string, offset int64) ([]byte, error) {
				assert.Equal(t, "https://x/log?sig=PLANTED", address)
				offsets = append(offsets, offset)
				part := parts[len(offsets)-1]
				if part == "" {
					return nil, errors.New("broken")
				}
				return []byte(part), nil
			}
			p, err := NewPoller(c, op, Started{ID: "op1"})
			require.NoError(t, err)
			ctx := t.Context()
			var lines []string
			if listening {
				ctx = azureml.WithProgress(ctx, func(p azureml.Progress) { lines = append(lines, p.LogLines...) })
			}
			_, err = p.PollUntilDone(ctx, nil)
			require.NoError(t, err)
			if listening {
				assert.Equal(t, []string{"one", "two", "three"}, lines)
				assert.Equal(t, []int64{0, 7, 9, 9}, offsets)
			} else {
				assert.Empty(t, offsets)
			}
			for _, u := range s.urls {
				assert.Equal(t, base+"/operations/op1", u)
			}
		})
	}
}

// TestOperationLogOutOfReach: storage that cannot be reached holds nothing up for long.
func TestOperationLogOutOfReach(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &script{answers: []string{}}
		for range 9 {
			s.answers = append(s.answers, `200 {"status":"Running","logUrl":"https://x/log"}`)
		}
		s.answers = append(s.answers, `200 {"status":"Succeeded","logUrl":"https://x/log"}`)
		c, op := operationOf(s)
		tries := 0
		op.Log = func(ctx context.Context, _ string, _ int64) ([]byte, error) {
			tries++
			<-ctx.Done()
			return nil, ctx.Err()
		}
		p, err := NewPoller(c, op, Started{ID: "op1"})
		require.NoError(t, err)
		_, err = azureml.Wait(t.Context(), p, nil)
		require.NoError(t, err)
		assert.Equal(t, logPatience, tries)
	})
}
