"""Scores of a model on a test set, made by the pool when somebody asks."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from .errors import EvaluationNotDone, PoolError
from .job import loss_name
from .transport import Transport

DEFAULT_TIMEOUT_SECONDS = 600.0
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 2.0


def evaluate(
    transport: Transport,
    repo_path: str,
    model: Mapping[str, Any],
    *,
    test_set_id: str,
    loss: str | None,
    metrics: Sequence[str] | None,
    timeout_seconds: float,
) -> dict[str, float]:
    """Asks and waits. `model` is what docs/protocol.md has there. Raises EvaluationNotDone, PoolError, NoAnswer."""
    path = f"{repo_path}/evaluations"
    asked: dict[str, Any] = {"model": model, "testSetId": test_set_id}
    if loss is not None:
        asked["loss"] = loss_name(loss)
    if metrics is not None:
        asked["metrics"] = [metrics] if isinstance(metrics, str) else list(metrics)
    until = time.monotonic() + timeout_seconds
    pause = FIRST_PAUSE_SECONDS
    try:
        seen = transport.json("POST", path, json=asked)
    except PoolError as error:
        if error.code == "test_set_not_found":
            error.message += f' explora.put_test_set("{test_set_id}", inputs, labels) stores one.'
        raise
    while seen["state"] == "waiting":
        left = until - time.monotonic()
        if left <= 0:
            raise EvaluationNotDone(
                seen,
                f"Evaluation {seen['evaluationId']} has waited {timeout_seconds:g} s for an evaluator. Does one run? "
                "Who asks again waits for the same one.",
            )
        time.sleep(min(pause, LONGEST_PAUSE_SECONDS, left))
        pause *= 2
        seen = transport.json("GET", f"{path}/{seen['evaluationId']}")
    if seen["state"] == "failed":
        raise EvaluationNotDone(
            seen, f"Model {seen['modelId']} can not be scored on test set \"{test_set_id}\": {seen['reason']}"
        )
    result: dict[str, float] = seen["result"]
    return result
