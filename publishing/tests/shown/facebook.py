"""How the sandbox must show each option of Facebook. Used by test_every_kind.py."""

import hashlib

import requests


def detail(name, expected):
    return lambda post, connection: post["details"][name] == expected


def sha256_of_cover(post):
    origin = post["url"].partition("/facebook/")[0]
    cover = requests.get(f"{origin}/samples/bakery.jpg", timeout=5).content
    return hashlib.sha256(cover).hexdigest()


OPTION_CHECKS = {
    "page_id": lambda post, connection: (
        post["account_id"] == connection.destinations.get().external_id
    ),
    "link": detail("link", "https://example.com/news"),
    "link_details": lambda post, connection: (
        (post["details"]["name"], post["details"]["description"])
        == ("News of the bakery", "Rye is back")
    ),
    "link_cards": detail(
        "child_attachments",
        [
            {"link": "https://example.com/rye", "name": "Rye"},
            {"link": "https://example.com/spelt", "name": "Spelt"},
        ],
    ),
    "call_to_action": detail(
        "call_to_action", {"type": "LEARN_MORE", "value": {"link": "https://example.com/news"}}
    ),
    "place": detail("place", "110843418940484"),
    "targeting": detail("targeting", {"geo_locations": {"countries": ["DE", "AT"]}, "age_min": 18}),
    "feed_targeting": detail("feed_targeting", {"geo_locations": {"countries": ["CH"]}}),
    "video_title": detail("title", "Our bakery at dawn"),
    "cover_url": lambda post, connection: post["details"]["thumb"] == sha256_of_cover(post),
    "collaborators": detail("collaborators", ["615500000000002"]),
    "first_comment": lambda post, connection: (
        [each["text"] for each in post["comments"]] == ["Open from six in the morning."]
    ),
}
LINK = {"link": "https://example.com/news"}
POST_FOR_OPTION = {
    "video_title": (("feed", "video"), {}),
    "cover_url": (("feed", "video"), {}),
    "collaborators": (("reel", "video"), {}),
    **{name: (("feed", "text"), LINK) for name in ("link_details", "link_cards", "call_to_action")},
}
VALUES = {"cover_url": lambda sandbox, connection: f"{sandbox.url}/samples/bakery.jpg"}
# The request that creates the post, and the one that uploads an asset: method and path.
PUBLISH_REQUEST = ("POST", "/feed$")
UPLOAD_REQUEST = ("POST", "/photos$")
