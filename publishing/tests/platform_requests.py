"""The requests that publish and that upload, by platform: to make them fail, and to count them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

# Method and path, as a regular expression.
Requests = Mapping[str, tuple[str, str]]

# The request that creates the post. It must not be sent twice.
PUBLISH_REQUESTS: Requests = {
    "twitter": ("POST", "^/2/tweets$"),
    "facebook": ("POST", "/feed$"),
    "instagram": ("POST", "/media_publish$"),
    "linkedin": ("POST", "^/rest/posts$"),
    "pinterest": ("POST", "^/v5/pins$"),
    "tiktok": ("PUT", "^/upload/video/"),
}
UPLOAD_REQUESTS: Requests = {
    "twitter": ("POST", "/2/media/upload$"),
    "facebook": ("POST", "/photos$"),
    "instagram": ("POST", "/media$"),
    "linkedin": ("PUT", "^/dms-uploads/"),
    "pinterest": ("POST", "^/media-upload$"),
    "tiktok": ("POST", "/video/init/$"),
}
# Their publish request carries the picture itself, or its address.
UPLOAD_VIDEOS_ONLY = {"pinterest", "tiktok"}


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
    asset: dict[str, str] = sandbox.clip() if platform in UPLOAD_VIDEOS_ONLY else sandbox.picture()
    return asset
