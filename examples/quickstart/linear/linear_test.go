package linear_test

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml/examples/quickstart/linear"
)

func committed(t testing.TB) *linear.Model {
	t.Helper()
	text, err := os.ReadFile("../model/diabetes.json")
	require.NoError(t, err)
	m, err := linear.Parse(text)
	require.NoError(t, err)
	return m
}

func ExampleModel_Predict() {
	m, err := linear.Parse([]byte(`{
		"features":     ["height", "width"],
		"coefficients": [2, 0.5],
		"intercept":    1
	}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := m.Predict([]float64{10, 4})
	fmt.Println(p, err)
	// Output: 23 <nil>
}

func TestParseCommittedModel(t *testing.T) {
	t.Parallel()
	m := committed(t)
	assert.Equal(t, "diabetes", m.Name)
	assert.Equal(t, "progression", m.Target)
	assert.Equal(t, 442, m.Rows)
	assert.Equal(t, []string{"age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"}, m.Features)
	assert.Len(t, m.Coefficients, 10)
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		text string
		want []string
	}{
		"nothing":       {``, []string{"unexpected end"}},
		"null":          {`null`, []string{"features: there are none"}},
		"another shape": {`[1]`, []string{"cannot unmarshal array"}},
		"more behind":   {`{"features":["a"],"coefficients":[1]} {}`, []string{"after top-level value"}},
		"out of range":  {`{"features":["a"],"coefficients":[1e999]}`, []string{"1e999"}},
		"counts differ": {`{"features":["a"],"coefficients":[1,2]}`, []string{"coefficients: 2 for 1 features"}},
		"all at once": {
			`{"features":["a","","a"],"coefficients":[],"r2":1.5}`,
			[]string{"coefficients: 0 for 3 features", "features[1]: has no name", `features[2]: "a" is there twice`, "r2: 1.5"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := linear.Parse([]byte(tc.text))
			for _, want := range tc.want {
				assert.ErrorContains(t, err, want)
			}
		})
	}
}

func TestPredict(t *testing.T) {
	t.Parallel()
	m := committed(t)
	// The first two patients, as scikit-learn 1.9.1 predicts them.
	for _, tc := range []struct {
		row  []float64
		want float64
	}{
		{[]float64{59, 2, 32.1, 101, 157, 93.2, 38, 4, 4.8598, 87}, 206.116677},
		{[]float64{48, 1, 21.6, 87, 183, 103.2, 70, 3, 3.8918, 69}, 68.071033},
	} {
		p, err := m.Predict(tc.row)
		require.NoError(t, err)
		assert.InDelta(t, tc.want, p, 1e-6)
	}
	_, err := m.Predict([]float64{1, 2})
	assert.ErrorContains(t, err, "got 2 numbers, want 10: [age sex")
	_, err = m.Predict([]float64{0, 0, 1e308, 0, 0, 0, 0, 0, 0, 0})
	assert.ErrorContains(t, err, "not a finite number")
}

func TestScore(t *testing.T) {
	t.Parallel()
	m := &linear.Model{Intercept: 1, Features: []string{"a", "b"}, Coefficients: []float64{2, 0.5}}
	for name, tc := range map[string]struct{ body, want, err string }{
		"two rows":      {body: `{"data":[[10,4],[0,0]]}`, want: `[23,1]`},
		"no rows":       {body: `{"data":[]}`, want: `[]`},
		"other keys":    {body: `{"data":[[1,1]],"method":"predict"}`, want: `[3.5]`},
		"no data":       {body: `{}`, err: `there is no "data"`},
		"null data":     {body: `{"data":null}`, err: `there is no "data"`},
		"no JSON":       {body: `1,2`, err: "want {\"data\":[[…]]}"},
		"one flat row":  {body: `{"data":[1,2]}`, err: "cannot unmarshal number"},
		"null number":   {body: `{"data":[[1,2],[3,null]]}`, err: "data[1][1]: null is no number"},
		"text":          {body: `{"data":[["1",2]]}`, err: "cannot unmarshal string"},
		"short row":     {body: `{"data":[[1,2],[3]]}`, err: "data[1]: got 1 numbers, want 2"},
		"second object": {body: `{"data":[]}{"data":[]}`, err: "after top-level value"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := m.Score([]byte(tc.body))
			if tc.err != "" {
				assert.ErrorContains(t, err, tc.err)
				return
			}
			require.NoError(t, err)
			assert.JSONEq(t, tc.want, string(got))
		})
	}
}

func FuzzParse(f *testing.F) {
	text, err := os.ReadFile("../model/diabetes.json")
	require.NoError(f, err)
	f.Add(text)
	f.Add([]byte(`{"features":["a"],"coefficients":[1e308],"intercept":-1e308}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := linear.Parse(data)
		if err != nil {
			assert.Nil(t, m)
			return
		}
		// A model that was accepted can be written, read again and used.
		text, err := json.Marshal(m)
		require.NoError(t, err)
		again, err := linear.Parse(text)
		require.NoError(t, err)
		assert.Equal(t, m, again)
		_, err = m.Predict(make([]float64, len(m.Features)))
		assert.NoError(t, err)
	})
}

func FuzzScore(f *testing.F) {
	f.Add([]byte(`{"data":[[10,4],[0,0]]}`))
	f.Add([]byte(`{"data":[[1e308,1e308]]}`))
	f.Add([]byte(`{"data":[[null]]}`))
	m := &linear.Model{Intercept: 1, Features: []string{"a", "b"}, Coefficients: []float64{2, 0.5}}
	f.Fuzz(func(t *testing.T, body []byte) {
		answer, err := m.Score(body)
		if err != nil {
			return
		}
		var request struct{ Data [][]float64 }
		var predictions []float64
		require.NoError(t, json.Unmarshal(body, &request))
		require.NoError(t, json.Unmarshal(answer, &predictions))
		assert.Len(t, predictions, len(request.Data))
	})
}
