"""Parameters as NumPy arrays, checked against their hashes; and test sets as frames."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .errors import HashMismatch, missing

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def numpy() -> Any:
    try:
        import numpy
    except ImportError as error:
        raise missing("numpy", "Weights as arrays") from error
    return numpy


def check_hashes(data: bytes, parameters: Mapping[str, Any]) -> None:
    """Raises HashMismatch unless these are the bytes that a ParametersRef names."""
    step = parameters["shardParams"] * 4
    digests = [hashlib.sha256(data[at : at + step]).digest() for at in range(0, len(data), step)]
    root = hashlib.sha256(b"".join(digests)).hexdigest()
    if [digest.hex() for digest in digests] != parameters["shards"] or root != parameters["sha256"]:
        raise HashMismatch(f"Version {parameters['version']} does not have its hash. Download it again.")


def to_arrays(data: bytes, manifest: Mapping[str, Any]) -> dict[str, npt.NDArray[np.float32]]:
    """Each tensor by its name, in the order of TensorFlow.js's `getWeights()`."""
    np = numpy()
    check_hashes(data, manifest["parameters"])
    flat = np.frombuffer(data, dtype="<f4")
    arrays: dict[str, Any] = {}
    at = 0
    for tensor in manifest["tensors"]:
        shape = tuple(tensor["shape"])
        size = int(np.prod(shape, dtype=np.int64))
        arrays[tensor["name"]] = flat[at : at + size].reshape(shape).copy()
        at += size
    return arrays


def test_set_frame(inputs: Any, labels: Any) -> bytes:
    """A frame as docs/protocol.md describes it. The first dimension counts the examples."""
    np = numpy()
    x, y = (np.ascontiguousarray(values, dtype="<f4") for values in (inputs, labels))
    if x.ndim < 2 or y.ndim < 1 or len(x) != len(y) or len(x) == 0:
        raise ValueError(f"As many labels as inputs, the examples first; not {x.shape} and {y.shape}")
    header = json.dumps(
        {"numExamples": len(x), "inputShape": list(x.shape[1:]), "labelShape": list(y.shape[1:])}
    ).encode()
    header += b" " * (-len(header) % 8)
    return b"".join([b"CNF1", struct.pack("<I", len(header)), header, x.tobytes(), y.tobytes()])
