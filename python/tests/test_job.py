"""Jobs from keywords; no pool is needed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cloud_node_explora.job import build_job, explain

COMPILED = {"optimizer": {"type": "adam", "learningRate": 0.01}, "loss": "meanSquaredError", "metrics": ["mae"]}


def test_names_of_the_predecessor() -> None:
    job = build_job(
        "m-1",
        {
            "hyperparams": {"batch_size": 128, "epochs": 10, "shuffle": True, "label_index": 0},
            "percentage_averaged": 0.75,
            "max_rounds": 10,
            "checkpoint_frequency": 2,
        },
    )
    assert job == {
        "modelId": "m-1",
        "hyperparams": {"batchSize": 128, "epochs": 10, "shuffle": True, "labelIndex": 0},
        "continuation": {"type": "percentageAveraged", "value": 0.75},
        "termination": {"maxRounds": 10},
        "checkpointEvery": 2,
    }


def test_what_is_left_open_is_what_the_model_was_compiled_with() -> None:
    assert build_job("m", {"batch_size": 1}, COMPILED)["hyperparams"] == {"batchSize": 1, **COMPILED}
    slower = build_job("m", {"batch_size": 1, "learning_rate": 0.001}, COMPILED)["hyperparams"]
    assert slower["optimizer"] == {"type": "adam", "learningRate": 0.001}
    other = build_job("m", {"batch_size": 1, "optimizer": "sgd", "loss": "mse"}, COMPILED)["hyperparams"]
    assert other["optimizer"] == {"type": "sgd"}
    assert other["loss"] == "meanSquaredError"


def test_keywords_come_before_job_and_leave_it_alone() -> None:
    more: dict[str, Any] = {"hyperparams": {"batchSize": 4}, "selection": {"goal": 3, "type": "all"}}
    job = build_job("m", {"job": more, "goal": 5, "round_seconds": 1.5, "target": ("accuracy", 0.9)})
    assert job["selection"] == {"goal": 5, "type": "all"}
    assert job["deadlines"] == {"roundMs": 1500}
    assert job["termination"] == {"target": {"metric": "accuracy", "value": 0.9}}
    assert more["selection"]["goal"] == 3


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch_size": 1, "max_round": 3}, "did you mean 'max_rounds'"),
        ({"hyperparams": {"batchsize": 3}}, "did you mean 'batch_size'"),
        ({"max_rounds": 3}, "needs batch_size"),
    ],
)
def test_mistakes_are_named(settings: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        build_job("m", settings)


def test_fields_of_a_message_are_named_as_here() -> None:
    assert explain("termination.maxRounds: use a whole number.").endswith("Here it is the keyword max_rounds.")
    assert explain("Something else.") == "Something else."


def probe_of(inputs: Any, outputs: Any) -> Any:
    return build_job("m", {"batch_size": 1, "probe": (inputs, outputs)})["probe"]


def test_a_probe_of_arrays_lists_and_dicts() -> None:
    x = np.array([[0.5, 1.0]], dtype="float32")
    one = [{"shape": [1, 2], "values": [0.5, 1.0]}]
    y = [{"shape": [1, 1], "values": [0.25]}]
    assert probe_of(x, np.array([[0.25]])) == {"inputs": one, "outputs": y}
    # A list of numbers is one array; a list of arrays is several.
    assert probe_of([[0.5, 1.0]], [[0.25]]) == {"inputs": one, "outputs": y}
    assert probe_of([x, np.array([[1], [2]])], [[0.25]])["inputs"] == [*one, {"shape": [2, 1], "values": [1.0, 2.0]}]
    assert probe_of({"a": x, "b": [[0.25]]}, (x,)) == {
        "inputs": [{"name": "a", **one[0]}, {"name": "b", **y[0]}],
        "outputs": one,
    }
    assert probe_of(np.array([[True, False]]), x)["inputs"][0]["values"] == [1.0, 0.0]


@pytest.mark.parametrize(
    ("probe", "error", "message"),
    [
        (np.zeros((1, 2)), TypeError, r"probe=\(inputs, outputs\)"),
        (([[1.0]],), TypeError, r"probe=\(inputs, outputs\)"),
        (([["a"]], [[1.0]]), TypeError, "probe inputs: numbers"),
        (({"a": [[1.0]]}, {"b": [[float("nan")]]}), ValueError, "probe outputs 'b': there is NaN or infinity"),
        (([np.ones((1, 2)), np.ones((0, 2))], [[1.0]]), ValueError, r"probe inputs\[1\]: a batch, .* \(0, 2\)"),
        ((1.0, [[1.0]]), ValueError, r"probe inputs: a batch, .* shape \(\)"),
    ],
)
def test_what_is_no_probe_is_named(probe: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        build_job("m", {"batch_size": 1, "probe": probe})


def test_a_field_of_a_probe_is_named_as_here() -> None:
    assert explain('"probe.inputs.0": its shape').endswith("Here it is the keyword probe.")
