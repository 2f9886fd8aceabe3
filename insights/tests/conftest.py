"""Accounts with a past at the sandbox, for the tests of insights."""

from __future__ import annotations

import datetime as dt
import random

import pytest
from django.core.cache import caches
from django.utils import timezone

from insights.models import MetricSnapshot
from publishing.models import PublishJob
from socialpublishing.platforms import PLATFORMS

READABLE = sorted(
    name for name, platform in PLATFORMS.items() if platform.metrics_reader is not None
)


@pytest.fixture
def empty_cache():
    caches["insights"].clear()


@pytest.fixture
def many_billed_reads(settings):
    settings.INSIGHTS_MAX_BILLED_READS = 500


@pytest.fixture(params=READABLE)
def readable(request):
    """Each platform whose posts' metrics can be read."""
    return request.param


class Account:
    """A connection whose account has posts at the sandbox, and an audience."""

    def __init__(self, connection, sandbox):
        self.connection, self.sandbox = connection, sandbox
        self.platform = connection.platform
        metrics_reader = connection.platform_type.metrics_reader
        self.destination = None
        if metrics_reader is not None and metrics_reader.by_destination:
            self.destination = connection.destinations.filter(can_publish=True).first()
        owner = self.destination.external_id if self.destination else connection.external_user_id
        self.id = owner.rpartition(":")[2]

    @property
    def audience(self):
        return self.sandbox.call("GET", f"audience?platform={self.platform}&account_id={self.id}")

    @property
    def media_kind(self):
        return "video" if self.platform == "tiktok" else "image"

    def plant(self, posts):
        self.sandbox.call(
            "POST", "history", platform=self.platform, account_id=self.id, posts=posts
        )

    def plant_months(self, count=300, *, text="", seed=1):
        """Posts at any hour of the day, for half a year."""
        rng = random.Random(seed)
        now = timezone.now()
        times = sorted(now - dt.timedelta(days=rng.uniform(3, 180)) for _ in range(count))
        self.plant(
            [{"created_at": at.isoformat(), "text": text, "kind": self.media_kind} for at in times]
        )

    def plant_weeks(self, weeks=5):
        """One post at each hour of some weeks."""
        newest = timezone.now() - dt.timedelta(days=3)
        times = [newest - dt.timedelta(hours=hours) for hours in range(weeks * 7 * 24)]
        self.plant([{"created_at": at.isoformat(), "kind": self.media_kind} for at in times])

    def publish_with_metrics(self, count, **metrics):
        """Published jobs of the last weeks with a snapshot; the sandbox has no such posts."""
        now = timezone.now()
        for number in range(count):
            at = now - dt.timedelta(days=8 + number, hours=number)
            job = PublishJob.objects.create(
                user_id=self.connection.user_id,
                connection=self.connection,
                platform=self.platform,
                account=f"{self.platform}:{self.id}",
                status="Published",
                remote_id=f"old-{number}",
                published_at=at,
                created_at=at,
                updated_at=at,
            )
            MetricSnapshot.objects.create(job=job, read_at=at + dt.timedelta(days=7), **metrics)

    def plant_tags(self, lifted, others, *, posts=240):
        """Posts with one tag each; those with `lifted` have four times the engagement.

        The newest is too old for the platforms' public searches.
        """
        rng = random.Random(7)
        now = timezone.now()
        tags = [lifted, *others]
        planted = []
        for number in range(posts):
            tag = tags[number % len(tags)]
            likes = round(100 * rng.lognormvariate(0, 0.5) * (4 if tag == lifted else 1))
            at = now - dt.timedelta(days=180) + number * dt.timedelta(hours=17)
            planted.append(
                {
                    "created_at": at.isoformat(),
                    "text": f"Fresh bread #{tag}",
                    "kind": self.media_kind,
                    "metrics": {"impressions": 5000, "reach": 4000, "views": 5000, "likes": likes},
                }
            )
        self.plant(planted)

    def best_times(self, api, **query):
        query = {"connection_id": str(self.connection.pk), **query}
        if self.destination:
            query.setdefault("destination_id", str(self.destination.pk))
        return api.get(f"insights/{self.platform}/best-times", data=query)

    def hashtags(self, api, **body):
        body = {"keywords": ["bread"], "connection_id": str(self.connection.pk), **body}
        if self.destination:
            body.setdefault("destination_id", str(self.destination.pk))
        return api.post(f"insights/{self.platform}/hashtags", body)

    def requests(self):
        """How many requests the sandbox's platform received."""
        return len(self.sandbox.call("GET", f"calls?platform={self.platform}"))


@pytest.fixture
def make_account(make_connection, sandbox):
    return lambda platform, **facts: Account(make_connection(platform, **facts), sandbox)
