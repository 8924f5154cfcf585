"""Signing in, and opening, listing and describing workspaces."""

import os

from azureml.core import Workspace

from harness import scenario


@scenario
def service_principal(run):
    auth = run.auth()
    header = auth.get_authentication_header()["Authorization"]
    run.true("the header has a bearer token", header.startswith("Bearer ey"))
    run.equal("the token is kept", auth.get_authentication_header()["Authorization"], header)
    get = lambda a: Workspace.get(run.name, auth=a, subscription_id=run.subscription, resource_group=run.group)
    run.equal("the workspace opens", get(auth).name, run.name)
    run.refused("a wrong secret", "AuthenticationError", "AADSTS7000215", get, run.auth(secret="wrong"))
    run.refused("an unknown tenant", "ValueError", "authority configuration",
                get, run.auth(tenant="99999999-9999-9999-9999-999999999999"))


@scenario
def workspace_get(run):
    ws = run.workspace
    run.equal("the name", ws.name, run.name)
    run.equal("the location", ws.location, run.location)
    run.equal("the group", ws.resource_group, run.group)
    run.equal("the id", ws.get_details()["workspaceid"], run.workspace_id)
    get = lambda name, group=run.group: Workspace.get(name, auth=run.auth(), subscription_id=run.subscription,
                                                      resource_group=group)
    run.refused("an unknown name", "ProjectSystemException", "not found", get, "nope")
    run.refused("an unknown group", "ProjectSystemException", "not found", get, run.name, "nope")
    run.bug("Workspace.get by name and subscription", "ValidationError", "resource_group_name",
            Workspace.get, run.name, auth=run.auth(), subscription_id=run.subscription)


@scenario
def workspace_config(run):
    run.refused("no file anywhere", "UserErrorException", "config.json", Workspace.from_config, auth=run.auth())
    os.mkdir("project")
    run.workspace.write_config(path="project", file_name="my.json")
    run.equal("the file that was named", Workspace.from_config("project/.azureml/my.json", auth=run.auth()).name, run.name)
    run.workspace.write_config(path="project")
    os.makedirs("project/deep/down")
    os.chdir("project/deep/down")
    run.equal("a file in a folder above", Workspace.from_config(auth=run.auth()).name, run.name)


@scenario
def workspace_list(run):
    found = Workspace.list(run.subscription, auth=run.auth())
    run.equal("of the subscription", {n: len(w) for n, w in found.items()}, {run.name: 1, run.other: 2})
    found = Workspace.list(run.subscription, auth=run.auth(), resource_group=run.group)
    run.equal("of the group", {n: len(w) for n, w in found.items()}, {run.name: 1, run.other: 1})
    run.bug("Workspace.list of a group without a subscription", "AttributeError", "object has no attribute",
            Workspace.list, None, auth=run.auth(), resource_group=run.group)
