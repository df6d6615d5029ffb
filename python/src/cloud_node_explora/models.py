"""Keras models on their way to the pool and back. Keras is imported only where a model object is wanted."""

from __future__ import annotations

import importlib
import os
import sys
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from .errors import missing
from .probe import add_probe

TYPES = {"h5": "application/x-hdf5", "keras": "application/zip"}


@dataclass(frozen=True)
class UploadedModel:
    """A model of the Repo."""

    id: str
    name: str
    parameters: int
    training: Mapping[str, Any] | None = None
    """How it was compiled, as `hyperparams` of a job; None when it was not, or is not known here."""
    notes: list[str] = field(default_factory=list)
    """What of its compile settings the pool leaves out."""


def read_model(model: Any) -> tuple[bytes, str]:
    """The bytes of a Keras file, and "h5" or "keras". Takes a model object, or a path to such a file."""
    if isinstance(model, (str, os.PathLike)):
        path = Path(model)
        data = path.read_bytes()
        # A .keras is a zip.
        return data, "keras" if data[:2] == b"PK" else "h5"
    if not hasattr(model, "save"):
        raise TypeError(f"A Keras model, a .keras or .h5 file, or the id of an uploaded model; not {type(model).__name__}")
    suffix = "h5" if is_keras2(library_of(model)) else "keras"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"model.{suffix}"
        model.save(str(path))
        add_probe(path, model)
        return path.read_bytes(), suffix


def load_model(data: bytes, suffix: str, library: ModuleType | None = None) -> Any:
    """A Keras model from the bytes of a file."""
    keras = library or default_library()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"model.{suffix}"
        path.write_bytes(data)
        with warnings.catch_warnings():
            # Federated averaging has no state of an optimizer, so there is none in the file.
            warnings.filterwarnings("ignore", message="Skipping variable loading for optimizer")
            return keras.models.load_model(str(path))


def default_library() -> ModuleType:
    """Keras, as the program that runs has imported it; else Keras 3 or 2, whatever is installed."""
    for name in ("keras", "tf_keras"):
        if name in sys.modules:
            return sys.modules[name]
    for name in ("keras", "tf_keras"):
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    raise missing("keras", "A model object")


def library_of(model: Any) -> ModuleType | None:
    """The Keras that a model is of."""
    for kind in type(model).__mro__:
        name = kind.__module__.partition(".")[0]
        if name in ("keras", "tf_keras"):
            return sys.modules.get(name)
    return None


def is_keras2(library: ModuleType | None) -> bool:
    return str(getattr(library, "__version__", "3")).startswith("2.")
