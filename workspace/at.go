package workspace

import (
	"fmt"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/azureml-go/azureml"
)

// At makes a handle to the workspace with a whole id without any request: nothing but ID,
// Name, ResourceGroup and SubscriptionID is known, and nobody has looked whether it
// exists. It is for going on with what was begun earlier (a deletion, above all), and for
// callers who only use the id. For everything else take [Get], or [Workspace.Refresh] of
// the handle. Of the options SubscriptionID and ResourceGroup have no meaning here.
func At(id string, credential azcore.TokenCredential, o *GetOptions) (*Workspace, error) {
	var options GetOptions
	if o != nil {
		options = *o
	}
	at, err := parseID(trim(id))
	if err != nil {
		return nil, &azureml.Error{Operation: "open", Subject: "a workspace", Kind: azureml.ErrInvalid, Message: err.Error()}
	}
	if !guidPattern.MatchString(at.subscription) {
		return nil, &azureml.Error{Operation: "open", Subject: fmt.Sprintf("workspace %q", at.name), Kind: azureml.ErrInvalid, Violations: []azureml.Violation{{
			Field: "id", Value: fmt.Sprintf("%q", at.subscription), Rule: "must name the subscription by its GUID",
		}}}
	}
	c, err := newConnection(credential, options.ClientOptions, options.OnWarning)
	if err != nil {
		return nil, err
	}
	return c.at(at), nil
}
