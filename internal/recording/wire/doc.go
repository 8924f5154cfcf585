// Package wire holds what recordings of HTTP exchanges are made of, for tests only:
// requests and answers as JSON, masks for the parts that differ from run to run, and
// comparisons whose findings a person can read.
package wire
