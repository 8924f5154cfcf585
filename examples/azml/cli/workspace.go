package cli

import (
	"context"
	"errors"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/workspace"
)

func workspaceCommands() []command {
	return []command{
		{
			words: "ml workspace show", short: "show a workspace", example: "ml workspace show -w ml-example -g ml-example-rg",
			setup: func(*flags) action { return showWorkspace },
		},
		{
			words: "ml workspace list", short: "list the workspaces of all subscriptions, or of -subscription-id",
			example: "ml workspace list --output table",
			setup:   func(*flags) action { return listWorkspaces },
		},
		{
			words: "ml workspace share", short: "give a user, group or service principal a role on a workspace",
			long:    "Prints nothing when it is done. A role that the principal has already is no error.",
			example: "ml workspace share -w ml-example -g ml-example-rg --user jdoe@example.com --role owner",
			setup: func(f *flags) action {
				user := f.text("user", "object id, or e-mail address of a user (required)")
				role := f.text("role", "name or id of a role: owner, contributor, reader, … (required)")
				return func(ctx context.Context, s *session) (result, error) {
					ws, err := s.workspace(ctx)
					if err != nil {
						return result{}, err
					}
					_, err = ws.Share(ctx, *user, *role, nil)
					return result{}, err
				}
			},
		},
	}
}

func showWorkspace(ctx context.Context, s *session) (result, error) {
	ws, err := s.workspace(ctx)
	if err != nil {
		return result{}, err
	}
	return one(ws, "Name", ws.Name, "Resource group", ws.ResourceGroup, "Subscription", ws.SubscriptionID, "Region", ws.Location,
		"State", ws.ProvisioningState, "Id", ws.WorkspaceID, "Tags", ws.Tags, "Description", ws.Description), nil
}

func listWorkspaces(ctx context.Context, s *session) (result, error) {
	c, err := s.connect(ctx)
	if err != nil {
		return result{}, err
	}
	all, err := azureml.Collect(workspace.All(ctx, c.Credential, &workspace.AllOptions{
		ClientOptions: c.Options, SubscriptionID: s.globals.Subscription, ResourceGroup: s.globals.ResourceGroup, OnWarning: s.warn,
	}))
	if err != nil && !errors.Is(err, azureml.ErrForbidden) {
		return result{}, err
	}
	return list(all, []string{"NAME", "RESOURCE GROUP", "REGION", "SUBSCRIPTION"}, func(w *workspace.Workspace) []any {
		return []any{w.Name, w.ResourceGroup, w.Location, w.SubscriptionID}
	}), err
}
