package webservice_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
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
