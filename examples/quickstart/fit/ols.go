package main

import (
	"errors"
	"fmt"
	"math"

	"github.com/azureml-go/azureml/examples/quickstart/linear"
)

// leastSquares returns the intercept and coefficients that make the sum of
// squared differences to y smallest. It takes the means out first, which
// spares the intercept a column, and then solves by Householder reflections:
// squaring the columns, as the normal equations do, would cost half the digits.
func leastSquares(x [][]float64, y []float64) (intercept float64, coefficients []float64, err error) {
	if len(x) == 0 || len(x) <= len(x[0]) {
		return 0, nil, fmt.Errorf("%d rows are too few: want more rows than columns", len(x))
	}
	columns := transpose(x)
	means := make([]float64, len(columns))
	for j, column := range columns {
		means[j] = center(column)
	}
	target := append([]float64(nil), y...)
	intercept = center(target)

	coefficients, err = solve(columns, target)
	if err != nil {
		return 0, nil, err
	}
	for j, c := range coefficients {
		intercept -= c * means[j]
	}
	return intercept, coefficients, nil
}

// solve reduces columns to an upper triangle, one reflection for each column,
// does the same to target, and substitutes back. It works in place.
func solve(columns [][]float64, target []float64) ([]float64, error) {
	k := len(columns)
	diagonal := make([]float64, k)
	for j, column := range columns {
		below := column[j:]
		whole := norm(column)
		length := norm(below)
		// What is left of a column that depends on those before it is the
		// rounding error of its own size.
		if length <= 1e-12*whole || whole == 0 {
			return nil, fmt.Errorf("column %d follows from the ones before it", j+1)
		}
		// The sign that does not cancel.
		if below[0] > 0 {
			length = -length
		}
		diagonal[j] = length
		below[0] -= length
		for _, other := range columns[j+1:] {
			reflect(other[j:], below)
		}
		reflect(target[j:], below)
	}
	solution := make([]float64, k)
	for j := k - 1; j >= 0; j-- {
		sum := target[j]
		for i := j + 1; i < k; i++ {
			sum -= columns[i][j] * solution[i]
		}
		solution[j] = sum / diagonal[j]
	}
	return solution, nil
}

// reflect mirrors v at the plane that normal stands on.
func reflect(v, normal []float64) {
	scale := 2 * dot(v, normal) / dot(normal, normal)
	for i := range v {
		v[i] -= scale * normal[i]
	}
}

// center subtracts the mean of v from each of its numbers and returns it.
func center(v []float64) float64 {
	var sum float64
	for _, value := range v {
		sum += value
	}
	mean := sum / float64(len(v))
	for i := range v {
		v[i] -= mean
	}
	return mean
}

func dot(a, b []float64) float64 {
	var sum float64
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

func norm(v []float64) float64 { return math.Sqrt(dot(v, v)) }

func transpose(rows [][]float64) [][]float64 {
	columns := make([][]float64, len(rows[0]))
	for j := range columns {
		columns[j] = make([]float64, len(rows))
		for i, row := range rows {
			columns[j][i] = row[j]
		}
	}
	return columns
}

// rSquared is the share of y's variance that the model explains.
func rSquared(model *linear.Model, x [][]float64, y []float64) (float64, error) {
	deviations := append([]float64(nil), y...)
	center(deviations)
	total := dot(deviations, deviations)
	if total == 0 {
		return 0, errors.New("the column to predict is the same in every row")
	}
	var residual float64
	for i, row := range x {
		p, err := model.Predict(row)
		if err != nil {
			return 0, err
		}
		residual += (y[i] - p) * (y[i] - p)
	}
	return round(1 - residual/total), nil
}
