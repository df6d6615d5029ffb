"""Explora: what a data scientist does with a pool."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from . import arrays, evaluation, job, models, tokens
from .errors import ExploraError, PoolError
from .job import JobSettings
from .local_pool import find_local_pool
from .models import UploadedModel
from .session import Session
from .transport import Transport

if TYPE_CHECKING:
    from typing_extensions import Unpack

_PROBED_SECONDS = 150.0
"""A gateway may give a minute to a probe, and one to that of somebody else before."""

_MODEL_ID = re.compile(r"m-[A-Za-z0-9._-]+(?<!\.h5)(?<!\.keras)")


def connect(
    url: str | Sequence[str] | None = None,
    repo: str | None = None,
    *,
    token: str | Callable[[], str] | None = None,
    secret: str | None = None,
    retry_seconds: float = 60.0,
    timeout_seconds: float = 60.0,
) -> Explora:
    """Connects to a Repo of a pool.

    `url` is the address of one gateway, or of several. `token` is what `cloud-node token` printed, or a function that
    gets a fresh one; with `secret`, the pool's AUTH_SECRET, tokens are signed here. What is not given is taken from
    CLOUD_NODE_URL, CLOUD_NODE_TOKEN and AUTH_SECRET, and then from the pool that `cloud-node up` runs on this machine.
    `repo` may be left out with a token for one Repo.

    What another try can cure is tried for `retry_seconds`; a gateway that says nothing for `timeout_seconds` counts as
    silent. Raises PoolError, NoAnswer, and ExploraError when something is missing.
    """
    token = token or (None if secret else os.environ.get("CLOUD_NODE_TOKEN"))
    url = url or os.environ.get("CLOUD_NODE_URL")
    secret = secret or os.environ.get("AUTH_SECRET")
    if url is None or (token is None and secret is None):
        local = find_local_pool()
        if local is not None and (url is None or url in local.urls):
            url, secret = url or local.urls, secret or local.secret
    if not url:
        raise ExploraError("No pool: give its address, or run `cloud-node up` and connect in the same folder.")
    if isinstance(token, str) and repo is None:
        repos = tokens.repos_of(token)
        repo = repos[0] if len(repos) == 1 else None
    if not repo:
        raise ExploraError("Which Repo? connect(url, repo=…). `cloud-node repo list` names them.")
    if token is None:
        if not secret:
            raise ExploraError("No token: give what `cloud-node token --repo …` prints, or the pool's secret.")
        source = tokens.signed(secret, repo)
    else:
        source = tokens.fixed(token) if isinstance(token, str) else token
    urls = [url] if isinstance(url, str) else list(url)
    explora = Explora(
        Transport(urls, source, retry_seconds=retry_seconds, timeout_seconds=timeout_seconds), repo
    )
    explora.status()
    return explora


class Explora:
    """A Repo: its models, its test sets, its sessions. Made by `connect`."""

    def __init__(self, transport: Transport, repo: str) -> None:
        self._transport = transport
        self._path = f"/v1/repos/{repo}"
        self.repo = repo

    @property
    def url(self) -> str:
        """Of the first gateway."""
        return self._transport.urls[0]

    def status(self) -> dict[str, Any]:
        """busy or idle, how many Libraries are online, what runs."""
        status: dict[str, Any] = self._transport.json("GET", self._path)
        return status

    def submit(self, model: Any, **settings: Unpack[JobSettings]) -> Session:
        """Starts a session.

        `model` is a Keras model object, the path of a `.keras` or `.h5` file, or an uploaded model (or its id). The
        job is written as keywords; only `batch_size` is required. Optimizer, loss and metrics are those that the
        model was compiled with, unless they are given:

            explora.submit(model, batch_size=32, epochs=2, max_rounds=20, percentage_averaged=0.75, goal=10)
            explora.submit("model.h5", hyperparams={"batch_size": 32, "shuffle": True}, target=("accuracy", 0.97))

        With `probe=(inputs, outputs)` the pool first lets the model answer a small batch, and refuses the job when an
        answer is another; several inputs or outputs are a list of arrays, or a dict by names.

        All keywords are those of `JobSettings`; more of a job can be given as `job={…}`, with the names of
        docs/protocol.md. Raises TypeError for a keyword that there is not, and PoolError (`invalid_job`,
        `model_unsupported`, …).
        """
        # Before anything is uploaded.
        job.build_job("", settings, {"batchSize": 1})
        uploaded = self._uploaded(model)
        if settings.get("name") is None and uploaded.name:
            settings["name"] = uploaded.name
        asked = job.build_job(uploaded.id, settings, uploaded.training)
        try:
            silence = _PROBED_SECONDS if "probe" in asked else None
            view = self._transport.json(
                "POST", f"{self._path}/sessions", json=asked, idempotent=False, silence_seconds=silence
            )
        except PoolError as error:
            if error.code == "invalid_job":
                error.message = job.explain(error.message)
            raise
        return self.session(view["sessionId"])

    def session(self, session_id: str) -> Session:
        """A session by its id, whoever submitted it. Nothing is asked of the pool yet."""
        return Session(self._transport, self.repo, session_id)

    def sessions(self) -> list[dict[str, Any]]:
        """All sessions of the Repo, newest first, as the SessionRows of docs/protocol.md."""
        rows: list[dict[str, Any]] = self._transport.json("GET", f"{self._path}/sessions")["sessions"]
        return rows

    def upload(self, model: Any, name: str | None = None) -> UploadedModel:
        """Stores a Keras model object or file. The same content again gives the same id."""
        data, suffix = models.read_model(model)
        params = {"format": suffix, **({"name": name} if name else {})}
        record = self._transport.json(
            "POST", f"{self._path}/models", data=data, params=params, headers={"Content-Type": models.TYPES[suffix]}
        )
        known = record["keras"]
        for note in known["notes"]:
            warnings.warn(note, stacklevel=3)
        return UploadedModel(
            id=record["modelId"],
            name=record["name"],
            parameters=record["parameters"]["paramCount"],
            training=known["training"],
            notes=known["notes"],
        )

    def models(self) -> list[dict[str, Any]]:
        """All models of the Repo, as the ModelViews of docs/protocol.md."""
        views: list[dict[str, Any]] = self._transport.json("GET", f"{self._path}/models")["models"]
        return views

    def model(self, model: str | UploadedModel, library: ModuleType | None = None) -> Any:
        """A model of the Repo as a Keras model."""
        keras = library or models.default_library()
        suffix = "h5" if models.is_keras2(keras) else "keras"
        model_id = model.id if isinstance(model, UploadedModel) else model
        data = self._transport.bytes(f"{self._path}/models/{model_id}", params={"format": suffix})
        return models.load_model(data, suffix, keras)

    def put_test_set(self, test_set_id: str, inputs: Any, labels: Any) -> None:
        """Stores the examples on which the pool scores versions, or replaces them.

        Both are arrays whose first dimension counts the examples; labels are as the model's output (one-hot for
        categorical crossentropy). A job uses the test set that `test_set_id` names, else that with the name of its
        `dataset_id`, else the one called "default". Unlike training data, a test set is sent to the pool.
        """
        frame = arrays.test_set_frame(inputs, labels)
        headers = {"Content-Type": "application/vnd.cloud-node.frame"}
        self._transport.json("PUT", f"{self._path}/test-sets/{test_set_id}", data=frame, headers=headers)

    def evaluate(
        self,
        model: Any,
        test_set_id: str = "default",
        *,
        loss: str | None = None,
        metrics: Sequence[str] | None = None,
        timeout_seconds: float = evaluation.DEFAULT_TIMEOUT_SECONDS,
    ) -> dict[str, float]:
        """Has the pool score a model on a test set, waits for it, and returns the loss and the metrics.

        `model` is the id of a model of the Repo, a name that points at one, or what `submit` takes beside that: an
        uploaded model, a Keras model object, the path of a file.

            explora.evaluate("production", "mnist")        # {"loss": 0.2336, "accuracy": 0.9303}

        Loss and metrics are those of TensorFlow.js; default: those of the session that trained the model, or that it
        was compiled with, else categorical crossentropy and accuracy. Asking again for the same gives what is there.
        Raises EvaluationNotDone when it can not be scored, or was not within `timeout_seconds`; and PoolError
        (`model_not_found`, `test_set_not_found`, …).
        """
        if isinstance(model, str) and not model.endswith((".h5", ".keras")):
            asked = {"modelId" if _MODEL_ID.fullmatch(model) else "alias": model}
        else:
            uploaded = self._uploaded(model)
            asked = {"modelId": uploaded.id}
            compiled = uploaded.training or {}
            loss = loss or compiled.get("loss")
            metrics = compiled.get("metrics") if metrics is None else metrics
        return evaluation.evaluate(
            self._transport,
            self._path,
            asked,
            test_set_id=test_set_id,
            loss=loss,
            metrics=metrics,
            timeout_seconds=timeout_seconds,
        )

    def evaluations(self) -> list[dict[str, Any]]:
        """All that was asked for with `evaluate`, by anybody, newest first: the Evaluations of docs/protocol.md."""
        all_of_them: list[dict[str, Any]] = self._transport.json("GET", f"{self._path}/evaluations")["evaluations"]
        return all_of_them

    def _uploaded(self, model: Any) -> UploadedModel:
        if isinstance(model, UploadedModel):
            return model
        if isinstance(model, str) and _MODEL_ID.fullmatch(model) and not Path(model).exists():
            return UploadedModel(id=model, name="", parameters=0)
        return self.upload(model)

    def __repr__(self) -> str:
        return f"Explora({self.url!r}, repo={self.repo!r})"
