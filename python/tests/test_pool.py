"""Against a live pool, with Keras."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from cloud_node_explora import (
    EvaluationNotDone,
    Explora,
    ExploraError,
    NoAnswer,
    PoolError,
    Session,
    SessionNotCompleted,
    connect,
)
from cloud_node_explora.models import read_model
from cloud_node_explora.progress import ProgressBar

from .conftest import FEATURES, Pool, points

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.usefixtures("libraries")

JOB: Any = {"dataset_id": "points", "batch_size": 20, "epochs": 3, "goal": 2, "percentage_averaged": 1.0}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def trained(pool: Pool, libraries: None, model: Any, runs: Path) -> Session:
    explora = connect(pool.urls, pool.repo, secret=pool.secret)
    x, y = points(200, 5)
    explora.put_test_set("points", x, y)
    session = explora.submit(model, max_rounds=4, **JOB)
    assert session.watch(progress=False, tensorboard=runs) is session
    trained = session.model()
    loss, accuracy = trained.evaluate(x, y, verbose=0)
    last = session.history()[-1]
    assert last["pool_accuracy"] == pytest.approx(accuracy, abs=1e-4)
    assert last["pool_loss"] == pytest.approx(loss, abs=1e-4)
    return session


def test_the_job_is_what_was_asked_for(trained: Session) -> None:
    view = trained.view()
    assert view["state"] == "completed"
    assert view["job"]["name"] == "points"
    # As the model was compiled.
    assert view["job"]["hyperparams"]["optimizer"] == {"type": "sgd", "learningRate": 0.5}
    assert view["job"]["hyperparams"]["loss"] == "categoricalCrossentropy"


def test_the_model_learnt_something_and_keeps_its_settings(trained: Session, model: Any) -> None:
    made = trained.model()
    assert [layer.name for layer in made.layers] == [layer.name for layer in model.layers]
    assert made.optimizer.learning_rate == 0.5
    assert trained.history()[-1]["pool_accuracy"] > 0.8
    start = trained.model(version=0)
    for ours, theirs in zip(start.get_weights(), model.get_weights(), strict=True):
        assert np.array_equal(ours, theirs)
    best = trained.model("best", library=keras)
    assert best.count_params() == model.count_params()


def test_weights_are_those_of_the_model(trained: Session, tmp_path: Path) -> None:
    weights = trained.weights()
    for array, theirs in zip(weights.values(), trained.model().get_weights(), strict=True):
        assert np.array_equal(array, theirs)
    saved = trained.save(tmp_path / "model.h5")
    assert keras.models.load_model(saved).count_params() == sum(array.size for array in weights.values())
    with pytest.raises(ValueError, match=r"\.keras or \.h5"):
        trained.save(tmp_path / "model.onnx")


def test_metrics_as_a_table_and_a_plot(trained: Session) -> None:
    frame = trained.metrics()
    assert list(frame.index) == [0, 1, 2, 3, 4]
    assert frame["updates"].tolist()[1:] == [2, 2, 2, 2]
    assert frame["pool_accuracy"].notna().tolist() == [False, True, True, True, True]
    assert frame["libraries_accuracy"].notna().sum() == 4
    axes = trained.plot()
    assert axes.get_ylabel() == "accuracy"
    assert len(axes.lines) == 3
    assert trained.plot("loss").get_ylabel() == "loss"
    assert "completed" in trained._repr_html_()


def test_scores_when_asked(trained: Session, explora: Explora, model: Any, pool: Pool) -> None:
    last = trained.history()[-1]
    score = trained.evaluate(test_set_id="points")
    assert score == pytest.approx({"loss": last["pool_loss"], "accuracy": last["pool_accuracy"]}, abs=1e-6)
    # The result is the last version, and is trained and scored in the same way; a name may point at it.
    result = trained.view()["resultModelId"]
    assert explora.evaluate(result, "points") == score
    explora._transport.json("PUT", f"/v1/repos/{pool.repo}/aliases/production", json={"modelId": result})
    assert explora.evaluate("production", "points") == score
    assert trained.evaluate("best", "points", metrics=["mse"], loss="mae").keys() == {"loss", "mse"}

    # As it was submitted: a model object has its own loss and metrics.
    x, y = points(200, 5)
    loss, accuracy = model.evaluate(x, y, verbose=0)
    assert explora.evaluate(model, "points") == pytest.approx({"loss": loss, "accuracy": accuracy}, abs=1e-4)
    assert trained.evaluate(0, "points") == explora.evaluate(model, "points")
    assert {one["state"] for one in explora.evaluations()} == {"done"}


def test_says_why_there_is_no_score(trained: Session, explora: Explora) -> None:
    result = trained.view()["resultModelId"]
    with pytest.raises(EvaluationNotDone, match='can not be scored on test set "points": .*guesswork') as failed:
        explora.evaluate(result, "points", loss="guesswork")
    assert failed.value.evaluation["state"] == "failed"
    with pytest.raises(PoolError, match="test_set_not_found") as refused:
        explora.evaluate(result, "nothing")
    assert 'explora.put_test_set("nothing", inputs, labels)' in str(refused.value)
    with pytest.raises(PoolError, match="model_not_found"):
        explora.evaluate("nobody", "points")
    with pytest.raises(EvaluationNotDone, match="has waited 0 s for an evaluator") as waits:
        explora.evaluate(result, "points", loss="hinge", timeout_seconds=0)
    assert waits.value.evaluation["state"] == "waiting"
    # It was asked for all the same.
    assert explora.evaluate(result, "points", loss="hinge")["loss"] > 0


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """What TensorBoard shows of a run."""
    events = EventAccumulator(str(folder)).Reload()
    return {tag: [(event.step, event.value) for event in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def test_metrics_for_tensorboard(trained: Session, runs: Path, pool: Pool, tmp_path: Path) -> None:
    seen = scalars(runs / trained.id)
    history = trained.history()
    for of in ("train", "pool", "libraries"):
        for metric in ("loss", "accuracy"):
            expected = {row["version"]: row[f"{of}_{metric}"] for row in history if f"{of}_{metric}" in row}
            assert len(expected) == len(seen[f"{of}/{metric}"]) == 4
            assert dict(seen[f"{of}/{metric}"]) == pytest.approx(expected)
    assert seen["round/updates"] == [(1, 2.0), (2, 2.0), (3, 2.0), (4, 2.0)]

    # The command writes the same, and each goes on where the other stopped.
    command = ["node", "bin/cloud-node.mjs", "watch", pool.repo, trained.id, "--tensorboard"]
    env = {**os.environ, "AUTH_SECRET": pool.secret, "CLOUD_NODE_URL": ",".join(pool.urls)}
    for folder in (tmp_path, runs):
        subprocess.run([*command, str(folder)], cwd=ROOT, env=env, check=True, stdout=subprocess.DEVNULL)
        assert trained.to_tensorboard(folder) == folder / trained.id
        assert {tag: sorted(points) for tag, points in scalars(folder / trained.id).items()} == {
            tag: sorted(points) for tag, points in seen.items()
        }
    (file,) = runs.glob("*/*")
    whole = file.read_bytes()
    file.write_bytes(whole[:-5])
    trained.to_tensorboard(runs)
    assert len(file.read_bytes()) == len(whole)


def test_watching_again_shows_the_whole_session(trained: Session, explora: Explora, capfd: Any) -> None:
    # As after a restart of the kernel: all that is left is the id.
    explora.session(trained.id).watch()
    shown = capfd.readouterr().err
    assert "4/4" in shown
    assert "test accuracy" in shown
    assert any(row["sessionId"] == trained.id for row in explora.sessions())


def test_a_model_that_is_there_already(trained: Session, explora: Explora) -> None:
    result = trained.view()["resultModelId"]
    again = explora.submit(result, max_rounds=1, loss="categorical_crossentropy", learning_rate=0.1, **JOB)
    assert again.watch(progress=False).view()["version"] == 1
    assert explora.model(result).count_params() == explora.model(again.view()["resultModelId"]).count_params()
    assert result in [one["modelId"] for one in explora.models()]


def test_pause_resume_cancel(explora: Explora, model: Any) -> None:
    session = explora.submit(explora.upload(model), max_rounds=1000, name="long", **JOB)
    paused = False
    with pytest.raises(SessionNotCompleted, match="cancelled: seen enough"):
        for event in session.events():
            if event.type == "round.published" and not paused:
                paused = True
                session.pause()
                assert session.view()["pausedUntilMs"] is not None
                session.resume()
            if event.type == "session.resumed":
                session.cancel("seen enough")
        session.watch(progress=False)
    with pytest.raises(PoolError, match="session_ended"):
        session.cancel()


def test_a_probe_keeps_out_what_would_answer_otherwise(explora: Explora, model: Any, tmp_path: Path) -> None:
    data, _ = read_model(model)
    file = tmp_path / "model.keras"
    file.write_bytes(data)
    assert explora.upload(file).name == "points"
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    probe = json.loads(members["cloud_node_probe.json"])
    assert probe["inputs"][0]["shape"] == [2, FEATURES]
    probe["outputs"][0]["values"] = [value + 0.1 for value in probe["outputs"][0]["values"]]
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in {**members, "cloud_node_probe.json": json.dumps(probe).encode()}.items():
            archive.writestr(name, content)
    with pytest.raises(PoolError, match="the model answers .* is expected") as refused:
        explora.upload(file)
    assert refused.value.code == "model_unsupported"


def test_a_job_brings_a_probe(explora: Explora, model: Any, tmp_path: Path) -> None:
    x, _ = points(2, 7)
    y = model.predict(x, verbose=0)
    file = tmp_path / "model.h5"
    model.save(file)
    before = len(explora.sessions())
    for what in (model, file, explora.upload(file)):
        explora.submit(what, probe=(x, y), **JOB).cancel()
    with pytest.raises(PoolError, match=r'"probe.outputs.0", value 0: .* They differ by 0.1') as refused:
        explora.submit(file, probe=(x, y + 0.1), **JOB)
    assert refused.value.code == "model_unsupported"
    with pytest.raises(PoolError, match=r"its shape is \[2, 2\].*Here it is the keyword probe") as refused:
        explora.submit(file, probe=(x[:, :2], y), **JOB)
    assert refused.value.code == "invalid_job"
    assert len(explora.sessions()) == before + 3


def test_a_probe_by_names(explora: Explora) -> None:
    L = keras.layers
    age, picture = keras.Input((1,), name="age"), keras.Input((4, 4, 1), name="picture")
    joined = L.Concatenate()([age, L.Flatten()(picture)])
    two = keras.Model([age, picture], [L.Dense(2, name="kind")(joined), L.Dense(1, name="score")(joined)])
    rng = np.random.default_rng(4)
    ages, pictures = rng.random((3, 1)), rng.random((3, 4, 4, 1))
    kind, score = two.predict([ages, pictures], verbose=0)
    uploaded = explora.upload(two)
    for probe in (
        ([ages, pictures], [kind, score]),
        ({"picture": pictures, "age": ages}, {"score": score, "kind": kind}),
    ):
        explora.submit(uploaded, probe=probe, **JOB).cancel()
    with pytest.raises(PoolError, match=r'"probe.outputs.1" \("kind"\), value 0: '):
        explora.submit(uploaded, probe=([ages, pictures], {"score": score, "kind": kind + 1}), **JOB)
    with pytest.raises(PoolError, match='none is named "picture"; the model has "age", "picture"'):
        explora.submit(uploaded, probe=({"age": ages, "image": pictures}, [kind, score]), **JOB)


def test_errors_that_read_well(pool: Pool, explora: Explora, model: Any) -> None:
    with pytest.raises(PoolError) as refused:
        explora.submit(model, batch_size=10, max_rounds=0)
    assert refused.value.code == "invalid_job"
    assert "max_rounds" in str(refused.value)
    assert "What to do:" in str(refused.value)
    unfit = keras.Sequential([keras.Input((4, 5, 2)), keras.layers.ConvLSTM1D(2, 3, name="memory")])
    with pytest.raises(PoolError, match=r'Layer "memory" \(ConvLSTM1D\): .*Supported are Activation, '):
        explora.upload(unfit)
    with pytest.raises(TypeError, match="A Keras model"):
        explora.submit(7, batch_size=1)
    with pytest.raises(PoolError, match="repo_not_found"):
        connect(pool.urls, "nobody", secret=pool.secret)
    with pytest.raises(PoolError, match="unauthenticated"):
        connect(pool.urls, pool.repo, secret="x" * 40)
    with pytest.raises(NoAnswer, match="Nobody listens at http://127.0.0.1:9"):
        connect("http://127.0.0.1:9", pool.repo, secret=pool.secret, retry_seconds=0)


def test_finds_the_pool_of_this_machine(pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("CLOUD_NODE_URL", "CLOUD_NODE_TOKEN", "AUTH_SECRET", "CLOUD_NODE_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ExploraError, match="cloud-node up"):
        connect(repo=pool.repo)
    data = tmp_path / ".cloud-node" / "data"
    data.mkdir(parents=True)
    secret = tmp_path / "secret"
    secret.write_text(f"{pool.secret}\n")
    data.joinpath("profile.json").write_text(
        f'{{"v": 1, "pid": null, "urls": ["{pool.urls[0]}"], "secretFile": "{secret}", "startedMs": 1}}'
    )
    below = tmp_path / "notebooks"
    below.mkdir()
    monkeypatch.chdir(below)
    assert connect(repo=pool.repo).status()["librariesOnline"] == 2


def test_looks_on_while_a_gateway_dies(pool: Pool, model: Any, capfd: Any) -> None:
    """Last: afterwards the pool has one gateway less."""
    session = connect(pool.urls, pool.repo, secret=pool.secret).submit(model, max_rounds=5, **JOB)
    # The gateway that streams is the first of one that knows the other as well.
    looking = connect(pool.urls[0], pool.repo, secret=pool.secret)
    looking._transport.urls = list(pool.urls)
    looking._transport._next = 0
    seen = []
    with ProgressBar("dies", 5) as bar:
        for event in looking.session(session.id).events(on_wait=bar.waiting):
            bar.show(event)
            if event.type == "round.published":
                seen.append(event.data["round"])
                if len(seen) == 2:
                    os.kill(pool.pids[0], signal.SIGKILL)
    assert seen == list(range(1, 6))
    assert session.watch(progress=False).state == "completed"
