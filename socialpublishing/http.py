"""Calls to platforms. `Http` states facts: what was answered, or how far the request came."""

from __future__ import annotations

import json
import os
import re
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from http.cookiejar import DefaultCookiePolicy
from typing import Any, ClassVar, NoReturn

import certifi
import requests
from django.conf import settings
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from socialpublishing.crypto import Secret
from socialpublishing.errors import NoAnswerError, PlatformApiError, PlatformUnreachableError

CONNECT_TIMEOUT_S = 5
READ_TIMEOUT_S = 30
# A whole call, so that an answer that drips byte by byte ends too.
CALL_DEADLINE_S = 60
# No answer of a platform's API comes near it.
MAX_ANSWER_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back, whole. `json` is None where the body is no JSON."""

    status_code: int
    headers: Mapping[str, str]
    json: Any
    text: str


class _Adapter(HTTPAdapter):
    """One SSLContext for all connections: by default the CA bundle is read anew for each."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        self._context = ssl.create_default_context(cafile=certifi.where())
        super().init_poolmanager(*args, ssl_context=self._context, **kwargs)

    def build_connection_pool_key_attributes(
        self, request: Any, verify: Any, cert: Any = None
    ) -> Any:
        host, _ = super().build_connection_pool_key_attributes(request, verify, cert)
        return host, {"cert_reqs": "CERT_REQUIRED"}

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Nothing to load: the context above already demands and checks certificates."""


@lru_cache(maxsize=1)
def _session(_pid: int) -> requests.Session:
    session = requests.Session()
    session.trust_env = False  # neither proxies nor .netrc of the machine
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    # Repeating is decided by the engine, never below it.
    # As many sockets are kept open per host as there may be threads.
    adapter = _Adapter(pool_connections=32, pool_maxsize=settings.PUBLISH_THREADS, max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


_session_lock = threading.Lock()


def session() -> requests.Session:
    """The one session of this process; a forked child gets its own."""
    with _session_lock:
        return _session(os.getpid())


class Http:
    """Calls to one platform for one account.

    Raises PlatformUnreachableError if the request never left, NoAnswerError if it left and no
    verdict came, and whatever `read_error` makes of an answer of 400 or above.
    """

    user_agent: ClassVar[str] = "social-publishing-service/1.0"

    def __init__(
        self,
        *,
        platform: str,
        base_url: str,
        read_error: Callable[[Answer], PlatformApiError],
        token: Secret | None = None,
    ) -> None:
        self.platform = platform
        self.base_url = base_url.rstrip("/")
        self.read_error = read_error
        self.token = token

    def get(self, path: str, **kwargs: Any) -> Any:
        return self.call("GET", path, **kwargs).json

    def post(self, path: str, **kwargs: Any) -> Any:
        return self.call("POST", path, **kwargs).json

    def delete(self, path: str, **kwargs: Any) -> Any:
        return self.call("DELETE", path, **kwargs).json

    def call(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **body: Any
    ) -> Answer:
        """The answer, with its JSON read. `body`: params, json, data or files, as in requests."""
        request = requests.PreparedRequest()
        own = {"User-Agent": self.user_agent, "Accept": "application/json", **(headers or {})}
        if self.token is not None:
            own["Authorization"] = f"Bearer {self.token.reveal()}"
        request.prepare(method=method, url=f"{self.base_url}{path}", headers=own, **body)
        answer = self._send(request)
        if answer.status_code >= 400:
            error = self.read_error(answer)
            error.platform = self.platform
            error.status_code = answer.status_code
            error.args = (_masked(str(error)),)
            raise error
        if answer.json is None:
            self._no_answer(f"answered {answer.status_code} with something that is not JSON")
        return answer

    def _send(self, request: requests.PreparedRequest) -> Answer:
        # `from None` throughout: the library's errors quote whole URLs, and some hold tokens.
        deadline = time.monotonic() + CALL_DEADLINE_S
        try:
            response = session().send(
                request,
                timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S),
                allow_redirects=False,
                stream=True,
            )
            with response:
                body = bytearray()
                for chunk in response.iter_content(65536):
                    body += chunk
                    if len(body) > MAX_ANSWER_BYTES or time.monotonic() > deadline:
                        self._no_answer("did not come to an end with its answer")
        except requests.RequestException as error:
            if never_left(error):
                raise PlatformUnreachableError(platform=self.platform) from None
            self._no_answer(f"broke off ({type(error).__name__})")
        if 300 <= response.status_code < 400:
            self._no_answer("answered with a redirect, which is followed nowhere")
        text = body.decode("utf-8", errors="replace")
        try:
            parsed = json.loads(text)
        except ValueError:
            parsed = None
        return Answer(
            status_code=response.status_code,
            headers=response.headers,
            json=parsed,
            text=text[:2000],
        )

    def _no_answer(self, what: str) -> NoReturn:
        raise NoAnswerError(f"The platform {what}.", platform=self.platform) from None


def _masked(message: str) -> str:
    """A platform's words, short, without what may be a token: some quote what they were sent."""
    printable = re.sub(r"[\x00-\x1f\x7f]+", " ", message)
    return re.sub(r"[\w.~+/=:%-]{40,}", "***", printable)[:400]


def never_left(error: requests.RequestException) -> bool:
    """True only for a connect time-out, a refused connection and a name that does not resolve."""
    if isinstance(error, requests.ConnectTimeout):
        return True
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    return isinstance(reason, (NewConnectionError, ConnectTimeoutError))
