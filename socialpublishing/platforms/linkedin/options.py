"""The options of a LinkedIn post."""

from __future__ import annotations

from typing import ClassVar

from django.core.validators import RegexValidator
from rest_framework import serializers

from socialpublishing import options
from socialpublishing.options import WEB_ADDRESS, IntegerField
from socialpublishing.platforms.linkedin.limits import IMAGE_BYTES
from socialpublishing.platforms.linkedin.payloads import DURATIONS
from socialpublishing.serializers import StrictSerializer, TextField

ORGANIZATION = RegexValidator(
    r"^urn:li:organization(?:Brand)?:[0-9]{1,20}\Z",
    "urn:li:organization: and a number is expected.",
)


class LinkedInArticle(StrictSerializer):
    """What is left out is read from the page if it has it: LinkedIn does not read it."""

    url = TextField(max_length=2048, validators=[WEB_ADDRESS])
    title = TextField(max_length=400, required=False)
    description = TextField(max_length=4000, required=False)


class LinkedInPoll(StrictSerializer):
    question = TextField(max_length=140)
    options = serializers.ListField(
        child=TextField(max_length=30), min_length=2, max_length=4, help_text="The choices."
    )
    duration_days = IntegerField(help_text="Days that the poll is open: 1, 3, 7 or 14.")

    def validate_duration_days(self, days: int) -> int:
        if days not in DURATIONS:
            raise serializers.ValidationError("A poll is open for 1, 3, 7 or 14 days.")
        return days


class LinkedInOptions(options.PostOptions):
    examples: ClassVar = {
        "post_type": "feed",
        "organization_urn": "urn:li:organization:5515715",
        "visibility": "LOGGED_IN",
        "disable_reshare": True,
        "title": "Our year in numbers",
        "thumbnail_url": "https://example.com/thumbnail.jpg",
        "article": {
            "url": "https://example.com/bread",
            "title": "Rye bread at dawn",
            "description": "How it is made",
        },
        "poll": {
            "question": "Which one tomorrow?",
            "options": ["Rye", "Spelt"],
            "duration_days": 3,
        },
        "first_comment": "Open from six in the morning.",
    }
    post_type = options.choice("The kind of post.", "feed", "document", "poll")
    organization_urn = options.text(
        "The organization that the post is for, one of the connection's destinations. Default: "
        "the default destination, or the member if there is none.",
        max_length=50,
        validators=[ORGANIZATION],
    )
    visibility = options.choice(
        "Who can see the post. Default: everyone. CONNECTIONS is for members only.",
        "PUBLIC",
        "CONNECTIONS",
        "LOGGED_IN",
    )
    disable_reshare = options.boolean("Do not let others repost it.")
    title = options.text("The title of the video or document.", max_length=400)
    thumbnail_url = options.file_address(
        "A JPEG or PNG that a video shows before it plays.",
        mime_types=frozenset({"image/jpeg", "image/png"}),
        max_bytes=IMAGE_BYTES,
    )
    article = LinkedInArticle(
        **options.optional(
            "A link, shown as a card. Its picture is the image of the post, else that of the page."
        )
    )
    poll = LinkedInPoll(**options.optional("The poll. It cannot be combined with assets."))
    first_comment = options.first_comment()
