"""Downloads a file from the URL in a request, as the platforms do."""

import ipaddress
import time
from urllib.parse import urljoin, urlsplit

import filetype
import requests
import urllib3
from django.conf import settings

from socialpublishing.sandbox.blobs import Blob

CONNECT_TIMEOUT_S, READ_TIMEOUT_S = 3, 5
DEADLINE_S = 15
PIECE_BYTES = 64 * 1024
HEAD_BYTES = 8192  # enough to detect a file's type


class FetchFailed(Exception):  # noqa: N818  (a fact about the file; each platform words its error)
    """`reason`: refused, unreachable, not_found, too_large or bad_type."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def fetch(
    url: str,
    *,
    max_bytes: int,
    agent: str,
    kinds: tuple[str, ...] = (),
    deadline_s: float = DEADLINE_S,
    redirects: int = 0,
) -> Blob:
    """The file at `url`. Its `mime_type` is detected from its bytes, or else its server's.

    `kinds`: allowed starts of the type, such as "image/"; empty allows all. URLs outside this
    machine and MEDIA_ALLOWED_ORIGINS are refused, so that tests do not use the network. Raises
    FetchFailed. Most platforms do not follow redirects: more than `redirects` of them are
    `not_found`.
    """
    if not _is_allowed(url):
        raise FetchFailed("refused")
    deadline = time.monotonic() + deadline_s
    try:
        with requests.Session() as session:
            session.trust_env = False
            response = session.get(
                url,
                stream=True,
                allow_redirects=False,
                timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S),
                headers={"User-Agent": agent, "Accept-Encoding": "identity"},
            )
            if response.is_redirect and redirects:
                url = urljoin(url, response.headers["Location"])
                left_s = deadline - time.monotonic()
                return fetch(
                    url,
                    max_bytes=max_bytes,
                    agent=agent,
                    kinds=kinds,
                    deadline_s=left_s,
                    redirects=redirects - 1,
                )
            if response.status_code != requests.codes.ok:
                raise FetchFailed("unreachable" if response.status_code >= 500 else "not_found")
            blob = _received(response, max_bytes, deadline)
    except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError) as error:
        raise FetchFailed("unreachable") from error
    declared_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    blob.mime_type = filetype.guess_mime(blob.head(HEAD_BYTES)) or declared_type
    if kinds and not blob.mime_type.startswith(kinds):
        raise FetchFailed("bad_type")
    return blob


def _received(response: requests.Response, max_bytes: int, deadline: float) -> Blob:
    promised = response.headers.get("Content-Length", "")
    if promised.isdecimal() and int(promised) > max_bytes:
        raise FetchFailed("too_large")
    blob = Blob()
    # read1 returns what has arrived: a slow server that never fills a piece must not block us.
    while piece := response.raw.read1(PIECE_BYTES):
        blob.write(piece)
        if blob.size > max_bytes:
            raise FetchFailed("too_large")
        if time.monotonic() > deadline:
            raise FetchFailed("unreachable")
    if promised.isdecimal() and blob.size < int(promised):
        raise FetchFailed("unreachable")
    return blob


def _is_allowed(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    if parts.scheme not in ("http", "https") or not host or "@" in parts.netloc:
        return False
    if _is_loopback(host):
        return True
    usual = {"http": 80, "https": 443}
    allowed = [urlsplit(origin) for origin in settings.MEDIA_ALLOWED_ORIGINS]
    return (parts.scheme, host, port or usual[parts.scheme]) in [
        (origin.scheme, origin.hostname, origin.port or usual.get(origin.scheme))
        for origin in allowed
    ]


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
