"""Metrics of a session as single values, as TensorBoard and MLflow store them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol

from .events import Event


class Point(NamedTuple):
    """One value of one metric; docs/tracking.md has the names."""

    name: str
    step: int
    """The version that it is about."""
    value: float
    at_ms: int


class Tracker(Protocol):
    """Where the points of one session go."""

    def write(self, points: Iterable[Point]) -> None:
        """Writes those that are not there yet."""

    def end(self, view: Mapping[str, Any]) -> None:
        """What is to be said when the session has ended."""


def points_of(view: Mapping[str, Any]) -> Iterator[Point]:
    """All that is known of a session. A score has the time of its version."""
    published = {entry["round"]: entry["publishedMs"] for entry in view["history"]}
    for entry in view["history"]:
        yield from _of_round(entry, view)
    for score in view["scores"]:
        yield from _points("pool", score["metrics"], score["version"], published.get(score["version"], view["createdMs"]))


def points_of_event(event: Event, view: Mapping[str, Any]) -> Iterator[Point]:
    if event.type == "round.published":
        yield from _of_round(event.data["summary"], view)
    elif event.type == "version.scored":
        yield from _points("pool", event.data["metrics"], event.data["version"], event.at_ms)


def _of_round(entry: Mapping[str, Any], view: Mapping[str, Any]) -> Iterator[Point]:
    version, at_ms = entry["round"], entry["publishedMs"]
    own = {
        "updates": entry["updates"],
        "selected": entry["selected"],
        "examples": entry["totalExamples"],
        "seconds": (at_ms - entry["openedMs"]) / 1000,
        "bytes": entry["updates"] * _payload_bytes(view),
    }
    yield from _points("round", own, version, at_ms)
    yield from _points("train", entry["metrics"], version, at_ms)
    # Libraries score what they received before they train on.
    yield from _points("libraries", entry["evaluation"] or {}, version - 1, at_ms)


def _payload_bytes(view: Mapping[str, Any]) -> int:
    """Of the parameters of one update."""
    geometry = view["geometry"]
    head, each = {"f32": (0, 4), "f16": (0, 2), "q8": (4, 1)}[view["job"]["update"]["encoding"]]
    return int(head * geometry["shardCount"] + each * geometry["paramCount"])


def _points(group: str, metrics: Mapping[str, float], step: int, at_ms: int) -> Iterator[Point]:
    # Libraries name their metrics as they like; MLflow refuses a whole batch for one name with other characters.
    named = {re.sub(r"[^\w.\- ]|^\.", "_", name, flags=re.ASCII): value for name, value in metrics.items()}
    for name, value in named.items():
        yield Point(f"{group}/{name}", step, value, at_ms)
