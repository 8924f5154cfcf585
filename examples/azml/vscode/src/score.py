import json
import os


def init():
    global factor
    folder = os.path.join(os.environ["AZUREML_MODEL_DIR"], "model")
    with open(os.path.join(folder, "model.json")) as file:
        factor = json.load(file)["factor"]


def run(data):
    rows = json.loads(data)["data"]
    return [[factor * number for number in row] for row in rows]
