"""The register of platforms. A new one is a package in this folder and an entry here."""

from __future__ import annotations

from socialpublishing.errors import (
    InvalidSocialPlatformError,
    PlatformNotConfiguredError,
    UnknownLoginError,
)
from socialpublishing.platforms.accounts import Account
from socialpublishing.platforms.base import Platform
from socialpublishing.platforms.facebook import Facebook
from socialpublishing.platforms.instagram import Instagram
from socialpublishing.platforms.linkedin import LinkedIn
from socialpublishing.platforms.pinterest import Pinterest
from socialpublishing.platforms.tiktok import TikTok
from socialpublishing.platforms.twitter import Twitter

PLATFORMS: dict[str, type[Platform]] = {
    platform.name: platform
    for platform in (Facebook, Instagram, LinkedIn, Pinterest, TikTok, Twitter)
}


def platform_named(name: str, login: str = "") -> type[Platform]:
    """The platform, for accounts that were connected by `login`; empty is its usual login.

    Raises InvalidSocialPlatformError for a name that is not in PLATFORMS, UnknownLoginError for
    a login that the platform does not have.
    """
    platform = PLATFORMS.get(name)
    if platform is None:
        raise InvalidSocialPlatformError(name)
    if not login:
        return platform
    if login not in platform.logins:
        raise UnknownLoginError(platform.label, platform.login_names())
    return platform.logins[login]


def login_wanted(name: str, wanted: str) -> str:
    """The login as it is stored, for a name that a caller gives; "": the operator's default.

    Raises as `platform_named` does.
    """
    platform = platform_named(name)
    wanted = wanted or platform.default_login()
    stored = "" if wanted == platform.app.login else wanted
    platform_named(name, stored)
    return stored


def platform_with_credentials(name: str) -> type[Platform]:
    """The platform by its usual login, if we have credentials for any of its logins.

    Raises InvalidSocialPlatformError, PlatformNotConfiguredError.
    """
    platform = platform_named(name)
    if not any(each.app.is_configured() for each in (platform, *platform.logins.values())):
        raise PlatformNotConfiguredError(platform.label)
    return platform


def offered_platform(name: str, login: str = "") -> type[Platform]:
    """As `platform_named`; raises PlatformNotConfiguredError if we have no credentials there."""
    platform = platform_named(name, login)
    if not platform.app.is_configured():
        raise PlatformNotConfiguredError(platform.label)
    return platform


def client_for(name: str, account: Account) -> Platform:
    return platform_named(name, account.login)(account)
