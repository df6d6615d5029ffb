"""The Library of examples/python-library: what it makes of a model is what Keras makes of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from cloud_node_explora import Explora, SessionNotCompleted

from .conftest import EXAMPLE, FEATURES, Pool, library, points

LAST = {"categorical_crossentropy": (2, "softmax"), "binary_crossentropy": (1, "sigmoid")}


@pytest.mark.parametrize("loss", LAST)
def test_trains_as_keras_does(pool: Pool, explora: Explora, tmp_path: Path, loss: str) -> None:
    units, activation = LAST[loss]
    x, y = points(50, 7)
    y = y[:, -units:]
    keras.utils.set_random_seed(1)
    L = keras.layers
    model = keras.Sequential(
        [
            keras.Input((FEATURES,)),
            *[L.Dense(5, activation=hidden) for hidden in ("relu", "tanh", "sigmoid")],
            L.Dense(units, activation=activation),
        ]
    )
    model.compile(optimizer=keras.optimizers.SGD(0.3), loss=loss, metrics=["accuracy"])
    with library(pool, tmp_path, f"alone-{units}", f"alone-{units}", x, y):
        session = explora.submit(
            model, dataset_id=f"alone-{units}", goal=1, max_rounds=2, batch_size=20, epochs=2, shuffle=False
        ).watch(progress=False)
    model.fit(x, y, batch_size=20, epochs=4, shuffle=False, verbose=0)
    for ours, theirs in zip(session.weights().values(), model.get_weights(), strict=True):
        assert np.allclose(ours, theirs, atol=1e-5)
    loss_of_keras, accuracy = model.evaluate(x, y, verbose=0)
    reported = session.history()[-1]
    assert reported["train_loss"] == pytest.approx(loss_of_keras, abs=1e-4)
    assert reported["train_accuracy"] == pytest.approx(accuracy, abs=1e-4)


def test_says_what_it_can_not_train(pool: Pool, explora: Explora, model: Any, tmp_path: Path) -> None:
    with library(pool, tmp_path, "picky", "picky", *points(10, 1)) as process:
        session = explora.submit(
            model, dataset_id="picky", goal=1, batch_size=5, optimizer="adam", round_seconds=6, max_round_retries=0
        )
        with pytest.raises(SessionNotCompleted, match="failed"):
            session.watch(progress=False)
        assert process.stdout is not None
        assert "has no adam" in json.loads(process.stdout.readline())["outcome"]


def test_it_is_short() -> None:
    assert len(EXAMPLE.read_text().splitlines()) < 200
