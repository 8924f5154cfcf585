package cli

import (
	"context"

	"github.com/azureml-go/azureml/azuremltest"
)

// emulate starts an emulator for this command.
func emulate(_ context.Context, g *Globals) (*Connection, error) {
	srv := azuremltest.NewServer(nil)
	if g.Workspace == "" {
		g.Workspace, g.ResourceGroup, g.Subscription = azuremltest.WorkspaceName, azuremltest.ResourceGroup, azuremltest.SubscriptionID
	}
	return &Connection{
		Credential: srv.Credential(), Options: srv.ClientOptions(),
		Close: func() error { srv.Close(); return nil },
	}, nil
}
