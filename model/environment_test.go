package model_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/workspace"
)

func TestRegisterEnvironment(t *testing.T) {
	t.Parallel()
	play(t, "environment_register", func(t *testing.T, ws *workspace.Workspace) {
		e := sklearn()
		registered, err := model.RegisterEnvironment(t.Context(), ws, e)
		require.NoError(t, err)
		assert.Equal(t, "1", registered.Version)
		assert.Contains(t, registered.AssetID, "/environments/sklearn-env/versions/1")
		assert.Empty(t, e.Version, "the caller's environment was changed")
		e.Version = "7"
		registered, err = model.RegisterEnvironment(t.Context(), ws, e)
		require.NoError(t, err)
		assert.Equal(t, "7", registered.Version)
		assert.Equal(t, e.Python.CondaDependencies, registered.Python.CondaDependencies)
	})
}

func TestGetEnvironment(t *testing.T) {
	t.Parallel()
	play(t, "environment_get", func(t *testing.T, ws *workspace.Workspace) {
		for _, o := range []*model.GetEnvironmentOptions{nil, {Version: "1"}, {Label: "prod"}} {
			e, err := model.GetEnvironment(t.Context(), ws, "sklearn-env", o)
			require.NoError(t, err)
			assert.Equal(t, "1", e.Version)
			assert.Equal(t, []string{"azureml-defaults"}, e.Python.CondaDependencies.Dependencies[1].Pip)
			assert.Nil(t, e.Docker.SharedVolumes)
			assert.Empty(t, e.Docker.ShmSize)
		}
		_, err := model.GetEnvironment(t.Context(), ws, "nope", nil)
		require.ErrorIs(t, err, azureml.ErrNotFound)
		assert.Contains(t, err.Error(), `cannot get environment "nope"`)
	})
}

func TestEnvironmentRules(t *testing.T) {
	t.Parallel()
	change := func(change func(e *model.Environment)) *model.Environment {
		e := model.NewEnvironment("e")
		change(e)
		return e
	}
	for name, c := range map[string]struct {
		environment *model.Environment
		want        []string
	}{
		"nil":        {nil, []string{"environment"}},
		"reference":  {&model.Environment{Name: "e", Version: "1"}, []string{"environment"}},
		"no name":    {model.NewEnvironment(" "), []string{"Name"}},
		"reserved":   {model.NewEnvironment("AzureML-mine"), []string{"Name"}},
		"reserved2":  {model.NewEnvironment("microsoft-mine"), []string{"Name"}},
		"two images": {change(func(e *model.Environment) { e.Docker.BaseDockerfile = "FROM x" }), []string{"Docker"}},
		"no image":   {change(func(e *model.Environment) { e.Docker.BaseImage = "" }), []string{"Docker"}},
		"context": {change(func(e *model.Environment) { e.Docker.SetBuildContext(model.BuildContext{LocationType: "ftp"}) }),
			[]string{"Docker.BuildContext.Location", "Docker.BuildContext.LocationType"}},
		"no password": {change(func(e *model.Environment) { e.Docker.BaseImageRegistry.Username = "u" }), []string{"Docker.BaseImageRegistry.Password"}},
		"no user": {change(func(e *model.Environment) { e.Docker.BaseImageRegistry.Password = azureml.NewSecret(signature) }),
			[]string{"Docker.BaseImageRegistry.Username"}},
		"variables": {change(func(e *model.Environment) { e.EnvironmentVariables = map[string]string{"": "x"} }), []string{"EnvironmentVariables"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := model.RegisterEnvironment(t.Context(), offline(t), c.environment)
			require.ErrorIs(t, err, azureml.ErrInvalid)
			assert.Equal(t, c.want, fields(failure(t, err)))
		})
	}
	_, err := model.GetEnvironment(t.Context(), offline(t), "", &model.GetEnvironmentOptions{Version: "1", Label: "x"})
	assert.Equal(t, []string{"name", "Label"}, fields(failure(t, err)))
}

func TestEnvironmentFailures(t *testing.T) {
	t.Parallel()
	for status, kind := range map[int]error{403: azureml.ErrForbidden, 500: azureml.ErrUnavailable, 400: azureml.ErrInvalid, 409: azureml.ErrConflict} {
		ws := scripted(t, func(*http.Request) (int, string) { return status, `{"error":{"code":"UserError","message":"no"}}` })
		_, err := model.RegisterEnvironment(t.Context(), ws, model.NewEnvironment("e"))
		require.ErrorIs(t, err, kind)
		_, err = model.GetEnvironment(t.Context(), ws, "e", nil)
		require.ErrorIs(t, err, kind)
	}
	ws := scripted(t, func(*http.Request) (int, string) { return 200, `{}` })
	_, err := model.RegisterEnvironment(t.Context(), ws, model.NewEnvironment("e"))
	assert.ErrorContains(t, err, "did not answer with the environment")
}

// TestEnvironmentIsRegisteredOnce: without a version each request makes a new one.
func TestEnvironmentIsRegisteredOnce(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]int{"": 1, "1": 4} {
		sent := 0
		ws := scripted(t, func(*http.Request) (int, string) { sent++; return 503, "" })
		e := model.NewEnvironment("e")
		e.Version = version
		_, err := model.RegisterEnvironment(t.Context(), ws, e)
		require.ErrorIs(t, err, azureml.ErrUnavailable)
		assert.Equal(t, want, sent)
	}
}

// full is an environment with everything set.
func full() *model.Environment {
	e := model.NewEnvironmentFromDockerImage("full env", "registry.example/i", &model.ContainerRegistry{
		Address: "registry.example", Username: "u", Password: azureml.NewSecret("PLANTED"),
		RegistryIdentity: &model.RegistryIdentity{ResourceID: "/r", ClientID: "c"},
	})
	no := false
	e.EnvironmentVariables = map[string]string{"A": "B"}
	e.Docker.SharedVolumes, e.Docker.Arguments = &no, []string{"--ipc=host"}
	e.Spark = model.SparkSection{Repositories: []string{"r"}, Packages: []model.SparkPackage{{Group: "g", Artifact: "a", Version: "1"}}, PrecachePackages: &no}
	e.Databricks.JarLibraries = []json.RawMessage{json.RawMessage(`{"library":"x"}`)}
	e.R = &model.RSection{
		RVersion: "4", CranPackages: []model.RCranPackage{{Name: "n", Version: "1"}},
		GitHubPackages: []model.RGitHubPackage{{Repository: "r", AuthToken: azureml.NewSecret("PLANTED")}}, CustomURLPackages: []string{"u"},
	}
	e.InferencingStackVersion = "latest"
	return e
}

// TestEnvironmentSecrets: they go out, and are shown nowhere else.
func TestEnvironmentSecrets(t *testing.T) {
	t.Parallel()
	var sent string
	ws := scripted(t, func(r *http.Request) (int, string) {
		if r.Method == http.MethodPut {
			sent = readAll(r)
			assert.Contains(t, r.URL.EscapedPath(), "/environments/full%20env")
		}
		return 400, ""
	})
	e := full()
	_, err := model.RegisterEnvironment(t.Context(), ws, e)
	require.ErrorIs(t, err, azureml.ErrInvalid)
	assert.Contains(t, sent, `"password":"PLANTED"`)
	assert.Contains(t, sent, `"authToken":"PLANTED"`)
	shown, err2 := json.Marshal(e)
	require.NoError(t, err2)
	assert.NotContains(t, fmt.Sprintf("%s %v %+v %#v %s", shown, e, e, *e, err), "PLANTED")
}

// TestEnvironmentRoundTrip: what is read is what was written.
func TestEnvironmentRoundTrip(t *testing.T) {
	t.Parallel()
	for _, e := range []*model.Environment{full(), model.NewEnvironment("e"), sklearn()} {
		data, err := json.Marshal(e)
		require.NoError(t, err)
		var again model.Environment
		require.NoError(t, json.Unmarshal(data, &again))
		rewritten, err := json.Marshal(&again)
		require.NoError(t, err)
		assert.JSONEq(t, string(data), string(rewritten))
	}
}

func TestEnvironmentClone(t *testing.T) {
	t.Parallel()
	e := full()
	e.Version, e.AssetID = "3", "id"
	before, err := json.Marshal(e)
	require.NoError(t, err)
	c := e.Clone("mine")
	assert.Equal(t, "mine", c.Name)
	assert.Empty(t, c.Version+c.AssetID)
	c.EnvironmentVariables["A"] = "C"
	c.Python.CondaDependencies.AddPip("x")
	c.Python.CondaDependencies.Dependencies[0].Package = "x"
	*c.Docker.SharedVolumes = true
	c.Docker.Arguments[0] = "x"
	c.Docker.BaseImageRegistry.RegistryIdentity.ClientID = "x"
	c.Spark.Packages[0].Group = "x"
	c.Databricks.JarLibraries[0][2] = 'x'
	c.R.GitHubPackages[0].Repository = "x"
	after, err := json.Marshal(e)
	require.NoError(t, err)
	assert.Equal(t, string(before), string(after), "the original was changed")
}

func TestEnvironmentFiles(t *testing.T) {
	t.Parallel()
	root := write(t, map[string]string{
		"environment.yml":  "name: x\nchannels: [conda-forge]\ndependencies:\n- numpy\n- pip:\n  - azureml-defaults\n",
		"requirements.txt": "\ufeff# comment\nazureml-defaults\r\n\nnumpy==1.26  \n", "Dockerfile": "FROM x\n",
		"bad.yml": "dependencies: 1\n",
	})
	e, err := model.NewEnvironmentFromCondaFile("e", filepath.Join(root, "environment.yml"))
	require.NoError(t, err)
	assert.Equal(t, []model.CondaDependency{{Package: "numpy"}, {Pip: []string{"azureml-defaults"}}, {Package: "python=3.8.13"}}, e.Python.CondaDependencies.Dependencies)
	assert.Equal(t, model.DefaultCPUImage, e.Docker.BaseImage)

	e, err = model.NewEnvironmentFromPipFile("e", filepath.Join(root, "requirements.txt"), "23.1")
	require.NoError(t, err)
	assert.Equal(t, []model.CondaDependency{
		{Package: "python=3.8.13"}, {Pip: []string{"# comment", "azureml-defaults", "numpy==1.26"}}, {Package: "pip=23.1"},
	}, e.Python.CondaDependencies.Dependencies)

	e, err = model.NewEnvironmentFromDockerfile("e", filepath.Join(root, "Dockerfile"))
	require.NoError(t, err)
	assert.Equal(t, "FROM x\n", e.Docker.BaseDockerfile)
	assert.Empty(t, e.Docker.BaseImage)
	assert.True(t, e.Python.UserManagedDependencies)

	for _, open := range []func() error{
		func() error {
			_, err := model.NewEnvironmentFromCondaFile("e", filepath.Join(root, "nope"))
			return err
		},
		func() error {
			_, err := model.NewEnvironmentFromPipFile("e", filepath.Join(root, "nope"), "")
			return err
		},
		func() error {
			_, err := model.NewEnvironmentFromDockerfile("e", filepath.Join(root, "nope"))
			return err
		},
	} {
		err := open()
		require.ErrorIs(t, err, azureml.ErrInvalid)
		require.ErrorIs(t, err, os.ErrNotExist)
		assert.Contains(t, err.Error(), "nope")
	}
	_, err = model.NewEnvironmentFromCondaFile("e", filepath.Join(root, "bad.yml"))
	require.ErrorIs(t, err, azureml.ErrInvalid)
	assert.Contains(t, err.Error(), "bad.yml")
}

func TestParseCondaDependencies(t *testing.T) {
	t.Parallel()
	c, err := model.ParseCondaDependencies([]byte("name: n\nprefix: /p\nvariables: {A: 1}\nchannels:\ndependencies:\n- &x python=3.10\n- conda-forge::numpy=1.26\n- *x\n- pip:\n"))
	require.NoError(t, err)
	assert.Equal(t, &model.CondaDependencies{
		Name: "n", Prefix: "/p", Variables: map[string]string{"A": "1"},
		Dependencies: []model.CondaDependency{{Package: "python=3.10"}, {Package: "conda-forge::numpy=1.26"}, {Package: "python=3.10"}, {Pip: []string{}}},
	}, c)
	for text, want := range map[string][]string{
		"":                {"mapping"},
		"- a":             {"mapping"},
		"a: [":            {"not YAML"},
		"chanels: [a]":    {`line 1: unknown key "chanels"`},
		"dependencies: a": {"dependencies must be a list"},
		"dependencies: [{npm: [a]}, [b], {pip: 1}, {pip: [[x]]}]\nname: [x]\nvariables: a\nchannels: {}\n": {
			"line 1: a dependency must be", "pip must be a list", "an entry of pip must be a text", "line 2: name must be a text", "line 3: variables must be a mapping", "line 4: channels must be a list",
		},
	} {
		_, err := model.ParseCondaDependencies([]byte(text))
		require.ErrorIs(t, err, azureml.ErrInvalid, text)
		for _, w := range want {
			assert.Contains(t, err.Error(), w, text)
		}
	}
}

func TestCondaDependencies(t *testing.T) {
	t.Parallel()
	c := model.NewCondaDependencies(nil, []string{"numpy=1.25", "Numpy=1.26"})
	c.AddPip("scikit-learn==1.2.2")
	c.AddPip("scikit-learn[extra]>=1.3")
	c.AddPip("azureml-defaults ; python_version > '3'")
	c.SetPython("3.10")
	data, err := json.Marshal(c)
	require.NoError(t, err)
	assert.JSONEq(t, `{"name":"project_environment","channels":["anaconda","conda-forge"],"dependencies":["python=3.10",
		{"pip":["scikit-learn[extra]>=1.3","azureml-defaults ; python_version > '3'"]},"Numpy=1.26"]}`, string(data))
	bare := &model.CondaDependencies{}
	bare.AddPip("a")
	assert.Equal(t, []model.CondaDependency{{Pip: []string{"a"}}}, bare.Dependencies)
}

// TestUnknownDependency: what the service has and we do not know goes back as it came.
func TestUnknownDependency(t *testing.T) {
	t.Parallel()
	const text = `{"dependencies":["a",{"npm":["b"]},{"pip":["c"]},null,{"pip":1}]}`
	var c model.CondaDependencies
	require.NoError(t, json.Unmarshal([]byte(text), &c))
	data, err := json.Marshal(c)
	require.NoError(t, err)
	assert.JSONEq(t, text, string(data))
}

func FuzzParseCondaDependencies(f *testing.F) {
	f.Add("name: x\ndependencies: [a, {pip: [b]}]")
	f.Add("dependencies:\n- pip:\n  - &a b\n  - *a\nvariables: {a: b}")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := model.ParseCondaDependencies([]byte(text))
		if err != nil {
			require.ErrorIs(t, err, azureml.ErrInvalid)
			return
		}
		data, err := json.Marshal(c)
		require.NoError(t, err)
		var again model.CondaDependencies
		require.NoError(t, json.Unmarshal(data, &again))
		rewritten, err := json.Marshal(again)
		require.NoError(t, err)
		assert.Equal(t, string(data), string(rewritten))
	})
}

func FuzzEnvironmentJSON(f *testing.F) {
	for _, e := range []*model.Environment{full(), model.NewEnvironment("e")} {
		data, err := json.Marshal(e)
		require.NoError(f, err)
		f.Add(string(data))
	}
	f.Add(`{"name":"x","python":{"condaDependencies":{"dependencies":[{"pip":null},1,"a"]}},"docker":null}`)
	f.Fuzz(func(t *testing.T, text string) {
		var e model.Environment
		if json.Unmarshal([]byte(text), &e) != nil {
			return
		}
		data, err := json.Marshal(&e)
		require.NoError(t, err)
		var again model.Environment
		require.NoError(t, json.Unmarshal(data, &again), strings.ToValidUTF8(string(data), ""))
	})
}
