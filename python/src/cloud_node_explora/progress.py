"""A bar that shows a session while it runs, in a terminal and in a notebook."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from typing import Any

from .events import Event

SHOWN_METRICS = 3


class ProgressBar:
    """One step a round; behind it the newest scores, and the updates of the round that is open."""

    def __init__(self, name: str, max_rounds: int) -> None:
        self._bar = _tqdm()(total=max_rounds, desc=name, unit="round", dynamic_ncols=True)
        self._scores: dict[str, str] = {}
        self._now = ""

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def show(self, event: Event) -> None:
        kind, data = event.type, event.data
        if kind == "round.published":
            self._bar.update(data["round"] - self._bar.n)
            self._score("train", data["summary"]["metrics"])
            self._now = ""
        elif kind == "version.scored":
            self._score("test", data["metrics"])
        elif kind == "round.opened":
            self._now = f"0/{data['needed']} updates"
        elif kind == "update.received":
            self._now = f"{data['received']}/{data['needed']} updates"
        elif kind == "round.closed":
            self._now = "averaging"
        elif kind == "session.paused":
            self._now = "paused"
        elif kind in ("session.recruiting", "round.selecting"):
            self._now = "waiting for Libraries"
        elif kind in ("session.queued", "session.resumed"):
            self._now = kind.partition(".")[2]
        elif kind == "round.abandoned":
            self.say(f"Round {data['round']}, attempt {data['attempt']}: {data['reason']}")
        elif event.is_final:
            self._now = kind.partition(".")[2]
        self._refresh()

    def waiting(self, error: Exception) -> None:
        self._now = f"no connection, trying again ({str(error).splitlines()[0]})"
        self._refresh()

    def say(self, line: str) -> None:
        self._bar.write(line, file=sys.stderr)

    def _score(self, of: str, metrics: Mapping[str, float]) -> None:
        for name, value in sorted(metrics.items())[:SHOWN_METRICS]:
            self._scores[f"{of} {name}"] = f"{value:.4g}"

    def _refresh(self) -> None:
        scores = [f"{name} {value}" for name, value in self._scores.items()]
        self._bar.set_postfix_str(", ".join([*scores, self._now] if self._now else scores))


def _tqdm() -> Any:
    """The notebook's own bar only where it can be drawn: without ipywidgets tqdm warns and draws nothing."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if shell is not None and "IPKernelApp" in shell.config and importlib.util.find_spec("ipywidgets"):
        from tqdm.notebook import tqdm as notebook_bar

        return notebook_bar
    from tqdm import tqdm as bar

    return bar
