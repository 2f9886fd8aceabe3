"""Operations of staff on many rows, which run in the background (connections/bulk.py)."""

from __future__ import annotations

import uuid

from django.db import models

from socialpublishing.audit import REASON_LENGTH, Actor


class BulkOperation(models.Model):
    """The rows that were chosen, and how far the operation has come. Each row has its audit."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    model = models.CharField(max_length=64)
    operation = models.CharField(max_length=64)
    title = models.CharField(max_length=64)
    reason = models.CharField(max_length=REASON_LENGTH)
    actor_id = models.CharField(max_length=64, blank=True)
    actor_name = models.CharField(max_length=150, blank=True)
    address = models.GenericIPAddressField(null=True)
    ids = models.JSONField(default=list)
    total = models.PositiveIntegerField()
    # How many rows were tried, and how many of them were changed.
    position = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    # Why the others were not: a sentence, and of how many rows.
    refusals = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    touched_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["-created_at"], name="bulk_newest")]

    def __str__(self) -> str:
        return f"{self.title}: {self.total}"

    @property
    def actor(self) -> Actor:
        return Actor(id=self.actor_id, name=self.actor_name, address=self.address)

    @property
    def percent(self) -> int:
        return 100 * self.position // self.total if self.total else 100

    def refuse(self, sentence: str) -> None:
        self.refusals[sentence] = self.refusals.get(sentence, 0) + 1
