"""Requests to a pool: any gateway answers, and what another try can cure is tried again."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from typing import Any

import requests
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from .errors import NoAnswer, PoolError
from .tokens import TokenSource

FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 20.0
CONNECT_SECONDS = 10.0


def backoff_seconds(failures: int, retry_after_seconds: float = 0.0) -> float:
    """As docs/protocol.md says; the random factor keeps clients of a gateway that died apart."""
    longest = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0 ** min(failures, 10))
    return retry_after_seconds + longest * random.uniform(0.1, 1)


class Transport:
    def __init__(
        self, urls: Sequence[str], token: TokenSource, *, retry_seconds: float, timeout_seconds: float
    ) -> None:
        self.urls = [url.rstrip("/") for url in urls]
        self._token = token
        self._retry_seconds = retry_seconds
        self._timeout_seconds = timeout_seconds
        self._http = requests.Session()
        self._next = random.randrange(len(self.urls))

    def json(self, method: str, path: str, *, idempotent: bool = True, **request: Any) -> Any:
        return self.send(method, path, idempotent=idempotent, **request).json()

    def bytes(self, path: str, **request: Any) -> bytes:
        return self.send("GET", path, **request).content

    def send(self, method: str, path: str, *, idempotent: bool = True, **request: Any) -> requests.Response:
        """Tries until there is a final answer or the time is up. Raises PoolError, NoAnswer."""
        until = time.monotonic() + self._retry_seconds
        failures = 0
        while True:
            try:
                return self.attempt(method, path, **request)
            except (PoolError, NoAnswer) as error:
                if not _may_repeat(error, idempotent):
                    raise
                after = error.retry_after_seconds if isinstance(error, PoolError) else 0.0
                wait = backoff_seconds(failures, after)
                if time.monotonic() + wait > until:
                    raise
                time.sleep(wait)
                failures += 1

    def attempt(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        silence_seconds: float | None = None,
        **request: Any,
    ) -> requests.Response:
        """One request to one gateway; the next one goes to another when it fails."""
        url = self.urls[self._next % len(self.urls)]
        try:
            answer = self._http.request(
                method,
                url + path,
                headers={"Authorization": f"Bearer {self._token()}", **(headers or {})},
                timeout=(CONNECT_SECONDS, silence_seconds or self._timeout_seconds),
                **request,
            )
        except requests.RequestException as error:
            self._next += 1
            raise NoAnswer(_describe(url, error)) from error
        if answer.ok:
            return answer
        self._next += 1
        raise _refusal(url, answer)


def _refusal(url: str, answer: requests.Response) -> PoolError | NoAnswer:
    try:
        error = answer.json()["error"]
        return PoolError(error, status=answer.status_code, request_id=answer.headers.get("X-Request-Id"))
    except (ValueError, KeyError, TypeError, AttributeError, requests.RequestException):
        return NoAnswer(f"{url} answered {answer.status_code}, but not as a pool does. Is the address right?")


def _may_repeat(error: PoolError | NoAnswer, idempotent: bool) -> bool:
    if isinstance(error, PoolError):
        return error.retryable
    return idempotent or _never_arrived(error.__cause__)


def _never_arrived(error: BaseException | None) -> bool:
    reason = getattr(error.args[0], "reason", None) if error is not None and error.args else None
    return isinstance(reason, (NewConnectionError, ConnectTimeoutError))


def _describe(url: str, error: requests.RequestException) -> str:
    if isinstance(error, requests.exceptions.SSLError):
        return f"The TLS connection to {url} was refused: {error}"
    if isinstance(error, requests.Timeout):
        return f"{url} did not answer in time."
    if _never_arrived(error):
        return f"Nobody listens at {url}. Is the pool running (cloud-node up), and is this its address?"
    return f"The connection to {url} broke off: {error}"
