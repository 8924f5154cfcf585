// Package recipes runs everything that azureml.core's guides "set up authentication"
// (rows A…) and "deploy a model to AKS" (rows B…) show, one subtest a row, through the
// public API only and over TLS against the emulator:
//
//	go test ./internal/recipes -run TestRecipe -v
//	go test ./internal/recipes -run TestRecipe/B09
//
// A row asserts what a user would look at. TestComplete holds the set of rows.
package recipes
