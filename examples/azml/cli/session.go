package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/workspace"
)

// Globals are the flags of all commands.
type Globals struct {
	// Workspace, ResourceGroup and Subscription say where; what is empty comes from the
	// config file that Path leads to.
	Workspace, ResourceGroup, Subscription, Path string
	// Tenant to sign in to, "" for the credential's own.
	Tenant string
	// Emulator works on an emulator whose state is kept in EmulatorState.
	Emulator      bool
	EmulatorState string

	output  string
	verbose bool
}

func (g *Globals) declare(f *flags) {
	f.add((*textValue)(&g.Workspace), "w workspace-name", "the workspace (default: what config.json says)")
	f.add((*textValue)(&g.ResourceGroup), "g resource-group", "the workspace's resource group")
	f.add((*textValue)(&g.Subscription), "subscription-id subscription", "the workspace's subscription")
	f.add((*textValue)(&g.Path), "path", "the config file, or a folder to begin the search for it (default: .)")
	f.add((*textValue)(&g.Tenant), "tenant tenant-id", "the tenant to sign in to")
	f.add(&choiceValue{words: []string{formJSON, formTable, formTSV}, to: &g.output}, "o output", "how to print: json (default), table, tsv")
	f.add((*onValue)(&g.Emulator), "emulator", "work on an emulator, without an Azure account")
	f.add((*textValue)(&g.EmulatorState), "emulator-state", "the file that remembers the emulator's state (default: azml/emulator.json in the user's cache folder)")
	f.add((*onValue)(&g.verbose), "v verbose", "write each request to standard error")
}

func (g *Globals) check() error {
	if g.output == "" {
		g.output = formJSON
	}
	if g.EmulatorState != "" && !g.Emulator {
		return usagef("-emulator-state goes with -emulator")
	}
	return nil
}

// Connection is who works, and how the services are reached.
type Connection struct {
	Credential azcore.TokenCredential
	Options    azcore.ClientOptions
	// Close ends the connection; nil if there is nothing to end.
	Close func() error
}

// session is one command's work: a connection that is made when it is first needed.
type session struct {
	env        *Environment
	globals    *Globals
	connection *Connection
}

// connect signs in, or starts the emulator.
func (s *session) connect(ctx context.Context) (*Connection, error) {
	if s.connection != nil {
		return s.connection, nil
	}
	if s.globals.verbose {
		azureml.LogTo(slog.New(slog.NewTextHandler(s.env.Err, &slog.HandlerOptions{Level: slog.LevelDebug})))
	}
	connect := s.env.Connect
	switch {
	case connect != nil:
	case s.globals.Emulator:
		connect = s.emulate
	default:
		connect = s.signIn
	}
	c, err := connect(ctx, s.globals)
	s.connection = c
	return c, err
}

func (s *session) close() {
	if s.globals.verbose {
		azureml.LogTo(nil)
	}
	if s.connection == nil || s.connection.Close == nil {
		return
	}
	if err := s.connection.Close(); err != nil {
		s.warn(azureml.Warning{Subject: "azml", Message: err.Error()})
	}
}

// workspace opens the workspace that the flags or the config file name.
func (s *session) workspace(ctx context.Context) (*workspace.Workspace, error) {
	c, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	g := s.globals
	if g.Workspace != "" {
		return workspace.Get(ctx, g.Workspace, c.Credential, &workspace.GetOptions{
			ClientOptions: c.Options, SubscriptionID: g.Subscription, ResourceGroup: g.ResourceGroup, OnWarning: s.warn,
		})
	}
	ws, err := workspace.FromConfig(ctx, c.Credential, &workspace.FromConfigOptions{
		ClientOptions: c.Options, Path: g.Path, SubscriptionID: g.Subscription, ResourceGroup: g.ResourceGroup, OnWarning: s.warn,
	})
	if e, ok := errors.AsType[*azureml.Error](err); ok && errors.Is(e, azureml.ErrNotFound) && e.StatusCode == 0 {
		hinted := *e
		hinted.Remedy += "\nOr name the workspace with -w, -g and -subscription-id, or add -emulator, which needs no Azure account."
		err = &hinted
	}
	return ws, err
}

// warn writes a warning to standard error.
func (s *session) warn(w azureml.Warning) { fmt.Fprintf(s.env.Err, "warning: %s\n", w) }

// wait waits for an operation and writes its progress to standard error.
func wait[T any](ctx context.Context, s *session, p *runtime.Poller[T], err error) (T, error) {
	if err != nil {
		var none T
		return none, err
	}
	return azureml.Wait(ctx, p, &azureml.WaitOptions{Output: s.env.Err})
}
