"""The platforms: can they be reached, do they know our app, and what they have to know of us."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple
from urllib.parse import urlsplit

from django.conf import settings

from config.doctor.findings import Finding, fail, ok, warn
from connections.connecting import redirect_uri
from socialpublishing.clock import database_now, readable
from socialpublishing.errors import (
    PlatformApiError,
    PlatformConfigurationError,
    PlatformNotConfiguredError,
    PlatformUnreachableError,
)
from socialpublishing.media.addresses import is_public_url
from socialpublishing.oauth import new_verifier
from socialpublishing.platforms import PLATFORMS
from socialpublishing.platforms.app import App
from socialpublishing.platforms.callbacks import SendsCallbacks
from socialpublishing.platforms.pauses import PlatformPause

TIMEOUT_S = 5
NETWORK_HELP = "Check DNS, firewall and certificates of this machine."


def check_pauses() -> Iterator[Finding]:
    pauses = list(PlatformPause.objects.all())
    now = database_now()
    for each in pauses:
        yield warn(
            f"{each.platform} ({each.feature}) is paused since {readable(each.since, now)}: "
            f"{each.reason}",
            "It resumes by itself when the platform accepts our app again."
            if each.probe_at
            else f"`manage.py resume_platform {each.platform}` resumes it.",
        )
    if not pauses:
        yield ok("No platform is paused.")


def check_media_address() -> Iterator[Finding]:
    address = settings.SERVICE_BASE_URL
    if settings.SANDBOX_URL or is_public_url(f"{address}/"):
        yield ok(f"Platforms can pull files from {address}.")
    else:
        yield warn(
            f"Platforms cannot pull files from {address}, which some posts need.",
            "SERVICE_BASE_URL must be a public https:// address on port 443.",
        )


def check_credentials() -> Iterator[Finding]:
    if settings.SANDBOX_URL:
        yield warn(f"The sandbox at {settings.SANDBOX_URL} replaces all platforms.")
        return
    for label, app in _apps():
        if app.is_configured():
            yield ok(f"{label}: the credentials are set.")
        else:
            names = (app.client_id_variables[0], app.client_secret_variables[0])
            yield warn(f"{label} is not offered.", f"Set {' and '.join(names)}.")


def list_addresses() -> Iterator[Finding]:
    for platform in PLATFORMS.values():
        yield ok(f"{platform.label}, redirect URI: {redirect_uri(platform.name)}")
        if isinstance(platform.app, SendsCallbacks):
            base = f"{settings.SERVICE_BASE_URL}/api/v1/connections/callbacks/{platform.name}"
            yield ok(f"{platform.label}, deauthorize callback: {base}/deauthorize")
            yield ok(f"{platform.label}, data deletion callback: {base}/data-deletion")


def check_reachability() -> Iterator[Finding]:
    """Each host is asked at the same time, without credentials."""
    is_needed: dict[str, bool] = defaultdict(bool)
    for _, app in _apps():
        for role in app.hosts:
            is_needed[app.host(role)] |= app.is_configured()
    with ThreadPoolExecutor(max_workers=len(is_needed)) as pool:
        for url, reached in zip(is_needed, pool.map(reach, is_needed), strict=True):
            host = urlsplit(url).netloc
            if not reached.error:
                yield ok(f"{host} responds ({reached.step}).")
                continue
            sentence = f"{host} cannot be reached: {reached.step} failed ({reached.error})."
            yield (fail if is_needed[url] else warn)(sentence, NETWORK_HELP)


class Reached(NamedTuple):
    """The last step that was taken, and why it failed; no error: it did not."""

    step: str
    error: str = ""


def reach(url: str) -> Reached:
    """DNS, TCP, TLS and a HEAD request to `url`."""
    parts = urlsplit(url)
    is_tls = parts.scheme == "https"
    host, port = parts.hostname or "", parts.port or (443 if is_tls else 80)
    step = "DNS"
    try:
        socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        step = "TCP"
        request = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
        request.connect()
        if is_tls:
            step = "TLS"
            request.sock = ssl.create_default_context().wrap_socket(
                request.sock, server_hostname=host
            )
        step = "HTTP"
        request.request("HEAD", parts.path or "/")
        status = request.getresponse().status
        request.close()
    except (OSError, http.client.HTTPException) as error:
        return Reached(step, (str(error) or type(error).__name__)[:100])
    return Reached(f"HTTP status {status}")


def probe_token_endpoints() -> Iterator[Finding]:
    """Send our credentials with a code that cannot exist: only the code may be refused."""
    for label, app in _apps():
        try:
            app.exchange_code(
                code="doctor-no-such-code",
                redirect_uri=redirect_uri(app.name),
                verifier=new_verifier(),
            )
        except PlatformNotConfiguredError:
            continue
        except PlatformConfigurationError as error:
            yield fail(f"{label} refuses our app: {error}", "Check its credentials and its state.")
        except PlatformUnreachableError as error:
            yield fail(f"{label}: {error}", NETWORK_HELP)
        except PlatformApiError as error:
            yield ok(f"{label} refused the invalid code only ({error.code}).")
        else:
            yield warn(f"{label} accepted a code that does not exist.")


def _apps() -> Iterator[tuple[str, App]]:
    """Our apps, each once, with the name of its platform and login."""
    for platform in PLATFORMS.values():
        yield platform.label, platform.app
        for name, login in platform.logins.items():
            yield f"{platform.label} ({name})", login.app
