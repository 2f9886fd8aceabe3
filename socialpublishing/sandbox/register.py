"""The platforms that the sandbox imitates. A new one is a package and a line here."""

from socialpublishing.sandbox import facebook, instagram, linkedin, pinterest, tiktok, twitter
from socialpublishing.sandbox.platform import Platform
from socialpublishing.sandbox.state import State

PLATFORMS: dict[str, Platform] = {
    platform.name: platform
    for platform in (
        facebook.PLATFORM,
        instagram.PLATFORM,
        linkedin.PLATFORM,
        pinterest.PLATFORM,
        tiktok.PLATFORM,
        twitter.PLATFORM,
    )
}


def seed(state: State) -> None:
    for platform in PLATFORMS.values():
        platform.seed(state)
