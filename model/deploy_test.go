package model_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/recording"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/workspace"
)

func churn() []*model.Model { return []*model.Model{{ID: "churn:1", Name: "churn", RunID: "r"}} }

// sklearnModel can be deployed without code.
func sklearnModel() []*model.Model {
	return []*model.Model{{ID: "sk:1", Framework: model.FrameworkScikitLearn}}
}

func scoring(e *model.Environment) *model.InferenceConfig {
	return &model.InferenceConfig{EntryScript: "testdata/score.py", Environment: e}
}

var aks = testConfiguration{compute: "aks-prod"}

func TestBeginDeploy(t *testing.T) {
	t.Parallel()
	play(t, "deploy_default", func(t *testing.T, ws *workspace.Workspace) {
		warn, warnings := collector()
		environment := sklearn()
		before := environment.Clone(environment.Name)
		var seen []model.DeployRequest
		var moved []model.UploadProgress
		p, err := model.BeginDeploy(t.Context(), ws, "churn-svc", churn(), scoring(environment), testConfiguration{compute: "aks-prod", seen: &seen}, &model.DeployOptions{
			OnWarning: warn, Progress: func(p model.UploadProgress) { moved = append(moved, p) },
		})
		require.NoError(t, err)
		assert.Equal(t, before, environment, "the caller's environment was changed")
		assert.Empty(t, *warnings)
		require.Len(t, seen, 2)
		assert.Nil(t, seen[0].Image, "the first call only checks")
		assert.Equal(t, []string{"churn:1"}, seen[1].Image.ModelIDs)
		assert.NotEmpty(t, moved)
		s, err := azureml.Wait(t.Context(), p, nil)
		require.NoError(t, err)
		assert.Equal(t, "churn-svc", s.Name)
	})
}

func TestDeployKinds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		recording, name string
		models          []*model.Model
		inference       *model.InferenceConfig
		config          testConfiguration
		options         *model.DeployOptions
	}{
		{"deploy_no_environment", "churn-svc", churn(), scoring(nil), aks, nil},
		{"deploy_overwrite", "churn-svc", churn(), scoring(sklearn()), testConfiguration{compute: "aks-prod", replicas: 2}, &model.DeployOptions{Overwrite: true}},
		{"deploy_skip_validation", "churn-svc", churn(), scoring(sklearn()), aks, &model.DeployOptions{SkipValidation: true}},
		{"deploy_source_directory", "churn-svc", churn(), &model.InferenceConfig{
			EntryScript: "sub/score2.py", SourceDirectory: "testdata/src", Environment: &model.Environment{Name: "sklearn-env"},
		}, aks, nil},
		{"deploy_no_code", "sk-svc", sklearnModel(), nil, aks, nil},
	} {
		t.Run(c.recording, func(t *testing.T) {
			play(t, c.recording, func(t *testing.T, ws *workspace.Workspace) {
				_, err := model.BeginDeploy(t.Context(), ws, c.name, c.models, c.inference, c.config, c.options)
				require.NoError(t, err)
			})
		})
	}
}

// TestDeployQuestions: a clear no ends the deployment, no answer is a warning.
func TestDeployQuestions(t *testing.T) {
	t.Parallel()
	play(t, "deploy_existing_name", func(t *testing.T, ws *workspace.Workspace) {
		_, err := model.BeginDeploy(t.Context(), ws, "churn-svc", churn(), scoring(sklearn()), aks, nil)
		require.ErrorIs(t, err, azureml.ErrConflict)
		e := failure(t, err)
		assert.Equal(t, "ServiceExists", e.Code)
		assert.Contains(t, e.Remedy, "Overwrite")
		assert.Contains(t, err.Error(), "already exists")
	})
	play(t, "deploy_no_room", func(t *testing.T, ws *workspace.Workspace) {
		_, err := model.BeginDeploy(t.Context(), ws, "churn-svc", churn(), scoring(sklearn()), aks, nil)
		require.ErrorIs(t, err, azureml.ErrInvalid)
		assert.Contains(t, err.Error(), "The cluster has 12 cores, the service asks for 64.")
	})
	play(t, "deploy_unanswered", func(t *testing.T, ws *workspace.Workspace) {
		var warnings []azureml.Warning
		_, err := model.BeginDeploy(t.Context(), ws, "churn-svc", churn(), scoring(sklearn()), aks, &model.DeployOptions{
			OnWarning: func(w azureml.Warning) { warnings = append(warnings, w) },
		})
		require.NoError(t, err)
		require.Len(t, warnings, 3)
		for i, want := range []string{"whether the name is free", "whether it takes the deployment", "whether there is room"} {
			assert.Contains(t, warnings[i].Message, want)
			assert.Error(t, warnings[i].Err)
		}
	})
}

// TestDeployQuestionsHaveTimeouts: a silent service delays a deployment by 50 s.
func TestDeployQuestionsHaveTimeouts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := recording.Play(t, "deploy_silent")
		options := p.ClientOptions()
		played := options.Transport
		options.Transport = transporter(func(r *http.Request) (*http.Response, error) {
			if strings.Contains(r.URL.Path, "/services/validate") {
				<-r.Context().Done()
				return nil, r.Context().Err()
			}
			return played.Do(r)
		})
		ws := open(t, p, options)
		warn, warnings := collector()
		start := time.Now()
		_, err := model.BeginDeploy(t.Context(), ws, "sk-svc", sklearnModel(), nil, aks, &model.DeployOptions{OnWarning: warn})
		require.NoError(t, err)
		assert.Len(t, *warnings, 3)
		assert.Equal(t, 50*time.Second, time.Since(start))
	})
}

// TestDeployLostAnswer: a deployment that was taken although its answer got lost goes on
// as if nothing had happened; somebody else's service is still a failure.
func TestDeployLostAnswer(t *testing.T) {
	t.Parallel()
	for recording, c := range map[string]struct {
		name string
		code bool
		kind error
	}{
		"deploy_lost":              {"churn-svc", true, nil},
		"deploy_lost_no_operation": {"churn-svc", true, nil},
		"deploy_lost_foreign":      {"churn-svc", true, azureml.ErrConflict},
		"deploy_no_code_lost":      {"sk-svc", false, nil},
		"deploy_no_code_foreign":   {"sk-svc", false, azureml.ErrConflict},
		"deploy_no_code_old":       {"sk-svc", false, azureml.ErrConflict},
	} {
		t.Run(recording, func(t *testing.T) {
			play(t, recording, func(t *testing.T, ws *workspace.Workspace) {
				models, inference := sklearnModel(), (*model.InferenceConfig)(nil)
				if c.code {
					models, inference = churn(), scoring(sklearn())
				}
				p, err := model.BeginDeploy(t.Context(), ws, c.name, models, inference, aks, nil)
				if c.kind != nil {
					require.ErrorIs(t, err, c.kind)
					_ = failure(t, err)
					return
				}
				require.NoError(t, err)
				s, err := azureml.Wait(t.Context(), p, nil)
				require.NoError(t, err)
				assert.Equal(t, c.name, s.Name)
			})
		})
	}
}

func TestDeployFailures(t *testing.T) {
	t.Parallel()
	play(t, "deploy_refused", func(t *testing.T, ws *workspace.Workspace) {
		_, err := model.BeginDeploy(t.Context(), ws, "churn-svc", churn(), scoring(sklearn()), aks, nil)
		require.ErrorIs(t, err, azureml.ErrInvalid)
		assert.True(t, azureml.HasCode(err, "ComputeResourceNotCreated"))
		_ = failure(t, err)
	})
	play(t, "deploy_failed", func(t *testing.T, ws *workspace.Workspace) {
		p, err := model.BeginDeploy(t.Context(), ws, "churn-svc", churn(), scoring(sklearn()), aks, nil)
		require.NoError(t, err)
		_, err = azureml.Wait(t.Context(), p, nil)
		require.ErrorIs(t, err, azureml.ErrOperationFailed)
		e := failure(t, err)
		assert.Equal(t, "the log of churn-svc", e.LogTail, "the configuration did not see the failure")
		assert.Equal(t, "DeployService", e.Stage)
		assert.True(t, azureml.HasCode(err, "CrashLoopBackOff"))
	})
}

func TestDeployResume(t *testing.T) {
	t.Parallel()
	var token string
	play(t, "deploy_no_environment", func(t *testing.T, ws *workspace.Workspace) {
		p, err := model.BeginDeploy(t.Context(), ws, "churn-svc", churn(), scoring(nil), aks, nil)
		require.NoError(t, err)
		token, err = p.ResumeToken()
		require.NoError(t, err)
	})
	assert.NotContains(t, token, "https:")
	play(t, "deploy_resume", func(t *testing.T, ws *workspace.Workspace) {
		// Nothing but the token counts: these would all be refused.
		p, err := model.BeginDeploy(t.Context(), ws, "churn-svc", nil, nil, testConfiguration{rules: []azureml.Violation{{Field: "x"}}}, &model.DeployOptions{ResumeToken: token})
		require.NoError(t, err)
		s, err := azureml.Wait(t.Context(), p, nil)
		require.NoError(t, err)
		assert.Equal(t, "churn-svc", s.Name)
	})
	_, err := model.BeginDeploy(t.Context(), offline(t), "another-svc", nil, nil, aks, &model.DeployOptions{ResumeToken: token})
	require.ErrorIs(t, err, azureml.ErrInvalid)
	var none model.DeployConfiguration[*testService]
	_, err = model.BeginDeploy(t.Context(), offline(t), "churn-svc", nil, nil, none, &model.DeployOptions{ResumeToken: token})
	require.ErrorIs(t, err, azureml.ErrInvalid)
}

// TestDeployRules: everything that is wrong is said at once, before any request.
func TestDeployRules(t *testing.T) {
	t.Parallel()
	onnx := &model.Model{ID: "m:1", Framework: model.FrameworkOnnx}
	source := write(t, map[string]string{"score.py": "def init(): pass\ndef run(d): return d\n", "ignored.py": "", ".amlignore": "ignored.py\n", "my-score.py": "", "1a.py": "", "class.py": "", "a.txt": ""})
	for name, c := range map[string]struct {
		service   string
		models    []*model.Model
		inference *model.InferenceConfig
		config    testConfiguration
		want      []string
	}{
		"short name":    {"ab", churn(), scoring(nil), aks, []string{"name"}},
		"long name":     {strings.Repeat("a", 33), churn(), scoring(nil), aks, []string{"name"}},
		"upper case":    {"Churn", churn(), scoring(nil), aks, []string{"name"}},
		"underscore":    {"churn_svc", churn(), scoring(nil), aks, []string{"name"}},
		"digit first":   {"1churn", churn(), scoring(nil), aks, []string{"name"}},
		"dash last":     {"churn-", churn(), scoring(nil), aks, []string{"name"}},
		"line break":    {"churn\n", churn(), scoring(nil), aks, []string{"name"}},
		"no name":       {"", churn(), scoring(nil), aks, []string{"name"}},
		"no models":     {"svc", nil, nil, aks, []string{"inference"}},
		"two models":    {"svc", []*model.Model{onnx, {ID: "n:1", Framework: model.FrameworkOnnx}}, nil, aks, []string{"inference"}},
		"framework":     {"svc", []*model.Model{{ID: "m:1", Framework: model.FrameworkPyTorch}}, nil, aks, []string{"inference"}},
		"nil model":     {"svc", []*model.Model{nil}, scoring(nil), aks, []string{"models"}},
		"unregistered":  {"svc", []*model.Model{{Name: "m"}}, scoring(nil), aks, []string{"models"}},
		"twice":         {"svc", []*model.Model{onnx, onnx}, scoring(nil), aks, []string{"models"}},
		"no script":     {"svc", churn(), &model.InferenceConfig{}, aks, []string{"inference.EntryScript"}},
		"missing":       {"svc", churn(), &model.InferenceConfig{EntryScript: "nope.py"}, aks, []string{"inference.EntryScript"}},
		"no directory":  {"svc", churn(), &model.InferenceConfig{EntryScript: "score.py", SourceDirectory: "nope"}, aks, []string{"inference.SourceDirectory"}},
		"outside":       {"svc", churn(), &model.InferenceConfig{EntryScript: "../score.py", SourceDirectory: source}, aks, []string{"inference.EntryScript"}},
		"outside abs":   {"svc", churn(), &model.InferenceConfig{EntryScript: "/etc/score.py", SourceDirectory: source}, aks, []string{"inference.EntryScript"}},
		"ignored":       {"svc", churn(), &model.InferenceConfig{EntryScript: "ignored.py", SourceDirectory: source}, aks, []string{"inference.EntryScript"}},
		"dash":          {"svc", churn(), &model.InferenceConfig{EntryScript: "my-score.py", SourceDirectory: source}, aks, []string{"inference.EntryScript"}},
		"digit":         {"svc", churn(), &model.InferenceConfig{EntryScript: "1a.py", SourceDirectory: source}, aks, []string{"inference.EntryScript"}},
		"keyword":       {"svc", churn(), &model.InferenceConfig{EntryScript: "class.py", SourceDirectory: source}, aks, []string{"inference.EntryScript"}},
		"no python":     {"svc", churn(), &model.InferenceConfig{EntryScript: "a.txt", SourceDirectory: source}, aks, []string{"inference.EntryScript"}},
		"environment":   {"svc", churn(), scoring(&model.Environment{Python: model.PythonSection{UserManagedDependencies: true}}), aks, []string{"inference.Environment.Name", "inference.Environment.Docker"}},
		"configuration": {"svc", churn(), scoring(nil), testConfiguration{rules: []azureml.Violation{{Field: "CPUCores", Rule: "x"}}}, []string{"CPUCores"}},
		"all at once": {"S", nil, &model.InferenceConfig{EntryScript: "nope.txt"}, testConfiguration{rules: []azureml.Violation{{Field: "CPUCores", Rule: "x"}}},
			[]string{"name", "inference.EntryScript", "inference.EntryScript", "CPUCores"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := model.BeginDeploy(t.Context(), offline(t), c.service, c.models, c.inference, c.config, nil)
			require.ErrorIs(t, err, azureml.ErrInvalid)
			assert.Equal(t, c.want, fields(failure(t, err)), err.Error())
		})
	}
	var pointer *pointerConfiguration
	_, err := model.BeginDeploy(t.Context(), offline(t), "svc", churn(), scoring(nil), model.DeployConfiguration[*testService](pointer), nil)
	assert.Equal(t, []string{"config"}, fields(failure(t, err)))
}

type pointerConfiguration struct{ testConfiguration }

func TestDeployWarnings(t *testing.T) {
	t.Parallel()
	noServer := model.NewEnvironment("e")
	noServer.Python.CondaDependencies = model.NewCondaDependencies([]string{"numpy"}, nil)
	own := model.NewEnvironmentFromDockerImage("own", "registry.example/image", nil)
	latest := own.Clone("own")
	latest.InferencingStackVersion = "latest"
	folder := write(t, map[string]string{
		"plain.py": "def init(): pass\ndef run(d): return d\n", "assigned.py": "init = 1\nasync def run(d): return d\n",
		"imported.py": "from other import init, run\n", "method.py": "class A:\n    def init(self): pass\n    def run(self): pass\n",
		"together.py": "_m = Model()\n(init, run) = _m.init, _m.run\n", "lines.py": "from other import (\n    init,\n    run,\n)\n", "star.py": "from other import *\n",
		"used.py": "import json\nstart(init, run)\nrunner = 1\nx = init\n",
		"half.py": "def run(d): return d\n", "guarded.py": "try:\n    import x\nexcept ImportError:\n    def init(): pass\n    def run(d): pass\n",
	})
	for _, c := range []struct {
		script      string
		environment *model.Environment
		models      []*model.Model
		want        []string
	}{
		{"plain.py", model.NewEnvironment("e"), nil, nil},
		{"assigned.py", model.NewEnvironment("e"), nil, nil},
		{"imported.py", model.NewEnvironment("e"), nil, nil},
		{"guarded.py", model.NewEnvironment("e"), nil, nil},
		{"together.py", model.NewEnvironment("e"), nil, nil},
		{"lines.py", model.NewEnvironment("e"), nil, nil},
		{"star.py", model.NewEnvironment("e"), nil, nil},
		{"used.py", model.NewEnvironment("e"), nil, []string{"define init() and run(data)"}},
		{"method.py", model.NewEnvironment("e"), nil, []string{"define init() and run(data)"}},
		{"half.py", model.NewEnvironment("e"), nil, []string{"define init();"}},
		{"plain.py", noServer, nil, []string{"does not install azureml-defaults"}},
		{"plain.py", own, nil, []string{"set InferencingStackVersion"}},
		{"plain.py", latest, nil, nil},
		{"plain.py", nil, nil, []string{"there is no Environment"}},
		{"plain.py", nil, churn(), nil},
	} {
		warn, got := collector()
		ws := scripted(t, func(r *http.Request) (int, string) {
			if strings.Contains(r.URL.Path, "validate") {
				return 200, `{"error":{"message":"that is all we wanted to know"}}`
			}
			return 500, ""
		})
		_, err := model.BeginDeploy(t.Context(), ws, "svc", c.models, &model.InferenceConfig{EntryScript: filepath.Join(folder, c.script), Environment: c.environment}, aks, &model.DeployOptions{OnWarning: warn})
		require.ErrorContains(t, err, "that is all we wanted to know")
		require.Len(t, *got, len(c.want), "%s: %q", c.script, *got)
		for i, want := range c.want {
			assert.Contains(t, (*got)[i], want)
		}
	}
}

// TestDeployCanceled: a context that ends during the questions is no missing answer.
func TestDeployCanceled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	ws := scripted(t, func(*http.Request) (int, string) { cancel(); return 200, `{}` })
	_, err := model.BeginDeploy(ctx, ws, "svc", churn(), scoring(nil), aks, nil)
	require.ErrorIs(t, err, context.Canceled)
	_ = failure(t, err)
}

func TestPrepareImage(t *testing.T) {
	t.Parallel()
	play(t, "prepare_image", func(t *testing.T, ws *workspace.Workspace) {
		warn, warnings := collector()
		image, err := model.PrepareImage(t.Context(), ws, nil, scoring(model.NewEnvironment("e")), &model.PrepareImageOptions{OnWarning: warn})
		require.NoError(t, err)
		assert.Empty(t, *warnings)
		assert.Equal(t, []string{}, image.ModelIDs)
		assert.Equal(t, image.DriverProgram, image.Assets[0].ID)
		assert.Equal(t, `environment "e"`, image.Environment.String())
	})
	image, err := model.PrepareImage(t.Context(), offline(t), []*model.Model{{ID: "m:1", Framework: model.FrameworkMulti}}, nil, nil)
	require.NoError(t, err)
	assert.Equal(t, &model.ImageRequest{ModelIDs: []string{"m:1"}}, image)
	_, err = model.PrepareImage(t.Context(), offline(t), nil, nil, &model.PrepareImageOptions{Operation: "update", Subject: "it"})
	assert.Contains(t, err.Error(), "cannot update it: inference is required")
}

// TestDeployStopsWhenCodeVanishes: packing that fails fails the upload, and leaves nothing
// running.
func TestDeployStopsWhenCodeVanishes(t *testing.T) {
	t.Parallel()
	folder := write(t, map[string]string{"score.py": "def init(): pass\ndef run(d): return d\n", "zzz.py": "x"})
	ws := scripted(t, func(r *http.Request) (int, string) {
		if strings.Contains(r.URL.Path, "/batch/") {
			_ = os.Remove(filepath.Join(folder, "zzz.py"))
			var name string
			if body := readAll(r); strings.Contains(body, "driver_") {
				name = body[strings.Index(body, "driver_"):strings.LastIndex(body, ".py")] + ".py"
			} else {
				name = body[strings.LastIndex(body, `:"`)+2 : strings.LastIndex(body, `"`)]
			}
			return 200, `{"artifactContentInformation":{"` + name + `":{"contentUri":"https://h/x"}}}`
		}
		return 201, ""
	})
	_, err := model.PrepareImage(t.Context(), ws, nil, &model.InferenceConfig{EntryScript: "score.py", SourceDirectory: folder, Environment: model.NewEnvironment("e")}, nil)
	require.ErrorIs(t, err, os.ErrNotExist)
	_ = failure(t, err)
}

// TestDeployFollowsTheService: without an operation the service's own state counts.
func TestDeployFollowsTheService(t *testing.T) {
	t.Parallel()
	states := []string{`{"state":"Transitioning"}`, `{"state":""}`, `{"state":"Failed","error":{"code":"KubernetesDeploymentFailed","message":"it crashed","details":[{"code":"CrashLoopBackOff","message":"x"}]}}`}
	ws := scripted(t, func(r *http.Request) (int, string) {
		if r.Method == http.MethodPost {
			return 202, ""
		}
		state := states[0]
		states = states[1:]
		return 200, state
	})
	p, err := model.BeginDeploy(t.Context(), ws, "svc", sklearnModel(), nil, aks, &model.DeployOptions{SkipValidation: true})
	require.NoError(t, err)
	_, err = azureml.Wait(t.Context(), p, &azureml.WaitOptions{MinInterval: time.Millisecond})
	require.ErrorIs(t, err, azureml.ErrOperationFailed)
	assert.True(t, azureml.HasCode(err, "CrashLoopBackOff"))
	assert.Contains(t, err.Error(), "it crashed")
}

func TestDeployGitProperties(t *testing.T) {
	t.Setenv("AZUREML_GIT_BRANCH", "from the environment")
	ws := scripted(t, func(*http.Request) (int, string) { return 202, "" })
	var seen []model.DeployRequest
	_, err := model.BeginDeploy(t.Context(), ws, "svc", sklearnModel(), nil, testConfiguration{seen: &seen}, &model.DeployOptions{SkipValidation: true, GitProperties: true})
	require.NoError(t, err)
	require.Len(t, seen, 2)
	assert.Equal(t, "from the environment", seen[1].Properties["azureml.git.branch"])
	_, err = model.BeginDeploy(t.Context(), ws, "svc", sklearnModel(), nil, testConfiguration{seen: &seen}, &model.DeployOptions{SkipValidation: true})
	require.NoError(t, err)
	assert.Nil(t, seen[3].Properties, "git is asked only when told to")
}
