"""The queues of django-q2 that a cluster of ours reads."""

from __future__ import annotations

from typing import Any

from django_q.brokers.orm import ORM

from publishing.worker.slots import group_queue


class GroupBroker(ORM):  # type: ignore[misc]  # the library has no types
    """Tasks for this worker group alone come before those for any machine."""

    def dequeue(self) -> Any:
        return ORM(list_key=group_queue()).dequeue() or super().dequeue()
