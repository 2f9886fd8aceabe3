"""Checks requests against Meta's own lists of parameters, by node and edge.

specs/meta.json names their source. They describe requests only.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

LISTS: dict[str, Any] = json.loads(
    Path(__file__).with_name("specs").joinpath("meta.json").read_text("utf-8")
)
# Accepted everywhere: https://developers.facebook.com/docs/graph-api/overview
EVERYWHERE = {"fields", "limit", "after", "before", "access_token", "appsecret_proof"}
# Documented parameters that the lists lack: files, and later additions.
UNLISTED = {
    # https://developers.facebook.com/docs/graph-api/reference/page/photos
    "Page POST photos": {"source"},
    # https://developers.facebook.com/docs/graph-api/reference/page/videos
    "Page POST videos": {"video_file_chunk"},
    "Page GET published_posts": {"since", "until"},
    # https://developers.facebook.com/documentation/instagram-platform/changelog.md, 2026-06-22
    "User POST media": {"is_ai_generated"},
    "IGUser POST media": {"is_ai_generated"},
    # Every client sends client_id, but no list has it.
    "AccessToken GET": {"client_id"},
}
# Node and edge of each path below the platform. `{}` is an id.
PLACES = {
    "facebook": {
        "{}/feed": "Page POST feed",
        "{}/photos": "Page POST photos",
        "{}/videos": "Page POST videos",
        "{}/video_reels": "Page POST video_reels",
        "{}/video_stories": "Page POST video_stories",
        "{}/photo_stories": "Page POST photo_stories",
        "{}/published_posts": "Page GET published_posts",
        "{}/stories": "Page GET stories",
        "{}/thumbnails": "Video POST thumbnails",
        "me/accounts": "User GET accounts",
        "me/businesses": "User GET businesses",
        "{}": "Video GET",
    },
    "instagram": {
        "{}/media": ("User POST media", "User GET media"),
        "{}/media_publish": "User POST mediapublish",
        "{}/content_publishing_limit": "User GET content_publishing_limit",
        "{}/stories": "User GET stories",
        "me": "User GET",
        "{}": "Container GET",
    },
}
PATH = re.compile(r"/(?P<platform>facebook|instagram)/v\d+\.\d+/(?P<path>[^?]*)")


class MetaParameters:
    """Has the interface of openapi.Description. `seen` contains the edges that were checked."""

    def __init__(self, platform: str) -> None:
        self.platform = platform
        self.seen: set[str] = set()

    def check_request(self, method: str, url: str, body: Any) -> None:
        edge = self.edge_of(method, url)
        if edge is None:
            return
        known = {*LISTS[self.platform][edge], *EVERYWHERE, *UNLISTED.get(edge, set())}
        sent = {*parse_qs(urlsplit(url).query), *(body or {})}
        assert sent <= known, f"{edge} does not take {sorted(sent - known)}"
        self.seen.add(edge)

    def check_response(self, method: str, url: str, status: int, response: Any) -> None:
        """Meta does not describe responses."""

    def edge_of(self, method: str, url: str) -> str | None:
        match = PATH.search(urlsplit(url).path)
        if match is None or match["platform"] != self.platform:
            return None
        path = re.sub(r"\d{5,}", "{}", match["path"])
        edges = PLACES[self.platform].get(path)
        for edge in (edges,) if isinstance(edges, str) else edges or ():
            if f" {method}" in edge:
                return edge
        return None
