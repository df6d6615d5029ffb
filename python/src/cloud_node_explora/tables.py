"""Metrics of a session as a table and as a plot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .errors import missing

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def metric_rows(view: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row a version, from 0 (the model as it was submitted).

    `train_…` is what the Libraries measured while they made it, `libraries_…` and `pool_…` are scores of it: on their
    data, and on the test set. A score that is not there yet is left out.
    """
    rows: dict[int, dict[str, Any]] = {}

    def row(version: int) -> dict[str, Any]:
        return rows.setdefault(version, {"version": version})

    def put(version: int, of: str, metrics: Mapping[str, float] | None) -> None:
        row(version).update({f"{of}_{name}": value for name, value in (metrics or {}).items()})

    for entry in view["history"]:
        version = entry["round"]
        row(version).update(
            updates=entry["updates"],
            examples=entry["totalExamples"],
            seconds=(entry["publishedMs"] - entry["openedMs"]) / 1000,
        )
        put(version, "train", entry["metrics"])
        # Libraries score what they received before they train on.
        if entry["evaluation"]:
            put(version - 1, "libraries", entry["evaluation"])
    for score in view["scores"]:
        put(score["version"], "pool", score["metrics"])
    return [rows[version] for version in sorted(rows)]


def metric_frame(view: Mapping[str, Any]) -> pd.DataFrame:
    try:
        import pandas as pd
    except ImportError as error:
        raise missing("pandas", "A table of metrics") from error
    rows = metric_rows(view)
    return pd.DataFrame(rows if rows else {"version": []}).set_index("version")


def plot(view: Mapping[str, Any], metric: str | None, ax: Axes | None) -> Axes:
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise missing("matplotlib", "A plot") from error
    frame = metric_frame(view)
    chosen = metric or ("accuracy" if any(str(name).endswith("_accuracy") for name in frame) else "loss")
    ax = ax or plt.subplots()[1]
    for of, label in (("train", "while training"), ("libraries", "on the Libraries' data"), ("pool", "on the test set")):
        if f"{of}_{chosen}" in frame:
            known = frame[f"{of}_{chosen}"].dropna()
            ax.plot(known.index, known, marker="o", markersize=3, label=label)
    ax.set(xlabel="version", ylabel=chosen, title=view["job"].get("name", view["sessionId"]))
    if ax.lines:
        ax.legend()
    return ax
