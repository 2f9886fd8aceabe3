"""HTTP requests to platforms. `Http` reports facts: the response, or how the request failed."""

from __future__ import annotations

import datetime as dt
import io
import json
import os
import secrets
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, ClassVar, NoReturn, Protocol
from urllib.parse import urlsplit

import certifi
import requests
from django.conf import settings
from requests.adapters import HTTPAdapter
from requests.cookies import RequestsCookieJar
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from socialpublishing import database
from socialpublishing.crypto import Secret
from socialpublishing.errors import NoResponseError, PlatformApiError, PlatformUnreachableError
from socialpublishing.masking import masked, sent_secrets
from socialpublishing.prometheus import count_call

CONNECT_TIMEOUT_S = 5
READ_TIMEOUT_S = 30
# For the whole request, so that a response that arrives byte by byte ends too.
REQUEST_DEADLINE_S = 60
# Far above any response of a platform's API.
MAX_RESPONSE_BYTES = 8 * 1024 * 1024
# Hosts to which connections are kept open.
POOLS = 256
NO_PROXIES: dict[str, str] = {}


@dataclass(frozen=True, kw_only=True)
class PlatformResponse:
    """A complete response. `json` is None if the body is not JSON."""

    status_code: int
    headers: Mapping[str, str]
    json: Any
    text: str

    @property
    def fields(self) -> dict[str, Any]:
        """The JSON object; empty if the body is not a JSON object."""
        return self.json if isinstance(self.json, dict) else {}


class _Adapter(HTTPAdapter):
    """As its base, without what would cost most of a request's time here.

    All connections share one SSLContext: by default each one reads the CA bundle again. There are
    no proxies and no cookies, so the pool of a host is looked up once.
    """

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        self._context = ssl.create_default_context(cafile=certifi.where())
        self._pools: dict[tuple[str, str], Any] = {}
        super().init_poolmanager(*args, ssl_context=self._context, **kwargs)

    def build_connection_pool_key_attributes(
        self, request: Any, verify: Any, cert: Any = None
    ) -> Any:
        host, _ = super().build_connection_pool_key_attributes(request, verify, cert)
        return host, {"cert_reqs": "CERT_REQUIRED"}

    def get_connection_with_tls_context(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        address = urlsplit(request.url)
        origin = (address.scheme, address.netloc)
        pool = self._pools.get(origin)
        if pool is None or pool.pool is None:  # closed, as the base keeps a limited number of them
            pool = super().get_connection_with_tls_context(request, *args, **kwargs)
            self._pools[origin] = pool
        return pool

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Nothing to do: the context above requires and verifies certificates."""

    def request_url(self, request: Any, proxies: Any) -> str:
        return str(request.path_url)

    def build_response(self, request: Any, resp: Any) -> requests.Response:
        response = requests.Response()
        response.status_code = resp.status
        response.headers, response.raw = resp.headers, resp
        response.request, response.url = request, request.url
        return response


class _NoCookies(RequestsCookieJar):
    def extract_cookies(self, response: Any, request: Any) -> None:
        """Nothing is kept, and no header is parsed to find that out."""


@lru_cache(maxsize=1)
def _session(_pid: int) -> requests.Session:
    session = requests.Session()
    session.trust_env = False  # no proxies and no .netrc of the machine
    session.cookies = _NoCookies()
    # No retries here: the engine decides about them. One open socket per host for each thread.
    adapter = _Adapter(pool_connections=POOLS, pool_maxsize=settings.PUBLISH_THREADS, max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


_session_lock = threading.Lock()


def session() -> requests.Session:
    """The one session of this process; a forked child has its own."""
    with _session_lock:
        return _session(os.getpid())


class Body(Protocol):
    """A body of known length that is sent while it is read: it is never held in memory."""

    def __len__(self) -> int: ...

    def read(self, size: int = -1, /) -> bytes: ...


class MultipartBody:
    """A form with one file as its last field (RFC 7578), sent while it is read."""

    def __init__(
        self, fields: Mapping[str, str], file: Body, *, name: str = "file", mime_type: str
    ) -> None:
        boundary = secrets.token_hex(16)
        parts = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'
            for field, value in fields.items()
        ]
        parts.append(
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{name}"\r\n'
            f"Content-Type: {mime_type}\r\n\r\n"
        )
        head, tail = "".join(parts).encode(), f"\r\n--{boundary}--\r\n".encode()
        self.content_type = f"multipart/form-data; boundary={boundary}"
        self._length = len(head) + len(file) + len(tail)
        self._pieces: list[Body | io.BytesIO] = [io.BytesIO(head), file, io.BytesIO(tail)]

    def __len__(self) -> int:
        return self._length

    def read(self, size: int = -1, /) -> bytes:
        """The next `size` bytes or fewer; all remaining bytes for -1."""
        read = bytearray()
        while self._pieces and (size < 0 or len(read) < size):
            piece = self._pieces[0].read(size - len(read) if size >= 0 else -1)
            if not piece:
                self._pieces.pop(0)
            read += piece
        return bytes(read)


class Http:
    """HTTP requests to one platform for one account.

    Raises PlatformUnreachableError if the request was never sent, NoResponseError if it was sent
    and its outcome is unknown, and the result of `read_error` for a status of 400 or above.
    """

    user_agent: ClassVar[str] = "social-publishing-service/1.0"

    def __init__(
        self,
        *,
        platform: str,
        base_url: str,
        read_error: Callable[[PlatformResponse], PlatformApiError],
        token: Secret | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> None:
        """`headers` and `params` are sent with each request."""
        self.params = params or {}
        self.platform = platform
        self.base_url = base_url.rstrip("/")
        self.read_error = read_error
        self.token = token
        self.headers = {
            "User-Agent": self.user_agent,
            "Accept": "application/json",
            **(headers or {}),
        }

    def get(self, path: str, **kwargs: Any) -> Any:
        return self.call("GET", path, **kwargs).json

    def post(self, path: str, **kwargs: Any) -> Any:
        return self.call("POST", path, **kwargs).json

    def delete(self, path: str, **kwargs: Any) -> Any:
        return self.call("DELETE", path, **kwargs).json

    def call(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        needs_json: bool = True,
        **body: Any,
    ) -> PlatformResponse:
        """The response, with its JSON parsed. `body`: params, json, data or files, as in requests.

        Without `needs_json` the body may be empty or anything: only status and headers count.
        """
        if self.params:
            body["params"] = {**self.params, **(body.get("params") or {})}
        own_headers = {**self.headers, **(headers or {})}
        if self.token is not None:
            own_headers.setdefault("Authorization", f"Bearer {self.token.reveal()}")
        response = self._measured(_prepared(method, f"{self.base_url}{path}", own_headers, body))
        if response.status_code >= 400:
            error = self.read_error(response)
            error.status_code = response.status_code
            raise self.completed(error, headers=own_headers, **body)
        if response.json is None and needs_json:
            self._no_response(f"responded with status {response.status_code} and no JSON")
        return response

    def completed(self, error: PlatformApiError, **request: Any) -> PlatformApiError:
        """`error`, with the platform's name and without the secrets of the request.

        `request`: headers, params, data and json of it.
        """
        secrets = list(sent_secrets(url=self.base_url, **request))
        error.platform = self.platform
        error.args = (masked(str(error), secrets),)
        error.platform_code = masked(error.platform_code, secrets)
        error.request_id = masked(error.request_id, secrets)
        return error

    def _measured(self, request: requests.PreparedRequest) -> PlatformResponse:
        started, result = time.monotonic(), NoResponseError.code
        try:
            response = self._send(request)
            result = str(response.status_code)
            return response
        except PlatformUnreachableError as error:
            result = error.code
            raise
        finally:
            seconds = time.monotonic() - started
            count_call(platform=self.platform, result=result, seconds=seconds)

    def _send(self, request: requests.PreparedRequest) -> PlatformResponse:
        # Always `from None`: errors of requests quote URLs, and some URLs contain tokens.
        deadline = time.monotonic() + REQUEST_DEADLINE_S
        database.release()
        try:
            response = session().send(
                request,
                timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S),
                allow_redirects=False,
                stream=True,
                proxies=NO_PROXIES,
            )
            with response:
                body = bytearray()
                for chunk in response.iter_content(65536):
                    body += chunk
                    if len(body) > MAX_RESPONSE_BYTES or time.monotonic() > deadline:
                        self._no_response("did not complete its response")
        except requests.RequestException as error:
            if was_never_sent(error):
                raise PlatformUnreachableError(platform=self.platform) from None
            self._no_response(f"did not complete its response ({type(error).__name__})")
        if 300 <= response.status_code < 400:
            self._no_response("responded with a redirect, which we do not follow")
        text = body.decode("utf-8", errors="replace")
        try:
            parsed = json.loads(text)
        except ValueError:
            parsed = None
        return PlatformResponse(
            status_code=response.status_code,
            headers=response.headers,
            json=parsed,
            text=text[:2000],
        )

    def _no_response(self, reason: str) -> NoReturn:
        raise NoResponseError(f"The platform {reason}.", platform=self.platform) from None


def _prepared(
    method: str, url: str, headers: Mapping[str, str], body: Mapping[str, Any]
) -> requests.PreparedRequest:
    """The request, with as little work as its body needs."""
    request = requests.PreparedRequest()
    if any(body[name] for name in body if name != "json") or not body.get("json"):
        request.prepare(method=method, url=url, headers=headers, **body)
        return request
    request.method, request.url = method, url
    request.body = json.dumps(body["json"], allow_nan=False).encode()
    request.headers = requests.structures.CaseInsensitiveDict(headers)
    request.headers.setdefault("Content-Type", "application/json")
    request.headers["Content-Length"] = str(len(request.body))
    return request


def retry_after(response: PlatformResponse, *, reset_header: str = "") -> dt.datetime | None:
    """The end of a rate limit: from Retry-After, else the platform's own header (epoch seconds).

    A Retry-After of 0 names no time.
    """
    now = dt.datetime.now(tz=dt.UTC)
    value = response.headers.get("Retry-After", "").strip()
    if value.isdecimal() and int(value[:9]):
        return now + dt.timedelta(seconds=min(int(value[:9]), 86400))
    if value:
        try:
            return parsedate_to_datetime(value).astimezone(dt.UTC)
        except ValueError:
            pass
    reset = response.headers.get(reset_header, "").strip() if reset_header else ""
    return dt.datetime.fromtimestamp(int(reset[:11]), tz=dt.UTC) if reset.isdecimal() else None


def was_never_sent(error: requests.RequestException) -> bool:
    """True only for a connect timeout, a refused connection and an unknown host name."""
    if isinstance(error, requests.ConnectTimeout):
        return True
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    return isinstance(reason, (NewConnectionError, ConnectTimeoutError))
