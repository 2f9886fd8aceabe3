"""The options of a post on X."""

from __future__ import annotations

from typing import ClassVar

from rest_framework import serializers

from socialpublishing import options
from socialpublishing.options import DIGITS, IntegerField
from socialpublishing.serializers import StrictSerializer, TextField


class TwitterPoll(StrictSerializer):
    options = serializers.ListField(
        child=TextField(max_length=25), min_length=2, max_length=4, help_text="The choices."
    )
    duration_minutes = IntegerField(min_value=5, max_value=10_080)


class TwitterOptions(options.PostOptions):
    examples: ClassVar = {
        "post_type": "feed",
        "thread": ["The first reply to it.", "And the second."],
        "poll": {"options": ["Rye", "Spelt"], "duration_minutes": 1440},
        "reply_settings": "mentionedUsers",
        "made_with_ai": True,
        "paid_partnership": True,
        "tagged_user_ids": ["2244994945"],
        "first_comment": "Open from six in the morning.",
    }
    post_type = options.choice("The kind of post.", "feed")
    thread = options.string_list(
        "Further posts, each a reply to the one before it.", max_length=25_000, high=24
    )
    poll = TwitterPoll(
        **options.optional("A poll below the text. It cannot be combined with assets.")
    )
    reply_settings = options.choice(
        "Who may reply. Default: everyone.",
        "following",
        "mentionedUsers",
        "subscribers",
        "verified",
    )
    made_with_ai = options.boolean("Label the media as made with AI.")
    paid_partnership = options.boolean("Label the post as a paid partnership.")
    tagged_user_ids = options.list_of(
        TextField(max_length=19, validators=[DIGITS]),
        "Ids of accounts to tag in the media.",
        high=10,
    )
    first_comment = options.first_comment()
