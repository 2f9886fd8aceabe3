"""The models of this app, each defined beside the code that it belongs to."""

from socialpublishing.keys import EncryptionKey, StoredSwitch
from socialpublishing.platforms.pauses import PlatformPause

__all__ = ["EncryptionKey", "PlatformPause", "StoredSwitch"]
