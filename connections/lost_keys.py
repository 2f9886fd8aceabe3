"""Gives up tokens whose key is lost, so that their owners can connect again."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Q

from connections.connection_events import tell
from connections.models import AuthorizationSession, Destination, Revocation, SocialConnection
from socialpublishing.crypto import NEW, OLD, Secret, key_ring
from socialpublishing.events.managing import give_up_secret
from socialpublishing.events.models import EventType
from socialpublishing.events.webhooks import Webhook
from socialpublishing.keys import forget_unused_keys


def give_up_lost_tokens() -> int:
    """Give up the tokens that no configured key decrypts. Returns of how many connections."""
    AuthorizationSession.objects.filter(_is_lost("verifier") | _is_lost("credentials")).delete()
    Destination.objects.filter(_is_lost("access_token")).update(access_token=None)
    # Nobody can revoke them any more.
    Revocation.objects.filter(_is_lost("access_token") | _is_lost("refresh_token")).delete()
    lost = SocialConnection.objects.filter(_is_lost("access_token") | _is_lost("refresh_token"))
    ids = list(lost.values_list("pk", flat=True))
    for pk in ids:
        with transaction.atomic():
            # It may have been connected again meanwhile.
            if row := lost.select_for_update().filter(pk=pk).first():
                _give_up(row)
    for webhook in Webhook.objects.filter(_is_lost("secret") | _is_lost("former_secret")):
        give_up_secret(webhook)
    forget_unused_keys()
    return len(ids)


def _give_up(row: SocialConnection) -> None:
    is_ended = row.status == SocialConnection.Status.REVOKED
    # A connection that is not ended has a token in its column: this one opens nothing.
    row.access_token = None if is_ended else Secret("")
    row.refresh_token = None
    row.token_version += 1
    if not is_ended:
        row.status = SocialConnection.Status.NEEDS_REAUTH
        row.status_reason = "Its tokens cannot be decrypted any more: their key is lost."
    row.save()
    if not is_ended:
        tell(row, EventType.CONNECTION_NEEDS_REAUTH)


def _is_lost(column: str) -> Q:
    is_known = Q()
    for version in (OLD, NEW):
        for key_id in key_ring().ids:
            is_known |= Q(**{f"{column}__startswith": f"{version}.{key_id}."})
    return Q(**{f"{column}__isnull": False}) & ~is_known
