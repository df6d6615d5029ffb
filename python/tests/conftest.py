"""A live pool, started by test/python/explora.test.ts: it says in the environment where it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from cloud_node_explora import Explora, connect

os.environ.setdefault("MPLBACKEND", "agg")


EXAMPLE = Path(__file__).parents[2] / "examples" / "python-library" / "library.py"
FEATURES = 3


class Pool(NamedTuple):
    urls: list[str]
    pids: list[int]
    """Of the gateways, in the order of their addresses."""
    secret: str
    repo: str
    key: str
    """Of Libraries."""


def points(count: int, seed: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    x = rng.random((count, FEATURES)).astype("float32")
    return x, np.eye(2, dtype="float32")[(x[:, 0] > x[:, 1]).astype(int)]


@pytest.fixture(scope="session")
def pool() -> Pool:
    described = os.environ.get("POOL")
    if described is None:
        pytest.fail("run by test/python/explora.test.ts, which starts a pool")
    return Pool(**json.loads(described))


@contextmanager
def library(pool: Pool, folder: Path, library_id: str, dataset: str, x: Any, y: Any) -> Iterator[subprocess.Popen[str]]:
    """The Library of examples/python-library as a process of its own."""
    data = folder / f"{library_id}.npz"
    np.savez(data, x=x, y=y)
    # The last gateway: a test ends the first one.
    options = ["--url", pool.urls[-1], "--id", library_id, "--dataset", dataset, "--data", str(data)]
    env = {**os.environ, "API_KEY": pool.key}
    process = subprocess.Popen([sys.executable, str(EXAMPLE), *options], env=env, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["ready"]
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def libraries(pool: Pool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Two with the data set "points"."""
    folder = tmp_path_factory.mktemp("libraries")
    with library(pool, folder, "ada", "points", *points(120, 1)), library(pool, folder, "ben", "points", *points(80, 2)):
        yield


@pytest.fixture
def explora(pool: Pool) -> Explora:
    return connect(pool.urls, pool.repo, secret=pool.secret)


@pytest.fixture(scope="session")
def model() -> Any:
    import keras

    keras.utils.set_random_seed(3)
    L = keras.layers
    made = keras.Sequential(
        [keras.Input((FEATURES,)), L.Dense(8, activation="relu"), L.Dense(2, activation="softmax")], name="points"
    )
    made.compile(optimizer=keras.optimizers.SGD(0.5), loss="categorical_crossentropy", metrics=["accuracy"])
    return made
