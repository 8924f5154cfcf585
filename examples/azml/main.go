// Azml is a small command line for what this module does. It understands the commands
// of the Azure CLI's retired extension azure-cli-ml ("CLI v1") as they stand in the
// documentation, minus the "az":
//
//	azml ml computetarget attach aks -n myaks -i ID -g RG -w WS
//	azml ml model deploy -ct myaks -m mymodel:1 -n myservice -ic inferenceconfig.json -dc deploymentconfig.json
//
// "azml help" lists the commands, "azml help COMMAND" describes one. With -emulator
// everything is done on an emulator inside this program, with no Azure account.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/azureml-go/azureml/examples/azml/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal ends the command in good order; stop lets a second one kill it.
	context.AfterFunc(ctx, stop)
	// A reader of the output that has gone away ("azml … | head") is an error of writing,
	// not the end of the process: the emulator's state is still saved.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	code := cli.Run(ctx, os.Args[1:], &cli.Environment{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
	stop()
	os.Exit(code)
}
