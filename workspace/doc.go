// Package workspace opens Azure Machine Learning workspaces and is the one
// authenticated door to the services behind them.
//
// [Get] opens a workspace by name, [FromConfig] one that a config.json names. The
// other packages (compute, model, webservice) take the *[Workspace]. What they do not
// wrap can be called with [Workspace.Do], listed with [List] and waited for with
// [Begin], with the same token, retries, errors and host checks.
//
// It mirrors azureml.core.Workspace.
package workspace
