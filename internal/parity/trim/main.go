// Command trim copies goldens into internal/parity/testdata/golden, without what the
// tests do not need.
//
//	go run ./internal/parity/trim -from DIR NAME...
//
// NAME may be a pattern such as "compute_*". Run it in the module's root folder.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/azureml-go/azureml/internal/parity"
)

func main() {
	from := flag.String("from", os.Getenv(parity.Directory), "folder of the untrimmed goldens")
	to := flag.String("to", filepath.Join("internal", "parity", "testdata", "golden"), "folder to write to")
	flag.Parse()
	if err := run(*from, *to, flag.Args(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "trim:", err)
		os.Exit(1)
	}
}

func run(from, to string, names []string, out io.Writer) error {
	if from == "" || len(names) == 0 {
		return errors.New("usage: trim -from DIR NAME [NAME]")
	}
	for _, name := range names {
		files, err := filepath.Glob(filepath.Join(from, name+".json"))
		if err != nil {
			return err
		}
		if len(files) == 0 {
			return fmt.Errorf("no golden %s in %s", name, from)
		}
		for _, file := range files {
			if err := trim(file, to, out); err != nil {
				return err
			}
		}
	}
	return nil
}

func trim(file, to string, out io.Writer) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	golden, err := parity.Parse(data)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	trimmed, err := parity.Trim(golden).Encode()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	fmt.Fprintf(out, "%s: %d of %d bytes\n", golden.Scenario, len(trimmed), len(data))
	return os.WriteFile(filepath.Join(to, golden.Scenario+".json"), trimmed, 0o644)
}
