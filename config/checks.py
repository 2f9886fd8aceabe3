"""System checks for dangerous and missing settings, reported by `manage.py check`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured

from socialpublishing.crypto import key_ring
from socialpublishing.media import store
from socialpublishing.media.addresses import is_public_url
from socialpublishing.platforms import PLATFORMS, login_wanted, platform_named

LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@checks.register
def check_keys(**kwargs: Any) -> list[checks.CheckMessage]:
    try:
        key_ring()
    except ImproperlyConfigured as error:
        return [
            checks.Error(str(error), hint="openssl rand -base64 32", id="socialpublishing.E001")
        ]
    if settings.AES_KEY == settings.SECRET_KEY:
        return [checks.Error("AES_KEY and SECRET_KEY are the same.", id="socialpublishing.E002")]
    return []


@checks.register
def check_callers(**kwargs: Any) -> list[checks.CheckMessage]:
    return list(_caller_problems())


def _caller_problems() -> Iterator[checks.CheckMessage]:
    if not settings.JWT_KEY and not settings.JWT_JWKS_URL:
        yield checks.Error(
            "No caller can authenticate: there is no key to verify tokens with.",
            hint="Set AUTH_SERVICE_URL, JWT_JWKS_URL or JWT_KEY.",
            id="socialpublishing.E003",
        )
    families = {name[:2] == "HS" for name in settings.JWT_ALGORITHMS}
    if len(families) > 1:
        yield checks.Error(
            "JWT_ALGORITHMS mixes shared secrets (HS…) with public keys.",
            hint="A public key could be used as a shared secret.",
            id="socialpublishing.E004",
        )
    if settings.JWT_KEY and settings.JWT_KEY in {settings.SECRET_KEY, settings.AES_KEY}:
        yield checks.Error("JWT_KEY is also used for something else.", id="socialpublishing.E005")


@checks.register
def check_addresses(**kwargs: Any) -> list[checks.CheckMessage]:
    found: list[checks.CheckMessage] = []
    base = urlsplit(settings.SERVICE_BASE_URL)
    if base.scheme != "https" and base.hostname not in LOOPBACK:
        found.append(
            checks.Error(
                "SERVICE_BASE_URL is plain http: others could read and complete sign-ins.",
                hint="Plain http is allowed for loopback addresses only.",
                id="socialpublishing.E006",
            )
        )
    if not settings.SANDBOX_URL and not is_public_url(f"{settings.SERVICE_BASE_URL}/"):
        found.append(
            checks.Warning(
                "SERVICE_BASE_URL is no public https:// address: platforms cannot pull files from "
                "it, which some posts need.",
                id="socialpublishing.W019",
            )
        )
    if "*" in settings.CORS_ALLOWED_ORIGINS:
        found.append(
            checks.Error(
                "CORS_ALLOWED_ORIGINS must list origins, not *.", id="socialpublishing.E007"
            )
        )
    if any(not prefix.startswith(("https://", "http://")) for prefix in settings.OAUTH_RETURN_TO):
        found.append(
            checks.Error(
                "OAUTH_RETURN_TO must list full URLs, with a scheme.", id="socialpublishing.E008"
            )
        )
    return found


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
def check_object_store(**kwargs: Any) -> list[checks.CheckMessage]:
    try:
        prefix = store.prefix()
    except ImproperlyConfigured as error:
        return [checks.Error(str(error), id="socialpublishing.E050")]
    if not store.is_configured() or store.USER_ID in prefix:
        return []
    return [
        checks.Warning(
            "OBJECT_STORE_PREFIX names no {user_id}: each user may read each file of the bucket.",
            hint="Such as OBJECT_STORE_PREFIX=uploads/{user_id}/",
            id="socialpublishing.W051",
        )
    ]


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
    if settings.JWT_JWKS_URL and not (settings.JWT_ISSUER and settings.JWT_AUDIENCE):
        found.append(
            checks.Warning(
                "JWT_ISSUER or JWT_AUDIENCE is not set: tokens for other services are accepted.",
                id="socialpublishing.W011",
            )
        )
    return found
