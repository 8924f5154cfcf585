package model_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"net/http"
	"os"
	"path/filepath"

	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/model"
)

// An upload that is interrupted goes on when the same call is made again, here after
// storage has refused the first one.
func ExampleRegister_checkpoint() {
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	ctx := context.Background()
	ws := openWorkspace(ctx, srv)
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Panic(err)
	}
	defer os.RemoveAll(dir)

	srv.Fault(azuremltest.Fault{Method: http.MethodPut, Host: "*.blob.core.windows.net", Status: http.StatusForbidden})
	options := &model.RegisterOptions{Checkpoint: filepath.Join(dir, "mymodel.checkpoint")}
	for {
		m, err := model.Register(ctx, ws, "mymodel", filepath.Join("testdata", "model.json"), options)
		if err == nil {
			fmt.Println("registered", m.ID)
			break
		}
		_, stat := os.Stat(options.Checkpoint)
		fmt.Println("interrupted; the checkpoint is there:", stat == nil)
	}
	_, err = os.Stat(options.Checkpoint)
	fmt.Println("and is gone:", errors.Is(err, fs.ErrNotExist))
	// Output:
	// interrupted; the checkpoint is there: true
	// registered mymodel:1
	// and is gone: true
}

// A pipeline that runs again registers nothing new when the files are the same.
func ExampleRegister_reuseIdentical() {
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	ctx := context.Background()
	ws := openWorkspace(ctx, srv)

	for range 2 {
		m, err := model.Register(ctx, ws, "mymodel", filepath.Join("testdata", "model.json"), &model.RegisterOptions{ReuseIdentical: true})
		if err != nil {
			log.Panic(err)
		}
		fmt.Println(m.ID)
	}
	// Output:
	// mymodel:1
	// mymodel:1
}
