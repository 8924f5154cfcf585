"""Registering, finding, changing, downloading and deleting models; environments."""

import os

from azureml.core import Environment, Model
from azureml.core.conda_dependencies import CondaDependencies
from azureml.core.resource_configuration import ResourceConfiguration

from harness import scenario


def register(run, name="mymodel", content=b"a model", **options):
    path = run.file("model.pkl", content)
    return run.keep(Model.register(run.workspace, path, name, **options), (path, path))


@scenario
def model_register_file(run):
    first = register(run, tags={"stage": "test"}, properties={"p": "q"}, description="d",
                     model_framework=Model.Framework.SCIKITLEARN, model_framework_version="1.5",
                     resource_configuration=ResourceConfiguration(cpu=1, memory_in_gb=0.5))
    run.equal("the first version", (first.name, first.version, first.id), ("mymodel", 1, "mymodel:1"))
    run.equal("the second version", register(run, content=b"another").version, 2)
    run.equal("what was said of it", (first.tags, first.properties, first.description, first.model_framework),
              ({"stage": "test"}, {"p": "q"}, "d", "ScikitLearn"))
    run.equal("the newest by name", Model(run.workspace, "mymodel").version, 2)
    run.equal("by version", Model(run.workspace, "mymodel", version=1).tags, {"stage": "test"})
    run.equal("by id", Model(run.workspace, id="mymodel:1").version, 1)
    run.refused("an unknown model", "WebserviceException", "ModelNotFound", Model, run.workspace, "nope")
    run.refused("a file that is not there", "FileNotFoundError", "does not exist",
                Model.register, run.workspace, "nope.pkl", "mymodel")


@scenario
def model_register_folder(run):
    leaves = [run.file("tree/branch/leaf%d.txt" % i, b"leaf %d" % i) for i in range(3)] + [run.file("tree/root.txt", b"root")]
    model = run.keep(Model.register(run.workspace, "tree", "forest"), *((leaf, leaf) for leaf in leaves))
    where = model.download("there")
    run.equal("the name of the folder", os.path.basename(where), "tree")
    run.equal("the files", sorted(os.listdir(os.path.join(where, "branch"))), ["leaf0.txt", "leaf1.txt", "leaf2.txt"])


@scenario
def model_register_large(run):
    content = os.urandom(1 << 20) * 40
    model = register(run, content=content)
    with open(model.download("there"), "rb") as f:
        run.equal("40 MiB there and back", f.read() == content, True)


@scenario
def model_download(run):
    model = register(run, content=b"weights")
    with open(model.download("there"), "rb") as f:
        run.equal("the content", f.read(), b"weights")
    run.refused("over a file", "WebserviceException", "already exists", model.download, "there")
    model.download("there", exist_ok=True)


@scenario
def model_list(run):
    for i in range(5):
        register(run, name="m%d" % (i % 2), content=b"%d" % i, tags={"i": str(i)})
    ids = lambda **f: sorted(m.id for m in Model.list(run.workspace, **f))
    run.equal("all, on three pages", ids(), ["m0:1", "m0:2", "m0:3", "m1:1", "m1:2"])
    run.equal("by name", ids(name="m1"), ["m1:1", "m1:2"])
    run.equal("the newest", ids(latest=True), ["m0:3", "m1:2"])
    run.equal("by tag", ids(tags=[["i", "3"]]), ["m1:2"])


@scenario
def model_update(run):
    model = register(run, tags={"a": "1", "b": "2"})
    model.update(tags={"a": "1"}, description="new")
    model.add_tags({"c": "3"})
    model.remove_tags("a")
    model.add_properties({"p": "q"})
    again = Model(run.workspace, "mymodel")
    run.equal("the tags", again.tags, {"c": "3"})
    run.equal("the properties", again.properties, {"p": "q"})
    run.equal("the description", again.description, "new")


@scenario
def model_delete(run):
    model = register(run)
    model.delete()
    run.refused("deleted", "WebserviceException", "ModelNotFound", Model, run.workspace, "mymodel")


@scenario
def environments(run):
    conda = CondaDependencies.create(python_version="3.11", pip_packages=["azureml-defaults"])
    env = Environment("myenv")
    env.python.conda_dependencies = conda
    first = env.register(run.workspace)
    run.equal("the first version", (first.name, first.version), ("myenv", "1"))
    env.environment_variables = {"A": "B"}
    run.equal("changed, the next", env.register(run.workspace).version, "2")
    run.equal("by name", Environment.get(run.workspace, "myenv").version, "2")
    run.equal("by version", Environment.get(run.workspace, "myenv", version="1").environment_variables or {},
              first.environment_variables or {})
    Environment.from_docker_image("image", "example.azurecr.io/image:1").register(run.workspace)
    run.refused("an unknown one", "Exception", "nope", Environment.get, run.workspace, "nope")
