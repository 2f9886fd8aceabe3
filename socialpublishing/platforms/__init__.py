"""The register of platforms. A new one is a module beside this file and an entry here."""

from __future__ import annotations

from socialpublishing.errors import InvalidSocialPlatformError, PlatformNotConfiguredError
from socialpublishing.platforms.base import Account, Platform
from socialpublishing.platforms.facebook import Facebook
from socialpublishing.platforms.twitter import Twitter

PLATFORMS: dict[str, type[Platform]] = {platform.name: platform for platform in (Facebook, Twitter)}


def platform_named(name: str) -> type[Platform]:
    """Raises InvalidSocialPlatformError for a name that is not in the register."""
    try:
        return PLATFORMS[name]
    except KeyError:
        raise InvalidSocialPlatformError(name) from None


def offered_platform(name: str) -> type[Platform]:
    """As `platform_named`; raises PlatformNotConfiguredError if we have no credentials there."""
    platform = platform_named(name)
    if not platform.is_configured():
        raise PlatformNotConfiguredError(platform.label)
    return platform


def client_for(name: str, account: Account | None = None) -> Platform:
    return platform_named(name)(account)
