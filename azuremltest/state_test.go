package azuremltest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/internal/rights"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// everything makes one of every kind of thing, and returns the addresses at
// which a client sees them.
func everything(t testing.TB, srv *azuremltest.Server) (urls []string) {
	t.Helper()
	srv.AddTenant(azuremltest.Tenant{ID: otherTenant, Name: "Other"})
	srv.AddSubscription(azuremltest.Subscription{ID: otherSub, Name: "More", CoreQuota: 7})
	user := srv.AddUser(azuremltest.User{Name: "someone@contoso.example"})
	srv.AddGroup(azuremltest.Group{Name: "Data people", Mail: "data@contoso.example"})
	srv.AddManagedIdentity(azuremltest.ManagedIdentity{})
	srv.AddRole(azuremltest.Role{Role: "Contributor", PrincipalID: user.ObjectID, PrincipalType: "User"})
	srv.AddWorkspace(azuremltest.Workspace{SubscriptionID: otherSub, Name: "hidden", PrivateLink: true, Tags: map[string]string{"a": "b"}})

	cluster := srv.AddCluster(azuremltest.Cluster{Name: "lost"})
	srv.AddCompute(defaultWorkspace, azuremltest.Compute{Name: "orphan", ResourceID: cluster})
	srv.DeleteCluster(cluster)
	srv.AddCompute(defaultWorkspace, azuremltest.Compute{Name: "gpus", Type: "AmlCompute", Properties: map[string]any{"vmSize": "x"},
		Errors: []azuremltest.ErrorDetail{{Code: "Quota", Message: "none left"}}})
	furnish(srv)
	do(t, srv, http.MethodPut, computesURL+"/tls"+version, aks(`{"sslConfiguration":{"status":"Enabled","cname":"ml.contoso.example","cert":"SECRETCERT","key":"SECRETKEY"}}`)).want(t, http.StatusCreated)

	do(t, srv, http.MethodPut, envURL+"/mine", `{"docker":{"baseImage":"x"},"python":{"a":1.50}}`).want(t, http.StatusOK)
	do(t, srv, http.MethodPut, envURL+"/mine/versions/1/metadata", `{"labels":["good"]}`).want(t, http.StatusOK)
	build := do(t, srv, http.MethodPost, strings.Replace(envURL, "v1.0", "v2.0", 1)+"/mine/versions/1/image", "{}").want(t, http.StatusAccepted)
	do(t, srv, http.MethodPatch, mmsURL+"/models/m:1", `[{"op":"add","path":"/description","value":"<b>&"}]`, "Content-Type", patchType).want(t, http.StatusOK)
	createArtifact(t, srv, "empty", "nothing.txt")
	set := srv.AddDataset(defaultWorkspace, azuremltest.Dataset{Rows: 3})
	follow(t, srv, do(t, srv, http.MethodPost, mmsURL+"/profiles", fmt.Sprintf(`{"name":"p","inputDatasetId":%q,"environmentImageRequest":%s}`, set, noCode)))

	deploy(t, srv, aksRequest("code", "environmentImageRequest", codeImage(t, srv, "import inference_schema"), "keys", object{"primaryKey": "p1", "secondaryKey": "p2"}))
	deploy(t, srv, aciRequest("group", "dnsNameLabel", "label", "authEnabled", true))
	deploy(t, srv, endpointRequest("end", "first", "aadAuthEnabled", true))
	srv.FailNextOperation(azuremltest.OperationFailure{Kind: "service", Name: "bad"})
	settle(t, srv, create(t, srv, aksRequest("bad")))
	create(t, srv, aksRequest("later")) // goes on when the state is saved
	do(t, srv, http.MethodPut, computesURL+"/making"+version, aks(`{}`)).want(t, http.StatusCreated)
	do(t, srv, http.MethodPost, workspaceURL+"/diagnose"+version, `{"value":{}}`).want(t, http.StatusAccepted)
	srv.FailNextOperation(azuremltest.OperationFailure{Kind: "service", Name: "hangs", State: "Stuck"})
	hangs := create(t, srv, aksRequest("hangs"))

	const sub = arm + "/subscriptions/"
	return []string{subscriptionsURL, sub + azuremltest.SubscriptionID + "/resources?api-version=2022-09-01",
		sub + azuremltest.SubscriptionID + "/resourcegroups?api-version=2022-09-01",
		workspaceURL + version, strings.Replace(strings.Replace(workspaceURL, azuremltest.SubscriptionID, otherSub, 1), azuremltest.WorkspaceName, "hidden", 1) + version,
		computesURL + version, computesURL + "/tls" + version, computesURL + "/making" + version,
		workspaceURL + "/providers/Microsoft.Authorization/roleAssignments?api-version=2022-04-01",
		sub + azuremltest.SubscriptionID + "/resourceGroups/rg-aks/providers/Microsoft.ContainerService/managedClusters?api-version=2024-05-01",
		mmsURL + "/models", mmsURL + "/assets", mmsURL + "/services?expand=true", mmsURL + "/profiles", operationURL(t, hangs),
		mmsURL + "/services/code/logs", envURL, envURL + "/mine/labels/good", build.at("location").(string), artifactURL + "/LocalUpload/empty",
	}
}

// signature is what changes in an answer with every request: the signatures of
// addresses, and numbers and times of the errors.
var signature = regexp.MustCompile(`\?[^"]*sig=[^"]*`)

// pictures are what a client sees at the addresses, and the program itself.
func pictures(t testing.TB, srv *azuremltest.Server, urls []string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, url := range urls {
		a := do(t, srv, http.MethodGet, url, "").want(t, http.StatusOK)
		all[url] = signature.ReplaceAllString(a.text, "?")
	}
	for _, name := range []string{"code", "group"} {
		all[name] = do(t, srv, http.MethodPost, servicesURL+"/"+name+"/listkeys", "").want(t, http.StatusOK).text
	}
	for _, path := range srv.Blobs(defaultWorkspace) {
		content, ok := srv.Blob(path)
		require.True(t, ok)
		all[path] = string(content)
	}
	for what, v := range map[string]any{"workspaces": srv.Workspaces(), "services": srv.Services(defaultWorkspace),
		"models": srv.Models(defaultWorkspace), "computes": srv.Computes(defaultWorkspace)} {
		all[what] = jsonOf(t, v)
	}
	return all
}

// saved is the state as SaveState writes it.
func saved(t testing.TB, srv *azuremltest.Server) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, srv.SaveState(&b))
	require.NotEmpty(t, b)
	return b.String()
}

// load reads a state.
func load(t testing.TB, srv *azuremltest.Server, state string) {
	t.Helper()
	require.NoError(t, srv.LoadState(strings.NewReader(state)))
}

// withoutTime is a state without the moment at which it was saved.
func withoutTime(t testing.TB, state string) string {
	t.Helper()
	var doc map[string]any
	require.NoError(t, json.Unmarshal([]byte(state), &doc))
	delete(doc, "saved")
	return jsonOf(t, doc)
}

func TestStateSurvives(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	urls := everything(t, srv)
	state := saved(t, srv)
	assert.NotContains(t, state, "SECRETCERT")
	assert.NotContains(t, state, "SECRETKEY")
	before := pictures(t, srv, urls)
	assert.Contains(t, before[urls[14]], `"state":"Cancelled"`, "what is stuck is canceled")
	assert.Contains(t, before[computesURL+"/making"+version], `"provisioningState":"Succeeded"`, "what is under way is ended")
	state = saved(t, srv)

	again := newServer(t, nil)
	require.NoError(t, again.LoadState(strings.NewReader(state)))
	assert.JSONEq(t, withoutTime(t, state), withoutTime(t, saved(t, again)))
	assert.Equal(t, before, pictures(t, again, urls))

	// It goes on: with the old keys, new ids, new versions, and operations.
	for _, svc := range again.Services(defaultWorkspace) {
		if svc.Name != "code" {
			continue
		}
		a, err := try(again, http.MethodPost, svc.ScoringURL, `[1]`, "Authorization", "Bearer p2")
		require.NoError(t, err)
		assert.Equal(t, "[1]", a.want(t, http.StatusOK).text)
		a, err = try(again, http.MethodPost, svc.ScoringURL, `[1]`, "Authorization", "Bearer p3")
		require.NoError(t, err)
		a.want(t, http.StatusUnauthorized)
	}
	a, err := try(again, http.MethodPost, "http://label.westeurope.azurecontainer.io/score", "1", "Authorization", "Bearer "+again.Services(defaultWorkspace)[3].PrimaryKey)
	require.NoError(t, err)
	assert.Equal(t, "group", again.Services(defaultWorkspace)[3].Name)
	a.want(t, http.StatusOK)
	assert.Equal(t, "m:2", again.AddModel(defaultWorkspace, azuremltest.Model{Name: "m"}).ID)
	deploy(t, again, aksRequest("new"))
	_, done := settle(t, again, change(t, again, "end", `[{"op":"replace","path":"/versions/first/numReplicas","value":2}]`))
	assert.Equal(t, "Succeeded", done.at("state"), done.text)
	follow(t, again, do(t, again, http.MethodDelete, servicesURL+"/code", "").want(t, http.StatusAccepted))
	token := signIn(t, again, azuremltest.TenantID, "client_credentials")
	assert.Equal(t, http.StatusOK, token.status, token.text)
}

// signIn logs the service principal in.
func signIn(t testing.TB, srv *azuremltest.Server, tenant, grant string) answer {
	t.Helper()
	a, err := try(srv, http.MethodPost, "https://login.microsoftonline.com/"+tenant+"/oauth2/v2.0/token",
		"grant_type="+grant+"&client_id="+azuremltest.ClientID+"&client_secret=emulated~secret%26with%3Dodd%2Bcharacters&scope=https://management.azure.com/.default",
		"Content-Type", "application/x-www-form-urlencoded")
	require.NoError(t, err)
	return a
}

func TestNewIdsAfterLoading(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	furnish(srv)
	state := saved(t, srv)
	again := newServer(t, nil)
	require.NoError(t, again.LoadState(strings.NewReader(state)))
	w := again.AddWorkspace(azuremltest.Workspace{Name: "second"})
	assert.NotContains(t, state, w.ID)
	k := again.AddCompute(defaultWorkspace, azuremltest.Compute{Name: "second"})
	assert.NotContains(t, state, `"`+strings.TrimPrefix(k.ScoringURL, "http://")+`"`)
}

func TestStateFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.json")
	options := &azuremltest.Options{StateFile: path}
	srv := azuremltest.NewServer(options)
	srv.AddModel(defaultWorkspace, azuremltest.Model{Name: "kept"})
	_, err := os.Stat(path)
	require.ErrorIs(t, err, os.ErrNotExist)
	srv.Close()
	srv.Close()
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	srv = azuremltest.NewServer(options)
	require.Len(t, srv.Models(defaultWorkspace), 1)
	srv.AddModel(defaultWorkspace, azuremltest.Model{Name: "kept"})
	require.NoError(t, srv.Shutdown())
	srv = newServer(t, options)
	assert.Len(t, srv.Models(defaultWorkspace), 2)
	left, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	assert.Len(t, left, 1, "no temporary file is left")
}

func TestStateFileRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "state.json")
	require.NoError(t, os.WriteFile(path, []byte("{}"), 0o600))
	_, err := azuremltest.Start(&azuremltest.Options{StateFile: path})
	assert.ErrorContains(t, err, "this is no state of an emulator")
	assert.ErrorContains(t, err, path)
	assert.PanicsWithValue(t, err.Error(), func() { azuremltest.NewServer(&azuremltest.Options{StateFile: path}) })
	_, err = azuremltest.Start(&azuremltest.Options{StateFile: filepath.Join(dir, "no", "state.json")})
	assert.ErrorIs(t, err, os.ErrNotExist)

	inner := filepath.Join(dir, "inner")
	require.NoError(t, os.Mkdir(inner, 0o700))
	srv := azuremltest.NewServer(&azuremltest.Options{StateFile: filepath.Join(inner, "state.json")})
	require.NoError(t, os.Remove(inner))
	assert.ErrorContains(t, srv.Shutdown(), "cannot save the state")
}

// Of two servers with one file the last one is kept, and the other's state is not lost.
func TestStateFileOfTwo(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.json")
	options := &azuremltest.Options{StateFile: path}
	holds := func(path string, names ...string) {
		t.Helper()
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		srv := newServer(t, nil)
		require.NoError(t, srv.LoadState(bytes.NewReader(text)))
		var got []string
		for _, m := range srv.Models(defaultWorkspace) {
			got = append(got, m.Name)
		}
		assert.Equal(t, names, got)
	}
	for _, found := range [][]string{nil, {"two"}} { // without a file, and with one
		one, two := azuremltest.NewServer(options), azuremltest.NewServer(options)
		one.AddModel(defaultWorkspace, azuremltest.Model{Name: "one"})
		two.AddModel(defaultWorkspace, azuremltest.Model{Name: "two"})
		require.NoError(t, one.Shutdown())
		require.NoError(t, two.Shutdown())
		holds(path, append(slices.Clone(found), "two")...)
		holds(path+"~", append(slices.Clone(found), "one")...)
		require.NoError(t, os.Remove(path+"~"))
	}
	azuremltest.NewServer(options).Close()
	assert.NoFileExists(t, path+"~", "nobody else was there")
}

func TestStateFolderThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.Chmod(dir, 0o500))
	rights.Drop(t)
	_, err := azuremltest.Start(&azuremltest.Options{StateFile: filepath.Join(dir, "state.json")})
	assert.ErrorContains(t, err, "the folder of the state file")
}

func TestBrokenStates(t *testing.T) {
	t.Parallel()
	srv := newServiceWorld(t, nil)
	deploy(t, srv, aksRequest("code", "environmentImageRequest", codeImage(t, srv, "x")))
	state := saved(t, srv)
	for name, c := range map[string]struct{ old, new, want string }{
		"no JSON":         {`{"format"`, `{"format`, "invalid character"},
		"cut":             {"}]}\n", "", "unexpected end"},
		"other format":    {"azuremltest state", "other", `format is "other"`},
		"other version":   {`"version":1`, `"version":2`, "version is 2"},
		"unknown member":  {`"nextIP"`, `"extra":1,"nextIP"`, `unknown field "extra"`},
		"wrong type":      {`"nodeCount":3`, `"nodeCount":"3"`, "clusters.nodeCount"},
		"random":          {`"random":"`, `"random":"AAAA`, "random"},
		"unknown model":   {`"modelIds":["m:1"]`, `"modelIds":["x:1"]`, `model "x:1" is not there`},
		"unknown tenant":  {`"id":"` + azuremltest.TenantID, `"id":"` + otherTenant, "is not there"},
		"unknown cluster": {`"cluster":2`, `"cluster":9`, "cluster 9"},
		"unknown phase":   {`"at":2`, `"at":7`, "at none of its phases"},
		"unknown content": {`"dir/weights.bin":`, `"dir/weights.bin":9`, "content"},
		"under way":       {`"state":"Succeeded"`, `"state":"Running"`, "has not ended"},
		"compute type":    {`"computeType":"AKS","computeName"`, `"computeType":"X","computeName"`, `compute type "X" is unknown`},
	} {
		t.Run(name, func(t *testing.T) {
			require.True(t, strings.Contains(state, c.old), c.old)
			err := srv.LoadState(strings.NewReader(strings.Replace(state, c.old, c.new, 1)))
			require.ErrorContains(t, err, c.want)
			assert.ErrorContains(t, err, "azuremltest: the state is broken")
		})
	}
	assert.ErrorContains(t, srv.LoadState(strings.NewReader(" \n")), "the state is broken: the document is empty")
	assert.JSONEq(t, withoutTime(t, state), withoutTime(t, saved(t, srv)), "nothing has changed")
}

func TestSaveStateUnderLoad(t *testing.T) {
	t.Parallel()
	srv := newServiceWorld(t, nil)
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for n := range 5 {
				srv.AddModel(defaultWorkspace, azuremltest.Model{Name: fmt.Sprintf("m%d", i)})
				name := fmt.Sprintf("s-%d-%d", i, n)
				create(t, srv, aciRequest(name))
				do(t, srv, http.MethodGet, servicesURL+"/"+name, "")
				change(t, srv, name, `[{"op":"add","path":"/kvTags/a","value":"b"}]`)
			}
		})
		all.Go(func() {
			for range 5 {
				assert.NoError(t, newServer(t, nil).LoadState(strings.NewReader(saved(t, srv))))
			}
		})
	}
	all.Wait()
	again := newServer(t, nil)
	require.NoError(t, again.LoadState(strings.NewReader(saved(t, srv))))
	assert.Equal(t, srv.Services(defaultWorkspace), again.Services(defaultWorkspace))
	assert.Len(t, again.Services(defaultWorkspace), 20)
}
