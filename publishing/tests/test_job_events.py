"""The events about a job: through the API and a worker, and the rule by itself."""

import pytest

from publishing.job_events import event_of
from publishing.models import PublishJob, Status
from socialpublishing.events.feed import place_new_events
from socialpublishing.events.models import Event, EventFeed, EventType


@pytest.mark.parametrize(
    ("before", "to", "values", "expected"),
    [
        (Status.PENDING, Status.PROCESSING, {}, None),
        (Status.PROCESSING, Status.PUBLISHED, {}, EventType.JOB_PUBLISHED),
        (Status.PROCESSING, Status.FAILED, {"who_acts": "user"}, EventType.JOB_FAILED),
        (Status.PROCESSING, Status.UNCONFIRMED, {}, EventType.JOB_UNCONFIRMED),
        (Status.UNCONFIRMED, Status.UNCONFIRMED, {"waiting_for": "outcome"}, None),
        (Status.UNCONFIRMED, Status.UNCONFIRMED, {"who_acts": "user"}, EventType.JOB_CHANGED),
        (Status.PROCESSING, Status.PENDING, {"waiting_for": "retry"}, None),
        (Status.PROCESSING, Status.PENDING, {"waiting_for": "rate_limit"}, EventType.JOB_CHANGED),
        (
            Status.PROCESSING,
            Status.PENDING,
            {"waiting_for": "owner", "who_acts": "owner"},
            EventType.JOB_WAITING_FOR_OWNER,
        ),
    ],
)
def test_event_of_a_move(before, to, values, expected):
    job = PublishJob(status=before)
    assert event_of(job, to, {"waiting_for": "", "who_acts": "", **values}) == expected


@pytest.mark.usefixtures("instant_processing")
def test_each_event_of_a_job_has_the_next_sequence(api, make_connection, worker):
    job_id = api.publish(make_connection("twitter"), "News").json()["job_id"]
    worker.work()
    events = list(Event.objects.filter(data__job_id=job_id))
    assert [(each.type, each.sequence) for each in events] == [
        ("job.accepted", 1),
        ("job.published", 2),
    ]
    assert events[1].data["status"] == "Published"
    assert events[1].data["post_url"]
    assert not {"text_content", "assets", "platform_specific_options"} & set(events[1].data)


def test_places_follow_each_other(db):
    for number in range(3):
        Event.objects.create(type="job.changed", at="2026-01-01T00:00Z", sequence=number, data={})
    assert place_new_events() == 3
    Event.objects.create(type="job.changed", at="2026-01-01T00:00Z", sequence=3, data={})
    assert place_new_events() == 1
    assert place_new_events() == 0
    assert list(Event.objects.values_list("position", "sequence")) == [
        (1, 0),
        (2, 1),
        (3, 2),
        (4, 3),
    ]
    assert EventFeed.objects.get().last_position == 4
