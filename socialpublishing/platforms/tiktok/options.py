"""The options of a TikTok post, in addition to its text and assets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from socialpublishing import options

MAX_PHOTO_TITLE = 90


class TikTokOptions(options.PostOptions):
    examples: ClassVar[Mapping[str, Any]] = {
        "post_type": "feed",
        "privacy_level": "PUBLIC_TO_EVERYONE",
        "disable_comment": False,
        "disable_duet": True,
        "disable_stitch": True,
        "brand_content_toggle": False,
        "brand_organic_toggle": False,
        "music_usage_confirmed": True,
        "is_aigc": True,
        "video_cover_timestamp_ms": 1000,
        "title": "Rye bread at dawn",
        "auto_add_music": True,
        "photo_cover_index": 1,
    }
    post_type = options.choice("The kind of post.", "feed", "draft")
    privacy_level = options.choice(
        "Who can see the post: one of the levels that TikTok offers the creator.",
        "PUBLIC_TO_EVERYONE",
        "MUTUAL_FOLLOW_FRIENDS",
        "FOLLOWER_OF_CREATOR",
        "SELF_ONLY",
    )
    disable_comment = options.boolean("Nobody can comment.")
    disable_duet = options.boolean(
        "Nobody can make a duet with the video. Required for a video, without effect for photos."
    )
    disable_stitch = options.boolean(
        "Nobody can stitch the video. Required for a video, without effect for photos."
    )
    brand_content_toggle = options.boolean(
        "The post is a paid partnership with a third party; not together with SELF_ONLY."
    )
    brand_organic_toggle = options.boolean("The post promotes the creator's own business.")
    music_usage_confirmed = options.boolean(
        "The creator has agreed to TikTok's Music Usage Confirmation for this post."
    )
    is_aigc = options.boolean("The video is labelled as made with AI.")
    video_cover_timestamp_ms = options.integer(
        "The moment of the video, in milliseconds, whose frame is its cover; by default the first "
        "frame.",
        low=0,
    )
    title = options.text("The title of a post with photos.", max_length=MAX_PHOTO_TITLE)
    auto_add_music = options.boolean("TikTok adds music to photos.")
    photo_cover_index = options.integer(
        "The photo that is the cover, counted from 0.", low=0, high=34
    )
