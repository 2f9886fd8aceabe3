"""System checks for dangerous and missing settings. An error refuses the start (start.py)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured

from config import numbers, secret_keys, sentry  # noqa: F401  they register checks
from config.addresses import is_origin, problem_of
from config.auth import checks as callers  # noqa: F401  they register checks
from publishing.worker.metrics_process import address_of
from socialpublishing.media import store
from socialpublishing.media.addresses import is_public_url
from socialpublishing.platforms import PLATFORMS, login_wanted, platform_named

# Of METRICS_TOKEN.
MIN_TOKEN = 16


@checks.register
def check_addresses(**kwargs: Any) -> list[checks.CheckMessage]:
    found: list[checks.CheckMessage] = [
        checks.Error(f"{name} {problem}.", id=f"socialpublishing.{number}")
        for name, number, problem in _address_problems()
        if problem
    ]
    if not settings.SANDBOX_URL and not is_public_url(f"{settings.SERVICE_BASE_URL}/"):
        found.append(
            checks.Warning(
                "SERVICE_BASE_URL is no public https:// address: platforms cannot pull files from "
                "it, which some posts need.",
                id="socialpublishing.W019",
            )
        )
    return found


def _address_problems() -> Iterator[tuple[str, str, str]]:
    """Setting, number of the check, and what is wrong with it."""
    yield "SERVICE_BASE_URL", "E006", problem_of(settings.SERVICE_BASE_URL)
    if settings.SANDBOX_URL:
        yield "SANDBOX_URL", "E024", problem_of(settings.SANDBOX_URL, may_be_plain=True)
    if settings.OBJECT_STORE_ENDPOINT:
        problem = problem_of(settings.OBJECT_STORE_ENDPOINT, may_be_plain=True)
        yield "OBJECT_STORE_ENDPOINT", "E024", problem
    if settings.REDIS_URL and not settings.REDIS_URL.startswith(
        ("redis://", "rediss://", "unix://")
    ):
        yield "REDIS_URL", "E024", "must be redis://HOST:PORT/NUMBER"
    for name in {host.variable for each in PLATFORMS.values() for host in each.app.hosts.values()}:
        if url := os.environ.get(name):
            yield name, "E024", problem_of(url, may_be_plain=True)
    for name in ("MEDIA_ALLOWED_ORIGINS", "WEBHOOK_ALLOWED_ORIGINS", "CORS_ALLOWED_ORIGINS"):
        if not all(map(is_origin, getattr(settings, name))):
            yield name, "E007", "must list origins: scheme://host or scheme://host:port, never *"
    if any(problem_of(prefix, may_be_plain=True) for prefix in settings.OAUTH_RETURN_TO):
        yield "OAUTH_RETURN_TO", "E008", "must list full URLs, with a scheme and a host"


@checks.register
def check_exposure(**kwargs: Any) -> list[checks.CheckMessage]:
    """What is allowed on a developer's machine only."""
    found: list[checks.CheckMessage] = []
    is_public = settings.SERVICE_BASE_URL.startswith("https://")
    if is_public and "*" in settings.ALLOWED_HOSTS:
        found.append(
            checks.Error(
                "ALLOWED_HOSTS must list host names: with * any name in a request is believed.",
                id="socialpublishing.E025",
            )
        )
    if is_public and settings.DEBUG:
        found.append(
            checks.Error(
                "DEBUG is on, and SERVICE_BASE_URL is public: errors would show source code.",
                id="socialpublishing.E026",
            )
        )
    return found


@checks.register
def check_metrics(**kwargs: Any) -> list[checks.CheckMessage]:
    found: list[checks.CheckMessage] = []
    if settings.METRICS_TOKEN and len(settings.METRICS_TOKEN) < MIN_TOKEN:
        found.append(
            checks.Error(
                f"METRICS_TOKEN must have at least {MIN_TOKEN} characters.",
                id="socialpublishing.E061",
            )
        )
    if settings.WORKER_METRICS_BIND and address_of(settings.WORKER_METRICS_BIND) is None:
        found.append(
            checks.Error(
                "WORKER_METRICS_BIND must be HOST:PORT, such as 0.0.0.0:9100.",
                id="socialpublishing.E062",
            )
        )
    return found


@checks.register
def check_object_store(**kwargs: Any) -> list[checks.CheckMessage]:
    names = [f"OBJECT_STORE_{name}" for name in ("ENDPOINT", "BUCKET", "ACCESS_KEY", "SECRET_KEY")]
    missing = [name for name in names if not getattr(settings, name)]
    try:
        prefix = store.prefix()
    except ImproperlyConfigured as error:
        return [checks.Error(str(error), id="socialpublishing.E055")]
    if len(missing) == len(names):
        return []
    if missing:
        return [
            checks.Error(
                f"The object store is set up in part: without {', '.join(missing)}.",
                id="socialpublishing.E028",
            )
        ]
    if store.USER_ID in prefix:
        return []
    return [
        checks.Warning(
            "OBJECT_STORE_PREFIX names no {user_id}: each user may read each file of the bucket.",
            hint="Such as OBJECT_STORE_PREFIX=uploads/{user_id}/",
            id="socialpublishing.W056",
        )
    ]


@checks.register
def check_platforms(**kwargs: Any) -> list[checks.CheckMessage]:
    found: list[checks.CheckMessage] = []
    for platform in PLATFORMS.values():
        default = platform.default_login()
        if default not in ("", *platform.login_names()):
            found.append(
                checks.Error(
                    f"{platform.name.upper()}_LOGIN is {default!r}, which is no login of "
                    f"{platform.label}.",
                    hint=f"One of: {', '.join(platform.login_names()) or 'none; remove it'}.",
                    id="socialpublishing.E013",
                )
            )
            continue
        app = platform_named(platform.name, login_wanted(platform.name, "")).app
        if not app.is_configured():
            names = (app.client_id_variables[0], app.client_secret_variables[0])
            half = [*app.client_id_variables, *app.client_secret_variables]
            if any(os.environ.get(name) for name in half):
                sentence = f"{platform.label} is not available: of {' and '.join(names)}, one is"
                found.append(checks.Warning(f"{sentence} not set.", id="socialpublishing.W016"))
                continue
            found.append(
                checks.Info(
                    f"{platform.label} is not available: {' and '.join(names)} are not set.",
                    id="socialpublishing.I009",
                )
            )
    return found


@checks.register
def check_scopes(**kwargs: Any) -> list[checks.CheckMessage]:
    apps = [
        each.app
        for platform in PLATFORMS.values()
        for each in (platform, *platform.logins.values())
    ]
    read = {
        name
        for app in apps
        for kind in ("SCOPES", "OPTIONAL_SCOPES")
        for name in app.scope_variables(kind)
    }
    prefixes = tuple(f"{name.upper()}_" for name in PLATFORMS)
    found: list[checks.CheckMessage] = [
        checks.Warning(
            f"{name} is read by nothing.",
            hint="Scopes are read from {PLATFORM}_SCOPES and {PLATFORM}_OPTIONAL_SCOPES, and from "
            "{PLATFORM}_{LOGIN}_… for another login than the default one.",
            id="socialpublishing.W014",
        )
        for name in sorted(os.environ)
        if name.startswith(prefixes) and name.endswith("_SCOPES") and name not in read
    ]
    for app in apps:
        if missing := sorted(app.oauth.publish_scopes - set(app.requested_scopes())):
            found.append(
                checks.Warning(
                    f"{app.scope_variables('SCOPES')[-1]} lacks {', '.join(missing)}: accounts "
                    "that are connected with it cannot publish.",
                    id="socialpublishing.W015",
                )
            )
    return found


@checks.register
def check_apps(**kwargs: Any) -> list[checks.CheckMessage]:
    return [
        checks.Warning(words, id="socialpublishing.W013")
        for platform in PLATFORMS.values()
        for words in platform.app.setup_warnings()
    ]


@checks.register
def check_platform_variables(**kwargs: Any) -> list[checks.CheckMessage]:
    return [
        checks.Error(f"{name} must be one of: {', '.join(choices)}.", id="socialpublishing.E027")
        for platform in PLATFORMS.values()
        for name, choices in platform.app.variable_choices.items()
        if (value := os.environ.get(name)) and value.lower() not in choices
    ]


@checks.register
def check_worker_group(**kwargs: Any) -> list[checks.CheckMessage]:
    if re.fullmatch(r"[A-Za-z0-9._-]{1,40}", settings.WORKER_GROUP):
        return []
    message = "WORKER_GROUP must be 1 to 40 letters, digits, dots, underscores or hyphens."
    return [checks.Error(message, id="socialpublishing.E029")]


@checks.register
def check_laboratory(**kwargs: Any) -> list[checks.CheckMessage]:
    if settings.SANDBOX_URL or settings.LABORATORY_TIME_DIVISOR == 1:
        return []
    message = "LABORATORY_TIME_DIVISOR is for proofs with the sandbox only: set SANDBOX_URL."
    return [checks.Error(message, id="socialpublishing.E030")]


@checks.register
def check_renamed_settings(**kwargs: Any) -> list[checks.CheckMessage]:
    if "PUBLISH_LANES" not in os.environ:
        return []
    return [
        checks.Warning(
            "PUBLISH_LANES is now PUBLISH_PROCESSES; the next release does not read the old name.",
            id="socialpublishing.W012",
        )
    ]


@checks.register(deploy=True)
def check_deployment(**kwargs: Any) -> list[checks.CheckMessage]:
    found: list[checks.CheckMessage] = []
    if settings.SANDBOX_URL:
        found.append(
            checks.Warning(
                "SANDBOX_URL is set: no request reaches a real platform.",
                id="socialpublishing.W010",
            )
        )
    if not settings.METRICS_TOKEN:
        found.append(
            checks.Warning(
                "METRICS_TOKEN is not set: whoever reaches the service can read /metrics.",
                id="socialpublishing.W063",
            )
        )
    if settings.JWT_JWKS_URL and not (settings.JWT_ISSUER and settings.JWT_AUDIENCE):
        found.append(
            checks.Warning(
                "JWT_ISSUER or JWT_AUDIENCE is not set: tokens for other services are accepted.",
                id="socialpublishing.W011",
            )
        )
    return found
