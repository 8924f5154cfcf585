package workspace

import (
	"fmt"
	"strings"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/authentication"
	"github.com/azureml-go/azureml/internal/clouds"
	"github.com/azureml-go/azureml/internal/rest"
)

// connection is what a workspace, or a list of workspaces, is reached with.
type connection struct {
	credential azcore.TokenCredential
	cloud      clouds.Cloud
	options    azcore.ClientOptions
	apiVersion string
	onWarning  func(azureml.Warning)
	// graph makes, once, the client of Microsoft Graph.
	graph func() (*rest.Client, error)
}

func (c *connection) warn(w azureml.Warning) {
	if c.onWarning != nil {
		c.onWarning(w)
	}
}

// client makes a client whose token may go to the resource manager only, until
// services are discovered.
func (c *connection) client() *rest.Client {
	return rest.New(rest.Config{
		Credential: c.credential, Cloud: c.cloud, Options: c.options,
		Hosts: rest.NewHosts(c.cloud.ResourceManager),
	})
}

// newConnection checks and copies what a workspace is opened with. A nil credential
// is the default login.
func newConnection(credential azcore.TokenCredential, options azcore.ClientOptions, onWarning func(azureml.Warning)) (*connection, error) {
	if isNil(credential) {
		credential = nil
	}
	in, err := cloudOf(credential, options.Cloud)
	if err != nil {
		return nil, err
	}
	if credential == nil {
		login := options
		login.Cloud = in.configuration
		if credential, err = authentication.NewDefault(&authentication.DefaultOptions{ClientOptions: login, OnWarning: onWarning}); err != nil {
			return nil, err
		}
	}
	version := strings.TrimSpace(options.APIVersion)
	if version == "" {
		version = APIVersion
	}
	options.Cloud = in.configuration
	c := &connection{credential: credential, cloud: in.cloud, options: options, apiVersion: version, onWarning: onWarning}
	c.graph = sync.OnceValues(c.newGraph)
	return c, nil
}

// chosenCloud is a cloud with the configuration that chose it.
type chosenCloud struct {
	cloud         clouds.Cloud
	configuration cloud.Configuration
}

// cloudOf says which cloud is meant: that of the options, else that of the credential,
// else that of the environment (AZUREML_CURRENT_CLOUD), else the public one. A credential
// of one cloud for a workspace of another one is a mistake: its token would be refused.
func cloudOf(credential azcore.TokenCredential, asked cloud.Configuration) (chosenCloud, error) {
	named := asked.ActiveDirectoryAuthorityHost != "" || len(asked.Services) > 0
	if signer, ok := credential.(interface{ Cloud() cloud.Configuration }); ok {
		own := signer.Cloud()
		switch known := own.ActiveDirectoryAuthorityHost != "" || len(own.Services) > 0; {
		case known && named && !clouds.Same(own, asked):
			return chosenCloud{}, wrongCloud(clouds.NameOf(asked), fmt.Sprintf(
				"is not the cloud of the credential, %s; its token is not valid there", clouds.NameOf(own)))
		case known && !named:
			asked, named = own, true
		}
	}
	if !named {
		var err error
		if asked, err = clouds.Resolve(asked); err != nil {
			return chosenCloud{}, err
		}
	}
	found, ok := clouds.Of(asked)
	if !ok {
		return chosenCloud{}, wrongCloud(asked.ActiveDirectoryAuthorityHost, "must name a resource manager (Services[cloud.ResourceManager]), or be one of the public clouds")
	}
	return chosenCloud{found, asked}, nil
}

func wrongCloud(value, rule string) error {
	return &azureml.Error{Operation: "open a workspace", Kind: azureml.ErrInvalid, Violations: []azureml.Violation{{
		Field: "ClientOptions.Cloud", Value: fmt.Sprintf("%q", value), Rule: rule,
	}}}
}
