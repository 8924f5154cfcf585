package azuremltest_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/azureml-go/azureml/azuremltest"
)

// An emulator for a test: all that is in it goes with Close.
func ExampleNewServer() {
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	m := srv.AddModel(azuremltest.Workspace{}, azuremltest.Model{Name: "mymodel"})
	fmt.Println(m.ID)
	// Output: mymodel:1
}

// An emulator that remembers what was done, from one run of a program to the next.
func ExampleStart() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	for range 2 {
		srv, err := azuremltest.Start(&azuremltest.Options{StateFile: filepath.Join(dir, "emulator.json")})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(srv.AddModel(azuremltest.Workspace{}, azuremltest.Model{Name: "mymodel"}).ID)
		if err := srv.Shutdown(); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// mymodel:1
	// mymodel:2
}

// What goes wrong, from a file that other programs and languages can share.
func ExampleLoadFaults() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "faults.json")
	if err := os.WriteFile(file, []byte(`{"faults": [{"path": "/services", "status": 503, "count": 1}]}`), 0o600); err != nil {
		log.Fatal(err)
	}

	faults, err := azuremltest.LoadFaults(file)
	if err != nil {
		log.Fatal(err)
	}
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	for _, f := range faults {
		srv.Fault(f)
		fmt.Println(f.Path, f.Status, f.Count)
	}
	// Output: /services 503 1
}
