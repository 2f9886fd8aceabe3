"""For each platform, patterns of its publish requests and upload requests.

With them, tests count these requests at the sandbox and make them fail.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from socialpublishing.platforms import PLATFORMS

# By platform: the method, and a regular expression for the path.
RequestPatterns = Mapping[str, tuple[str, str]]

PLATFORM_MODULES = {name: import_module(f"publishing.tests.shown.{name}") for name in PLATFORMS}
# The request that creates the post. It must not be sent twice.
PUBLISH_REQUESTS: RequestPatterns = {
    name: module.PUBLISH_REQUEST for name, module in PLATFORM_MODULES.items()
}
UPLOAD_REQUESTS: RequestPatterns = {
    name: module.UPLOAD_REQUEST for name, module in PLATFORM_MODULES.items()
}


def add_fault(
    sandbox: Any,
    patterns: RequestPatterns,
    platform: str,
    action: str,
    value: Any = None,
    times: int = 1,
) -> None:
    """Make the next `times` requests to `platform` fail that match its pattern."""
    method, path = patterns[platform]
    sandbox.fault(action, value, platform=platform, method=method, path=path, times=times)


def count_requests(sandbox: Any, patterns: RequestPatterns, platform: str) -> int:
    method, path = patterns[platform]
    calls = sandbox.call("GET", f"calls?platform={platform}")
    return sum(call["method"] == method and bool(re.search(path, call["path"])) for call in calls)


def asset_to_upload(sandbox: Any, platform: str) -> dict[str, str]:
    """An asset that is uploaded before the publish request."""
    uploads_videos_only = getattr(PLATFORM_MODULES[platform], "UPLOADS_VIDEOS_ONLY", False)
    asset: dict[str, str] = sandbox.clip() if uploads_videos_only else sandbox.picture()
    return asset
