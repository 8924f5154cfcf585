package workspace

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
)

// answering is a workspace whose services answer paths that end as the keys do.
func answering(t *testing.T, answers map[string]string) (*Workspace, *wire) {
	ws, w := discovering(t, everywhere)
	discovery := w.answer
	w.answer = func(u *url.URL) (int, string) {
		for end, body := range answers {
			if strings.HasSuffix(u.RequestURI(), end) {
				return http.StatusOK, body
			}
		}
		return discovery(u)
	}
	return ws, w
}

func TestFollow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ws, w := answering(t, map[string]string{"/operations/op%201": `{"state":"Succeeded","resourceLocation":"here"}`})
		r := Request{Service: ModelManagement, Operation: "deploy", Subject: `web service "a"`}
		o := Operation[string]{Kind: "deploy", Resource: "services/a", Done: func(_ context.Context, s OperationStatus) (string, error) { return s.State, nil }}
		poller, err := Follow(ws, r, "op 1", o)
		require.NoError(t, err)
		assert.Empty(t, w.sent, "following sends nothing")
		token, err := poller.ResumeToken()
		require.NoError(t, err)
		got, err := azureml.Wait(t.Context(), poller, nil)
		require.NoError(t, err)
		assert.Equal(t, "Succeeded", got)
		o.ResumeToken = token
		_, err = Follow(ws, r, "", o)
		require.ErrorIs(t, err, azureml.ErrInvalid, "an id that has to be escaped cannot come from here")

		o.ResumeToken = ""
		o.Look = func(context.Context) (string, error) { return "Failed", &azureml.Error{Code: "X", Message: "broken"} }
		poller, err = Follow(ws, r, "", o)
		require.NoError(t, err)
		_, err = azureml.Wait(t.Context(), poller, nil)
		require.ErrorIs(t, err, azureml.ErrOperationFailed)
		assert.Contains(t, err.Error(), `cannot deploy web service "a": broken (X)`)
	})
}

func TestListWithAWayOfItsOwn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ws, _ := answering(t, map[string]string{"/things": `{"value":["a"],"continuationToken":"t1"}`, "/things?continuation=t1": `{"value":["b"]}`})
		r := Request{Service: Environments, Operation: "list", Subject: "things", Path: "things"}
		got, err := azureml.Collect(List[string](t.Context(), ws, r, func(r Request, page Page) (Request, bool) {
			r.Query = url.Values{"continuation": {page.ContinuationToken}}
			return r, page.ContinuationToken != ""
		}))
		require.NoError(t, err)
		assert.Equal(t, []string{"a", "b"}, got)

		_, err = azureml.Collect(List[string](t.Context(), ws, Request{Service: "nothing"}, nil))
		require.ErrorIs(t, err, azureml.ErrInvalid)
		for _, err := range List[string](t.Context(), ws, r, nil) {
			require.NoError(t, err)
			break
		}
	})
}

func TestRepeat(t *testing.T) {
	t.Parallel()
	for method, want := range map[string]Repeat{
		http.MethodGet: RepeatAlways, http.MethodHead: RepeatAlways, http.MethodPut: RepeatAlways, http.MethodDelete: RepeatAlways,
		http.MethodPost: RepeatNarrow, http.MethodPatch: RepeatNarrow,
	} {
		assert.Equal(t, want.class(method), RepeatByMethod.class(method), method)
		assert.NotEqual(t, RepeatNever.class(method), RepeatByMethod.class(method), method)
	}
}

// TestBeginWithoutOperation: what is accepted without saying where to look cannot be
// waited for, unless the resource itself can be looked at.
func TestBeginWithoutOperation(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]string{200: "", 201: "", 204: "", 202: "the service named no operation to wait for"} {
		synctest.Test(t, func(t *testing.T) {
			ws, w := discovering(t, everywhere)
			w.answer = func(*url.URL) (int, string) { return status, "" }
			r := Request{Service: ResourceManager, Operation: "change", Subject: "it", Method: http.MethodPut, Path: "x"}
			poller, err := Begin(t.Context(), ws, r, Operation[bool]{Kind: "change", Resource: "x", Done: func(context.Context, OperationStatus) (bool, error) { return true, nil }})
			require.NoError(t, err)
			done, err := azureml.Wait(t.Context(), poller, nil)
			if want != "" {
				require.ErrorContains(t, err, want)
				return
			}
			require.NoError(t, err)
			assert.True(t, done)
			assert.Len(t, w.sent, 1)
		})
	}
}
