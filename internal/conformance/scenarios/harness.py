"""Runs one scenario of the conformance run in a process of its own.

    python harness.py SCENARIO RESULT

SCENARIO is the name of a function that a module beside this one has marked
with @scenario. RESULT is the file that the outcome is written to, as JSON:

    client, python   versions
    checks           what was compared: label, ok, and where it is not ok, got and want
    bugs             what the client cannot do, though the service would let it: label,
                     exception, message, as_known
    world            what the client sees of the workspace in the end
    uploaded         of each model that was registered, the SHA-256 of its files by name
    seconds          how long the scenario took, without starting Python
    error            the traceback of what ended the scenario early

What to talk to is in the environment variable CONFORMANCE, as JSON. The client
is the one that is installed, unchanged; it finds the emulator by HTTPS_PROXY,
HTTP_PROXY, REQUESTS_CA_BUNDLE and SSL_CERT_FILE alone.
"""

import hashlib
import json
import logging
import os
import platform
import sys
import time
import traceback
import warnings

SCENARIOS = {}


def scenario(function):
    """Marks a function as a scenario of its name."""
    SCENARIOS[function.__name__] = function
    return function


class Run:
    """What a scenario works with, and what it has found."""

    def __init__(self):
        self.settings = json.loads(os.environ["CONFORMANCE"])
        self.checks = []
        self.bugs = []
        self.uploaded = {}
        self._workspace = None

    def __getattr__(self, name):
        try:
            return self.settings[name]
        except KeyError:
            raise AttributeError(name) from None

    def auth(self, secret=None, tenant=None):
        from azureml.core.authentication import ServicePrincipalAuthentication
        return ServicePrincipalAuthentication(tenant or self.tenant, self.client, secret or self.secret)

    @property
    def workspace(self):
        if self._workspace is None:
            from azureml.core import Workspace
            self._workspace = Workspace.get(self.name, auth=self.auth(), subscription_id=self.subscription,
                                            resource_group=self.group)
        return self._workspace

    def equal(self, label, got, want):
        """Checks that two values are the same."""
        check = {"label": label, "ok": got == want}
        if got != want:
            check.update(got=repr(got), want=repr(want))
        self.checks.append(check)

    def true(self, label, value):
        """Checks that a value is true."""
        self.checks.append({"label": label, "ok": bool(value)} if value else
                           {"label": label, "ok": False, "got": repr(value), "want": "true"})

    def refused(self, label, kind, text, function, *args, **kwargs):
        """Checks that a call raises an exception of that kind with that text, as it should."""
        raised = self._raised(function, args, kwargs)
        ok = raised is not None and type(raised).__name__ == kind and text in str(raised)
        check = {"label": label, "ok": ok}
        if not ok:
            check.update(got=describe(raised), want=kind + ": …" + text + "…")
        self.checks.append(check)

    def bug(self, label, kind, text, function, *args, **kwargs):
        """Notes a call that should succeed and is known to raise an exception of that kind with that text."""
        raised = self._raised(function, args, kwargs)
        known = raised is not None and type(raised).__name__ == kind and text in str(raised)
        self.bugs.append({"label": label, "exception": kind, "message": text, "as_known": known,
                          "got": "" if known else describe(raised)})

    def keep(self, model, *files):
        """Remembers what the files of a registered model were: pairs of their names in it and on the disk."""
        self.uploaded[model.id] = {name: digest(path) for name, path in files}
        return model

    @staticmethod
    def _raised(function, args, kwargs):
        try:
            function(*args, **kwargs)
        except Exception as raised:
            return raised
        return None

    def file(self, name, content):
        """Writes a file into the working folder and returns its name."""
        folder = os.path.dirname(name)
        if folder:
            os.makedirs(folder, exist_ok=True)
        with open(name, "wb") as f:
            f.write(content)
        return name


def digest(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def describe(raised):
    return "nothing raised" if raised is None else type(raised).__name__ + ": " + str(raised)[:2000]


def main(name, result):
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    run = Run()
    outcome = {"python": platform.python_version(), "error": "", "world": None, "seconds": 0}
    try:
        import importlib.metadata
        outcome["client"] = importlib.metadata.version("azureml-core")
        import access, computes, endpoints, flows, models, services  # noqa: F401,E401
        import world
        began = time.monotonic()
        try:
            ended = SCENARIOS[name](run)
        finally:
            outcome["seconds"] = round(time.monotonic() - began, 3)
        if ended != "no world":
            outcome["world"] = world.look(run.workspace)
    except Exception:
        outcome["error"] = traceback.format_exc()
    outcome.update(checks=run.checks, bugs=run.bugs, uploaded=run.uploaded)
    with open(result, "w", encoding="utf-8") as f:
        json.dump(outcome, f)


if __name__ == "__main__":
    # The scenarios import this file under its own name: one table for both.
    import harness
    harness.main(*sys.argv[1:])
