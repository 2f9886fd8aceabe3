"""The JSON of connections, in and out."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from connections.models import Destination, SocialConnection
from socialpublishing.platforms.boards import Privacy
from socialpublishing.serializers import StrictSerializer, TextField, TimezoneField


class SocialConnectionResponseSerializer(serializers.ModelSerializer[SocialConnection]):
    external_display_name = serializers.CharField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)
    scopes = serializers.ListField(child=serializers.CharField(), allow_null=True)

    class Meta:
        model = SocialConnection
        fields = (
            "id",
            "user_id",
            "platform",
            "external_user_id",
            "external_display_name",
            "kind",
            "status",
            "status_reason",
            "created_at",
            "expires_at",
            "scopes",
            "timezone",
        )
        read_only_fields = fields


class ChangeConnectionSerializer(StrictSerializer):
    timezone = TimezoneField()


class InitiateOAuthResponseSerializer(serializers.Serializer[Any]):
    authorization_url = serializers.URLField()
    attempt_id = serializers.UUIDField()


class PendingConnectionSerializer(serializers.Serializer[Any]):
    """A connect that no browser is bound to: POST both to `/connections/confirm`."""

    status = serializers.CharField()
    attempt_id = serializers.UUIDField()
    completion_code = serializers.CharField()
    message = serializers.CharField()


class ConfirmRequestSerializer(StrictSerializer):
    attempt_id = serializers.UUIDField()
    completion_code = TextField(max_length=128)


class DestinationSerializer(serializers.ModelSerializer[Destination]):
    class Meta:
        model = Destination
        fields = ("id", "external_id", "name", "kind", "can_publish", "is_default")
        read_only_fields = fields


class CreateDestinationSerializer(StrictSerializer):
    """A board to create. The platform limits the length of its name."""

    name = TextField(max_length=255)
    description = TextField(max_length=2000, required=False, allow_blank=True)
    privacy = serializers.ChoiceField(choices=[each.value for each in Privacy], required=False)


class SectionSerializer(serializers.Serializer[Any]):
    """`id` is the platform's: the value of `board_section_id` in a post's options."""

    id = serializers.CharField()
    name = serializers.CharField()


class CreateSectionSerializer(StrictSerializer):
    name = TextField(max_length=255)


class ChooseDestinationSerializer(StrictSerializer):
    destination_id = serializers.UUIDField()
