"""The options of an Instagram post, in addition to its text and assets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from rest_framework import serializers

from socialpublishing import options
from socialpublishing.options import DIGITS, IntegerField, NumberField, UserNameField
from socialpublishing.platforms.instagram.limits import IMAGE, MAX_ASSETS, MAX_TAGS
from socialpublishing.serializers import ChoiceField, StrictSerializer


def user_name() -> UserNameField:
    """Instagram itself decides whether the account exists."""
    return UserNameField(pattern=r"[A-Za-z0-9._]{1,30}", max_length=30)


class UserTag(StrictSerializer):
    username = user_name()
    asset = IntegerField(
        min_value=1,
        max_value=MAX_ASSETS,
        required=False,
        help_text="The number of the asset that shows the person, from 1; without it the first.",
    )
    x = NumberField(min_value=0, max_value=1, required=False, help_text="From the left, 0 to 1.")
    y = NumberField(min_value=0, max_value=1, required=False, help_text="From the top, 0 to 1.")


class TrialParams(StrictSerializer):
    graduation_strategy = ChoiceField(
        choices=("MANUAL", "SS_PERFORMANCE"),
        help_text="When followers see it too: MANUAL, when the owner shares it in the app; "
        "SS_PERFORMANCE, when it does well with others.",
    )


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
        "trial_params": {"graduation_strategy": "MANUAL"},
        "first_comment": "Open from six in the morning.",
    }
    post_type = options.choice("The kind of post.", "feed", "reel", "story")
    collaborators = serializers.ListField(
        child=user_name(),
        min_length=1,
        max_length=3,
        **options.optional("User names of accounts that are asked to be authors too."),
    )
    location_id = options.text(
        "The id of a Facebook Page with a place: where it was.", max_length=30, validators=[DIGITS]
    )
    user_tags = serializers.ListField(
        child=UserTag(),
        min_length=1,
        max_length=MAX_TAGS * MAX_ASSETS,
        **options.optional(
            f"People in it, {MAX_TAGS} for each asset; on an image with their place."
        ),
    )
    is_ai_generated = options.boolean("Label it as made with AI.")
    thumb_offset = options.integer(
        "The moment of a reel whose picture is its cover, in milliseconds.", low=0
    )
    cover_url = options.file_address(
        "A JPEG as the cover of a reel, at a public address.",
        mime_types=IMAGE.mime_types,
        max_bytes=IMAGE.max_bytes,
    )
    audio_name = options.text("The name of a reel's own sound.", max_length=100)
    share_to_feed = options.boolean("Show the reel in the feed too.")
    trial_params = TrialParams(
        **options.optional("Publish it as a trial reel, which followers do not see at first.")
    )
    first_comment = options.first_comment()


class InstagramWithFacebookLoginOptions(InstagramOptions):
    examples: ClassVar[Mapping[str, Any]] = {
        **InstagramOptions.examples,
        "instagram_account_id": "17841400000000001",
    }
    instagram_account_id = options.text(
        "The account to post to, one of the destinations; for connections made with Facebook "
        "Login.",
        max_length=30,
        validators=[DIGITS],
    )
