"""The options of a Pin, in addition to its text and assets."""

from __future__ import annotations

from typing import ClassVar

from django.core.validators import RegexValidator
from rest_framework import serializers

from socialpublishing import options
from socialpublishing.limits import MEGABYTE
from socialpublishing.options import WEB_ADDRESS
from socialpublishing.platforms.pinterest.payloads import INLINE_TYPES
from socialpublishing.serializers import ChoiceField, StrictSerializer, TextField

DIGITS = RegexValidator(r"^[0-9]{1,30}\Z", "An id at Pinterest consists of digits.")
COLOUR = RegexValidator(r"^#[0-9A-Fa-f]{6}\Z", "A colour such as #6E7874 is expected.")


# The cover of a video is part of the publish request.
MAX_COVER_BYTES = 10 * MEGABYTE
# https://developers.pinterest.com/docs/api/v5/pins-create (5.28, read 2026-11-27)
AI_DISCLOSURES = ("AI_MODIFIED", "SYNTHETIC_PERFORMER")


class PinterestSlide(StrictSerializer):
    title = TextField(max_length=100, required=False)
    description = TextField(max_length=800, required=False)
    link = TextField(max_length=2048, required=False, validators=[WEB_ADDRESS])


class PinterestOptions(options.PostOptions):
    examples: ClassVar = {
        "post_type": "feed",
        "board_id": "549755885175",
        "board_section_id": "549755885176",
        "title": "Rye bread at dawn",
        "link": "https://example.com/bread",
        "dominant_color": "#C97F16",
        "cover_image_key_frame_time": 2,
        "cover_image_url": "https://example.com/cover.jpg",
        "slides": [
            {"title": "Rye", "description": "The loaf", "link": "https://example.com/rye"},
            {"title": "Spelt"},
        ],
        "ai_disclosures": ["AI_MODIFIED"],
    }
    post_type = options.choice("The kind of post.", "feed")
    board_id = options.text(
        "The board for the Pin, one of the destinations.", max_length=30, validators=[DIGITS]
    )
    board_section_id = options.text("A section of that board.", max_length=30, validators=[DIGITS])
    title = options.text("The title of the Pin.", max_length=100)
    link = options.web_address("The address that a click on the Pin opens.")
    dominant_color = options.text(
        "The colour shown while the Pin loads, such as #6E7874.", max_length=7, validators=[COLOUR]
    )
    cover_image_key_frame_time = options.integer(
        "The second of the video whose frame is its cover; by default the first frame.", low=0
    )
    cover_image_url = options.file_address(
        "The address of a JPEG or PNG that is the cover of the video.",
        mime_types=INLINE_TYPES,
        max_bytes=MAX_COVER_BYTES,
    )
    slides = serializers.ListField(
        child=PinterestSlide(),
        min_length=2,
        max_length=5,
        **options.optional("Title, description and link of each slide of a carousel, in order."),
    )
    ai_disclosures = serializers.ListField(
        child=ChoiceField(choices=AI_DISCLOSURES),
        min_length=1,
        max_length=len(AI_DISCLOSURES),
        **options.optional("What the author discloses about the use of AI."),
    )
