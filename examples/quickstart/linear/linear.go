// Package linear is the quickstart's model: a linear regression kept as a
// small JSON file, so that a service in Python and a program in Go can predict
// the same numbers from the same bytes.
package linear

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
)

// Model predicts a number as the intercept plus the sum of coefficient ×
// measurement. A Model that came from [Parse] is valid and safe to share.
type Model struct {
	// Name says what the model is of; it is not used for predicting.
	Name string `json:"name"`
	// Target is the column the model predicts.
	Target string `json:"target"`
	// Rows is how many rows the model was fitted to.
	Rows int `json:"rows"`
	// R2 is the coefficient of determination on those rows, at most 1.
	R2 float64 `json:"r2"`
	// Intercept is the prediction for a row of zeros.
	Intercept float64 `json:"intercept"`
	// Features names the measurements of a row, in their order.
	Features []string `json:"features"`
	// Coefficients has one number for each feature, in the same order, for
	// measurements in the units of the data: nothing is centred or scaled.
	Coefficients []float64 `json:"coefficients"`
}

// Parse reads a model file. Keys it does not know are ignored. The error names
// everything that is wrong with the model, not only the first thing.
func Parse(data []byte) (*Model, error) {
	var m Model
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, fmt.Errorf("reading the model: %w", err)
	}
	if err := m.validate(); err != nil {
		return nil, fmt.Errorf("reading the model: %w", err)
	}
	return &m, nil
}

func (m *Model) validate() error {
	var wrong []error
	if len(m.Features) == 0 {
		wrong = append(wrong, errors.New("features: there are none"))
	}
	if len(m.Coefficients) != len(m.Features) {
		wrong = append(wrong, fmt.Errorf("coefficients: %d for %d features", len(m.Coefficients), len(m.Features)))
	}
	seen := make(map[string]bool, len(m.Features))
	for i, name := range m.Features {
		switch {
		case name == "":
			wrong = append(wrong, fmt.Errorf("features[%d]: has no name", i))
		case seen[name]:
			wrong = append(wrong, fmt.Errorf("features[%d]: %q is there twice", i, name))
		}
		seen[name] = true
	}
	if m.R2 > 1 {
		wrong = append(wrong, fmt.Errorf("r2: %v is more than 1", m.R2))
	}
	return errors.Join(wrong...)
}

// Predict returns the model's number for one row: one measurement for each of
// m.Features, in their order. Any other count is an error.
func (m *Model) Predict(row []float64) (float64, error) {
	if len(row) != len(m.Coefficients) {
		return 0, fmt.Errorf("got %d numbers, want %d: %v", len(row), len(m.Coefficients), m.Features)
	}
	sum := m.Intercept
	for i, c := range m.Coefficients {
		sum += c * row[i]
	}
	if math.IsInf(sum, 0) || math.IsNaN(sum) {
		return 0, errors.New("the prediction is not a finite number")
	}
	return sum, nil
}

// Score answers a scoring request as score.py does in the deployed service:
// {"data":[[…], …]} with one row for each prediction gives a JSON array of as
// many numbers. The error names every row that cannot be predicted.
func (m *Model) Score(body []byte) ([]byte, error) {
	rows, err := decodeRows(body)
	if err != nil {
		return nil, fmt.Errorf(`reading the request, want {"data":[[…]]}: %w`, err)
	}
	predictions := make([]float64, len(rows))
	var wrong []error
	for i, row := range rows {
		p, err := m.Predict(row)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("data[%d]: %w", i, err))
		}
		predictions[i] = p
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, err
	}
	return json.Marshal(predictions)
}

// decodeRows reads the rows of a scoring request. It refuses null, which
// encoding/json would read as 0 and score.py would not.
func decodeRows(body []byte) ([][]float64, error) {
	var request struct {
		Data [][]*float64 `json:"data"`
	}
	if err := json.Unmarshal(body, &request); err != nil {
		return nil, err
	}
	if request.Data == nil {
		return nil, errors.New(`there is no "data"`)
	}
	rows := make([][]float64, len(request.Data))
	for i, row := range request.Data {
		rows[i] = make([]float64, len(row))
		for j, value := range row {
			if value == nil {
				return nil, fmt.Errorf("data[%d][%d]: null is no number", i, j)
			}
			rows[i][j] = *value
		}
	}
	return rows, nil
}
