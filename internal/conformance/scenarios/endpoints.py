"""Endpoints with several versions behind one address."""

from azureml.core import Webservice
from azureml.core.compute import AksCompute
from azureml.core.webservice import AksEndpoint

import models
import services
from harness import scenario


def deploy(run, traffic=60):
    return services.deploy(run, "endpoint", AksEndpoint.deploy_configuration(
        cpu_cores=0.1, memory_gb=0.5, version_name="one", traffic_percentile=traffic, tags={"a": "b"}))


def second(run, endpoint, traffic=20, **options):
    endpoint.create_version("two", models=[models.register(run)], inference_config=services.inference(run),
                            traffic_percentile=traffic, **options)
    endpoint.wait_for_deployment()


@scenario
def endpoint_deploy(run):
    endpoint = deploy(run)
    run.equal("the state", endpoint.state, "Healthy")
    run.equal("the versions", sorted(endpoint.versions), ["one"])
    run.equal("an answer", endpoint.run("[1]"), [1])
    run.equal("the keys", len(endpoint.get_keys()), 2)
    endpoint.regen_key("Primary")
    run.true("the log", endpoint.get_logs())


@scenario
def endpoint_create_version(run):
    endpoint = deploy(run)
    run.bug("AksEndpoint.create_version with cpu_cores", "AttributeError", "container_resource_requirements",
            second, run, endpoint, cpu_cores=0.1, memory_gb=0.5)
    run.refused("more traffic than there is", "WebserviceException", "must not exceed 100", second, run, endpoint, 50)
    second(run, endpoint)
    again = Webservice(run.workspace, "endpoint")
    run.equal("the traffic", {n: v.traffic_percentile for n, v in again.versions.items()}, {"one": 60, "two": 20})


@scenario
def endpoint_update_version(run):
    endpoint = deploy(run)
    second(run, endpoint)
    endpoint.update_version("two", traffic_percentile=40, description="second")
    endpoint.wait_for_deployment()
    endpoint.update_version("two", is_default=True)
    endpoint.wait_for_deployment()
    endpoint.update_version("one", is_control_version_type=True)
    endpoint.wait_for_deployment()
    again = Webservice(run.workspace, "endpoint")
    run.equal("the traffic", {n: v.traffic_percentile for n, v in again.versions.items()}, {"one": 60, "two": 40})
    run.equal("the default", {n: bool(v.is_default) for n, v in again.versions.items()}, {"one": False, "two": True})
    run.equal("an answer", again.run("[1]"), [1])


@scenario
def endpoint_delete_version(run):
    endpoint = deploy(run)
    second(run, endpoint)
    endpoint.delete_version("two")
    endpoint.wait_for_deployment()
    run.equal("the versions", sorted(Webservice(run.workspace, "endpoint").versions), ["one"])


@scenario
def endpoint_update(run):
    endpoint = deploy(run)
    wrong = ("TypeError", "missing 2 required positional arguments")
    run.bug("AksEndpoint.update", *wrong, endpoint.update, description="new")
    run.bug("AksEndpoint.add_tags", *wrong, endpoint.add_tags, {"x": "y"})
    run.bug("AksEndpoint.remove_tags", *wrong, endpoint.remove_tags, ["a"])
    run.bug("AksEndpoint.add_properties", *wrong, endpoint.add_properties, {"p": "q"})
    again = Webservice(run.workspace, "endpoint")
    run.equal("nothing has changed", (again.tags, again.description), ({"a": "b"}, None))


@scenario
def endpoint_delete(run):
    endpoint = deploy(run)
    endpoint.delete()
    run.equal("what is left", Webservice.list(run.workspace), [])
