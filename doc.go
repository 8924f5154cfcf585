// Package azureml is the root of an SDK for Azure Machine Learning workspaces
// of the first generation (the services of Python's azureml.core): it signs in,
// opens workspaces, provisions and attaches AKS clusters, registers models and
// deploys them as web services on AKS and ACI.
//
// This package holds the words that all other packages share: [Error] and its
// sentinels, [Explain], [Wait] and [Progress], [Secret] and [Warning]. The work
// is done by
//
//   - authentication: who you are; constructors of azcore.TokenCredential
//   - workspace: where you work; the one authenticated door to a workspace's services
//   - compute: where models run; AKS clusters and other computes
//   - model: what runs; models, environments, inference configurations, deployment
//   - webservice: what answers; services, endpoints, keys, tokens, logs, scoring
//   - azuremltest: an Azure in one process, for tests and offline work
//
// # From azureml.core to Go
//
//	azureml.core                                   this module
//	ServicePrincipalAuthentication(t, id, pw)      authentication.NewServicePrincipal
//	AML_TENANT_ID, AML_PRINCIPAL_ID, …_PASS        authentication.NewServicePrincipalFromEnvironment
//	InteractiveLoginAuthentication()               authentication.NewInteractiveLogin
//	AzureCliAuthentication()                       authentication.NewAzureCLI
//	MsiAuthentication()                            authentication.NewManagedIdentity
//	no auth argument                               a nil credential: authentication.NewDefault
//	Workspace.get(name, auth, sub, rg)             workspace.Get
//	Workspace.from_config()                        workspace.FromConfig
//	Workspace.list(sub)                            workspace.All
//	ws.get_details()                               (*workspace.Workspace).Details
//	az ml workspace share                          (*workspace.Workspace).Share
//	AksCompute.provisioning_configuration()        compute.AksProvisioningConfiguration
//	AksCompute.attach_configuration()              compute.AksAttachConfiguration
//	ComputeTarget.create(ws, name, config)         compute.BeginCreate
//	ComputeTarget.attach(ws, name, config)         compute.BeginAttach
//	AksCompute(ws, name)                           compute.GetAks
//	ComputeTarget(ws, name)                        compute.Get
//	target.delete() / target.detach()              (*compute.Compute).BeginDelete / .BeginDetach
//	target.wait_for_completion(True)               azureml.Wait
//	Model.register(ws, path, name)                 model.Register
//	Model(ws, name, version=3)                     model.Get
//	Model.list(ws) / model.download()              model.List / (*model.Model).Download
//	Model.package(ws, models, ic)                  model.BeginPackage
//	Model.profile(ws, name, models, ic, dataset)   model.BeginProfile
//	Environment(name)                              model.NewEnvironment
//	environment.build(ws)                          model.BeginBuildEnvironment
//	InferenceConfig(entry_script, environment)     model.InferenceConfig
//	AksWebservice.deploy_configuration(…)          webservice.AksDeployConfiguration
//	AciWebservice.deploy_configuration(…)          webservice.AciDeployConfiguration
//	AksEndpoint.deploy_configuration(…)            webservice.AksEndpointDeployConfiguration
//	Model.deploy(ws, name, models, ic, dc)         model.BeginDeploy
//	az ml model deploy -ic … -dc …                 model.LoadInferenceConfig, webservice.LoadDeployConfiguration
//	service.wait_for_deployment(True)              azureml.Wait
//	Webservice(ws, name) / .list(ws)               webservice.Get / webservice.List
//	service.get_keys() / .regen_key("Primary")     (*webservice.AksWebservice).Keys / .RegenerateKey
//	both keys, without a failing call              (*webservice.AksWebservice).RotateKeys
//	service.get_token()                            (*webservice.AksWebservice).Token
//	service.run(data)                              (*webservice.AksWebservice).Run, webservice.Scorer
//	service.swagger_uri                            (*webservice.AksWebservice).Swagger
//	service.get_logs()                             (*webservice.AksWebservice).Logs, .FollowLogs
//	service.delete()                               (*webservice.AksWebservice).BeginDelete
//	endpoint.create_version(name, …)               (*webservice.AksEndpoint).BeginCreateVersion
//	endpoint.update_version(name, …)               (*webservice.AksEndpoint).BeginUpdateVersion, .SetTraffic
//	endpoint.delete_version(name)                  (*webservice.AksEndpoint).BeginDeleteVersion
//	endpoint.update(…)                             (*webservice.AksEndpoint).BeginUpdate
//	a new version, step by step                    webservice.Rollout
//
// # Long-running operations
//
// A function named BeginX starts something and returns a *runtime.Poller of
// azcore at once; a nil error means that it has started, not that it is done.
// [Wait] waits with a live status line; Poller.PollUntilDone waits silently;
// Poller.ResumeToken gives a text with which another process goes on waiting.
//
// # Errors
//
// Every failure is an *[Error] that answers errors.Is for the sentinels of this
// package ([ErrNotFound], [ErrConflict], …), whose Error method is one line, and
// which [Explain] turns into a screen that says what to do.
//
// # Concurrency
//
// Values read from the service (workspaces, computes, models, services) are
// pictures at a time: read-only, safe to share between goroutines and to
// marshal. Refresh returns a new one. Pollers belong to one goroutine.
package azureml

// Version is this module's version, sent in the User-Agent of every request.
const Version = "v0.1.0"
