"""What a model must answer, sent along with it or with a job: the pool refuses what answers otherwise."""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

from .arrays import numpy

if TYPE_CHECKING:
    import numpy.typing as npt

    Batch = Union[npt.ArrayLike, Sequence[npt.ArrayLike], Mapping[str, npt.ArrayLike]]
else:
    Batch = Any

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


def job_probe(pair: tuple[Batch, Batch]) -> dict[str, Any]:
    """The field of a job, from inputs and expected outputs. Raises TypeError and ValueError for what can not be one."""
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise TypeError("probe=(inputs, outputs): what goes into the model, and what must come out")
    return {field: _batches(f"probe {field}", given) for field, given in zip(("inputs", "outputs"), pair)}


def _batches(what: str, given: Any) -> list[dict[str, Any]]:
    """Of one array, of a list of arrays, or of a dict by names. A list of numbers is one array, as it is in NumPy."""
    if isinstance(given, Mapping):
        return [{"name": name, **_batch(f"{what} {name!r}", one)} for name, one in given.items()]
    if isinstance(given, (list, tuple)) and any(getattr(one, "shape", ()) for one in given):
        return [_batch(f"{what}[{i}]", one) for i, one in enumerate(given)]
    return [_batch(what, given)]


def _batch(what: str, given: Any) -> dict[str, Any]:
    np = numpy()
    array = np.asarray(given)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{what}: numbers in an array; for several, a list of arrays or a dict; not {array.dtype}")
    if array.ndim == 0 or array.size == 0:
        raise ValueError(f"{what}: a batch, the examples first; not the shape {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{what}: there is NaN or infinity in it")
    return _values(array)


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
