"""Stored tokens decrypt only with our keys, in the row and column they were encrypted for."""

from __future__ import annotations

import base64
import copy
import os
import pickle
import string
import uuid
from random import Random

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from connections.connecting import store_credentials
from connections.credentials import identify
from connections.models import Destination, Revocation, SocialConnection
from connections.revoking import queue_tokens_of
from socialpublishing import key_rotation
from socialpublishing.crypto import NEW, OLD, RowWithSecrets, Secret, encrypted_fields
from socialpublishing.errors import TokenEncryptionError
from socialpublishing.oauth import Tokens

VERSIONS = (OLD, NEW)
ALPHABET = string.ascii_letters + string.digits + "-_"


def field(name: str = "access_token", model=SocialConnection):
    return model._meta.get_field(name)


def a_key() -> str:
    return base64.b64encode(os.urandom(32)).decode()


def a_row(**facts) -> SocialConnection:
    defaults = {"id": uuid.uuid4(), "user_id": "alice", "platform": "twitter", "token_version": 1}
    return SocialConnection(**{**defaults, **facts})


def sealed(row, secret="token", version=NEW):
    return field().seal(row, Secret(secret), version=version)


@pytest.fixture
def new_envelope(db):
    key_rotation.switch_to_new_envelope()


@pytest.mark.parametrize("version", VERSIONS)
def test_token_decrypts_in_its_own_row_and_column_only(version):
    row = a_row()
    envelope = sealed(row, version=version)

    assert field().open(row, envelope) == Secret("token")
    with pytest.raises(TokenEncryptionError):
        field().open(a_row(), envelope)
    with pytest.raises(TokenEncryptionError):
        field("refresh_token").open(row, envelope)


@pytest.mark.parametrize(
    "changed", [{"user_id": "bob"}, {"platform": "facebook"}, {"token_version": 2}]
)
def test_new_envelope_decrypts_for_its_owner_platform_and_version_only(changed):
    row = a_row()
    envelope = sealed(row)
    with pytest.raises(TokenEncryptionError):
        field().open(a_row(id=row.pk, **changed), envelope)


def test_every_encrypted_field_is_bound_to_its_owner_and_platform():
    for each in encrypted_fields():
        names = {name.rpartition(".")[2] for name in each.bound_to}
        # The second factor of staff and webhooks are of no platform.
        is_of_none = each.model._meta.label in {"config.SecondFactor", "socialpublishing.Webhook"}
        wanted = {"user_id"} if is_of_none else {"user_id", "platform"}
        assert wanted <= names, f"{each} is bound to {names}"


def test_attributes_that_change_are_remembered_as_they_were_read():
    bound = {each.model for each in encrypted_fields() if "token_version" in each.bound_to}
    assert all(issubclass(model, RowWithSecrets) for model in bound)


@pytest.mark.parametrize("version", VERSIONS)
def test_change_of_any_character_is_detected(version):
    row = a_row()
    envelope = sealed(row, version=version)
    for place, character in enumerate(envelope):
        changed = envelope[:place] + ("A" if character != "A" else "B") + envelope[place + 1 :]
        with pytest.raises(TokenEncryptionError):
            field().open(row, changed)


def altered(random: Random, envelope: str) -> str:
    """`envelope` with one of its characters, parts or keys changed."""
    parts = envelope.split(".")
    place = random.randrange(len(parts))
    part = parts[place]
    match random.randrange(5):
        case 0:  # other characters
            characters = list(part)
            for _ in range(random.randrange(1, 4)):
                characters[random.randrange(len(part))] = random.choice(ALPHABET)
            parts[place] = "".join(characters)
        case 1:
            parts[place] = part[: random.randrange(len(part))]
        case 2:
            parts[place] = part + random.choice(ALPHABET)
        case 3:
            parts[0] = OLD if parts[0] == NEW else NEW
        case 4:  # the last bits
            parts[-1] = parts[-1][:-1] + random.choice(ALPHABET)
    return ".".join(parts)


def open_altered(count: int, random: Random) -> int:
    """Try so many altered tokens: envelopes, rows, owners, versions, columns. How many opened?"""
    rows = [
        a_row(user_id=user, platform=platform, token_version=version)
        for user in ("alice", "bob")
        for platform in ("twitter", "facebook")
        for version in (1, 2)
    ]
    envelopes = [
        (row, version, sealed(row, version=version)) for row in rows for version in VERSIONS
    ]
    opened = tried = 0
    while tried < count:
        row, version, envelope = random.choice(envelopes)
        tampered, name, text = copy.copy(row), "access_token", envelope
        match random.randrange(4 if version == NEW else 2):
            case 0:
                text = altered(random, envelope)
                if text == envelope:  # by chance
                    continue
            case 1:
                name = "refresh_token"
            case 2:
                tampered.user_id = random.choice(["", "carol", "alice\0", "Alice", "bob "])
            case 3:
                tampered.token_version = random.choice([-1, 0, 3, 2**31])
        tried += 1
        try:
            field(name).open(tampered, text)
            opened += 1
        except TokenEncryptionError:
            pass
    return opened


def test_no_altered_token_decrypts():
    assert open_altered(2_000, Random(1)) == 0


@pytest.mark.night
def test_none_of_a_hundred_thousand_altered_tokens_decrypts():
    assert open_altered(100_000, Random()) == 0


def test_retired_key_decrypts_and_no_longer_encrypts(settings):
    row = a_row()
    old = settings.AES_KEY
    envelope = sealed(row)

    settings.AES_KEY, settings.AES_KEYS_RETIRED = a_key(), [old]
    assert field().open(row, envelope) == Secret("token")
    assert sealed(row).split(".")[1] != envelope.split(".")[1]

    settings.AES_KEYS_RETIRED = []
    with pytest.raises(TokenEncryptionError):
        field().open(row, envelope)


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


def test_new_envelope_is_written_from_the_switch_on(make_connection, capsys):
    connection = make_connection("facebook")
    page = connection.destinations.get()
    assert stored(connection).startswith("v1.")

    call_command("rotate_keys", "--new-envelope")

    assert stored(connection).startswith("v2.")
    assert stored(page).startswith("v2.")
    assert reread(connection).access_token == connection.access_token
    assert reread(page).access_token == page.access_token
    assert stored(make_connection("twitter")).startswith("v2.")
    call_command("rotate_keys", "--check")
    assert "envelope v2: " in capsys.readouterr().out


def test_check_demands_the_new_envelope_once_it_is_written(make_connection):
    connection = make_connection("twitter")
    old = stored(connection)
    call_command("rotate_keys", "--new-envelope")
    SocialConnection.objects.filter(pk=connection.pk).update(access_token=old)

    with pytest.raises(CommandError, match="1 tokens are still in the envelope v1"):
        call_command("rotate_keys", "--check")


@pytest.mark.parametrize("changed", [{"user_id": "mallory"}, {"token_version": 9}])
def test_edited_row_does_not_decrypt(make_connection, new_envelope, changed):
    connection = make_connection("facebook")
    page = connection.destinations.get()
    SocialConnection.objects.filter(pk=connection.pk).update(**changed)

    with pytest.raises(TokenEncryptionError):
        assert reread(connection).access_token
    if "user_id" in changed:
        with pytest.raises(TokenEncryptionError):
            assert reread(page).access_token


def test_edited_destination_does_not_decrypt(make_connection, new_envelope):
    page = make_connection("facebook").destinations.get()
    Destination.objects.filter(pk=page.pk).update(external_id="another-page")
    with pytest.raises(TokenEncryptionError):
        assert reread(page).access_token


def test_tokens_stay_readable_when_only_the_version_grows(make_connection, new_envelope):
    connection = reread(make_connection("twitter"))
    before = stored(connection)
    connection.token_version += 1
    connection.save()

    assert stored(connection) != before
    assert reread(connection).access_token.reveal() == connection.access_token.reveal()
    assert reread(connection).refresh_token == connection.refresh_token


def test_row_that_was_edited_is_not_repaired_by_saving_it(make_connection, new_envelope):
    connection = make_connection("twitter")
    SocialConnection.objects.filter(pk=connection.pk).update(token_version=9)
    row = reread(connection)
    row.token_version += 1
    with pytest.raises(TokenEncryptionError):
        row.save()


@pytest.mark.parametrize("lost", ["access_token", "refresh_token"])
def test_check_reports_keys_that_are_not_configured(make_connection, settings, lost):
    connection = make_connection("twitter")
    of_unknown_key = f"v1.00000000.{'A' * 16}.{'A' * 32}"
    SocialConnection.objects.filter(pk=connection.pk).update(**{lost: of_unknown_key})

    with pytest.raises(CommandError, match="1 tokens are encrypted with a key that is neither"):
        call_command("rotate_keys", "--check")


def test_check_with_a_wrong_key_does_not_call_it_retired(make_connection, settings):
    make_connection("twitter")
    settings.AES_KEY = a_key()

    with pytest.raises(CommandError, match="neither AES_KEY nor") as failure:
        call_command("rotate_keys", "--check")
    assert "retired key" not in str(failure.value)


def test_tokens_of_a_lost_key_are_given_up_and_the_account_is_connected_again(
    make_connection, make_api, settings, client
):
    connection = make_connection("facebook")
    tokens = Tokens(access_token=connection.access_token)
    queue_tokens_of(connection)
    assert client.get("/readyz").status_code == 200
    settings.AES_KEY = a_key()
    assert client.get("/readyz").status_code == 503

    call_command("rotate_keys", "--give-up-lost")

    assert client.get("/readyz").status_code == 200
    call_command("rotate_keys", "--check")
    assert not Revocation.objects.exists()
    api = make_api("alice")
    shown = api.get(f"connections/{connection.pk}").json()
    assert shown["status"] == "needs_reauth"
    refused = api.publish(reread(connection))
    assert (refused.status_code, refused.json()["code"]) == (403, "needs_reauth")
    credentials = identify(connection.platform_type, tokens, timezone.now())
    again = store_credentials(user_id="alice", platform="facebook", credentials=credentials)
    assert again.pk == connection.pk
    assert again.status == "active"
    assert reread(again).access_token == tokens.access_token


def test_tokens_of_known_keys_are_not_given_up(make_connection):
    connection = make_connection("facebook")
    before = stored(connection)
    call_command("rotate_keys", "--give-up-lost")
    assert stored(connection) == before


def stored(row) -> str:
    """The access token as the database has it."""
    [text] = type(row)._base_manager.filter(pk=row.pk).values_list("access_token", flat=True)
    return text


def reread(row):
    return type(row)._base_manager.get(pk=row.pk)


def test_rotation_reports_tokens_that_cannot_be_decrypted(make_connection, settings, capsys):
    connection = make_connection("twitter")
    settings.AES_KEY = a_key()
    with pytest.raises(CommandError, match="cannot be decrypted"):
        call_command("rotate_keys")
    assert str(connection.pk) in capsys.readouterr().err


def test_whether_a_deferred_token_is_stored_is_known(make_connection):
    connection = make_connection("twitter")
    read = SocialConnection.objects.defer("access_token", "refresh_token").get(pk=connection.pk)
    assert (read.has_tokens, read.has_refresh_token) == (True, True)
