"""A job of the pool, written as keyword arguments."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict, cast

from .probe import Batch, job_probe


class JobSettings(TypedDict, total=False):
    """What `Explora.submit` takes beside the model. What is left out is as the pool says in docs/protocol.md."""

    name: str
    dataset_id: str | None
    """Only Libraries with this data set take part."""
    hyperparams: Mapping[str, Any]
    """`batch_size`, `epochs`, `shuffle`, `label_index`, `optimizer`, `learning_rate`, `loss`, `metrics`; each may
    also be given by itself."""
    batch_size: int
    epochs: int
    """Local passes over the data in each round."""
    shuffle: bool
    label_index: int
    optimizer: str
    """sgd, momentum, adam, rmsprop or adagrad; default: what the model is compiled with."""
    learning_rate: float
    momentum: float
    loss: str
    """Default: what the model is compiled with."""
    metrics: Sequence[str]
    max_rounds: int
    percentage_averaged: float
    """Share of `goal`, 0 to 1, with which a round closes early."""
    updates_averaged: int
    """The same as a number of updates."""
    min_updates: int
    goal: int
    """Updates that a round aims at."""
    selection: str
    """random or all."""
    over_selection: float
    min_examples: int
    recruit_seconds: float
    round_seconds: float
    close_seconds: float
    evaluate_seconds: float
    pause_seconds: float
    max_round_retries: int
    target: tuple[str, float]
    """Ends the session when a metric is reached: ("accuracy", 0.97)."""
    patience: int
    strategy: str
    server_learning_rate: float
    clip_norm: float
    noise_multiplier: float
    evaluate_every: int
    evaluate_on: str
    """libraries, pool, both or none."""
    test_set_id: str
    encoding: str
    """Of updates: f32, f16 or q8."""
    max_magnitude: float
    download_encoding: str
    checkpoint_frequency: int
    probe: tuple[Batch, Batch]
    """Inputs, and what the model must answer to them: a small batch. If it answers otherwise, the pool refuses the job.
    An array; of several inputs or outputs a list of arrays, or a dict by the names of the model."""
    job: Mapping[str, Any]
    """More fields of the job, as docs/protocol.md names them. Keywords come first."""


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def loss_name(name: str) -> str:
    """A loss as TensorFlow.js calls it, from that or from Keras's name."""
    short = {"mse": "meanSquaredError", "mae": "meanAbsoluteError", "mape": "meanAbsolutePercentageError"}
    return short.get(name, camel(name))


def _target(target: tuple[str, float]) -> dict[str, Any]:
    metric, value = target
    return {"metric": metric, "value": value}


def _plain(value: Any) -> Any:
    return value


# Keyword → field of the job, and how its value is written there.
_FIELDS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "name": ("name", _plain),
    "dataset_id": ("datasetId", _plain),
    "batch_size": ("hyperparams.batchSize", _plain),
    "epochs": ("hyperparams.epochs", _plain),
    "shuffle": ("hyperparams.shuffle", _plain),
    "label_index": ("hyperparams.labelIndex", _plain),
    "optimizer": ("hyperparams.optimizer.type", _plain),
    "learning_rate": ("hyperparams.optimizer.learningRate", _plain),
    "momentum": ("hyperparams.optimizer.momentum", _plain),
    "loss": ("hyperparams.loss", loss_name),
    "metrics": ("hyperparams.metrics", list),
    "max_rounds": ("termination.maxRounds", _plain),
    "target": ("termination.target", _target),
    "patience": ("termination.patience", _plain),
    "min_updates": ("continuation.minUpdates", _plain),
    "goal": ("selection.goal", _plain),
    "selection": ("selection.type", _plain),
    "over_selection": ("selection.overSelection", _plain),
    "min_examples": ("selection.minExamples", _plain),
    "recruit_seconds": ("deadlines.recruitMs", _milliseconds),
    "round_seconds": ("deadlines.roundMs", _milliseconds),
    "close_seconds": ("deadlines.closeMs", _milliseconds),
    "evaluate_seconds": ("deadlines.evaluateMs", _milliseconds),
    "pause_seconds": ("deadlines.pauseMs", _milliseconds),
    "max_round_retries": ("deadlines.maxRoundRetries", _plain),
    "strategy": ("strategy.type", _plain),
    "server_learning_rate": ("strategy.serverLearningRate", _plain),
    "clip_norm": ("privacy.clipNorm", _plain),
    "noise_multiplier": ("privacy.noiseMultiplier", _plain),
    "evaluate_every": ("evaluation.every", _plain),
    "evaluate_on": ("evaluation.on", _plain),
    "test_set_id": ("evaluation.testSetId", _plain),
    "encoding": ("update.encoding", _plain),
    "max_magnitude": ("update.maxMagnitude", _plain),
    "download_encoding": ("downloadEncoding", _plain),
    "checkpoint_frequency": ("checkpointEvery", _plain),
    "probe": ("probe", job_probe),
}
_CONTINUATION = {"percentage_averaged": "percentageAveraged", "updates_averaged": "count"}
_HYPERPARAMS = ("batch_size", "epochs", "shuffle", "label_index", "optimizer", "learning_rate", "momentum", "loss", "metrics")
KEYWORDS = (*_FIELDS, *_CONTINUATION, "hyperparams", "job")


def build_job(model_id: str, settings: JobSettings, compiled: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The job as the pool takes it; what it leaves open of `hyperparams` is what the model was compiled with.

    Raises TypeError for a keyword that there is not, or without a batch size.
    """
    given = cast("dict[str, Any]", settings)
    for keyword in given:
        if keyword not in KEYWORDS:
            raise TypeError(_unknown(keyword, KEYWORDS))
    job: dict[str, Any] = _copy(given.get("job") or {})
    job["modelId"] = model_id
    for keyword, value in {**_hyperparams(given.get("hyperparams") or {}, job), **given}.items():
        if value is None:
            continue
        if keyword in _FIELDS:
            field, write = _FIELDS[keyword]
            _set(job, field, write(value))
        elif keyword in _CONTINUATION:
            _set(job, "continuation.type", _CONTINUATION[keyword])
            _set(job, "continuation.value", value)
    hyperparams = job.setdefault("hyperparams", {})
    for field, value in (compiled or {}).items():
        # The learning rate of one optimizer is not that of another.
        if field == "optimizer" and isinstance(hyperparams.get(field), dict) and "type" not in hyperparams[field]:
            hyperparams[field] = {**value, **hyperparams[field]}
        hyperparams.setdefault(field, value)
    if "batchSize" not in hyperparams:
        raise TypeError("submit() needs batch_size: how many examples a Library takes in one step")
    return job


def explain(message: str) -> str:
    """Adds what a field of the job is called here to a message of the pool."""
    named = [keyword for keyword, (field, _) in _FIELDS.items() if field in message]
    named += ["percentage_averaged"] if "continuation.value" in message else []
    return f"{message} Here it is the keyword {max(named, key=len)}." if named else message


def _hyperparams(given: Mapping[str, Any], job: dict[str, Any]) -> dict[str, Any]:
    """Those by their names here; those that are written as in the job go there."""
    ours: dict[str, Any] = {}
    names = {camel(keyword): keyword for keyword in _HYPERPARAMS}
    for name, value in given.items():
        keyword = names.get(name, name)
        if keyword == "optimizer" and isinstance(value, Mapping):
            optimizer = {camel(key): part for key, part in value.items()}
            _set(job, "hyperparams.optimizer", optimizer)
        elif keyword in _HYPERPARAMS:
            ours[keyword] = value
        else:
            raise TypeError(_unknown(name, _HYPERPARAMS, "hyperparams have"))
    return ours


def _set(job: dict[str, Any], field: str, value: Any) -> None:
    *path, last = field.split(".")
    for name in path:
        job = job.setdefault(name, {})
    job[last] = value


def _copy(value: Any) -> Any:
    return {key: _copy(part) for key, part in value.items()} if isinstance(value, Mapping) else value


def _unknown(name: str, known: Sequence[str], who: str = "submit() has") -> str:
    near = difflib.get_close_matches(name, known, 1)
    return f"{who} no setting {name!r}" + (f"; did you mean {near[0]!r}?" if near else f". There are: {', '.join(known)}")
