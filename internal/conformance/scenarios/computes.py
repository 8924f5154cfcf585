"""Attaching, creating, changing, detaching and deleting AKS clusters."""

from azureml.core.compute import AksCompute, ComputeTarget

from harness import scenario


def attach(run, name="aks", **options):
    compute = ComputeTarget.attach(run.workspace, name, AksCompute.attach_configuration(
        resource_id=run.cluster, cluster_purpose=AksCompute.ClusterPurpose.DEV_TEST, **options))
    compute.wait_for_completion()
    return compute


@scenario
def compute_attach(run):
    compute = attach(run)
    run.equal("the state", compute.provisioning_state, "Succeeded")
    run.equal("the cluster", compute.cluster_resource_id.lower(), run.cluster.lower())
    run.equal("the size", compute.agent_vm_size, "Standard_D3_v2")
    run.true("the credentials", compute.get_credentials())
    run.equal("read anew", AksCompute(run.workspace, "aks").agent_count, 3)
    run.refused("an unknown compute", "ComputeTargetException", "ComputeTargetNotFound", AksCompute, run.workspace, "nope")
    run.refused("an unknown cluster", "ComputeTargetException", "", attach_unknown, run)


def attach_unknown(run):
    ComputeTarget.attach(run.workspace, "nope", AksCompute.attach_configuration(
        resource_id=run.cluster + "nope")).wait_for_completion()


@scenario
def compute_detach(run):
    compute = attach(run)
    compute.detach()
    compute.wait_for_completion(is_delete_operation=True)
    run.equal("what is left", ComputeTarget.list(run.workspace), [])
    compute = attach(run)
    run.equal("attached again", compute.provisioning_state, "Succeeded")


@scenario
def compute_create(run):
    make = lambda: ComputeTarget.create(run.workspace, "created", AksCompute.provisioning_configuration(
        agent_count=4, vm_size="Standard_D4s_v3"))
    compute = make()
    compute.wait_for_completion()
    run.equal("the state", compute.provisioning_state, "Succeeded")
    run.equal("the machines", compute.agent_count, 4)
    run.equal("a second time gives the same", make().cluster_resource_id, compute.cluster_resource_id)


@scenario
def compute_update(run):
    from azureml.core.compute.aks import AksUpdateConfiguration, SslConfiguration
    compute = attach(run)
    compute.update(AksUpdateConfiguration(ssl_configuration=SslConfiguration(status="Auto", leaf_domain_label="contoso")))
    compute.wait_for_completion()
    run.equal("TLS", AksCompute(run.workspace, "aks").ssl_configuration.status, "Auto")


@scenario
def compute_delete(run):
    compute = ComputeTarget.create(run.workspace, "created", AksCompute.provisioning_configuration())
    compute.wait_for_completion()
    compute.delete()
    compute.wait_for_completion(is_delete_operation=True)
    run.equal("what is left", ComputeTarget.list(run.workspace), [])


@scenario
def compute_failed(run):
    compute = ComputeTarget.create(run.workspace, "created", AksCompute.provisioning_configuration())
    run.refused("waiting", "ComputeTargetException", "not enough quota", compute.wait_for_completion)
    compute.refresh_state()
    run.equal("the state", compute.provisioning_state, "Failed")
