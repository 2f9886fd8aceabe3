"""The first day with approved apps: what real accounts, apps and platforms do, in one story."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Any

import pytest
from django.utils import timezone

from conftest import consent, statuses
from connections.models import SocialConnection
from publishing.models import PublishJob
from publishing.tests.test_every_kind import KINDS, request_for
from socialpublishing.platforms.pauses import PlatformPause

PAGES = 130
POSTS = 60
CREDITS_GONE_S = 180
# Less than the usual grace of a post.
STORY_S, STEP_S = 3000, 5

PORTFOLIO = [
    {
        "name": f"Client {number}",
        "tasks": [f"PROFILE_PLUS_{'FULL_CONTROL' if number % 2 else 'CREATE_CONTENT'}"],
        "listed": ("owned", "client")[number % 2],
    }
    for number in range(PAGES)
]
ORGANIZATIONS = [
    {"name": "Own Ltd", "role": "ADMINISTRATOR"},
    {"name": "Another Ltd", "role": "CONTENT_ADMINISTRATOR", "lookup": "off"},
]
ACCOUNTS: dict[str, dict[str, Any]] = {
    "facebook": {"pages": PORTFOLIO},
    "instagram": {},
    "linkedin": {"organizations": ORGANIZATIONS},
    "pinterest": {},
    "tiktok": {"comment_disabled": True},
    "twitter": {},
}


def connect(api: Any, sandbox: Any, platform: str) -> SocialConnection:
    """Through the consent page, as an owner does it."""
    sandbox.account(platform, **ACCOUNTS[platform])
    started = api.get(f"connections/connect/{platform}")
    finished = api.get(consent(started.headers["Location"])).json()
    return SocialConnection.objects.get(pk=finished["id"])


def schedule(api: Any, connection: SocialConnection, body: dict[str, Any], at: dt.datetime) -> None:
    option = connection.platform_type.destination_option
    options = body["platform_specific_options"]
    if option and not connection.destinations.filter(is_default=True).exists():
        destination = connection.destinations.filter(can_publish=True).first()
        options = {option: destination.external_id, **options}
    if "disable_comment" in options:  # this creator has switched comments off
        options = {**options, "disable_comment": True}
    response = api.post(
        "publishing/schedule",
        {
            "connection_id": str(connection.pk),
            "schedule_time": at.isoformat(),
            **body,
            "platform_specific_options": options,
        },
    )
    assert response.status_code == 202, response.json()


@pytest.mark.sqlite_at_night
@pytest.mark.behaviour("A first day with all that real accounts, apps and platforms do")
def test_first_day(api, sandbox, worker, settings):
    connections = {name: connect(api, sandbox, name) for name in ACCOUNTS}
    pages = api.get(f"connections/{connections['facebook'].pk}/destinations").json()
    assert Counter(page["can_publish"] for page in pages) == {True: PAGES}
    organizations = api.get(f"connections/{connections['linkedin'].pk}/destinations").json()
    assert len(organizations) == len(ORGANIZATIONS)
    offered = api.get(f"connections/{connections['tiktok'].pk}/posting-options").json()
    assert "disable_comment" in offered["disabled"]

    sandbox.call(
        "POST",
        "settings",
        instagram_containers="missing",
        tiktok_verified_prefix=f"{settings.SERVICE_BASE_URL}/media/",
    )
    due = timezone.now() + dt.timedelta(minutes=10)
    for number in range(POSTS):
        name, kind, form = KINDS[number % len(KINDS)].values
        body = request_for(sandbox, name, kind, form)
        if body["text_content"]:
            body["text_content"] = f"{number}. {body['text_content']}"
        schedule(api, connections[name], body, due)

    sandbox.call("POST", "settings", twitter_refusal="credits")
    waits = live_through(sandbox, worker, due)

    assert statuses() == {"Published": POSTS}
    assert len(sandbox.call("GET", "posts")) == POSTS
    assert not PlatformPause.objects.exists()
    # Each wait named its reason: X's posts waited for the operator, none for nobody knows what.
    assert all(message for _, _, message in waits)
    of_x = PublishJob.objects.filter(platform="twitter").count()
    held = {job for job, what, _ in waits if what == "operator"}
    assert len(held) == of_x


def live_through(sandbox: Any, worker: Any, due: dt.datetime) -> set[tuple[Any, str, str]]:
    """Let the hour pass. X's credits are there again after three minutes.

    Returns the job, what it waited for, and the message, of each wait for somebody.
    """
    waits = set()
    for elapsed in range(0, STORY_S, STEP_S):
        if elapsed == CREDITS_GONE_S:
            sandbox.call("POST", "settings", twitter_refusal="none")
        worker.finish(due + dt.timedelta(seconds=elapsed))
        sandbox.call("POST", "clock", advance_seconds=STEP_S)
        waiting = PublishJob.objects.exclude(who_acts="").exclude(waiting_for="")
        waits |= set(waiting.values_list("pk", "waiting_for", "error_message"))
        if set(statuses()) == {"Published"}:
            break
    return waits
