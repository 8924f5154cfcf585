package recipes

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/authentication"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/webservice"
	"github.com/azureml-go/azureml/workspace"
)

var scoringTokenRecipes = []recipe{
	{id: "A20", python: `tokens for a principal with the Reader role`, title: "a principal with only the Reader role can fetch scoring tokens", run: recipeReader},
	{id: "A21", python: "a new token when `refresh_by` is over", title: "refreshing scoring tokens from a program that is not Python", run: recipeRefresh},
}

// reader is a new service principal that has the Reader role on the workspace.
func (w *world) reader() azuremltest.ServicePrincipal {
	app := w.srv.AddServicePrincipal(azuremltest.ServicePrincipal{ClientID: "44444444-4444-4444-4444-444444444444", Secret: "of the reader"})
	w.srv.AddRole(azuremltest.Role{Role: "Reader", PrincipalID: app.ObjectID, PrincipalType: "ServicePrincipal"})
	return app
}

// credential signs a service principal in.
func (w *world) credential(app azuremltest.ServicePrincipal) *authentication.ServicePrincipal {
	w.t.Helper()
	c, err := authentication.NewServicePrincipal(azuremltest.TenantID, app.ClientID, azureml.NewSecret(app.Secret),
		&authentication.ServicePrincipalOptions{ClientOptions: w.srv.ClientOptions()})
	require.NoError(w.t, err)
	return c
}

func recipeReader(t *testing.T, w *world) {
	w.deploy(w.workspace(), webservice.AksDeployConfiguration{TokenAuthEnabled: to.Ptr(true)})
	ws, err := workspace.Get(t.Context(), azuremltest.WorkspaceName, w.credential(w.reader()), w.options()) // README: A20
	require.NoError(t, err)
	svc, err := webservice.GetAks(t.Context(), ws, "myservice")
	require.NoError(t, err)
	token, err := svc.Token(t.Context()) // README: A20
	require.NoError(t, err)
	assert.False(t, token.Token.IsZero())
	_, err = svc.Run(t.Context(), question)
	require.NoError(t, err, "the token lets in")

	_, err = svc.Keys(t.Context())
	require.ErrorIs(t, err, azureml.ErrForbidden)
	_, err = svc.BeginDelete(t.Context(), nil)
	require.ErrorIs(t, err, azureml.ErrForbidden)
	_, err = model.Register(t.Context(), ws, "mymodel", w.file("model.json", "{}"), nil)
	require.ErrorIs(t, err, azureml.ErrForbidden)
	assert.Contains(t, azureml.Explain(err), "role")
}

// recipeRefresh runs two programs for a day each (in no time), with a question every ten
// minutes, while tokens live for an hour: one has nothing but net/http and the header, the
// other a Scorer.
func recipeRefresh(t *testing.T, _ *world) {
	synctest.Test(t, func(t *testing.T) {
		srv := azuremltest.NewServer(&azuremltest.Options{InMemory: true, OperationPolls: 1})
		t.Cleanup(srv.Close)
		w := &world{t, srv}
		svc := w.deploy(w.workspace(), webservice.AksDeployConfiguration{TokenAuthEnabled: to.Ptr(true)})
		app := w.reader()

		t.Log("net/http and the header")
		program := &bareProgram{world: w, signIn: w.credential(app), service: svc.ScoringURI}
		n := w.tokensDuring(func() {
			for range 24 * 6 {
				assert.JSONEq(t, string(question), program.ask())
				time.Sleep(10 * time.Minute)
			}
		})
		assert.InDelta(t, 48, n, 16, "one each half hour")

		t.Log("a Scorer")
		ws, err := workspace.Get(t.Context(), azuremltest.WorkspaceName, w.credential(app), w.options())
		require.NoError(t, err)
		svc, err = webservice.GetAks(t.Context(), ws, "myservice")
		require.NoError(t, err)
		scorer, err := svc.Scorer(t.Context(), nil) // README: A21
		require.NoError(t, err)
		defer scorer.Close()
		n = w.tokensDuring(func() {
			for range 24 * 6 {
				answer, err := scorer.Run(t.Context(), question) // README: A21
				require.NoError(t, err)
				assert.JSONEq(t, string(question), string(answer))
				time.Sleep(10 * time.Minute)
			}
		})
		assert.InDelta(t, 48, n, 16, "one each half hour")
	})
}

// tokensDuring counts the scoring tokens that are fetched; no call may be refused.
func (w *world) tokensDuring(work func()) (n int) {
	w.t.Helper()
	w.srv.ResetRequests()
	work()
	for _, r := range w.srv.Requests() {
		assert.Less(w.t, r.Status, 400, "%s %s", r.Method, r.URL)
		if strings.HasSuffix(r.URL.Path, "/services/myservice/token") {
			n++
		}
	}
	return n
}

// bareProgram knows the service's addresses, and how to sign in.
type bareProgram struct {
	*world
	signIn  *authentication.ServicePrincipal
	service string

	token   string
	refresh time.Time
}

// ask sends a question with the token in hand, or with a new one when it is time.
func (p *bareProgram) ask() string {
	p.t.Helper()
	if time.Now().After(p.refresh) {
		var fetched struct {
			Token   string `json:"accessToken"`
			Refresh int64  `json:"refreshAfter"`
		}
		request, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, "https://"+azuremltest.Location+".modelmanagement.azureml.net/modelmanagement/v1.0/subscriptions/"+
			azuremltest.SubscriptionID+"/resourceGroups/"+azuremltest.ResourceGroup+"/providers/Microsoft.MachineLearningServices/workspaces/"+azuremltest.WorkspaceName+
			"/services/myservice/token", nil)
		require.NoError(p.t, err)
		request.Header, err = p.signIn.Header(p.t.Context())
		require.NoError(p.t, err)
		require.NoError(p.t, json.Unmarshal([]byte(p.send(request, http.StatusCreated)), &fetched))
		p.token, p.refresh = fetched.Token, time.Unix(fetched.Refresh, 0)
	}
	request, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.service, bytes.NewReader(question))
	require.NoError(p.t, err)
	request.Header.Set("Authorization", "Bearer "+p.token)
	request.Header.Set("Content-Type", "application/json")
	return p.send(request, http.StatusOK)
}
