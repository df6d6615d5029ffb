"""What can go wrong. Every message says what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class ExploraError(Exception):
    """Base of all errors of this package."""


class PoolError(ExploraError):
    """The pool refused. `code` is one of docs/errors.md."""

    def __init__(self, error: Mapping[str, Any], *, status: int = 0, request_id: str | None = None) -> None:
        self.code = str(error.get("code", "internal"))
        self.message = str(error.get("message", ""))
        self.advice = str(error.get("advice", ""))
        self.retryable = bool(error.get("retryable", False))
        self.retry_after_seconds = float(error.get("retryAfterMs") or 0) / 1000
        self.status = status
        """Of HTTP."""
        self.request_id = request_id
        """Under which the logs of the pool mention the request."""
        super().__init__(self.message)

    def __str__(self) -> str:
        lines = [f"{self.message} ({self.code})"]
        if self.advice:
            lines.append(f"What to do: {self.advice}")
        if self.code == "internal" and self.request_id:
            lines.append(f"Request id: {self.request_id}")
        return "\n".join(lines)


class NoAnswer(ExploraError):
    """Nobody answered, for as long as was tried."""


class SessionNotCompleted(ExploraError):
    """The session failed or was cancelled; what it has published is still there."""

    def __init__(self, session_id: str, state: str, reason: str | None) -> None:
        self.session_id = session_id
        self.state = state
        self.reason = reason
        super().__init__(f"Session {session_id} is {state}: {reason or 'no reason was given'}")


class EvaluationNotDone(ExploraError):
    """There is no score: it failed, or nobody has finished it yet. `evaluation["state"]` tells which."""

    def __init__(self, evaluation: Mapping[str, Any], message: str) -> None:
        self.evaluation = evaluation
        """The Evaluation of docs/protocol.md."""
        super().__init__(message)


class HashMismatch(ExploraError):
    """What was downloaded is not what the pool said it would be."""


def missing(package: str, purpose: str) -> ImportError:
    return ImportError(f"{purpose} needs {package}: pip install {package}", name=package)
