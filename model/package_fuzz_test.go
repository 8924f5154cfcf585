package model

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/workspace"
)

// FuzzManifest: every path of a manifest that is not refused stays inside of the folder.
func FuzzManifest(f *testing.F) {
	for _, text := range []string{
		`{"context":[{"entryType":"inline","encoding":"base64","content":"eA==","path":"./a/../b"}]}`,
		`{"context":[{"entryType":"remote","uri":"aml://artifact/a/b/c","unpack":true,"path":"C:\\x"}],"environment":{"name":"e","version":1}}`,
		`{"context":[{"path":"..\\x"},null,1],"environment":"e"}`, `[]`, `null`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, err := parseManifest(task{"save", packageSubject}, []byte(text))
		if err != nil {
			return
		}
		for _, e := range m.Context {
			to, err := e.target(task{"save", packageSubject})
			if err != nil {
				continue
			}
			local, err := filepath.Localize(to)
			require.NoError(t, err)
			assert.True(t, filepath.IsLocal(local), to)
			_, _ = e.decode(task{"save", packageSubject})
		}
	})
}

// FuzzPackageOperation: whatever the operation says, no signature is shown.
func FuzzPackageOperation(f *testing.F) {
	f.Add(`{"id":"1","operationType":"PackageDockerBuildContext","resourceLocation":"https://x/y?sig=PLANTED"}`)
	f.Add(`{"resourceLocation":"%://?sig=PLANTED"}`)
	f.Add(`{"resourceLocation":"aml://u:PLANTED@x"}`)
	f.Add(`{"resourceLocation":"a://0sig=PLANTED"}`)
	f.Fuzz(func(t *testing.T, text string) {
		p, err := newPackage(nil, task{"build", packageSubject}, workspace.OperationStatus{Body: []byte(text)})
		if err != nil {
			require.ErrorAs(t, err, new(*azureml.Error))
			return
		}
		// A word that also stands elsewhere may be shown: there it is no signature.
		manifest := p.manifest.Reveal()
		rest := strings.ReplaceAll(manifest, "sig=PLANTED", "")
		if rest != manifest && !strings.Contains(rest, "PLANTED") {
			assert.NotContains(t, p.Location, "PLANTED")
		}
	})
}

// FuzzBuildID: an id that comes from a resume token leads to the environment service or
// nowhere.
func FuzzBuildID(f *testing.F) {
	b := imageBuild{version: "1"}
	f.Add(b.id(202, []byte(`{"location":"https://x/environment/v2.0/a%20b?c=d"}`)))
	f.Add("Ly9ldmlsCg")
	f.Add("MQovZW52aXJvbm1lbnQvLi4vLi4veA")
	f.Fuzz(func(t *testing.T, id string) {
		at := new(imageBuild).address(id)
		assert.Equal(t, workspace.Environments, at.Service)
		assert.True(t, strings.HasPrefix(at.Path, buildPrefix), at.Path)
		assert.NotContains(t, strings.Split(at.Path, "/"), "..")
	})
}
