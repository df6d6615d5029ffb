"""A session: look on, steer it, and get what came of it."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from os import PathLike
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

from . import arrays, evaluation, events, models, tables
from .errors import SessionNotCompleted
from .event_file import EventFile
from .events import Event
from .mlflow_run import MlflowRun
from .points import Tracker, points_of, points_of_event
from .progress import ProgressBar
from .transport import Transport

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd
    from matplotlib.axes import Axes

Version = int | Literal["latest", "best"]


class Session:
    """All of it is in the pool: `explora.session(id)` gives the same one to another process, or after a restart."""

    def __init__(self, transport: Transport, repo: str, session_id: str) -> None:
        self._transport = transport
        self._repo = f"/v1/repos/{repo}"
        self._path = f"{self._repo}/sessions/{session_id}"
        self.id = session_id

    def view(self) -> dict[str, Any]:
        """Everything that the pool tells of it now: the SessionView of docs/protocol.md."""
        view: dict[str, Any] = self._transport.json("GET", self._path)
        return view

    @property
    def state(self) -> str:
        """queued, recruiting, running, completed, failed or cancelled."""
        return str(self.view()["state"])

    def events(
        self, after: str | None = None, *, on_wait: Callable[[Exception], None] = lambda error: None
    ) -> Iterator[Event]:
        """What happened and happens, up to the end of the session; after the event with the id `after`, if given.

        Broken connections are tried again for as long as it takes; `on_wait` is told of them.
        """
        return events.follow(self._transport, self._path, after, on_wait=on_wait)

    def watch(
        self,
        progress: bool = True,
        *,
        tensorboard: str | PathLike[str] | None = None,
        mlflow: str | bool = False,
        experiment: str | None = None,
    ) -> Session:
        """Looks on until the session ends. Raises SessionNotCompleted when it failed or was cancelled.

        Meanwhile the metrics of each round go where `to_tensorboard(tensorboard)` and `to_mlflow(mlflow, experiment)`
        put them; `mlflow=True` leaves the address to MLflow. Interrupting it (Ctrl-C, or the stop button) leaves the
        session alone.
        """
        view = self.view()
        trackers: list[Tracker] = []
        if tensorboard is not None:
            trackers.append(EventFile(tensorboard, view))
        if mlflow:
            trackers.append(MlflowRun(view, None if mlflow is True else mlflow, experiment))
        self._write(trackers, view)
        try:
            job = view["job"]
            bar = ProgressBar(job["name"], job["termination"]["maxRounds"]) if progress else None
            with bar or nullcontext():
                for event in self.events(on_wait=bar.waiting if bar else lambda error: None):
                    if bar:
                        bar.show(event)
                    for tracker in trackers:
                        tracker.write(points_of_event(event, view))
        except KeyboardInterrupt:
            print(f"Session {self.id} goes on. cancel() ends it; watch() looks on again, also after a restart.")
            raise
        view = self.view()
        self._write(trackers, view)
        if view["state"] in ("failed", "cancelled"):
            raise SessionNotCompleted(self.id, view["state"], view["reason"])
        return self

    def pause(self) -> None:
        """Lets the round that is open end, and opens no other until `resume`."""
        self._transport.json("POST", f"{self._path}/pause", json={})

    def resume(self) -> None:
        self._transport.json("POST", f"{self._path}/resume", json={})

    def cancel(self, reason: str | None = None) -> None:
        """Ends it. The versions that are there stay."""
        self._transport.json("POST", f"{self._path}/cancel", json={} if reason is None else {"reason": reason})

    def history(self) -> list[dict[str, Any]]:
        """One dict a version: what `metrics` shows as a table, without pandas."""
        return tables.metric_rows(self.view())

    def metrics(self) -> pd.DataFrame:
        """One row a version, from 0: the model as it was submitted.

        `updates`, `examples` and `seconds` are of the round that made it; `train_…` is what the Libraries measured
        while they trained, `libraries_…` their scores of this version and `pool_…` those on the test set.
        """
        return tables.metric_frame(self.view())

    def plot(self, metric: str | None = None, ax: Axes | None = None) -> Axes:
        """A metric by version; default: accuracy, or the loss where there is none."""
        return tables.plot(self.view(), metric, ax)

    def evaluate(
        self,
        version: Version = "latest",
        test_set_id: str = "default",
        *,
        loss: str | None = None,
        metrics: Sequence[str] | None = None,
        timeout_seconds: float = evaluation.DEFAULT_TIMEOUT_SECONDS,
    ) -> dict[str, float]:
        """Has the pool score a version, as `Explora.evaluate` does a model: the latest, the best, or a kept one."""
        return evaluation.evaluate(
            self._transport,
            self._repo,
            {"sessionId": self.id, "version": _number(version, self.view())},
            test_set_id=test_set_id,
            loss=loss,
            metrics=metrics,
            timeout_seconds=timeout_seconds,
        )

    def to_tensorboard(self, folder: str | PathLike[str]) -> Path:
        """Writes what is known by now into an event file in `folder/<session id>`, and returns that folder.

        Called again it adds what is new. `watch(tensorboard=folder)` does it round after round.
        """
        view = self.view()
        file = EventFile(folder, view)
        self._write([file], view)
        return file.folder

    def to_mlflow(self, tracking_uri: str | None = None, experiment: str | None = None) -> str:
        """Logs what is known by now to the run of this session, makes it if there is none, and returns its id.

        `tracking_uri` is what MLflow takes, and by default what MLflow was told; `experiment` by default that of
        MLFLOW_EXPERIMENT_NAME, or the Repo. Called again it adds what is new. `watch(mlflow=…)` does it round after round.
        """
        view = self.view()
        run = MlflowRun(view, tracking_uri, experiment)
        self._write([run], view)
        return run.run_id

    def model(self, version: Version = "latest", library: ModuleType | None = None) -> Any:
        """A version as a Keras model: the latest, the best, or one of the `keptVersions` of `view()`.

        `library` is `keras` or `tf_keras`; default: the one that is imported already.
        """
        keras = library or models.default_library()
        suffix = "h5" if models.is_keras2(keras) else "keras"
        return models.load_model(self._file(version, suffix), suffix, keras)

    def save(self, path: str | PathLike[str], version: Version = "latest") -> Path:
        """Writes a version to a `.keras` or `.h5` file, without a need for Keras."""
        target = Path(path)
        suffix = target.suffix.removeprefix(".")
        if suffix not in models.TYPES:
            raise ValueError(f"The name of the file must end in .keras or .h5, not {target.suffix!r}")
        target.write_bytes(self._file(version, suffix))
        return target

    def weights(self, version: Version = "latest") -> dict[str, npt.NDArray[np.float32]]:
        """The parameters of a version by their names, checked against its hash."""
        path = self._version(version)
        manifest = self._transport.json("GET", path)
        return arrays.to_arrays(self._transport.bytes(f"{path}/weights"), manifest)

    @staticmethod
    def _write(trackers: list[Tracker], view: Mapping[str, Any]) -> None:
        for tracker in trackers:
            tracker.write(points_of(view))
            if view["endedMs"] is not None:
                tracker.end(view)

    def _file(self, version: Version, suffix: str) -> bytes:
        return self._transport.bytes(self._version(version), params={"format": suffix})

    def _version(self, version: Version) -> str:
        return f"{self._path}/versions/{_number(version, self.view())}"

    def __repr__(self) -> str:
        return f"Session({self.id!r})"

    def _repr_html_(self) -> str:
        """For the last line of a notebook's cell."""
        view = self.view()
        text = f"{view['state']}, version {view['version']} of {view['job']['termination']['maxRounds']}"
        reason = f": {view['reason']}" if view["reason"] else ""
        return f"<b>{html.escape(view['job']['name'])}</b> <code>{html.escape(self.id)}</code> {html.escape(text + reason)}"


def _number(version: Version, view: Mapping[str, Any]) -> int:
    if version == "latest":
        return int(view["version"])
    if version == "best":
        if view["best"] is None:
            raise ValueError("No version has a score yet; ask for the latest one")
        return int(view["best"]["version"])
    return version
