"""The events of a session, as server-sent events that survive broken connections."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import requests

from .errors import NoAnswer, PoolError
from .transport import Transport, backoff_seconds

FINAL = frozenset({"session.completed", "session.failed", "session.cancelled"})
# The pool says something at least every 15 s; after this long without it the line is dead.
SILENCE_SECONDS = 45.0


@dataclass(frozen=True)
class Event:
    """Something that happened in a session. `data` has the fields beside the type (docs/protocol.md)."""

    id: str
    at_ms: int
    type: str
    data: dict[str, Any]

    @property
    def is_final(self) -> bool:
        return self.type in FINAL


def follow(
    transport: Transport,
    session_path: str,
    after: str | None = None,
    *,
    on_wait: Callable[[Exception], None] = lambda error: None,
) -> Iterator[Event]:
    """Every event after the given one, once and in order, across as many connections as it takes.

    `on_wait` is told why, when the connection broke and is tried again.
    """
    last = after
    failures = 0
    while True:
        wait_after = 0.0
        try:
            for event in _stream(transport, f"{session_path}/events", last):
                # A gateway may say again what another one said already.
                if last is not None and _order(event.id) <= _order(last):
                    continue
                last, failures = event.id, 0
                yield event
                if event.is_final:
                    return
            # The log may be gone with the session, or have been read from its end.
            if transport.json("GET", session_path)["endedMs"] is not None:
                return
        except NoAnswer as error:
            on_wait(error)
        except PoolError as error:
            if not error.retryable:
                raise
            wait_after = error.retry_after_seconds
            on_wait(error)
        time.sleep(backoff_seconds(failures, wait_after))
        failures += 1


def _stream(transport: Transport, path: str, last: str | None) -> Iterator[Event]:
    headers = {"Accept": "text/event-stream", **({} if last is None else {"Last-Event-ID": last})}
    answer = transport.attempt("GET", path, headers=headers, stream=True, silence_seconds=SILENCE_SECONDS)
    with answer:
        try:
            yield from parse(answer.iter_content(chunk_size=None))
        except requests.RequestException as error:
            raise NoAnswer(f"The stream of events broke off: {error}") from error


def parse(chunks: Iterable[bytes]) -> Iterator[Event]:
    """Events of a stream; an event that is cut off at its end is left out, and comes again."""
    rest = b""
    fields: dict[str, list[str]] = {}
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            text = line.rstrip(b"\r").decode("utf-8")
            if text:
                name, _, value = text.partition(":")
                fields.setdefault(name, []).append(value.removeprefix(" "))
            else:
                if "data" in fields and "id" in fields:
                    yield _event(fields["id"][-1], "\n".join(fields["data"]))
                fields = {}


def _event(event_id: str, text: str) -> Event:
    try:
        logged = json.loads(text)
        data = dict(logged["event"])
        return Event(event_id, int(logged["atMs"]), str(data.pop("type")), data)
    except (ValueError, KeyError, TypeError) as error:
        raise NoAnswer(f"What came is no event of a session: {text[:100]}") from error


def _order(event_id: str) -> tuple[int, int]:
    """Ids are `<ms>-<n>`; they grow."""
    ms, _, n = event_id.partition("-")
    return int(ms), int(n or 0)
