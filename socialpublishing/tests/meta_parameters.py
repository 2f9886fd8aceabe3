"""Meta's own lists of parameters, by node and edge: what our clients send has to stand on them.

specs/meta.json says where they are from. They describe requests only.
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
# What the Graph API takes everywhere: https://developers.facebook.com/docs/graph-api/overview
EVERYWHERE = {"fields", "limit", "after", "before", "access_token", "appsecret_proof"}
# Files stand on no list, nor does what came later.
BESIDE = {
    # https://developers.facebook.com/docs/graph-api/reference/page/photos
    "Page POST photos": {"source"},
    # https://developers.facebook.com/docs/graph-api/reference/page/videos
    "Page POST videos": {"video_file_chunk"},
    "Page GET published_posts": {"since", "until"},
    # https://developers.facebook.com/documentation/instagram-platform/changelog.md, 2026-06-22
    "User POST media": {"is_ai_generated"},
    "IGUser POST media": {"is_ai_generated"},
    # The client's id is sent by all and listed by none.
    "AccessToken GET": {"client_id"},
}
# Of a path below the platform, which node and edge it is. `{}` is an id.
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
        "me/accounts": "User GET accounts",
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
    """Used as an openapi.Description is. `seen` tells which edges were held against their list."""

    def __init__(self, platform: str) -> None:
        self.platform = platform
        self.seen: set[str] = set()

    def check_request(self, method: str, url: str, body: Any) -> None:
        edge = self.edge_of(method, url)
        if edge is None:
            return
        known = {*LISTS[self.platform][edge], *EVERYWHERE, *BESIDE.get(edge, set())}
        sent = {*parse_qs(urlsplit(url).query), *(body or {})}
        assert sent <= known, f"{edge} does not take {sorted(sent - known)}"
        self.seen.add(edge)

    def check_response(self, method: str, url: str, status: int, response: Any) -> None:
        """Answers are not described."""

    def edge_of(self, method: str, url: str) -> str | None:
        found = PATH.search(urlsplit(url).path)
        if found is None or found["platform"] != self.platform:
            return None
        path = re.sub(r"\d{5,}", "{}", found["path"])
        edges = PLACES[self.platform].get(path)
        for edge in (edges,) if isinstance(edges, str) else edges or ():
            if f" {method}" in edge:
                return edge
        return None
