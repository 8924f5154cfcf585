package authentication

import (
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"

	"github.com/azureml-go/azureml/internal/clouds"
)

// Cloud gives the configuration of a public cloud by the name that azureml.core and the
// Azure CLI know it by: AzureCloud, AzureChinaCloud or AzureUSGovernment, in any case of
// letters. "" is the one that the environment variable AZUREML_CURRENT_CLOUD names, or
// AzureCloud. Any other name is ErrInvalid; azureml.core would silently take AzureCloud.
//
// The result goes into azcore.ClientOptions. For a private cloud write a
// cloud.Configuration with its authority and, under cloud.ResourceManager, the address
// and token audience of its resource manager.
func Cloud(name string) (cloud.Configuration, error) {
	named, err := clouds.Named(name)
	if err != nil {
		return cloud.Configuration{}, err
	}
	return named.Configuration(), nil
}
