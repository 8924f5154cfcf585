package linear_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// driver runs the entry script as the inference server does: init once, run
// for every request. It prints one line for each: the predictions, or the error.
const driver = `
import json, sys
sys.path.insert(0, "..")
sys.dont_write_bytecode = True
import score
score.init()
for request in json.load(sys.stdin):
    try:
        print(json.dumps({"result": score.run(request)}))
    except ValueError as e:
        print(json.dumps({"error": str(e)}))
`

// TestPythonAgrees runs the entry script that is deployed and compares it with
// this package, request by request.
func TestPythonAgrees(t *testing.T) {
	t.Parallel()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not in PATH; it runs the entry script that is compared here")
	}
	requests := []string{
		`{"data":[[59,2,32.1,101,157,93.2,38,4,4.8598,87]]}`,
		`{"data":[[59,2,32.1,101,157,93.2,38,4,4.8598,87],[48,1,21.6,87,183,103.2,70,3,3.8918,69]],"more":1}`,
		`{"data":[[0,0,0,0,0,0,0,0,0,0]]}`,
		`{"data":[[-1.5e3,2.25,0.1,1e-9,12345678,0,0,-0.0,1,1]]}`,
		`{"data":[]}`,
		// Both refuse these.
		``,
		`[]`,
		`{}`,
		`{"data":null}`,
		`{"data":[1,2,3,4,5,6,7,8,9,10]}`,
		`{"data":[[1,2,3]]}`,
		`{"data":[[1,2,3,4,5,6,7,8,9,10,11]]}`,
		`{"data":[[1,2,3,4,5,6,7,8,9,null]]}`,
		`{"data":[[1,2,3,4,5,6,7,8,9,"10"]]}`,
		`{"data":[[1,2,3,4,5,6,7,8,9,true]]}`,
		`{"data":[[1,2,3,4,5,6,7,8,9,NaN]]}`,
		`{"data":[[1,2,1e308,4,5,6,7,8,9,10]]}`,
	}
	input, err := json.Marshal(requests)
	require.NoError(t, err)

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, python, "-c", driver)
	cmd.Env = append(os.Environ(), "AZUREML_MODEL_DIR=../model")
	cmd.Stdin = bytes.NewReader(input)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	output, err := cmd.Output()
	require.NoError(t, err, stderr.String())

	model := committed(t)
	lines := bytes.Split(bytes.TrimSpace(output), []byte("\n"))
	require.Len(t, lines, len(requests))
	for i, request := range requests {
		var python struct {
			Result []float64
			Error  string
		}
		require.NoError(t, json.Unmarshal(lines[i], &python), request)
		answer, err := model.Score([]byte(request))
		if err != nil {
			assert.NotEmpty(t, python.Error, "only Go refuses %s: %v", request, err)
			continue
		}
		require.Empty(t, python.Error, "only Python refuses %s", request)
		var predictions []float64
		require.NoError(t, json.Unmarshal(answer, &predictions))
		require.Len(t, python.Result, len(predictions), request)
		for j := range predictions {
			assert.InDelta(t, python.Result[j], predictions[j], 1e-9, "%s, row %d", request, j)
		}
	}
}
