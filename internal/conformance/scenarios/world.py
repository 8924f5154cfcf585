"""What the client sees of a workspace, in a form that can be compared."""

from azureml.core import Environment, Model, Webservice
from azureml.core.compute import AksCompute, ComputeTarget
from azureml.core.webservice import AksEndpoint


def look(ws):
    return {
        "workspace": {"name": ws.name, "group": ws.resource_group, "subscription": ws.subscription_id,
                      "location": ws.location},
        "models": sorted((model(m) for m in Model.list(ws)), key=lambda m: m["id"]),
        "computes": sorted((compute(c) for c in ComputeTarget.list(ws)), key=lambda c: c["name"]),
        "environments": sorted(({"name": e.name, "version": e.version, "image": e.docker.base_image or ""}
                                for e in Environment.list(ws).values() if not e.name.startswith("AzureML-")),
                               key=lambda e: e["name"]),
        "services": sorted((service(s) for s in Webservice.list(ws)), key=lambda s: s["name"]),
    }


def model(m):
    return {"id": m.id, "name": m.name, "version": m.version, "framework": m.model_framework or "",
            "frameworkVersion": m.model_framework_version or "", "description": m.description or "",
            "url": m.url or "", "tags": m.tags or {}, "properties": m.properties or {},
            "cpu": m.resource_configuration.cpu if m.resource_configuration else None}


def compute(c):
    seen = {"name": c.name, "type": c.type, "state": c.provisioning_state or "", "resource": c.cluster_resource_id or "",
            "location": c.location or "", "description": c.description or ""}
    if isinstance(c, AksCompute):
        seen.update(count=c.agent_count, size=c.agent_vm_size or "")
    return seen


def service(s):
    seen = {"name": s.name, "type": s.compute_type.upper(), "state": s.state or "", "url": s.scoring_uri or "",
            "description": s.description or "", "tags": s.tags or {}, "properties": s.properties or {},
            "keyAuth": bool(s.auth_enabled), "tokenAuth": bool(getattr(s, "token_auth_enabled", False)),
            "compute": getattr(s, "compute_name", None) or "", "primary": "", "secondary": ""}
    if s.auth_enabled:
        seen["primary"], seen["secondary"] = s.get_keys()
    if isinstance(s, AksEndpoint):
        seen["versions"] = {name: version(v) for name, v in s.versions.items()}
        return seen
    seen.update(resources(s), models=sorted(m.id for m in s.models or []), logs=s.get_logs() or "")
    return seen


def version(v):
    kind = v.version_type
    return dict(resources(v), state=v.state or "", traffic=v.traffic_percentile or 0, default=bool(v.is_default),
                kind=getattr(kind, "value", kind) or "")


def resources(s):
    r = s.container_resource_requirements
    return {"cpu": (r.cpu if r else None), "memory": (r.memory_in_gb if r else None)}
