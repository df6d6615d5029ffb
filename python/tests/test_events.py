"""The stream of events over connections that break: a gateway of sockets that does what the test says."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from cloud_node_explora import Event, NoAnswer, PoolError
from cloud_node_explora.events import follow, parse
from cloud_node_explora.tokens import fixed
from cloud_node_explora.transport import Transport

Answer = Callable[[BaseHTTPRequestHandler], None]


def frame(event_id: str, kind: str) -> bytes:
    return f'id: {event_id}\nevent: {kind}\ndata: {json.dumps({"atMs": 1, "event": {"type": kind}})}\n\n'.encode()


def stream(*frames: bytes) -> Answer:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        for data in frames:
            request.wfile.write(data)

    return answer


def refuse(status: int, code: str, retryable: bool) -> Answer:
    def answer(request: BaseHTTPRequestHandler) -> None:
        body = json.dumps({"error": {"code": code, "message": "No.", "retryable": retryable, "advice": "Wait."}}).encode()
        request.send_response(status)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    return answer


class Gateway:
    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.asked: list[tuple[str, str | None]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append((self.path, self.headers.get("Last-Event-ID")))
                outer.answers.pop(0)(self)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        url = f"http://127.0.0.1:{self.server.server_port}"
        self.transport = Transport([url], fixed("token"), retry_seconds=5, timeout_seconds=5)


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    monkeypatch.setattr("cloud_node_explora.transport.FIRST_WAIT_SECONDS", 0.01)
    made = Gateway()
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_goes_on_after_the_last_event_and_tells_nothing_twice(gateway: Gateway) -> None:
    cut = frame("2-0", "round.closed")[:20]
    gateway.answers = [
        stream(frame("1-0", "session.queued"), b": still here\n\n", frame("1-1", "round.opened"), cut),
        stream(b'{"endedMs": null}'),
        refuse(503, "draining", True),
        stream(frame("1-1", "round.opened"), frame("2-0", "round.closed"), frame("10-0", "session.completed")),
    ]
    seen = [event.id for event in follow(gateway.transport, "/s")]
    assert seen == ["1-0", "1-1", "2-0", "10-0"]
    assert gateway.asked == [("/s/events", None), ("/s", None), ("/s/events", "1-1"), ("/s/events", "1-1")]


def test_ends_when_the_session_is_over_without_an_event(gateway: Gateway) -> None:
    gateway.answers = [stream(), stream(b'{"endedMs": 5}')]
    assert list(follow(gateway.transport, "/s", "7-0")) == []


def test_says_what_can_not_be_cured(gateway: Gateway) -> None:
    gateway.answers = [refuse(404, "session_not_found", False)]
    with pytest.raises(PoolError, match="session_not_found"):
        list(follow(gateway.transport, "/s"))


def test_an_answer_that_is_no_pools_is_no_answer(gateway: Gateway) -> None:
    with pytest.raises(NoAnswer, match="no event"):
        next(iter(parse([b"id: 1-0\ndata: hello\n\n"])))
    waits: list[str] = []
    gateway.answers = [lambda request: request.send_error(502), stream(frame("1-0", "session.failed"))]
    assert [e.type for e in follow(gateway.transport, "/s", on_wait=lambda e: waits.append(str(e)))] == ["session.failed"]
    assert "answered 502" in waits[0]


def test_reads_events_however_they_are_cut() -> None:
    whole = frame("1-0", "session.queued") + frame("1-1", "session.failed")
    expected = [Event("1-0", 1, "session.queued", {}), Event("1-1", 1, "session.failed", {})]
    for size in range(1, len(whole)):
        pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
        assert list(parse(pieces)) == expected
