"""The options of a Facebook post, in addition to its text and assets."""

from __future__ import annotations

from typing import Any, ClassVar

from django.core.validators import RegexValidator
from rest_framework import serializers

from socialpublishing import options
from socialpublishing.options import DIGITS, WEB_ADDRESS, FileAddressField, IntegerField
from socialpublishing.platforms.facebook.limits import LISTED_PHOTO_TYPES
from socialpublishing.platforms.facebook.reels import MAX_COVER_BYTES
from socialpublishing.serializers import StrictSerializer, TextField

COUNTRY = RegexValidator(r"^[A-Z]{2}\Z", "A code such as DE is expected.")
BUTTON = RegexValidator(r"^[A-Z][A-Z_]*\Z", "Facebook's name is expected, such as LEARN_MORE.")
LEAST_AGES = (13, 15, 18, 21, 25)


class LinkDetails(StrictSerializer):
    title = TextField(max_length=255, required=False)
    description = TextField(max_length=1000, required=False)
    picture_url = FileAddressField(
        mime_types=LISTED_PHOTO_TYPES, max_bytes=MAX_COVER_BYTES, required=False
    )


class LinkCard(LinkDetails):
    link = TextField(max_length=2048, validators=[WEB_ADDRESS])


class Targeting(StrictSerializer):
    countries = serializers.ListField(
        child=TextField(max_length=2, validators=[COUNTRY]),
        min_length=1,
        max_length=25,
        required=False,
        help_text="ISO 3166 codes of two letters.",
    )
    age_min = IntegerField(required=False, help_text="13, 15, 18, 21 or 25.")
    locales = serializers.ListField(
        child=IntegerField(min_value=1),
        min_length=1,
        max_length=50,
        required=False,
        help_text="Facebook's numbers of languages.",
    )

    def validate_age_min(self, age: int) -> int:
        if age not in LEAST_AGES:
            raise serializers.ValidationError("The least age is 13, 15, 18, 21 or 25.")
        return age

    def validate(self, attrs: Any) -> Any:
        if not attrs:
            raise serializers.ValidationError("Name countries, a least age, or locales.")
        return attrs


class FacebookOptions(options.PostOptions):
    examples: ClassVar = {
        "post_type": "feed",
        "page_id": "104829301746",
        "link": "https://example.com/news",
        "link_details": {"title": "News of the bakery", "description": "Rye is back"},
        "link_cards": [
            {"link": "https://example.com/rye", "title": "Rye"},
            {"link": "https://example.com/spelt", "title": "Spelt"},
        ],
        "call_to_action": "LEARN_MORE",
        "video_title": "Our bakery at dawn",
        "cover_url": "https://example.com/cover.jpg",
        "collaborators": ["615500000000002"],
        "place": "110843418940484",
        "targeting": {"countries": ["DE", "AT"], "age_min": 18},
        "feed_targeting": {"countries": ["CH"]},
        "first_comment": "Open from six in the morning.",
    }
    post_type = options.choice("The kind of post.", "feed", "reel", "story")
    page_id = options.text("The Page to post to, one of the destinations.", max_length=64)
    link = options.web_address("A link to show as a card below the text; not together with assets.")
    link_details = LinkDetails(
        **options.optional(
            "What the link's card shows, for a site that the Page has verified as its own."
        )
    )
    link_cards = serializers.ListField(
        child=LinkCard(),
        min_length=2,
        max_length=5,
        **options.optional("Cards side by side instead of the link's own card, for such a site."),
    )
    call_to_action = options.text(
        "The button on the link's card, by Facebook's name.", max_length=40, validators=[BUTTON]
    )
    video_title = options.text("The title of a video.", max_length=255)
    cover_url = options.file_address(
        "A picture as the cover of a video in the feed or of a reel.",
        mime_types=LISTED_PHOTO_TYPES,
        max_bytes=MAX_COVER_BYTES,
    )
    collaborators = serializers.ListField(
        child=TextField(max_length=64, validators=[DIGITS]),
        min_length=1,
        max_length=10,
        **options.optional("Ids of other Pages that are invited to show the reel too."),
    )
    place = options.text(
        "The id of a Page with a place: where it was.", max_length=64, validators=[DIGITS]
    )
    targeting = Targeting(**options.optional("Who may see the post."))
    feed_targeting = Targeting(**options.optional("To whom it is shown rather than to others."))
    first_comment = options.first_comment()
