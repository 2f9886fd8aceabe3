"""Scheduled posts are checked hours before they are due, while somebody can still act."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.core.cache import cache
from django.utils import timezone

from conftest import plain_post
from connections.models import SocialConnection
from publishing import preflight
from publishing.models import PublishJob
from socialpublishing.events.models import Event
from socialpublishing.platforms.pauses import PlatformPause
from socialpublishing.sandbox.feed import SAMPLES
from socialpublishing.tests.file_server import whole

PICTURE, OTHER_PICTURE = (SAMPLES[name].read_bytes() for name in ("bakery.jpg", "harbour.jpg"))
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def schedule(api):
    """Schedule a post; the id of its job."""

    def schedule(connection: SocialConnection, hours: float = 5, **more: Any) -> str:
        at = timezone.now() + hours * HOUR
        body = {
            "connection_id": str(connection.pk),
            "text_content": "Fresh bread",
            "schedule_time": at.isoformat(),
            **more,
        }
        response = api.post("publishing/schedule", body)
        assert response.status_code == 202, response.json()
        job_id: str = response.json()["job_id"]
        return job_id

    return schedule


def check(after: dt.timedelta = dt.timedelta()) -> int:
    return preflight.check_ahead(timezone.now() + after)


def at_risk(api: Any, job_id: str) -> list[dict[str, Any]]:
    risks: list[dict[str, Any]] = api.get(f"publishing/jobs/{job_id}").json()["at_risk"]
    return risks


def events(job_id: str) -> list[str]:
    found = Event.objects.filter(data__job_id=job_id).order_by("id")
    return list(found.values_list("type", flat=True))


def change(connection: SocialConnection, **columns: Any) -> None:
    SocialConnection.objects.filter(pk=connection.pk).update(**columns)


# --- One test for each cause ---------------------------------------------------------------------


def needs_reauth(connection: SocialConnection) -> None:
    change(connection, status="needs_reauth", status_reason="The owner has removed our app.")


def ends_before(connection: SocialConnection) -> None:
    change(connection, refresh_token=None, expires_at=timezone.now() + HOUR)


def lacks_scope(connection: SocialConnection) -> None:
    change(connection, scopes=["users.read"])


def is_limited(connection: SocialConnection) -> None:
    change(connection, limited_until=timezone.now() + 9 * HOUR)


def is_paused(connection: SocialConnection) -> None:
    PlatformPause.objects.create(
        platform="twitter",
        feature="all",
        code="platform_configuration",
        reason="The credits of our app are used up.",
        step="publish",
        since=timezone.now(),
        probe_at=timezone.now(),
        pause_s=30,
    )


@pytest.mark.parametrize(
    ("cause", "code", "who_acts"),
    [
        (needs_reauth, "needs_reauth", "owner"),
        (ends_before, "token_ends_before", "owner"),
        (lacks_scope, "permission_missing", "owner"),
        (is_limited, "rate_limited", "user"),
        (is_paused, "platform_configuration", "operator"),
    ],
)
def test_what_is_stored_already_is_a_risk(api, make_connection, schedule, cause, code, who_acts):
    connection = make_connection()
    job_id = schedule(connection)
    cause(connection)

    check()

    [risk] = at_risk(api, job_id)
    assert (risk["code"], risk["who_acts"]) == (code, who_acts)
    assert risk["message"]
    assert events(job_id) == ["job.accepted", "job.at_risk"]
    assert api.get(f"publishing/jobs/{job_id}").json()["status"] == "Scheduled"
    assert risk["message"] in api.get(f"publishing/jobs/{job_id}/events").json()[-1]["note"]


# --- What the platform responds ------------------------------------------------------------------


def test_access_that_the_owner_has_taken_back_is_a_risk(api, make_connection, schedule, sandbox):
    connection = make_connection()
    job_id = schedule(connection)
    sandbox.call("POST", "tokens/expire", account_id=connection.external_user_id, refresh=True)

    check()

    [risk] = at_risk(api, job_id)
    assert (risk["code"], risk["who_acts"]) == ("needs_reauth", "owner")


def test_place_that_no_longer_accepts_posts_is_a_risk(api, make_connection, schedule, sandbox):
    connection = make_connection("facebook")
    page = connection.destinations.get()
    job_id = schedule(connection)
    gone = {"code": 400, "body": {"error": {"message": "Does not exist", "code": 100}}}
    gone["body"]["error"]["error_subcode"] = 33
    sandbox.fault("status", gone, method="GET", path=f"/{page.external_id}$")

    check()

    [risk] = at_risk(api, job_id)
    assert (risk["code"], risk["who_acts"]) == ("permission_missing", "owner")
    assert page.name in risk["message"]


def test_stored_loss_of_a_place_is_a_risk_without_a_request(
    api, make_connection, schedule, sandbox
):
    connection = make_connection("facebook")
    job_id = schedule(connection)
    connection.destinations.update(can_publish=False)
    before = len(sandbox.calls())

    check()

    assert [risk["code"] for risk in at_risk(api, job_id)] == ["permission_missing"]
    assert len(sandbox.calls()) == before


def test_quota_that_earlier_posts_use_up_is_a_risk_of_the_later_ones(
    api, make_connection, schedule, sandbox
):
    connection = make_connection("instagram")
    picture = {"assets": [sandbox.picture()]}
    jobs = [schedule(connection, hours, **picture) for hours in (2, 3, 4)]
    sandbox.call("POST", "settings", instagram_quota=2)

    check()

    assert [bool(at_risk(api, job_id)) for job_id in jobs] == [False, False, True]
    [risk] = at_risk(api, jobs[-1])
    assert (risk["code"], risk["who_acts"]) == ("rate_limited", "user")


def test_limit_that_depends_on_the_account_is_checked_again(
    api, make_connection, schedule, sandbox
):
    connection = make_connection("twitter", username="baker", subscription_type="Premium")
    job_id = schedule(connection, text_content="a" * 400)
    sandbox.account("twitter", username="baker", subscription_type="None")
    cache.clear()  # hours later

    check()

    [risk] = at_risk(api, job_id)
    assert (risk["code"], risk["who_acts"]) == ("content_rejected", "user")
    assert "280" in risk["message"]


def test_publishing_that_the_operator_has_switched_off_is_a_risk(
    api, make_connection, schedule, settings
):
    connection = make_connection("tiktok")
    job_id = schedule(connection, **plain_post(connection, "Fresh bread"))
    settings.ENABLE_TIKTOK_PUBLISHING = "off"

    check()

    [risk] = at_risk(api, job_id)
    assert (risk["code"], risk["who_acts"]) == ("publishing_off", "operator")


# --- Files ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("another size", "asset_changed"),
        ("another type", "asset_changed"),
        ("gone", "asset_unreachable"),
        ("another ETag", None),
    ],
)
def test_file_that_changed_or_is_gone_is_a_risk(
    api, make_connection, schedule, private_server, change, code
):
    private_server.file = whole(PICTURE)
    asset = {"url": private_server.url, "asset_type": "image", "mime_type": "image/jpeg"}
    job_id = schedule(make_connection(), assets=[asset])
    if change == "another size":
        private_server.file = whole(OTHER_PICTURE)
    elif change == "another type":
        private_server.file = whole(b"<html>".ljust(len(PICTURE)))
    elif change == "another ETag":
        private_server.headers["ETag"] = '"other"'
    else:
        private_server.close()

    check()

    assert [risk["code"] for risk in at_risk(api, job_id)] == ([code] if code else [])


# --- When, how often, and at what cost -----------------------------------------------------------


def test_reasons_are_reported_once_and_their_end_too(api, make_connection, schedule):
    connection = make_connection()
    job_id = schedule(connection)
    needs_reauth(connection)
    check()
    check(after=HOUR)
    change(connection, status="active")
    check(after=2 * HOUR)

    assert at_risk(api, job_id) == []
    assert events(job_id) == ["job.accepted", "job.at_risk", "job.changed"]
    [*_, last] = api.get(f"publishing/jobs/{job_id}/events").json()
    assert last["note"] == "No longer at risk."


def test_change_of_the_job_makes_the_reasons_void_and_it_is_checked_again(
    api, make_connection, schedule
):
    connection = make_connection()
    job_id = schedule(connection)
    is_limited(connection)
    check()
    later = (timezone.now() + 4 * HOUR).isoformat()

    changed = api.client.patch(
        f"/api/v1/publishing/jobs/{job_id}", {"schedule_time": later}, "application/json"
    )

    assert changed.json()["at_risk"] == []
    assert check() == 1
    assert [risk["code"] for risk in at_risk(api, job_id)] == ["rate_limited"]


def test_post_is_checked_when_it_comes_near_and_again_in_its_last_hour(make_connection, schedule):
    schedule(make_connection(), hours=20)
    checked = [check(after=after * HOUR) for after in (0, 14.5, 15, 18, 19.1, 19.5, 19.99)]
    assert checked == [0, 1, 0, 0, 1, 0, 0]


def test_setting_of_zero_switches_it_off(make_connection, schedule, settings):
    schedule(make_connection(), hours=0.5)
    settings.PREFLIGHT_HOURS = 0
    assert check() == 0


def test_many_posts_of_an_account_cost_one_question_and_each_file_one_read(
    make_connection, schedule, sandbox, private_server
):
    private_server.file = whole(PICTURE)
    asset = {"url": private_server.url, "asset_type": "image", "mime_type": "image/jpeg"}
    connection = make_connection()
    for number in range(6):
        schedule(connection, hours=2 + number / 10, assets=[asset], text_content=f"No. {number}")
    asked, read = len(sandbox.calls()), len(private_server.requests)

    assert check() == 6

    assert len(sandbox.calls()) - asked == 1
    assert len(private_server.requests) - read == 1


def test_platform_that_does_not_respond_neither_makes_nor_ends_a_risk(
    api, make_connection, schedule, sandbox
):
    connection = make_connection()
    job_id = schedule(connection)
    lacks_scope(connection)
    check()
    change(connection, scopes=connection.scopes)
    sandbox.fault("status", 500, times=100)

    check(after=HOUR)

    assert [risk["code"] for risk in at_risk(api, job_id)] == ["permission_missing"]
    fresh = schedule(connection, text_content="Another")
    check()
    assert at_risk(api, fresh) == []


def test_post_at_risk_is_published_all_the_same_if_it_can_be(
    api, make_connection, schedule, worker
):
    connection = make_connection()
    job_id = schedule(connection, hours=1)
    is_paused(connection)
    check()
    PlatformPause.objects.all().delete()

    worker.work(after=3601)

    job = api.get(f"publishing/jobs/{job_id}").json()
    assert (job["status"], job["at_risk"]) == ("Published", [])


def test_job_that_a_worker_has_claimed_is_left_alone(make_connection, schedule):
    job_id = schedule(make_connection(), hours=1)
    PublishJob.objects.filter(pk=job_id).update(lease_owner="worker")
    assert check() == 0


def test_run_without_time_left_checks_nothing_and_the_next_one_goes_on(make_connection, schedule):
    schedule(make_connection())
    assert preflight.check_ahead(timezone.now(), stop_at=0) == 0
    assert check() == 1
