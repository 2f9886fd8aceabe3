from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class ConnectionsConfig(AppConfig):
    name = "connections"

    def ready(self) -> None:
        from connections import erasing
        from connections.connection_events import platforms_of
        from socialpublishing import erasure
        from socialpublishing.events import audience

        erasure.parts.append(erasing.PART)
        audience.platforms_of = platforms_of
        post_migrate.connect(_schedule, sender=self)


def _schedule(**kwargs: Any) -> None:
    from connections import tasks

    tasks.schedule()
