"""How the sandbox must show each option of TikTok. Used by test_every_kind.py."""


def detail(name, expected):
    return lambda post, connection: post["details"][name] == expected


def alt_texts(post):
    return [media["alt_text"] for media in post["media"]]


def loses_text(kind, media_form):
    """TikTok ignores the text of a draft of a video."""
    return kind.name == "draft" and media_form.name == "video"


OPTION_CHECKS = {
    "privacy_level": detail("privacy_level", "PUBLIC_TO_EVERYONE"),
    "disable_comment": detail("disable_comment", False),
    "disable_duet": detail("disable_duet", True),
    "disable_stitch": detail("disable_stitch", True),
    "brand_content_toggle": detail("brand_content_toggle", False),
    "brand_organic_toggle": detail("brand_organic_toggle", False),
    # It is not sent to TikTok; but without it, nothing is published.
    "music_usage_confirmed": lambda post, connection: bool(post),
    "is_aigc": detail("is_aigc", True),
    "video_cover_timestamp_ms": detail("video_cover_timestamp_ms", 1000),
    "title": detail("title", "Rye bread at dawn"),
    "auto_add_music": detail("auto_add_music", True),
    "photo_cover_index": detail("photo_cover_index", 1),
}
POST_FOR_OPTION = {
    "title": (("feed", "image"), {}),
    "auto_add_music": (("feed", "image"), {}),
    "photo_cover_index": (("feed", "images"), {}),
}
# The request that creates the post, and the one that uploads an asset: method and path.
PUBLISH_REQUEST = ("PUT", "^/upload/video/")
UPLOAD_REQUEST = ("POST", "/video/init/$")
# Pictures are not uploaded before: the publish request has the bytes or the URL.
UPLOADS_VIDEOS_ONLY = True
