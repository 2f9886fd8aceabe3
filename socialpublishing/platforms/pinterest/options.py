"""The options of a Pin, in addition to its text and assets."""

from __future__ import annotations

from typing import ClassVar

from django.core.validators import RegexValidator

from socialpublishing import options

DIGITS = RegexValidator(r"^[0-9]{1,30}\Z", "An id at Pinterest consists of digits.")
COLOUR = RegexValidator(r"^#[0-9A-Fa-f]{6}\Z", "A colour such as #6E7874 is expected.")


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
    cover_image_url = options.web_address(
        "The public address of an image that is the cover of the video."
    )
