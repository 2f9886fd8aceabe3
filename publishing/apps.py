from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class PublishingConfig(AppConfig):
    name = "publishing"

    def ready(self) -> None:
        from connections import hooks
        from publishing import erasing, operations, tasks
        from socialpublishing import erasure

        hooks.on_disconnect.append(operations.cancel_for_connection)
        hooks.on_reconnect.append(operations.resume_for_connection)
        hooks.on_housekeeping.append(tasks.purge_old)
        erasure.parts.append(erasing.PART)
        post_migrate.connect(_schedule, sender=self)


def _schedule(**kwargs: Any) -> None:
    from publishing import tasks

    tasks.schedule()
