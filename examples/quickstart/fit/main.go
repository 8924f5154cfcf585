// Command fit makes the quickstart's model: it reads a CSV file whose last
// column is the number to predict, fits a linear regression to all of its
// rows, and writes the model as JSON. Run it from the top of the repository:
//
//	go run ./examples/quickstart/fit
//
// The same data give the same file.
package main

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/azureml-go/azureml/examples/quickstart/linear"
)

func main() {
	data := flag.String("data", "examples/quickstart/data/diabetes.csv", "the CSV `file` to fit, with a header line")
	out := flag.String("out", "examples/quickstart/model/diabetes.json", "the `file` to write the model to")
	flag.Parse()
	if err := run(*data, *out, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "fit:", err)
		os.Exit(1)
	}
}

// run fits the data in one file, writes the model to another and tells w about it.
func run(data, out string, w io.Writer) error {
	f, err := os.Open(data)
	if err != nil {
		return err
	}
	defer f.Close()
	model, err := fit(f)
	if err != nil {
		return fmt.Errorf("%s: %w", data, err)
	}
	model.Name = strings.TrimSuffix(filepath.Base(data), filepath.Ext(data))
	text, err := json.MarshalIndent(model, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(out, append(text, '\n'), 0o644); err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s: %d rows, R² %.4f\n", out, model.Rows, model.R2)
	return err
}

// fit reads CSV and returns the model of its last column.
func fit(r io.Reader) (*linear.Model, error) {
	header, x, y, err := readTable(r)
	if err != nil {
		return nil, err
	}
	intercept, coefficients, err := leastSquares(x, y)
	if err != nil {
		return nil, err
	}
	model := &linear.Model{
		Target:       header[len(header)-1],
		Rows:         len(x),
		Intercept:    round(intercept),
		Features:     header[:len(header)-1],
		Coefficients: coefficients,
	}
	for i := range coefficients {
		coefficients[i] = round(coefficients[i])
	}
	model.R2, err = rSquared(model, x, y)
	return model, err
}

// readTable splits a CSV file into its header, the rows without their last
// column, and that column.
func readTable(r io.Reader) (header []string, x [][]float64, y []float64, err error) {
	records, err := csv.NewReader(r).ReadAll()
	if err != nil {
		return nil, nil, nil, err
	}
	if len(records) == 0 || len(records[0]) < 2 {
		return nil, nil, nil, errors.New("want a header line of at least two columns")
	}
	for i, record := range records[1:] {
		row := make([]float64, len(record))
		for j, field := range record {
			row[j], err = strconv.ParseFloat(field, 64)
			if err != nil || math.IsNaN(row[j]) || math.IsInf(row[j], 0) {
				return nil, nil, nil, fmt.Errorf("row %d, column %s: %q is no number", i+1, records[0][j], field)
			}
		}
		last := len(row) - 1
		x, y = append(x, row[:last]), append(y, row[last])
	}
	return records[0], x, y, nil
}

// round keeps 12 significant digits: all that the fit is good for, and the
// same on every kind of processor.
func round(v float64) float64 {
	r, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 12, 64), 64)
	if err != nil {
		return v // a number too large for its own rounding
	}
	return r
}
