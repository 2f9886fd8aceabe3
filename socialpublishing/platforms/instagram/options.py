"""The options of an Instagram post, in addition to its text and assets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from rest_framework import serializers

from socialpublishing import options
from socialpublishing.options import NumberField
from socialpublishing.serializers import StrictSerializer, TextField


class UserTag(StrictSerializer):
    username = TextField(max_length=30)
    x = NumberField(min_value=0, max_value=1, required=False, help_text="From the left, 0 to 1.")
    y = NumberField(min_value=0, max_value=1, required=False, help_text="From the top, 0 to 1.")


class InstagramOptions(options.PostOptions):
    examples: ClassVar[Mapping[str, Any]] = {
        "post_type": "feed",
        "collaborators": ["harbour.bakery"],
        "location_id": "110843418940484",
        "user_tags": [{"username": "harbour.bakery", "x": 0.5, "y": 0.8}],
        "is_ai_generated": True,
        "thumb_offset": 2000,
        "cover_url": "https://example.com/cover.jpg",
        "audio_name": "Morning at the harbour",
        "share_to_feed": False,
    }
    post_type = options.choice("The kind of post.", "feed", "reel", "story")
    collaborators = options.string_list(
        "User names of accounts that are asked to be authors too.", max_length=30, high=3
    )
    location_id = options.text(
        "The id of a Facebook Page with a place: where it was.", max_length=30
    )
    user_tags = serializers.ListField(
        child=UserTag(),
        min_length=1,
        max_length=20,
        **options.optional(
            "People in it; on an image with their place. Of a carousel, on its first file."
        ),
    )
    is_ai_generated = options.boolean("Label it as made with AI.")
    thumb_offset = options.integer(
        "The moment of a reel whose picture is its cover, in milliseconds.", low=0
    )
    cover_url = options.text("A JPEG as the cover of a reel, at a public address.", max_length=2048)
    audio_name = options.text("The name of a reel's own sound.", max_length=100)
    share_to_feed = options.boolean("Show the reel in the feed too.")


class InstagramWithFacebookLoginOptions(InstagramOptions):
    examples: ClassVar[Mapping[str, Any]] = {
        **InstagramOptions.examples,
        "instagram_account_id": "17841400000000001",
    }
    instagram_account_id = options.text(
        "The account to post to, one of the destinations; for connections made with Facebook "
        "Login.",
        max_length=30,
    )
