"""The requests that publish and that upload, by platform: to make them fail, and to count them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from socialpublishing.platforms import PLATFORMS

# Method and path, as a regular expression.
Requests = Mapping[str, tuple[str, str]]

FACTS = {name: import_module(f"publishing.tests.shown.{name}") for name in PLATFORMS}
# The request that creates the post. It must not be sent twice.
PUBLISH_REQUESTS: Requests = {name: facts.PUBLISH_REQUEST for name, facts in FACTS.items()}
UPLOAD_REQUESTS: Requests = {name: facts.UPLOAD_REQUEST for name, facts in FACTS.items()}


def add_fault(
    sandbox: Any, requests: Requests, platform: str, action: str, value: Any = None, times: int = 1
) -> None:
    """Let the next `times` of these requests to `platform` fail."""
    method, path = requests[platform]
    sandbox.fault(action, value, platform=platform, method=method, path=path, times=times)


def count_requests(sandbox: Any, requests: Requests, platform: str) -> int:
    method, path = requests[platform]
    calls = sandbox.call("GET", f"calls?platform={platform}")
    return sum(call["method"] == method and bool(re.search(path, call["path"])) for call in calls)


def asset_to_upload(sandbox: Any, platform: str) -> dict[str, str]:
    """An asset that is uploaded before the publish request."""
    uploads_videos_only = getattr(FACTS[platform], "UPLOADS_VIDEOS_ONLY", False)
    asset: dict[str, str] = sandbox.clip() if uploads_videos_only else sandbox.picture()
    return asset
