"""Metrics of a session as a run of MLflow."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .errors import ExploraError, missing
from .points import Point

SESSION_TAG = "cloud_node.session_id"
# What MLflow takes in one request, and what every version of it takes as a value.
MOST_METRICS = 1000
MOST_PARAMS = 100
MOST_PARAM_CHARS = 500
STATUS = {"completed": "FINISHED", "failed": "FAILED", "cancelled": "KILLED"}


class MlflowRun:
    """The run of a session: the one that carries its id, or a new one with the job as parameters."""

    def __init__(self, view: Mapping[str, Any], tracking_uri: str | None, experiment: str | None) -> None:
        try:
            from mlflow import MlflowClient
            from mlflow.entities import Metric, Param, RunTag
        except ImportError as error:
            raise missing("mlflow", "Logging to MLflow") from error
        self._metric, self._tag = Metric, RunTag
        self._client = MlflowClient(tracking_uri)
        experiment_id = self._experiment(experiment, view["repoId"])
        found = self._client.search_runs([experiment_id], f"tags.`{SESSION_TAG}` = '{view['sessionId']}'", max_results=1)
        if found:
            run = found[0]
        else:
            tags = {SESSION_TAG: view["sessionId"], "cloud_node.repo_id": view["repoId"], "mlflow.source.name": "cloud-node"}
            run = self._client.create_run(experiment_id, view["createdMs"], tags, view["job"]["name"])
        self.run_id = str(run.info.run_id)
        wanted = [("paramCount", str(view["geometry"]["paramCount"])), *_flat(view["job"])]
        # One that is there must not change, not even in how a number is written.
        params = [Param(name, text[:MOST_PARAM_CHARS]) for name, text in wanted if name not in run.data.params]
        for at in range(0, len(params), MOST_PARAMS):
            self._client.log_batch(self.run_id, params=params[at : at + MOST_PARAMS])
        self._known = {
            (name, metric.step)
            for name in run.data.metrics
            for metric in self._client.get_metric_history(self.run_id, name)
        }

    def write(self, points: Iterable[Point]) -> None:
        fresh = {(point.name, point.step): point for point in points if (point.name, point.step) not in self._known}
        metrics = [self._metric(name, value, at_ms, step) for name, step, value, at_ms in fresh.values()]
        for at in range(0, len(metrics), MOST_METRICS):
            self._client.log_batch(self.run_id, metrics=metrics[at : at + MOST_METRICS])
        self._known.update(fresh)

    def end(self, view: Mapping[str, Any]) -> None:
        hashes = {entry["round"]: entry["sha256"] for entry in view["history"]}
        tags = {
            "state": view["state"],
            "version": str(view["version"]),
            "reason": view["reason"],
            "model_id": view["resultModelId"],
            "model_sha256": hashes.get(view["version"]),
        }
        said = [self._tag(f"cloud_node.{name}", text) for name, text in tags.items() if text]
        self._client.log_batch(self.run_id, tags=said)
        if view["endedMs"] is not None:
            self._client.set_terminated(self.run_id, STATUS[view["state"]], view["endedMs"])

    def _experiment(self, name: str | None, repo: str) -> str:
        name = name or os.environ.get("MLFLOW_EXPERIMENT_NAME")
        if name is None and "MLFLOW_EXPERIMENT_ID" in os.environ:
            found = self._client.get_experiment(os.environ["MLFLOW_EXPERIMENT_ID"])
        else:
            found = self._client.get_experiment_by_name(name or repo)
        if found is None:
            return str(self._client.create_experiment(name or repo))
        if found.lifecycle_stage == "deleted":
            raise ExploraError(
                f"The experiment {found.name!r} is deleted in MLflow. Bring it back "
                f"(mlflow experiments restore --experiment-id {found.experiment_id}), or name another."
            )
        return str(found.experiment_id)


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """`hyperparams.batchSize` and so on; what is none is left out."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(inner, f"{name}.{key}" if name else key)
    elif isinstance(value, str):
        yield name, value
    elif value is not None:
        yield name, json.dumps(value, separators=(",", ":"))
