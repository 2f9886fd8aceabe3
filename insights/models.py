"""The metrics of published posts, and the week estimates of their accounts."""

from __future__ import annotations

import dataclasses
import datetime as dt

from django.db import models
from django.db.models import Q

from connections.models import SocialConnection
from publishing.models import PublishJob
from socialpublishing.platforms.metrics import Metrics

# The ages of a post at which its metrics are read.
SNAPSHOT_AGES = (
    dt.timedelta(hours=1),
    dt.timedelta(hours=6),
    dt.timedelta(days=1),
    dt.timedelta(days=3),
    dt.timedelta(days=7),
    dt.timedelta(days=30),
)
# For platforms that charge for each read.
SNAPSHOT_AGES_WHEN_BILLED = (dt.timedelta(days=1), dt.timedelta(days=7))


class MetricSchedule(models.Model):
    """When to read the metrics of a published post next. Null: never again."""

    job = models.OneToOneField(
        PublishJob, primary_key=True, on_delete=models.CASCADE, related_name="metric_schedule"
    )
    next_read_at = models.DateTimeField(null=True, blank=True)
    # Why the last attempt to read failed.
    error_code = models.CharField(max_length=64, blank=True)
    error_message = models.CharField(max_length=500, blank=True)

    class Meta:
        db_table = "insights_watch"
        indexes = [
            models.Index(
                fields=["next_read_at"], condition=Q(next_read_at__isnull=False), name="watch_due"
            )
        ]

    def __str__(self) -> str:
        return f"{self.job_id}, next {self.next_read_at}"


class MetricSnapshot(models.Model):
    """The metrics of a post at one time. A metric is null if the platform does not report it."""

    job = models.ForeignKey(PublishJob, on_delete=models.CASCADE, related_name="metric_snapshots")
    read_at = models.DateTimeField()
    impressions = models.PositiveBigIntegerField(null=True)
    reach = models.PositiveBigIntegerField(null=True)
    likes = models.PositiveBigIntegerField(null=True)
    comments = models.PositiveBigIntegerField(null=True)
    shares = models.PositiveBigIntegerField(null=True)
    saves = models.PositiveBigIntegerField(null=True)
    clicks = models.PositiveBigIntegerField(null=True)

    class Meta:
        db_table = "insights_reading"
        ordering = ["read_at"]
        constraints = [models.UniqueConstraint(fields=["job", "read_at"], name="reading_once")]

    def __str__(self) -> str:
        return f"{self.job_id} at {self.read_at}"

    @property
    def metrics(self) -> Metrics:
        names = (field.name for field in dataclasses.fields(Metrics))
        return Metrics(**{name: getattr(self, name) for name in names})

    @property
    def engagement(self) -> int:
        return self.metrics.engagement


class ConnectionInsights(SocialConnection):
    """A connection, for the console's page about its insights."""

    class Meta:
        proxy = True
        verbose_name = "insights of a connection"
        verbose_name_plural = "insights of connections"


class WeekEstimate(models.Model):
    """The last estimate of an account's week, for the console and the platform's mean.

    `account` is the posting target's key (platform:id), as in a job. `posts` are the metrics of
    the posts used, without their texts.
    """

    connection = models.ForeignKey(
        SocialConnection, on_delete=models.CASCADE, related_name="week_estimates"
    )
    account = models.CharField(max_length=200)
    account_name = models.CharField(max_length=255, blank=True)
    platform = models.CharField(max_length=32)
    timezone = models.CharField(max_length=64)
    made_at = models.DateTimeField()
    sources = models.JSONField(default=list)
    confidence = models.CharField(max_length=8)
    lift = models.FloatField()
    posts_used = models.PositiveIntegerField()
    missing_posts = models.PositiveIntegerField()
    slots = models.JSONField(default=list)
    surface = models.JSONField(default=list)
    # Estimated without the platform's mean: the mean is calculated from these effects.
    effects = models.JSONField(default=list)
    posts = models.JSONField(default=list)

    class Meta:
        db_table = "insights_rhythm"
        ordering = ["-made_at"]
        verbose_name = "estimate of an account's week"
        verbose_name_plural = "estimates of accounts' weeks"
        constraints = [
            models.UniqueConstraint(fields=["connection", "account"], name="rhythm_once")
        ]
        indexes = [models.Index(fields=["platform", "-made_at"], name="rhythm_of_platform")]

    def __str__(self) -> str:
        return self.account_name or self.account
