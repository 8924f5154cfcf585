"""Entry script of the quickstart's service.

Azure Machine Learning calls init() once when a container starts and run() for
every scoring request. The model is a JSON file of coefficients, so plain
Python is enough to predict from it.
"""

import json
import math
import os
from pathlib import Path

MODEL_FILE = "diabetes.json"

model = None


def init():
    """Load the model, once, before the first request."""
    global model
    # The folder holds the registered file itself, a registered folder around
    # it, or one folder per model when the service has several.
    folder = Path(os.environ["AZUREML_MODEL_DIR"])
    found = sorted(folder.rglob(MODEL_FILE))
    if not found:
        raise FileNotFoundError(f"no {MODEL_FILE} anywhere in {folder}")
    model = json.loads(found[-1].read_text(encoding="utf-8"))
    if len(model["features"]) != len(model["coefficients"]):
        raise ValueError(f"{found[-1]}: as many coefficients as features are needed")


def run(raw_data):
    """Answer {"data": [[...], ...]} with one number for each row."""
    request = json.loads(raw_data, parse_constant=refuse_constant)
    if not isinstance(request, dict) or not isinstance(request.get("data"), list):
        raise ValueError('want {"data": [[...]]}')
    return [predict(i, row) for i, row in enumerate(request["data"])]


def predict(i, row):
    """The intercept plus the sum of coefficient times measurement."""
    features = model["features"]
    if not isinstance(row, list) or len(row) != len(features):
        raise ValueError(f"data[{i}]: want {len(features)} numbers: {features}")
    total = model["intercept"]
    for coefficient, value in zip(model["coefficients"], row):
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ValueError(f"data[{i}]: {value!r} is no number")
        total += coefficient * value
    if not math.isfinite(total):
        raise ValueError(f"data[{i}]: the prediction is not a finite number")
    return total


def refuse_constant(name):
    """NaN and Infinity, which Python's parser would take, are not JSON."""
    raise ValueError(f"{name} is no number")
