"""Bearer tokens: given, fetched by a function, or signed here with the pool's secret."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

TOKEN_SECONDS = 3600
# Clocks differ, and a request takes its time.
RENEW_BEFORE_SECONDS = 300

TokenSource = Callable[[], str]


def fixed(token: str) -> TokenSource:
    return lambda: token


def signed(secret: str, repo: str) -> TokenSource:
    """Signs a token for one Repo as `explora`, and a new one before it ends."""
    current: tuple[str, float] = ("", 0.0)

    def token() -> str:
        nonlocal current
        now = time.time()
        if current[1] - now < RENEW_BEFORE_SECONDS:
            ends = now + TOKEN_SECONDS
            claims = {"sub": "explora-python", "role": "explora", "repos": [repo], "iat": int(now), "exp": int(ends)}
            current = (sign(claims, secret), ends)
        return current[0]

    return token


def sign(claims: dict[str, Any], secret: str) -> str:
    """A JWT with HS256."""
    head = _encode(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
    body = _encode(json.dumps(claims).encode())
    digest = hmac.new(secret.encode(), f"{head}.{body}".encode(), hashlib.sha256).digest()
    return f"{head}.{body}.{_encode(digest)}"


def repos_of(token: str) -> list[str]:
    """The Repos that a token is good for; only the pool can tell whether it is genuine."""
    try:
        body = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        return [repo for repo in claims.get("repos", []) if isinstance(repo, str) and repo != "*"]
    except (IndexError, ValueError, AttributeError, TypeError):
        return []


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
