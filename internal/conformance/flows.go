package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/authentication"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/webservice"
	"github.com/azureml-go/azureml/workspace"
)

// signIn opens the workspace as the flows of the Python client do, by the authority.
func signIn(ctx context.Context, srv *azuremltest.Server) (*workspace.Workspace, error) {
	options := srv.ClientOptions()
	cred, err := authentication.NewServicePrincipal(azuremltest.TenantID, azuremltest.ClientID, azureml.NewSecret(azuremltest.ClientSecret),
		&authentication.ServicePrincipalOptions{ClientOptions: options})
	if err != nil {
		return nil, err
	}
	return workspace.Get(ctx, azuremltest.WorkspaceName, cred, &workspace.GetOptions{
		ClientOptions: options, SubscriptionID: azuremltest.SubscriptionID, ResourceGroup: azuremltest.ResourceGroup,
	})
}

func ourSignIn(ctx context.Context, srv *azuremltest.Server) (bool, error) {
	ws, err := signIn(ctx, srv)
	return err == nil && ws.Name == azuremltest.WorkspaceName, err
}

func ourRegister(ctx context.Context, srv *azuremltest.Server) (bool, error) {
	ws, err := signIn(ctx, srv)
	if err != nil {
		return false, err
	}
	folder, remove, err := temporary()
	if err != nil {
		return false, err
	}
	defer remove()
	path := filepath.Join(folder, "model.pkl")
	if err := os.WriteFile(path, []byte("a model"), 0o600); err != nil {
		return false, err
	}
	m, err := model.Register(ctx, ws, "flowmodel", path, nil)
	return err == nil && m.Name == "flowmodel", err
}

func ourDeploy(ctx context.Context, srv *azuremltest.Server) (bool, error) {
	ws, err := signIn(ctx, srv)
	if err != nil {
		return false, err
	}
	m, err := model.Get(ctx, ws, "mymodel", nil)
	if err != nil {
		return false, err
	}
	err = deployWithLibrary(ctx, ws, "flowservice", m, nil)
	return err == nil, err
}

func ourRead(ctx context.Context, srv *azuremltest.Server) (bool, error) {
	ws, err := signIn(ctx, srv)
	if err != nil {
		return false, err
	}
	models, err := azureml.Collect(model.List(ctx, ws, nil))
	if err != nil {
		return false, err
	}
	var ids []string
	for _, m := range models {
		ids = append(ids, m.ID)
	}
	s, err := webservice.GetAks(ctx, ws, "there")
	if err != nil {
		return false, err
	}
	slices.Sort(ids)
	return slices.Equal(ids, flowModels) && s.State == webservice.StateHealthy, nil
}

func ourToken(ctx context.Context, srv *azuremltest.Server) (bool, error) {
	ws, err := signIn(ctx, srv)
	if err != nil {
		return false, err
	}
	s, err := webservice.Get(ctx, ws, "there")
	if err != nil {
		return false, err
	}
	token, err := s.Common().Token(ctx)
	if err != nil {
		return false, err
	}
	answer, err := s.Common().Run(ctx, []byte("[1]"))
	if err != nil {
		return false, err
	}
	var got []int
	err = json.Unmarshal(answer, &got)
	return err == nil && !token.Token.IsZero() && slices.Equal(got, []int{1}), nil
}
