"""What a TikTok post may have beside its text and its assets."""

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
        "Who sees it: one of those that TikTok offers to the creator.",
        "PUBLIC_TO_EVERYONE",
        "MUTUAL_FOLLOW_FRIENDS",
        "FOLLOWER_OF_CREATOR",
        "SELF_ONLY",
    )
    disable_comment = options.boolean("Let nobody comment.")
    disable_duet = options.boolean(
        "Let nobody make a duet with the video; of photos it says nothing."
    )
    disable_stitch = options.boolean("Let nobody stitch the video; of photos it says nothing.")
    brand_content_toggle = options.boolean("It is a paid partnership with somebody else.")
    brand_organic_toggle = options.boolean("It promotes the creator's own business.")
    music_usage_confirmed = options.boolean(
        "The creator has agreed to TikTok's Music Usage Confirmation for this post."
    )
    is_aigc = options.boolean("Label the video as made with AI.")
    video_cover_timestamp_ms = options.integer(
        "The moment of the video whose picture is its cover; without it, the first.", low=0
    )
    title = options.text("The title of photos.", max_length=MAX_PHOTO_TITLE)
    auto_add_music = options.boolean("Let TikTok add music to photos.")
    photo_cover_index = options.integer("Which photo is the cover, from 0.", low=0, high=34)
