"""Records our clients' requests during a test, to check them against a platform's description."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from email import message_from_bytes
from typing import Any
from urllib.parse import parse_qsl

import requests
from requests.adapters import HTTPAdapter

from socialpublishing.http import session
from socialpublishing.tests.meta_parameters import MetaParameters
from socialpublishing.tests.openapi import Description
from socialpublishing.tests.x_description import XDescription

PIECE_BYTES = 64 * 1024


class Call:
    """A recorded request. `status` and `content` are None if the connection broke before them."""

    def __init__(self, request: requests.PreparedRequest) -> None:
        self.request = request
        self.status: int | None = None
        self.content: bytes | None = None


class RequestRecorder(HTTPAdapter):
    """Sends requests and records them with their responses."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Call] = []

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        if hasattr(request.body, "read"):
            # A streamed body can be read only once, so record it here and send the copy.
            body = request.body
            request.body = b"".join(iter(lambda: bytes(body.read(PIECE_BYTES)), b""))
        call = Call(request)
        self.calls.append(call)
        response = super().send(request, *args, **kwargs)
        call.status, call.content = response.status_code, response.content
        return response

    def check_against(self, description: Description | XDescription | MetaParameters) -> None:
        """Raises for the first deviation. A broken connection has no response to check."""
        for call in self.calls:
            method, url = str(call.request.method), str(call.request.url)
            description.check_request(method, url, body_of(call.request))
            if call.status is not None:
                description.check_response(method, url, call.status, json_of(call.content))


@contextlib.contextmanager
def record_requests(prefix: str) -> Iterator[RequestRecorder]:
    """Records all requests to URLs that start with `prefix`."""
    recorder = RequestRecorder()
    session().mount(prefix, recorder)
    try:
        yield recorder
    finally:
        del session().adapters[prefix]


def json_of(content: bytes | None) -> Any:
    """The content as JSON; `...` if it is empty or not JSON."""
    try:
        return json.loads(content) if content else ...
    except ValueError:
        return ...


def body_of(request: requests.PreparedRequest) -> Any:
    """The body as a JSON value; a form is a dict, without the bytes of files."""
    content = request.body
    if not content:
        return None
    kind = str(request.headers.get("Content-Type"))
    if kind.startswith("multipart/"):
        return _fields(kind, content)
    if "urlencoded" in kind:
        return dict(parse_qsl(content))
    # Other bodies are the bytes of a file.
    return json.loads(content) if "json" in kind else None


def _fields(kind: str, body: Any) -> dict[str, Any]:
    form = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + body)
    fields: dict[str, Any] = {}
    for part in form.get_payload():
        name = part.get_param("name", header="Content-Disposition")
        text = "…" if part.get_filename() else part.get_payload()
        fields[name] = int(text) if text.isdecimal() else text
    return fields
