"""The JSON that describes platforms: what each accepts, as registered."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from socialpublishing.platforms import login_wanted, platform_named
from socialpublishing.platforms.base import Platform
from socialpublishing.platforms.follow_ups import TAKE_DOWN


class BoundsSerializer(serializers.Serializer[Any]):
    """From `low` to `high`, both allowed; null: no such bound."""

    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)


class MediaLimitSerializer(serializers.Serializer[Any]):
    kind = serializers.CharField()
    max_count = serializers.IntegerField()
    mime_types = serializers.ListField(child=serializers.CharField())
    max_bytes = serializers.IntegerField()
    width = BoundsSerializer(allow_null=True, help_text="Pixels.")
    height = BoundsSerializer(allow_null=True, help_text="Pixels.")
    pixels = BoundsSerializer(allow_null=True)
    ratio = BoundsSerializer(allow_null=True, help_text="Width / height.")
    duration_s = BoundsSerializer(allow_null=True, help_text="Seconds.")
    frame_rate = BoundsSerializer(allow_null=True, help_text="Frames a second.")
    has_alt_text = serializers.BooleanField()


class PostTypeSerializer(serializers.Serializer[Any]):
    """What one kind of post accepts, according to the page `source` as read on `checked`."""

    name = serializers.CharField(help_text="The value of `post_type`.")
    description = serializers.CharField()
    max_text = serializers.IntegerField()
    text_unit = serializers.CharField()
    needs_text = serializers.BooleanField()
    min_media = serializers.IntegerField()
    max_media = serializers.IntegerField()
    mixes_kinds = serializers.BooleanField()
    max_alt_text = serializers.IntegerField()
    max_hashtags = serializers.IntegerField(allow_null=True)
    max_mentions = serializers.IntegerField(allow_null=True)
    max_cashtags = serializers.IntegerField(allow_null=True)
    media = MediaLimitSerializer(many=True)
    options = serializers.ListField(child=serializers.CharField())
    required_options = serializers.ListField(child=serializers.CharField())
    source = serializers.URLField()  # type: ignore[assignment]
    checked = serializers.DateField()


class PlatformOptionSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    description = serializers.CharField()
    example = serializers.JSONField(help_text="A valid value.")


class CommentLimitsSerializer(serializers.Serializer[Any]):
    max_text = serializers.IntegerField()
    text_unit = serializers.CharField()
    max_hashtags = serializers.IntegerField(allow_null=True)


class PlatformSerializer(serializers.Serializer[Any]):
    """What a platform accepts."""

    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # hides one of the field's own
    is_offered = serializers.BooleanField(help_text="This service has credentials for it.")
    logins = serializers.ListField(
        child=serializers.CharField(),
        help_text="The ways to connect, where there is more than one: `login=` at connect.",
    )
    default_login = serializers.CharField(
        allow_null=True, help_text="The one that is used without `login=`."
    )
    destination_option = serializers.CharField(allow_null=True)
    posts_as_account = serializers.BooleanField(
        help_text="A post can go to the account itself, without a destination."
    )
    post_types = PostTypeSerializer(many=True, help_text="The first is the usual one.")
    options = PlatformOptionSerializer(many=True)
    first_comment = CommentLimitsSerializer(
        allow_null=True, help_text="What a first comment may have; null: there is none."
    )
    no_take_down = serializers.CharField(
        allow_null=True,
        help_text="Why a post cannot be taken down with the default login; null: it can.",
    )


def platform_as_data(platform: type[Platform]) -> dict[str, Any]:
    fields = platform.options().fields
    default_login = login_wanted(platform.name, "")
    usual = platform_named(platform.name, default_login)
    comment = platform.first_comment()
    return {
        "name": platform.name,
        "label": platform.label,
        "is_offered": usual.app.is_configured(),
        "logins": platform.login_names(),
        "default_login": platform.default_login() or None,
        "destination_option": platform.destination_option or None,
        "posts_as_account": platform.posts_as_account,
        "post_types": [
            {
                **vars(kind),
                "options": sorted(kind.options),
                "required_options": sorted(kind.required_options),
                "media": [
                    {
                        "kind": media,
                        **vars(limit),
                        "mime_types": sorted(limit.mime_types),
                    }
                    for media, limit in kind.media.items()
                ],
            }
            for kind in platform.capabilities.post_types
        ],
        "options": [
            {"name": name, "description": str(fields[name].help_text), "example": example}
            for name, example in platform.options.examples.items()
        ],
        "first_comment": vars(comment.limits({})) if comment else None,
        "no_take_down": None if TAKE_DOWN in usual.follow_ups else usual.no_take_down,
    }
