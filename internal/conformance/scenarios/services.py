"""Deploying to AKS and ACI, and everything that is done to a service."""

import json

from azureml.core import Environment, Model, Webservice
from azureml.core.compute import AksCompute, ComputeTarget
from azureml.core.model import InferenceConfig
from azureml.core.webservice import AciWebservice, AksWebservice

import computes
import models
from harness import scenario

SCRIPT = b"import json\n\n\ndef init():\n    pass\n\n\ndef run(data):\n    return json.loads(data)\n"


def inference(run):
    run.file("source/score.py", SCRIPT)
    return InferenceConfig(entry_script="score.py", source_directory="source", environment=environment())


def environment():
    env = Environment("deploy")
    env.docker.base_image = "example.azurecr.io/base:1"
    env.python.user_managed_dependencies = True
    env.inferencing_stack_version = "latest"
    return env


def deploy(run, name="service", configuration=None, target=None, **options):
    if configuration is None:
        configuration = AksWebservice.deploy_configuration(cpu_cores=1, memory_gb=1)
    if isinstance(configuration, type(AksWebservice.deploy_configuration())) and target is None:
        target = computes.attach(run)
    service = Model.deploy(run.workspace, name, [models.register(run)], inference(run), configuration, target, **options)
    service.wait_for_deployment()
    return service


@scenario
def aks_deploy(run):
    service = deploy(run, configuration=AksWebservice.deploy_configuration(
        cpu_cores=0.5, memory_gb=1, tags={"a": "b"}, properties={"p": "q"}, description="d"))
    run.equal("the state", service.state, "Healthy")
    run.equal("what was said of it", (service.tags, service.description, service.properties["p"]), ({"a": "b"}, "d", "q"))
    run.true("the log", service.get_logs())
    run.equal("an answer", service.run(json.dumps({"data": [[1, 2]]})), {"data": [[1, 2]]})
    run.equal("read anew", Webservice(run.workspace, "service").scoring_uri, service.scoring_uri)
    run.equal("listed by model", [s.name for s in Webservice.list(run.workspace, model_name="mymodel")], ["service"])
    run.refused("an unknown one", "WebserviceException", "WebserviceNotFound", Webservice, run.workspace, "nope")
    run.refused("the name is taken", "WebserviceException", "ervice with the same name", deploy, run, target=AksCompute(run.workspace, "aks"))


@scenario
def aks_overwrite(run):
    deploy(run)
    keys = Webservice(run.workspace, "service").get_keys()
    service = deploy(run, target=AksCompute(run.workspace, "aks"), overwrite=True)
    run.equal("the models", [m.id for m in service.models], ["mymodel:2"])
    run.equal("the keys are the same", service.get_keys(), keys)


@scenario
def aks_keys(run):
    service = deploy(run)
    primary, secondary = service.get_keys()
    service.regen_key("Primary")
    run.equal("a new primary key", [a == b for a, b in zip(service.get_keys(), (primary, secondary))], [False, True])
    service.regen_key("Secondary", set_key="0123456789abcdef0123456789abcdef")
    run.equal("a secondary key of one's own", service.get_keys()[1], "0123456789abcdef0123456789abcdef")
    run.equal("an answer", service.run("[1]"), [1])
    run.refused("no token without token authentication", "WebserviceException", "oken", service.get_token)


@scenario
def aks_token(run):
    service = deploy(run, configuration=AksWebservice.deploy_configuration(
        cpu_cores=1, memory_gb=1, token_auth_enabled=True))
    token, refresh = service.get_token()
    run.true("the token", token)
    run.true("when to ask again", refresh)
    run.equal("the same in full", service.get_access_token().token_type, "Bearer")
    run.equal("an answer", service.run("[1]"), [1])
    run.refused("no keys with token authentication", "WebserviceException", "", service.get_keys)


@scenario
def aks_update(run):
    service = deploy(run)
    run.bug("AksWebservice.update to more memory together with a higher limit", "WebserviceException",
            "memory_gb must be less than or equal to", service.update, memory_gb=2, memory_gb_limit=2)
    service.update(tags={"x": "y"}, description="new", cpu_cores=0.7, memory_gb=0.8, models=[models.register(run)],
                   inference_config=inference(run))
    service.wait_for_deployment()
    service.add_tags({"z": "w"})
    service.remove_tags("x")
    service.add_properties({"p": "q"})
    again = Webservice(run.workspace, "service")
    run.equal("tags, properties, description", (again.tags, again.properties["p"], again.description), ({"z": "w"}, "q", "new"))
    run.equal("the resources", (again.container_resource_requirements.cpu, again.container_resource_requirements.memory_in_gb), (0.7, 0.8))
    run.equal("the models", [m.id for m in again.models], ["mymodel:2"])
    run.equal("the state", again.state, "Healthy")
    run.refused("nothing to update", "WebserviceException", "No parameters provided to update", service.update)


@scenario
def aks_autoscale(run):
    service = deploy(run, configuration=AksWebservice.deploy_configuration(
        autoscale_enabled=True, autoscale_min_replicas=1, autoscale_max_replicas=3, cpu_cores=0.1, memory_gb=0.5,
        scoring_timeout_ms=5000, replica_max_concurrent_requests=2))
    run.equal("the replicas", (service.autoscaler.min_replicas, service.autoscaler.max_replicas), (1, 3))
    run.equal("the time for an answer", service.scoring_timeout_ms, 5000)


@scenario
def aks_delete(run):
    service = deploy(run)
    service.delete()
    run.equal("what is left", Webservice.list(run.workspace), [])
    run.equal("the name is free", deploy(run, target=AksCompute(run.workspace, "aks")).state, "Healthy")


@scenario
def aks_failed(run):
    run.refused("waiting", "WebserviceException", "CrashLoopBackOff", deploy, run)
    service = Webservice(run.workspace, "service")
    run.equal("the state", service.state, "Failed")
    run.true("the log", service.get_logs())


@scenario
def aks_refused(run):
    aks = computes.attach(run)
    run.refused("more cores than there are", "WebserviceException", "", deploy, run, target=aks,
                configuration=AksWebservice.deploy_configuration(cpu_cores=500, memory_gb=1))
    run.refused("both kinds of authentication", "WebserviceException", "", AksWebservice.deploy_configuration,
                auth_enabled=True, token_auth_enabled=True)
    run.refused("a bad name", "WebserviceException", "name", deploy, run, "Not_A_Name", target=aks)


@scenario
def aci_deploy(run):
    service = deploy(run, configuration=AciWebservice.deploy_configuration(
        cpu_cores=1, memory_gb=1, auth_enabled=True, dns_name_label="contoso", tags={"a": "b"}))
    run.equal("the state", service.state, "Healthy")
    run.equal("the keys", len(service.get_keys()), 2)
    run.true("the log", service.get_logs())
    run.equal("an answer", service.run("[1]"), [1])


@scenario
def aci_update(run):
    service = deploy(run, configuration=AciWebservice.deploy_configuration(cpu_cores=1, memory_gb=1))
    run.equal("open", service.auth_enabled, False)
    service.update(tags={"x": "y"}, auth_enabled=True)
    service.wait_for_deployment()
    again = Webservice(run.workspace, "service")
    run.equal("closed", (again.auth_enabled, again.tags), (True, {"x": "y"}))
    again.regen_key("Primary")
    run.equal("an answer", again.run("[1]"), [1])


@scenario
def aci_delete(run):
    deploy(run, configuration=AciWebservice.deploy_configuration(cpu_cores=1, memory_gb=1)).delete()
    run.equal("what is left", Webservice.list(run.workspace), [])


@scenario
def no_code(run):
    model = models.register(run, model_framework=Model.Framework.SCIKITLEARN, model_framework_version="1.5")
    service = Model.deploy(run.workspace, "service", [model])
    service.wait_for_deployment()
    run.equal("the state", service.state, "Healthy")
    run.equal("the kind", service.compute_type, "ACI")


@scenario
def made_by_library(run):
    service = Webservice(run.workspace, "ours")
    run.equal("the service", (service.state, service.compute_name, service.tags), ("Healthy", "aks", {"a": "b"}))
    run.equal("an answer", service.run("[1]"), [1])
    run.equal("the model", [m.id for m in service.models], ["ours:1"])
    with open(Model(run.workspace, "ours").download("there"), "rb") as f:
        run.equal("its content", f.read(), b"by the library")
    service.update(description="theirs")
    service.wait_for_deployment()
