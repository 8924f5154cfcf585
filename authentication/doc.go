// Package authentication says who you are: it makes credentials. Each is an
// azcore.TokenCredential that works with this module and anywhere else in the Azure SDK
// for Go, and every other azcore.TokenCredential works with this module. Where a
// credential is asked for, nil is [NewDefault].
//
// # Which one
//
//	azureml.core                                  here
//	no auth at all                                nil, [NewDefault]
//	InteractiveLoginAuthentication                [NewInteractiveLogin]
//	ServicePrincipalAuthentication                [NewServicePrincipal], [NewServicePrincipalWithCertificate]
//	AML_TENANT_ID, AML_PRINCIPAL_ID, …_PASS       [NewServicePrincipalFromEnvironment]
//	az ad sp create-for-rbac --sdk-auth           [NewServicePrincipalFromSDKAuth], [NewServicePrincipalFromAuthFile]
//	federated tokens of pipelines                 [NewServicePrincipalWithFederatedToken]
//	MsiAuthentication                             [NewManagedIdentity]
//	workload identity in Kubernetes               [NewWorkloadIdentity]
//	AzureCliAuthentication                        [NewAzureCLI]
//	TokenAuthentication, ArmTokenAuthentication   [NewTokenFunc]
//	AzureMLTokenAuthentication                    [NewTokenRefresher]
//	get_authentication_header                     the Header method of each
//
// # What they have in common
//
// Constructors send nothing; they check their input, and name all that is wrong with it
// in one error. Tokens are kept in memory and renewed before they end. Callers who ask
// at once share one request, and each waits no longer than its own context; ten thousand
// of them cause one request. When a renewal fails, the token in hand goes on serving to
// its end. Keep a credential and share it.
//
// Every credential has Cloud, the cloud that it signs in to, and Header, the ready
// Authorization header for REST calls without this module. Printing or logging one, in
// whatever way, shows who it is and never a secret.
//
// # Errors
//
// What goes wrong is an *azureml.Error with the AADSTS number as its code, one line of
// message, the trace and correlation ids that Microsoft's support asks for, and a remedy.
// Its kind is
//
//   - azureml.ErrUnauthorized: refused, or nothing to sign in with;
//   - azureml.ErrInteractionRequired: a person has to sign in, and nobody may be asked;
//   - azureml.ErrInvalid: the input, the scope or the audience is wrong;
//   - azureml.ErrThrottled, azureml.ErrUnavailable: the authority is busy or not reached,
//     also after the retries that ClientOptions.Retry sets.
//
// # People
//
// [NewInteractiveLogin] asks nobody who is signed in already, be it in its Cache or in the
// Azure CLI. A Cache (package azidentity/cache makes one, encrypted, for all programs of
// the user) needs the record of who signed in last, which is kept, without any secret and
// readable by the user alone, in azureml/authentication-record.json in the user's
// configuration folder. It also gives the name to begin with when a person is asked. One
// sign-in serves for all tokens, and for challenges of continuous access evaluation.
//
// A program that nobody sits at is never kept waiting: without a terminal the error is
// azureml.ErrInteractionRequired, and at the end of the context, of the Timeout or at
// Ctrl-C the login is over, and so is the listener that waits for the browser.
//
// # Clouds
//
// ClientOptions.Cloud chooses the cloud: [Cloud] gives those that are public by name.
// Without it AZUREML_CURRENT_CLOUD does, then AZURE_AUTHORITY_HOST, and then it is the
// public one. A workspace takes the cloud of its credential.
package authentication
