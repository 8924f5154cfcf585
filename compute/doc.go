// Package compute provisions, attaches, reads, updates, detaches and deletes the
// computes of a workspace that models run on: AKS clusters. Computes of every other
// type can be listed and read without loss.
//
// # Create or attach
//
// [BeginCreate] lets Azure Machine Learning make a new AKS cluster, which belongs to
// the compute: [Compute.BeginDelete] deletes both. [BeginAttach] connects a cluster
// that exists already and belongs to someone else; [Compute.BeginDetach] takes the
// connection away and leaves the cluster alone. The two ends are not mixed up by
// accident: deleting an attached compute is refused unless its name is repeated in
// [DeleteOptions].
//
// A compute for production ([FastProd], the default) needs at least 12 virtual CPUs:
// agents × vCPUs of the VM size. A compute for development and tests ([DevTest])
// should have 2 and has no minimum. All such rules are checked before anything is sent,
// and broken ones are reported all at once.
//
// # Waiting
//
// Creating takes some 20 minutes, attaching about 5. Every Begin function returns a
// poller at once, to be waited for with azureml.Wait. The operation goes on at the
// service when nobody waits; the poller's ResumeToken, put into the options of the same
// Begin function, lets another process wait on. When a deletion or detachment is
// resumed, a compute that is not found any more has been deleted or detached.
//
// # Snapshots
//
// [Compute] and [AksCompute] are pictures at a time: read-only, safe to share between
// goroutines and to marshal. Their Refresh methods return new ones. One that was
// unmarshalled from JSON has no connection; its methods that make calls return an error.
//
// # From azureml.core
//
//	AksCompute.provisioning_configuration(…)   AksProvisioningConfiguration
//	AksCompute.attach_configuration(…)         AksAttachConfiguration
//	config.enable_ssl(…)                       the field SSL, SslConfiguration
//	ComputeTarget.create(ws, name, config)     BeginCreate
//	ComputeTarget.attach(ws, name, config)     BeginAttach
//	AksCompute(ws, name)                       GetAks
//	ComputeTarget(ws, name)                    Get
//	ComputeTarget.list(ws)                     List
//	target.wait_for_completion(True)           azureml.Wait; BeginWait for one that was merely read
//	target.refresh_state()                     Refresh
//	target.update(AksUpdateConfiguration(…))   (*AksCompute).BeginUpdate
//	target.delete(), target.detach()           BeginDelete, BeginDetach
//	target.get_credentials()                   (*AksCompute).Credentials
//	target.provisioning_errors                 ProvisioningErrors; azureml.Error's Details after waiting
//	target.serialize()                         json.Marshal
//	AmlCompute.supported_vmsizes(ws)           VMSizes
//	AmlCompute.get_usages(ws)                  Usages
//	ComputeTargetException                     azureml.Error; ErrNotFound, ErrConflict and so on
package compute
