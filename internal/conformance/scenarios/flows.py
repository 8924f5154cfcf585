"""The flows that are put under faults. What they say of themselves is whether they raise."""

from azureml.core import Model, Webservice
from azureml.core.compute import AksCompute
from azureml.core.webservice import AksWebservice

import services
from harness import scenario


@scenario
def flow_sign_in(run):
    run.equal("the workspace", run.workspace.name, run.name)
    return "no world"


@scenario
def flow_register(run):
    Model.register(run.workspace, run.file("model.pkl", b"a model"), "flowmodel")
    return "no world"


@scenario
def flow_deploy(run):
    ws = run.workspace
    service = Model.deploy(ws, "flowservice", [Model(ws, "mymodel")], services.inference(run),
                           AksWebservice.deploy_configuration(cpu_cores=0.5, memory_gb=1), AksCompute(ws, "aks"))
    service.wait_for_deployment()
    return "no world"


@scenario
def flow_read(run):
    ws = run.workspace
    found = [m.id for m in Model.list(ws)]
    service = Webservice(ws, "there")
    run.equal("the models", sorted(found), run.want_models)
    run.equal("the service", service.state, "Healthy")
    return "no world"


@scenario
def flow_token(run):
    service = Webservice(run.workspace, "there")
    run.true("a token", service.get_token()[0])
    run.equal("an answer", service.run("[1]"), [1])
    return "no world"
