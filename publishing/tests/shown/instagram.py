"""How the sandbox must show each option of Instagram. Used by test_every_kind.py."""


def detail(name, expected):
    return lambda post, connection: post["details"][name] == expected


def alt_texts(post):
    return [media["alt_text"] for media in post["media"]]


OPTION_CHECKS = {
    "collaborators": detail("collaborators", ["harbour.bakery"]),
    "location_id": detail("location_id", "110843418940484"),
    "user_tags": detail("user_tags", [{"username": "harbour.bakery", "x": 0.5, "y": 0.8}]),
    "is_ai_generated": detail("is_ai_generated", True),
    "thumb_offset": detail("thumb_offset", 2000),
    "cover_url": lambda post, connection: post["details"]["cover_url"].endswith("/bakery.jpg"),
    "audio_name": detail("audio_name", "Morning at the harbour"),
    "share_to_feed": detail("share_to_feed", False),
    "trial_params": detail("trial_params", {"graduation_strategy": "MANUAL"}),
    "first_comment": lambda post, connection: (
        [each["text"] for each in post["comments"]] == ["Open from six in the morning."]
    ),
}
POST_FOR_OPTION = {
    name: (("feed", "image"), {}) for name in ("collaborators", "location_id", "user_tags")
}
VALUES = {"cover_url": lambda sandbox, connection: f"{sandbox.url}/samples/bakery.jpg"}
# The request that creates the post, and the one that uploads an asset: method and path.
PUBLISH_REQUEST = ("POST", "/media_publish$")
UPLOAD_REQUEST = ("POST", "/media$")
ACCOUNT_FOR_OPTION = {
    "first_comment": {
        "scopes": [
            "instagram_business_basic",
            "instagram_business_content_publish",
            "instagram_business_manage_comments",
        ]
    }
}
