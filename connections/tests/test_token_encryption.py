"""Stored tokens decrypt only with our keys, in the row and column they were encrypted for."""

from __future__ import annotations

import base64
import copy
import os
import pickle
import uuid

import pytest
from django.core.management import CommandError, call_command

from connections.models import Destination, SocialConnection
from socialpublishing.crypto import Secret
from socialpublishing.errors import TokenEncryptionError


def field(name: str = "access_token"):
    return SocialConnection._meta.get_field(name)


def a_key() -> str:
    return base64.b64encode(os.urandom(32)).decode()


def test_token_decrypts_in_its_own_row_and_column_only():
    row = uuid.uuid4()
    envelope = field().encrypt(row, Secret("token"))

    assert field().decrypt(row, envelope) == Secret("token")
    with pytest.raises(TokenEncryptionError):
        field().decrypt(uuid.uuid4(), envelope)
    with pytest.raises(TokenEncryptionError):
        field("refresh_token").decrypt(row, envelope)


def test_change_of_any_character_is_detected():
    row = uuid.uuid4()
    envelope = field().encrypt(row, Secret("token"))
    for place, character in enumerate(envelope):
        changed = envelope[:place] + ("A" if character != "A" else "B") + envelope[place + 1 :]
        try:
            decrypted = field().decrypt(row, changed)
        except TokenEncryptionError:
            continue
        # The last character of a base64 text may have unused bits.
        assert decrypted == Secret("token")


def test_retired_key_decrypts_and_no_longer_encrypts(settings):
    row = uuid.uuid4()
    old = settings.AES_KEY
    envelope = field().encrypt(row, Secret("token"))

    settings.AES_KEY, settings.AES_KEYS_RETIRED = a_key(), [old]
    assert field().decrypt(row, envelope) == Secret("token")
    assert field().encrypt(row, Secret("x")).split(".")[1] != envelope.split(".")[1]

    settings.AES_KEYS_RETIRED = []
    with pytest.raises(TokenEncryptionError):
        field().decrypt(row, envelope)


@pytest.mark.django_db
def test_token_is_never_stored_or_printed_in_plain_text():
    made = SocialConnection.objects.create(
        user_id="alice", platform="twitter", external_user_id="1", access_token=Secret("canary")
    )

    [stored] = SocialConnection.objects.values_list("access_token", flat=True)
    assert stored.startswith("v1.")
    assert "canary" not in stored
    assert SocialConnection.objects.get(pk=made.pk).access_token.reveal() == "canary"
    assert "canary" not in repr(made.access_token) + str(made.access_token) + f"{made.access_token}"


def test_plain_text_cannot_be_assigned():
    with pytest.raises(TypeError):
        SocialConnection(user_id="alice", access_token="plain")


def test_secret_cannot_be_pickled_or_copied():
    with pytest.raises(TypeError):
        pickle.dumps(Secret("x"))
    with pytest.raises(TypeError):
        copy.copy(Secret("x"))


def test_rotation_encrypts_all_tokens_again_and_then_the_old_key_can_go(
    make_connection, settings, capsys
):
    old = settings.AES_KEY
    connections = [make_connection("facebook"), make_connection("twitter")]
    tokens = {each.pk: each.access_token for each in connections}
    pages = [each.access_token for each in Destination.objects.order_by("pk")]
    settings.AES_KEY, settings.AES_KEYS_RETIRED = a_key(), [old]
    with pytest.raises(CommandError, match="still encrypted"):
        call_command("rotate_keys", "--check")

    call_command("rotate_keys")
    call_command("rotate_keys", "--check")

    assert "No token needs a retired key" in capsys.readouterr().out
    settings.AES_KEYS_RETIRED = []
    kept = {each.pk: each.access_token for each in SocialConnection.objects.all()}
    assert kept == tokens
    assert [each.access_token for each in Destination.objects.order_by("pk")] == pages


def test_rotation_reports_tokens_that_cannot_be_decrypted(make_connection, settings, capsys):
    connection = make_connection("twitter")
    settings.AES_KEY = a_key()
    with pytest.raises(CommandError, match="cannot be decrypted"):
        call_command("rotate_keys")
    assert str(connection.pk) in capsys.readouterr().err
