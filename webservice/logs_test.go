package webservice_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/webservice"
)

func TestLogs(t *testing.T) {
	t.Parallel()
	playAks(t, "logs", func(t *testing.T, ctx context.Context, svc *webservice.AksWebservice) {
		text, err := svc.Logs(ctx, nil)
		require.NoError(t, err)
		assert.Equal(t, 5, strings.Count(text, "\n"))
		text, err = svc.Logs(ctx, &webservice.LogsOptions{Lines: 2})
		require.NoError(t, err)
		assert.Equal(t, 2, strings.Count(text, "\n"))
		text, err = svc.Logs(ctx, &webservice.LogsOptions{InitContainer: true})
		require.NoError(t, err)
		assert.Equal(t, "init container log\n", text)
		_, err = svc.Logs(ctx, nil)
		assert.Contains(t, failure(t, err, azureml.ErrNotFound).Error(), `cannot read the log of web service "churn-svc": no container`)
		_, err = svc.Logs(ctx, nil)
		assert.ErrorContains(t, err, "the answer has no text")
		_, err = svc.Logs(ctx, &webservice.LogsOptions{Lines: -1})
		assert.Equal(t, []string{"Lines"}, fields(failure(t, err, azureml.ErrInvalid)))
	})
}

func TestFollowLogs(t *testing.T) {
	t.Parallel()
	playAks(t, "logs_follow", func(t *testing.T, ctx context.Context, svc *webservice.AksWebservice) {
		ctx, cancel := context.WithTimeout(ctx, 5*3*time.Second+time.Second)
		defer cancel()
		var out strings.Builder
		err := svc.FollowLogs(ctx, &out, nil)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, "1\n2\n3\n4\n5\n6\nnew 1\n", out.String())
	})
	playAks(t, "logs_follow_gone", func(t *testing.T, ctx context.Context, svc *webservice.AksWebservice) {
		var out strings.Builder
		err := svc.FollowLogs(ctx, &out, &webservice.FollowLogsOptions{Interval: time.Millisecond})
		failure(t, err, azureml.ErrNotFound)
		assert.Equal(t, "1\n", out.String())
	})
}

var errFull = errors.New("disk full")

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestFollowLogsToAFullDisk(t *testing.T) {
	t.Parallel()
	playAks(t, "logs_follow_full", func(t *testing.T, ctx context.Context, svc *webservice.AksWebservice) {
		assert.ErrorIs(t, svc.FollowLogs(ctx, full{}, nil), errFull)
	})
}

// TestFollowLogsToTheLastWord: what a container that crashes says last is not lost for
// want of a line break, whether it is the end, goes on, or another container follows.
func TestFollowLogsToTheLastWord(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		looks []string
		want  string
	}{
		"the end":           {[]string{`one\ncrash`}, "one\ncrash"},
		"it goes on":        {[]string{`one\ncra`, `one\ncrash\n`}, "one\ncrash\n"},
		"and on":            {[]string{`one\nc`, `one\ncra`, `one\ncrash`}, "one\ncrash"},
		"another container": {[]string{`one\ncrash`, `uno\n`}, "one\ncrash\nuno\n"},
		"that says nothing": {[]string{`one\ncrash`, ``, `uno`}, "one\ncrash\nuno"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inMemory(t, func(t *testing.T, w world) {
				svc := mustDeploy(t, w, webservice.AksDeployConfiguration{})
				for i, look := range test.looks {
					fault := azuremltest.Fault{Path: "/logs", Status: 200, Body: `{"content":"` + look + `"}`, Header: http.Header{"Content-Type": {"application/json"}}}
					if i == len(test.looks)-1 {
						fault.Count = -1
					}
					w.srv.Fault(fault)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				var out strings.Builder
				require.ErrorIs(t, svc.FollowLogs(ctx, &out, nil), context.DeadlineExceeded)
				assert.Equal(t, test.want, out.String())
			})
		})
	}
}
