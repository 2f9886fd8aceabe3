"""The models of this app, each defined beside the code that it belongs to."""

from socialpublishing.erasure import Erasure
from socialpublishing.platforms.pauses import PlatformPause

__all__ = ["Erasure", "PlatformPause"]
