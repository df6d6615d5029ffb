"""Metrics of a session as an event file of TensorBoard."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .errors import missing
from .points import Point


class EventFile:
    """The event file of a session: the same each time, and continued, as `cloud-node watch --tensorboard` does."""

    def __init__(self, folder: str | os.PathLike[str], view: Mapping[str, Any]) -> None:
        try:
            from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
            from tensorboard.compat.proto.event_pb2 import Event as Record
            from tensorboard.summary.writer.record_writer import RecordWriter
        except ImportError as error:
            raise missing("tensorboard", "An event file") from error
        self._record, self._writer = Record, RecordWriter
        self.folder = Path(folder) / str(view["sessionId"])
        self.folder.mkdir(parents=True, exist_ok=True)
        self._file = self.folder / f"events.out.tfevents.{view['createdMs'] // 1000}.cloud-node"
        self._known: set[tuple[str, int]] = set()
        whole_bytes = 0
        if self._file.exists() and self._file.stat().st_size > 0:
            for raw in RawEventFileLoader(str(self._file)).Load():
                # Length and two checksums are around each record.
                whole_bytes += len(raw) + 16
                record = Record.FromString(raw)
                self._known.update((value.tag, record.step) for value in record.summary.value)
            # A record that somebody did not finish.
            os.truncate(self._file, whole_bytes)
        if whole_bytes == 0:
            self._append([Record(wall_time=view["createdMs"] / 1000, file_version="brain.Event:2")])

    def write(self, points: Iterable[Point]) -> None:
        records: dict[tuple[int, int], Any] = {}
        for name, step, value, at_ms in points:
            if (name, step) not in self._known:
                self._known.add((name, step))
                record = records.setdefault((step, at_ms), self._record(wall_time=at_ms / 1000, step=step))
                record.summary.value.add(tag=name, simple_value=value)
        self._append(list(records.values()))

    def end(self, view: Mapping[str, Any]) -> None:
        pass

    def _append(self, records: Sequence[Any]) -> None:
        with self._file.open("ab") as file:
            writer = self._writer(file)
            for record in records:
                writer.write(record.SerializeToString())
