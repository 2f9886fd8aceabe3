"""The sandbox's state in a file: what a restart finds there."""

import logging
import os
import shutil
import sqlite3
import time

import pytest

from socialpublishing.sandbox import keeping
from socialpublishing.sandbox.server import SandboxServer
from socialpublishing.tests.sandbox.callers import Client, Control, X


@pytest.fixture
def path(tmp_path):
    return tmp_path / "sandbox.sqlite3"


def control_of(server):
    return Control(f"{server.url}/control")


def names(server):
    return [account.username for account in server.state.accounts("twitter")]


def copy_of(path):
    """What another process would find if this one were killed now."""
    copy = path.with_name("copy.sqlite3")
    shutil.copy(path, copy)
    for journal in path.parent.glob(f"{path.name}-journal"):
        shutil.copy(journal, f"{copy}-journal")
    return copy


def make_account(path, username="mara"):
    with SandboxServer(keep_in=path) as server:
        return control_of(server).account("twitter", username=username)


def test_restarted_sandbox_has_its_accounts_tokens_posts_and_files(path, sample):
    picture = sample("harbour.jpg")
    with SandboxServer(keep_in=path) as first:
        control = control_of(first)
        x = X(first, control.account("twitter", username="mara"))
        medium = x.upload(picture)["id"]
        post = x.tweet("With a picture", media={"media_ids": [medium]})
        x.tweet("A reply", reply={"in_reply_to_tweet_id": post["id"]})
        control.advance(3600)
        control.settings(list_delay_seconds=7)
        listed, now = control.posts(), first.state.now()

    with SandboxServer(keep_in=path) as second:
        control, x = control_of(second), X(second, x.account)
        again = [
            {**post, "url": post["url"].replace(second.url, first.url)} for post in control.posts()
        ]
        assert again == listed
        assert control.get("/settings").json()["list_delay_seconds"] == 7
        assert second.state.now() >= now
        assert (
            Client(second.url).get(f"/media/{listed[0]['media'][0]['sha256']}").content == picture
        )
        reply = x.tweet("Another reply", reply={"in_reply_to_tweet_id": post["id"]})
        assert int(reply["id"]) > int(post["id"])


def test_changes_are_written_while_it_runs(path, monkeypatch):
    """A sandbox that is killed has lost at most what happened since the last write."""
    monkeypatch.setattr(keeping, "SAVE_EVERY_S", 0.01)
    with SandboxServer(keep_in=path) as first:
        control_of(first).account("twitter", username="mara")
        give_up_at = time.monotonic() + 20
        found: list[str] = []
        while "mara" not in found:
            assert time.monotonic() < give_up_at
            with SandboxServer(keep_in=copy_of(path)) as second:
                found = names(second)


def test_reset_empties_the_file_too(path):
    with SandboxServer(keep_in=path) as first:
        control_of(first).account("twitter", username="mara")
        control_of(first).delete("/state")
        copy = copy_of(path)

    for file in (path, copy):
        with SandboxServer(keep_in=file) as second:
            assert names(second) == ["sandbox_x"]


def damaged(path):
    path.write_bytes(b"no database" * 1000)


def cut_off(path):
    os.truncate(path, path.stat().st_size // 2)


def other_data(path):
    with sqlite3.connect(path) as database:
        database.execute("UPDATE state SET pickled = ?", [b"cos\nsystem\n(S'true'\ntR."])
    database.close()


def harmful(path):
    pickled = b"cos\nsystem\n(S'touch " + str(path).encode() + b".harm'\ntR."
    with sqlite3.connect(path) as database:
        database.execute(
            "UPDATE state SET pickled = ?, sha256 = ?",
            [pickled, keeping.hashlib.sha256(pickled).hexdigest()],
        )
    database.close()


def of_another_version(path):
    with sqlite3.connect(path) as database:
        database.execute("UPDATE state SET code = 'another'")
    database.close()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (damaged, "is damaged"),
        (cut_off, "is damaged"),
        (other_data, "is damaged"),
        (harmful, "is damaged"),
        (of_another_version, "another version"),
    ],
)
def test_file_that_cannot_be_used_is_named_and_replaced(path, change, reason):
    make_account(path)
    change(path)

    with SandboxServer(keep_in=path) as second:
        assert reason in second.notice
        assert str(path) in second.notice
        assert "connected again" in second.notice
        assert names(second) == ["sandbox_x"]
        control_of(second).account("twitter", username="noor")
    assert not path.with_name(f"{path.name}.harm").exists()

    with SandboxServer(keep_in=path) as third:
        assert names(third) == ["sandbox_x", "noor"]


def test_second_sandbox_on_the_same_file_reports_that_it_keeps_nothing(path):
    with SandboxServer(keep_in=path) as first, SandboxServer(keep_in=path) as second:
        control_of(first).account("twitter", username="mara")
        control_of(second).account("twitter", username="noor")
        assert "another sandbox uses it" in second.notice

    with SandboxServer(keep_in=path) as third:
        assert names(third) == ["sandbox_x", "mara"]


def test_sandbox_works_without_a_file_that_it_may_not_write(tmp_path):
    with SandboxServer(keep_in=tmp_path / "missing" / "file") as server:
        assert "keeps no state" in server.notice
        assert names(server) == ["sandbox_x"]


def test_size_of_the_file_is_bounded(path, monkeypatch, sample):
    monkeypatch.setattr(keeping, "MAX_STATE_BYTES", 25_000)
    monkeypatch.setattr(keeping, "MAX_FILES_BYTES", 100_000)
    with SandboxServer(keep_in=path) as first:
        x = X(first, control_of(first).account("twitter", username="mara"))
        for number in range(40):
            x.tweet(f"{number} " + "long " * 50)
        media = [x.upload(sample("city.png") + bytes(n))["id"] for n in range(3)]
        x.tweet("With a picture", media={"media_ids": media[2:]})

    assert path.stat().st_size < 250_000
    with SandboxServer(keep_in=path) as second:
        texts = [post["text"] for post in control_of(second).posts()]
        assert texts[-1] == "With a picture"
        assert 0 < len(texts) < 41


def test_failed_write_is_logged_once_and_tried_again(path, caplog):
    with SandboxServer(keep_in=path) as first, caplog.at_level(logging.WARNING):
        first._file._database.execute("PRAGMA query_only = ON")
        for username in ("mara", "noor"):
            control_of(first).account("twitter", username=username)
            first._file.save()
        assert len([r for r in caplog.records if "is not kept" in r.getMessage()]) == 1
        first._file._database.execute("PRAGMA query_only = OFF")

    with SandboxServer(keep_in=path) as second:
        assert names(second) == ["sandbox_x", "mara", "noor"]
