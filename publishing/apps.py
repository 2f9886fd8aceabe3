from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class PublishingConfig(AppConfig):
    name = "publishing"

    def ready(self) -> None:
        from connections import callbacks
        from publishing import services

        callbacks.on_disconnect.append(services.cancel_for_connection)
        callbacks.on_reconnect.append(services.resume_for_connection)
        post_migrate.connect(_schedule, sender=self)


def _schedule(**kwargs: Any) -> None:
    from publishing import tasks

    tasks.schedule()
