"""Against MLflow itself, which the other tests do without: it is as large as all that they need together.

    pip install mlflow && pytest python/tests/with_mlflow.py
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from cloud_node_explora.errors import ExploraError
from cloud_node_explora.mlflow_run import MlflowRun
from cloud_node_explora.points import points_of

START_MS = 1_767_225_600_000


@pytest.fixture
def uri(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/mlflow.db"


def view(rounds: int, **more: Any) -> dict[str, Any]:
    """Of a session with 1000 parameters in two shards."""
    return {
        "repoId": "clinics",
        "sessionId": "s-1",
        "createdMs": START_MS,
        "endedMs": None,
        "state": "running",
        "reason": None,
        "version": rounds,
        "resultModelId": None,
        "job": {"name": "mnist", "datasetId": None, "update": {"encoding": "q8"}, "hyperparams": {"batchSize": 10}},
        "geometry": {"paramCount": 1000, "shardParams": 600, "shardCount": 2},
        "history": [
            {
                "round": number,
                "selected": 3,
                "updates": 2,
                "totalExamples": 200,
                "metrics": {"loss": 1 / number, "a/b": 0.5},
                "evaluation": {"loss": 2 / number},
                "openedMs": START_MS + 1000 * number - 500,
                "publishedMs": START_MS + 1000 * number,
                "sha256": str(number) * 64,
            }
            for number in range(1, rounds + 1)
        ],
        "scores": [{"version": 1, "metrics": {"accuracy": 0.5}}],
        **more,
    }


def test_a_session_is_a_run_that_is_found_again(uri: str) -> None:
    first = MlflowRun(view(2), uri, None)
    first.write(points_of(view(2)))
    ended = view(3, state="completed", endedMs=START_MS + 9000, resultModelId="m-2")
    again = MlflowRun(ended, uri, None)
    assert again.run_id == first.run_id
    again.write(points_of(ended))
    again.write(points_of(ended))
    again.end(ended)

    client = MlflowClient(uri)
    run = client.get_run(first.run_id)
    assert (run.info.status, run.info.start_time, run.info.end_time) == ("FINISHED", START_MS, START_MS + 9000)
    assert run.data.params == {
        "paramCount": "1000",
        "name": "mnist",
        "update.encoding": "q8",
        "hyperparams.batchSize": "10",
    }
    assert run.data.tags["cloud_node.model_sha256"] == "3" * 64
    assert "cloud_node.reason" not in run.data.tags

    def history(name: str) -> list[tuple[int, float]]:
        return [(metric.step, metric.value) for metric in client.get_metric_history(first.run_id, name)]

    assert history("train/loss") == [(1, 1.0), (2, 0.5), (3, 1 / 3)]
    assert history("train/a_b") == [(1, 0.5), (2, 0.5), (3, 0.5)]
    assert history("libraries/loss") == [(0, 2.0), (1, 1.0), (2, 2 / 3)]
    assert history("pool/accuracy") == [(1, 0.5)]
    assert history("round/bytes") == [(number, 2 * (1000 + 2 * 4)) for number in (1, 2, 3)]


def test_which_experiment(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client = MlflowClient(uri)

    def experiment(name: str | None = None) -> str:
        run = client.get_run(MlflowRun(view(1), uri, name).run_id)
        return str(client.get_experiment(run.info.experiment_id).name)

    assert experiment() == "clinics"
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", "0")
    assert experiment() == "Default"
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "trials")
    assert experiment() == "trials"
    assert experiment("mine") == "mine"
    client.delete_experiment(client.get_experiment_by_name("mine").experiment_id)
    with pytest.raises(ExploraError, match=r"deleted in MLflow.*restore --experiment-id 3"):
        experiment("mine")
