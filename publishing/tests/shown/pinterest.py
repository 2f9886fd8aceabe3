"""How the sandbox must show each option of Pinterest. Used by test_every_kind.py."""

import hashlib

import requests

from socialpublishing.platforms import client_for
from socialpublishing.platforms.pinterest.options import PinterestOptions


def alt_texts(post):
    """A Pin has one alt text. That of a carousel has a line for each image."""
    return post["details"].get("alt_text", "").split("\n")


def board_of(connection):
    return connection.destinations.get().external_id


def sha256_of_cover(post):
    root = post["url"].partition("/pinterest/")[0]
    cover = requests.get(f"{root}/samples/bakery.jpg", timeout=5).content
    return hashlib.sha256(cover).hexdigest()


def make_section(sandbox, connection):
    return (
        client_for("pinterest", connection.account).create_section(board_of(connection), "Rye").id
    )


def sections(connection):
    return client_for("pinterest", connection.account).sections(board_of(connection))


OPTION_CHECKS = {
    "board_id": lambda post, connection: post["details"]["board_id"] == board_of(connection),
    "board_section_id": lambda post, connection: (
        [post["details"]["board_section_id"]] == [each.id for each in sections(connection)]
    ),
    "title": lambda post, connection: post["details"]["title"] == "Rye bread at dawn",
    "link": lambda post, connection: post["details"]["link"] == "https://example.com/bread",
    "dominant_color": lambda post, connection: post["details"]["dominant_color"] == "#C97F16",
    "cover_image_key_frame_time": lambda post, connection: (
        post["details"]["cover_image_key_frame_time"] == 2
    ),
    # Sent as bytes, because Pinterest may not reach the address.
    "cover_image_url": lambda post, connection: (
        post["details"]["cover_image_sha256"] == sha256_of_cover(post)
    ),
    "slides": lambda post, connection: (
        post["details"]["slides"] == PinterestOptions.examples["slides"]
    ),
    "ai_disclosures": lambda post, connection: (
        post["details"]["ai_disclosures"] == {"values": ["AI_MODIFIED"]}
    ),
}
POST_FOR_OPTION = {
    "cover_image_key_frame_time": (("feed", "video"), {}),
    "cover_image_url": (("feed", "video"), {}),
    "slides": (("feed", "images"), {}),
}
VALUES = {
    "board_section_id": make_section,
    "cover_image_url": lambda sandbox, connection: f"{sandbox.url}/samples/bakery.jpg",
}
# The request that creates the post, and the one that uploads an asset: method and path.
PUBLISH_REQUEST = ("POST", "^/v5/pins$")
UPLOAD_REQUEST = ("POST", "^/media-upload$")
# Pictures are not uploaded before: the publish request has the bytes or the URL.
UPLOADS_VIDEOS_ONLY = True
