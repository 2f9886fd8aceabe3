"""How the sandbox must show each option of LinkedIn. Used by test_every_kind.py."""

import hashlib

from socialpublishing.sandbox.pages import HERE


def organization_of(connection):
    return connection.destinations.get().external_id


def sha256_of_thumbnail():
    return hashlib.sha256((HERE / "samples" / "bakery.jpg").read_bytes()).hexdigest()


OPTION_CHECKS = {
    "organization_urn": lambda post, connection: (
        post["details"]["author"] == organization_of(connection)
    ),
    "visibility": lambda post, connection: post["details"]["visibility"] == "LOGGED_IN",
    "disable_reshare": lambda post, connection: post["details"]["isReshareDisabledByAuthor"],
    "title": lambda post, connection: post["details"]["title"] == "Our year in numbers",
    "thumbnail_url": lambda post, connection: post["details"]["thumbnail"] == sha256_of_thumbnail(),
    "article": lambda post, connection: (
        post["details"]["article"]
        == {
            "source": "https://example.com/bread",
            "title": "Rye bread at dawn",
            "description": "How it is made",
        }
    ),
    "poll": lambda post, connection: (
        post["details"]["poll"]
        == {
            "question": "Which one tomorrow?",
            "options": ["Rye", "Spelt"],
            "duration": "THREE_DAYS",
        }
    ),
    "first_comment": lambda post, connection: (
        [each["text"] for each in post["comments"]] == ["Open from six in the morning."]
    ),
}
POST_FOR_OPTION = {
    "title": (("feed", "video"), {}),
    "thumbnail_url": (("feed", "video"), {}),
}
VALUES = {"thumbnail_url": lambda sandbox, connection: f"{sandbox.url}/samples/bakery.jpg"}
# The request that creates the post, and the one that uploads an asset: method and path.
PUBLISH_REQUEST = ("POST", "^/rest/posts$")
UPLOAD_REQUEST = ("PUT", "^/dms-uploads/")
ACCOUNT_FOR_OPTION = {
    "first_comment": {
        "scopes": [
            "r_basicprofile",
            "rw_organization_admin",
            "w_member_social",
            "w_member_social_feed",
        ]
    }
}
