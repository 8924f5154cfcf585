package parity

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml/internal/recording/wire"
)

const (
	meta    = "https://h/artifact/v2.0/artifacts/batch/metadata/LocalUpload/"
	storage = "https://s.blob.core.windows.net/azureml/LocalUpload/"
)

// uploads is a golden with two uploads and the deployment that refers to them.
func uploads() string {
	blob := func(file, content string) string {
		digest, _ := json.Marshal(wire.DigestOf([]byte(content)))
		return `{'step':0,'request':{'method':'PUT','url':'` + storage + `<uuid8>/` + file + `?timeout=30&sig=x','bytes':` + string(digest) + `},'response':{'status':201}}`
	}
	answer := func(file string) string {
		return `{'artifacts':{'` + file + `':{'id':'LocalUpload/<uuid8>/` + file + `'}},'uri':'` + storage + `<uuid8>/` + file + `?sig=x'}`
	}
	return goldenOf("webservice_aks_deploy_made_up", ok,
		with("POST", meta+"<uuid8>", `{'paths':[{'path':'<tmpname>.py'}]}`, 200, answer("<tmpname>.py")),
		blob("<tmpname>.py", "their driver"),
		with("POST", meta+"<uuid8>", `{'paths':[{'path':'score.py'}]}`, 200, answer("score.py")),
		blob("score.py", "their script"),
		with("POST", "https://h/services", `{'assets':['aml://artifact/LocalUpload/<uuid8>/<tmpname>.py','aml://artifact/LocalUpload/<uuid8>/score.py']}`, 202, `{}`),
		`{'step':0,'request':{'method':'GET','url':'https://h/services/s'},'response':{'status':200,'json':{'assets':['aml://artifact/LocalUpload/<uuid8>/<tmpname>.py','aml://artifact/LocalUpload/<uuid8>/score.py'],'at':'<timestamp>'}}}`,
	)
}

// upload does what a client does for one file, with the answer's address.
func upload(ctx context.Context, s *Stage, folder, file, content string) error {
	answer, err := do(ctx, s, `POST `+meta+folder+` {"paths":[{"path":"`+file+`"}]}`)
	if err != nil {
		return err
	}
	var artifact struct {
		Artifacts map[string]struct{ ID string }
		URI       string
	}
	if err := json.Unmarshal([]byte(answer), &artifact); err != nil {
		return err
	}
	if artifact.Artifacts[file].ID != "LocalUpload/"+folder+"/"+file {
		return context.Canceled
	}
	_, err = do(ctx, s, "PUT "+artifact.URI+" "+content)
	return err
}

func deploy(ctx context.Context, s *Stage, assets ...string) error {
	_, err := do(ctx, s, `POST https://h/services {"assets":["aml://artifact/LocalUpload/`+strings.Join(assets, `","aml://artifact/LocalUpload/`)+`"]}`)
	return err
}

func TestUploadsAreFollowed(t *testing.T) {
	t.Parallel()
	rules := Differences()
	for i := range rules {
		if rules[i].ID == "uploads-in-any-order" {
			rules[i].Scenarios = []string{"*"}
		}
	}
	run := func(driverFirst bool, script string, assets ...string) (string, string) {
		var echo string
		complaint, _ := replayed(t, uploads(), rules, Scenario{Run: func(ctx context.Context, s *Stage) (any, error) {
			driver := func() error { return upload(ctx, s, "11111111", "main_1.py", "our own driver") }
			entry := func() error { return upload(ctx, s, "22222222", "score.py", script) }
			steps := []func() error{driver, entry}
			if !driverFirst {
				steps = []func() error{entry, driver}
			}
			for _, step := range append(steps, func() error { return deploy(ctx, s, assets...) }) {
				if err := step(); err != nil {
					return nil, err
				}
			}
			var err error
			echo, err = do(ctx, s, "GET https://h/services/s")
			return nil, err
		}})
		return complaint, echo
	}
	const driver, entry = "11111111/main_1.py", "22222222/score.py"
	complaint, echo := run(true, "other script", driver, entry)
	assert.Empty(t, complaint)
	assert.JSONEq(t, `{"assets":["aml://artifact/LocalUpload/11111111/main_1.py","aml://artifact/LocalUpload/22222222/score.py"],"at":"2024-06-10T06:13:20Z"}`, echo,
		"answers speak of our artifacts")

	complaint, _ = run(false, "other script", driver, entry)
	assert.Empty(t, complaint, "uploads have no order, and score.py is not taken for the driver")

	complaint, _ = run(true, "too short", driver, entry)
	assert.Contains(t, complaint, "body: want 12 bytes, got 9")

	complaint, _ = run(true, "other script", driver, "33333333/score.py")
	assert.Contains(t, complaint, "refers to LocalUpload/33333333/score.py, which was not uploaded")

	complaint, _ = run(true, "other script", entry, driver)
	assert.Contains(t, complaint, "$.assets[1]", "the driver comes first")
}

func TestUploadsWithoutTheRule(t *testing.T) {
	t.Parallel()
	none := func(ctx context.Context, s *Stage) (any, error) {
		if err := upload(ctx, s, "22222222", "score.py", "their script"); err != nil {
			return nil, err
		}
		return nil, upload(ctx, s, "11111111", "main_1.py", "our own driver")
	}
	var rules []Difference
	for _, rule := range Differences() {
		if rule.ID == "no-blob-timeout" {
			rules = append(rules, rule)
		}
	}
	require.Len(t, rules, 1)
	complaint, _ := replayed(t, uploads(), rules, Scenario{Run: none})
	assert.Contains(t, complaint, "wrong order: POST "+meta+"11111111 came after PUT")
	assert.Contains(t, complaint, "body: want 12 bytes with sha256")
	complaint, _ = replayed(t, uploads(), nil, Scenario{Run: none})
	assert.Contains(t, complaint, "PUT "+storage+"22222222/score.py?sig=x: the golden has no such request\n    it has PUT "+storage+"<uuid8>/score.py?timeout=30")
}
