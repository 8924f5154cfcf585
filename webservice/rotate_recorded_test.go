package webservice_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/webservice"
)

// TestRotateKeysRequests: these requests, in this order, and no others.
func TestRotateKeysRequests(t *testing.T) {
	t.Parallel()
	playAks(t, "rotate_keys", func(t *testing.T, ctx context.Context, svc *webservice.AksWebservice) {
		var handed []string
		keys, err := svc.RotateKeys(ctx, &webservice.RotateKeysOptions{
			HandOver: func(_ context.Context, keys webservice.Keys, use webservice.KeyType) error {
				handed = append(handed, string(use), keys.Primary.Reveal(), keys.Secondary.Reveal())
				return nil
			},
		})
		require.NoError(t, err)
		assert.Equal(t, "primary-key-2", keys.Primary.Reveal())
		assert.Equal(t, "secondary-key-2", keys.Secondary.Reveal())
		assert.Equal(t, []string{"Secondary", "primary-key-1", "secondary-key-2", "Primary", "primary-key-2", "secondary-key-2"}, handed)
	})
}

// TestRotateKeysFailuresRecorded: after each failure these requests were made, and no
// others; the error says what clients hold.
func TestRotateKeysFailuresRecorded(t *testing.T) {
	t.Parallel()
	const kept = "; the primary key is unchanged, clients that use it are not affected"
	for name, test := range map[string]struct {
		kind   error
		text   string
		remedy string
	}{
		"rotate_check_fails": {
			azureml.ErrUnauthorized, "check primary failed: no answer within 1.5s shows that the key lets in; the last try: key_auth_access_denied" + kept, "Nothing was changed",
		},
		"rotate_regenerate_refused": {azureml.ErrForbidden, "regenerate secondary failed: no right to do that" + kept, "Go on with the last state"},
		"rotate_regenerate_fails":   {azureml.ErrOperationFailed, "regenerate secondary failed: keys could not be regenerated" + kept, "Go on with the last state"},
		"rotate_regenerate_idle":    {nil, "the service says that it has regenerated the key, but it is the same as before" + kept, "Go on with the last state"},
		"rotate_verify_fails":       {azureml.ErrUnauthorized, "verify secondary failed: no answer within 1.5s shows that the key lets in", "VerifyTimeout"},
		"rotate_answer_lost":        {azureml.ErrForbidden, "regenerate primary failed: no right to do that; the new secondary key, which was handed over, lets in", "Go on with the last state"},
		"rotate_changed_by_another": {azureml.ErrConflict, "the new secondary key was changed by someone else meanwhile; hand over the keys as they are now (Keys)", "begin anew, without State"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			playAks(t, name, func(t *testing.T, ctx context.Context, svc *webservice.AksWebservice) {
				_, err := svc.RotateKeys(ctx, &webservice.RotateKeysOptions{VerifyTimeout: 1500 * time.Millisecond})
				e := failure(t, err, test.kind)
				assert.Contains(t, e.Message, test.text)
				assert.Contains(t, e.Remedy, test.remedy)
				assert.NotRegexp(t, "(primary|secondary)-key-[0-9]", azureml.Explain(err))
			})
		})
	}
	playAks(t, "rotate_keys_unreadable", func(t *testing.T, ctx context.Context, svc *webservice.AksWebservice) {
		_, err := svc.RotateKeys(ctx, nil)
		assert.Equal(t, "no right to do that", failure(t, err, azureml.ErrForbidden).Message)
		_, err = svc.RotateKeys(ctx, nil)
		assert.Contains(t, failure(t, err, nil).Message, `an HTML page, not JSON: "Sign in"`)
		_, err = svc.RotateKeys(ctx, nil)
		assert.Contains(t, failure(t, err, nil).Message, "the answer has no keys")
	})
}

// TestRotateKeysResumedRecorded: a rotation that broke off makes the requests that are
// left, and no others.
func TestRotateKeysResumedRecorded(t *testing.T) {
	t.Parallel()
	playAks(t, "rotate_resumed", func(t *testing.T, ctx context.Context, svc *webservice.AksWebservice) {
		crash := errors.New("crash")
		var saved json.RawMessage
		options := webservice.RotateKeysOptions{SaveState: func(_ context.Context, state json.RawMessage) error {
			saved = state
			if strings.Contains(string(state), string(webservice.RotationVerifySecondary)) {
				return crash
			}
			return nil
		}}
		_, err := svc.RotateKeys(ctx, &options)
		require.ErrorIs(t, err, crash)
		options = webservice.RotateKeysOptions{State: saved}
		keys, err := svc.RotateKeys(ctx, &options)
		require.NoError(t, err)
		assert.Equal(t, "primary-key-2", keys.Primary.Reveal())
	})
}
