// Package workspace opens Azure Machine Learning workspaces, manages them, and is the one
// authenticated door to the services behind them. It mirrors azureml.core.Workspace.
//
// # Opening
//
// [Get] opens a workspace by name or id, [FromConfig] one that a config.json names, [All]
// lists what the credential sees, and [At] makes a handle without any request. The result,
// a *[Workspace], is a picture of the workspace at that time and a connection: read-only,
// safe to share between goroutines, and what the packages compute, model and webservice
// take. [Workspace.Refresh] reads it anew, [Workspace.Details] reads everything there is.
//
//	azureml.core                                   this package
//	Workspace.get(name, auth, sub, rg)             Get
//	Workspace(sub, rg, name)                       Get, At
//	Workspace.from_config() / .write_config()      FromConfig / Workspace.WriteConfig
//	Workspace.list(sub, auth, rg)                  All
//	ws.get_details()                               Workspace.Details
//	Workspace.create(name, …)                      BeginCreate
//	ws.update(…), ws.update_dependencies(…)        Workspace.BeginUpdate
//	ws.delete(delete_dependent_resources)          Workspace.BeginDelete
//	ws.list_keys() / ws.sync_keys()                Workspace.Keys / Workspace.SyncKeys
//	ws.diagnose_workspace(…)                       Workspace.Diagnose
//	az ml workspace share                          Workspace.Share, Unshare, Access
//
// # The door
//
// What is not wrapped can be called with [Workspace.Do], listed with [List] and waited for
// with [Begin], with the same token, retries, errors and host checks as everything else
// here. A [Request] names a [Service]; where that is, is found through the workspace's
// discovery document, which is asked for once, at the first call that needs it, and shared
// by all goroutines. The AZUREML_DEV_URL_… variables of azureml.core override single
// services. When discovery is down, the region's well-known hosts serve for a minute
// before it is asked again, unless the workspace is behind a private link. The token goes
// to no other hosts than these.
//
// # Clouds
//
// The cloud is that of the options (ClientOptions.Cloud), else that of the credential, else
// the one that AZUREML_CURRENT_CLOUD names, else the public one. A credential of one cloud
// for a workspace in another is refused before any request.
package workspace
