"""What a model answers here, sent along with it: the pool converts the model, and refuses it if it answers otherwise."""

from __future__ import annotations

import json
import math
import zipfile
from pathlib import Path
from typing import Any

NAME = "cloud_node_probe"
EXAMPLES = 2
UNKNOWN_SIZE = 4
"""For a dimension that the model leaves open."""
MAX_VALUES = 100_000
MAX_PRODUCTS = 200e6
"""Multiplications for one example: a gateway, without a graphics card, does that in a few seconds."""


def add_probe(path: Path, model: Any) -> None:
    """Writes it into the file of the model, where Keras does not look. A model that can not be asked goes without."""
    try:
        text = make_probe(model)
        if text is None:
            return
    except Exception:  # noqa: BLE001 - whatever it is, the pool says it better, or does not mind
        return
    if path.suffix == ".keras":
        with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"{NAME}.json", text)
    else:
        import h5py

        with h5py.File(path, "a") as file:
            file.attrs[NAME] = text


def make_probe(model: Any) -> str | None:
    """JSON with a small batch and the answers to it; None when it would be too much, or inputs have names for keys."""
    import numpy as np

    struct = getattr(model, "_inputs_struct", getattr(model, "_nested_inputs", None))
    shapes = [
        [EXAMPLES, *(UNKNOWN_SIZE if size is None else int(size) for size in tensor.shape[1:])]
        for tensor in model.inputs
    ]
    if isinstance(struct, dict) or sum(map(math.prod, shapes)) > MAX_VALUES or _products(model) > MAX_PRODUCTS:
        return None
    random = np.random.default_rng(1)
    # Below 2, which is a word that each embedding knows.
    inputs = [
        random.integers(0, 2, shape).astype("int32")
        if "int" in str(tensor.dtype)
        else random.uniform(0, 2, shape).astype("float32").round(4)
        for tensor, shape in zip(model.inputs, shapes)
    ]
    answers = model.predict_on_batch(inputs if len(inputs) > 1 else inputs[0])
    outputs = answers if isinstance(answers, (list, tuple)) else [answers]
    if isinstance(answers, dict) or not all(np.isfinite(output).all() for output in outputs):
        return None
    return json.dumps({"inputs": [_values(one) for one in inputs], "outputs": [_values(one) for one in outputs]})


def _products(model: Any) -> float:
    """Each weight of a layer is used once for each place of its output."""
    total = 0.0
    for layer in model._flatten_layers():
        if not hasattr(layer, "layers") and layer.weights:
            places = math.prod(size or UNKNOWN_SIZE for size in layer.output.shape[1:-1])
            total += places * sum(math.prod(weight.shape) for weight in layer.weights)
    return total


def _values(array: Any) -> dict[str, Any]:
    return {"shape": list(array.shape), "values": [float(f"{value:.8g}") for value in array.ravel().tolist()]}
