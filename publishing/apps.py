from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class PublishingConfig(AppConfig):
    name = "publishing"

    def ready(self) -> None:
        from connections import services as connection_services
        from publishing import operations

        connection_services.on_disconnect.append(operations.cancel_for_connection)
        connection_services.on_reconnect.append(operations.resume_for_connection)
        post_migrate.connect(_schedule, sender=self)


def _schedule(**kwargs: Any) -> None:
    from publishing import tasks

    tasks.schedule()
