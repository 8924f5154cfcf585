"""Runs the program of a web service for the emulator: init() once, then run() for
every request that comes in on standard input. Frames are a length of four bytes and
JSON. What the program itself prints goes to standard error, which is its log; a NUL in
it tells that all of it is there that was printed before an answer."""

import base64
import importlib.util
import inspect
import json
import os
import struct
import sys
import traceback

requests = os.fdopen(os.dup(0), "rb")
answers = os.fdopen(os.dup(1), "wb")
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
os.dup2(2, 1)


def send(message):
    sys.stdout.flush()
    sys.stderr.flush()
    os.write(2, b"\0")
    data = json.dumps(message).encode()
    answers.write(struct.pack(">I", len(data)) + data)
    answers.flush()


def receive():
    head = requests.read(4)
    if len(head) < 4:
        sys.exit(0)
    return json.loads(requests.read(struct.unpack(">I", head)[0]))


def load(path):
    sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
    spec = importlib.util.spec_from_file_location("azureml_driver", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["azureml_driver"] = module
    spec.loader.exec_module(module)
    return module


def arguments(run, body, headers):
    """As drivers want it, or as entry scripts do."""
    names = list(inspect.signature(run).parameters)
    given = {}
    for name in names:
        if name == "request_headers":
            given[name] = headers
        elif name == "http_body" or body is not None:
            given[name] = body
            body = None
    return given


def main():
    try:
        program = load(sys.argv[1])
        if hasattr(program, "init"):
            program.init()
        run = program.run
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(3)
    send({"ready": True})
    while True:
        request = receive()
        try:
            body = base64.b64decode(request["body"]).decode("utf-8")
            result = run(**arguments(run, body, request["headers"]))
            send({"result": json.dumps(result)})
        except Exception:
            traceback.print_exc()
            send({"error": traceback.format_exc(limit=0)})


main()
