"""Sends requests: the token, errors as exceptions, repeats where they are safe."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self

import requests

TIMEOUT_S = 40.0  # longer than a request with `Prefer: wait=30` takes
REPEATS = 2
LONGEST_PAUSE_S = 30


class ApiError(requests.HTTPError):
    """An error response. `code` is for programs, `detail` for people."""

    def __init__(self, response: requests.Response) -> None:
        self.status = response.status_code
        try:
            self.body: Mapping[str, Any] = dict(response.json())
        except ValueError:
            self.body = {}
        self.code = str(self.body.get("code", ""))
        self.detail = str(self.body.get("detail", response.text[:500]))
        self.violations: list[dict[str, Any]] = list(self.body.get("violations", ()))
        self.retry_after: int | None = self.body.get("retry_after")
        request = f"{response.request.method} {str(response.url).partition('?')[0]}"
        super().__init__(
            f"{request} responded {self.status} {self.code}: {self.detail}", response=response
        )


class Transport:
    """The connection to one service, for one user.

    `token` is an access token, or a function that returns a current one. Safe requests are
    repeated after a broken connection and when the service asks to come back in a moment: those
    that change nothing, and those with an Idempotency-Key. POSTs that make a job always have one.
    """

    def __init__(
        self,
        base_url: str,
        token: str | Callable[[], str],
        *,
        timeout_s: float = TIMEOUT_S,
        session: requests.Session | None = None,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._token = token
        self._timeout_s = timeout_s
        self._session = session or requests.Session()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def _call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str | None] | None = None,
        body: Any = None,
    ) -> Any:
        """The JSON of the response; None if it has none. Raises ApiError."""
        return _content(self._send(method, self._base_url + path, query, headers or {}, body))

    def _pages(self, path: str, query: Mapping[str, Any]) -> Iterator[Any]:
        """The items of all pages of a list."""
        response = self._send("GET", self._base_url + path, query, {}, None)
        while True:
            yield from _content(response)
            if "next" not in response.links:
                return
            response = self._send("GET", response.links["next"]["url"], None, {}, None)

    def _send(
        self,
        method: str,
        url: str,
        query: Mapping[str, Any] | None,
        headers: Mapping[str, str | None],
        body: Any,
    ) -> requests.Response:
        given = {name: value for name, value in headers.items() if value is not None}
        if "Idempotency-Key" in headers:
            given.setdefault("Idempotency-Key", str(uuid.uuid4()))
        is_safe = method != "POST" or "Idempotency-Key" in given
        for repeats_left in range(REPEATS if is_safe else 0, -1, -1):
            try:
                response = self._session.request(
                    method,
                    url,
                    params={name: _text(value) for name, value in (query or {}).items()},
                    headers={**given, "Authorization": f"Bearer {self._current_token()}"},
                    json=body,
                    allow_redirects=False,
                    timeout=self._timeout_s,
                )
            except (requests.ConnectionError, requests.Timeout):
                if not repeats_left:
                    raise
                pause = 1
            else:
                pause = int(response.headers.get("Retry-After", -1))
                if not (repeats_left and response.status_code in {429, 503}):
                    return response
                if not 0 <= pause <= LONGEST_PAUSE_S:
                    return response
            time.sleep(pause)
        raise AssertionError("unreachable")

    def _current_token(self) -> str:
        return self._token if isinstance(self._token, str) else self._token()


def _content(response: requests.Response) -> Any:
    if not 200 <= response.status_code < 300:
        raise ApiError(response)
    return response.json() if response.content else None


def _text(value: Any) -> Any:
    """A query parameter; None is left out."""
    return str(value).lower() if isinstance(value, bool) else value
