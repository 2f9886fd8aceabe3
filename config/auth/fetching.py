"""Requests to the authentication service: its key set and its introspection endpoint."""

from __future__ import annotations

import time
from collections.abc import Mapping

import requests
import urllib3

from config.addresses import problem_of

# What `fetch` raises.
FETCH_ERRORS = (requests.RequestException, urllib3.exceptions.HTTPError, ValueError)


def fetch(
    url: str,
    *,
    timeout_s: float,
    max_bytes: int,
    form: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> bytes:
    """The body of a response with status 200, to a GET, or to a POST of `form`.

    Raises one of FETCH_ERRORS for everything else, also for what is too large or too slow.
    """
    if problem := problem_of(url):
        raise ValueError(problem)
    deadline = time.monotonic() + timeout_s
    with requests.Session() as session:
        session.trust_env = False
        response = session.request(
            "GET" if form is None else "POST",
            url,
            data=form,
            headers={
                "Accept": "application/json",
                "Accept-Encoding": "identity",
                **(headers or {}),
            },
            timeout=(timeout_s, timeout_s),
            allow_redirects=False,
            stream=True,
        )
        if response.status_code != 200:
            raise ValueError(f"status {response.status_code}")
        body = b""
        # Chunk by chunk as they arrive, so that a slow response ends at the deadline too.
        while chunk := response.raw.read1(64 * 1024):
            body += chunk
            if len(body) > max_bytes:
                raise ValueError("too large")
            if time.monotonic() > deadline:
                raise requests.ReadTimeout("too slow")
        return body
