"""The corpora of hostile bodies and texts, sent to the endpoints that accept posts."""

import datetime as dt
import json
from pathlib import Path

import pytest
from django.utils import timezone

from config.tests.test_parsers import CASES, generated, request_parts
from conftest import plain_post
from publishing.models import PublishJob

NAUGHTY = [
    json.loads(line)
    for line in (Path(__file__).parent / "corpora/naughty_strings.jsonl").read_text().splitlines()
]
FIELDS = {"caption": "text_content", "scheduled_at": "schedule_time", "media": "assets"}


def body_of(case, valid, sandbox):
    """The text of a request to schedule a post, with the hostile part of `case`."""
    picture = sandbox.picture()
    value = generated(*case["gen"]) if "gen" in case else case["raw"]
    value = value.replace("$now+5y", (timezone.now() + dt.timedelta(days=1826)).isoformat())
    value = value.replace("$now-1h", (timezone.now() - dt.timedelta(hours=1)).isoformat())
    value = value.replace("$other_platform_option", "board_id")
    if "$media" in value:
        value = json.dumps([picture] * (101 if case["id"] == "B58" else 2))
    if value == "$ssrf":
        value = json.dumps([{**picture, "url": "https://127.0.0.1/a.jpg"}])
    if case["member"] == "$extra":
        return json.dumps(valid | json.loads(value))
    name = FIELDS.get(case["member"], case["member"])
    members = {key: json.dumps(known) for key, known in valid.items()} | {name: value}
    return "{" + ",".join(f'"{key}":{text}' for key, text in members.items()) + "}"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_hostile_body_is_refused_and_the_next_one_works(case, api, make_connection, sandbox):
    later = (timezone.now() + dt.timedelta(hours=1)).isoformat()
    valid = plain_post(make_connection("twitter"), "A post", schedule_time=later)
    headers = {}
    if case["member"] == "$body":
        body, headers = request_parts(case)
    else:
        body = body_of(case, valid, sandbox)
    content_type = headers.pop("content_type", "application/json")

    response = api.client.post(
        "/api/v1/publishing/schedule", body, content_type=content_type, headers=headers
    )

    expected = [413] if case["id"] == "B22" else case["expect"]
    assert response.status_code in expected, response.content[:300]
    if response.status_code >= 400:
        assert {"code", "detail"} <= response.json().keys()
        assert not PublishJob.objects.exists()
    assert api.post("publishing/schedule", valid).status_code == 202


@pytest.mark.parametrize("case", NAUGHTY, ids=lambda case: case["id"])
def test_hostile_text_is_stored_as_it_is_or_refused(case, api, make_connection):
    connection = make_connection("twitter")

    response = api.publish(connection, case["s"])

    assert response.status_code in {202, 400}, response.content[:300]
    if response.status_code == 202:
        job = api.get(f"publishing/jobs/{response.json()['job_id']}").json()
        assert job["text_content"] == case["s"]
        assert case["expect"] not in {"reject", "reject_x", "trim_reject"}
    elif case["expect"] == "store":
        # The platform's own limits come first.
        assert response.json()["code"] == "content_rejected", response.content[:300]
    for query in ("status", "platform", "cursor", "connection_id"):
        assert api.get("publishing/jobs", data={query: case["s"]}).status_code in {200, 400}
