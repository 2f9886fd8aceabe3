from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class InsightsConfig(AppConfig):
    name = "insights"

    def ready(self) -> None:
        from connections import hooks
        from insights import erasing
        from insights.estimates import delete_estimates
        from socialpublishing import erasure

        hooks.on_disconnect.append(delete_estimates)
        erasure.parts.append(erasing.PART)
        post_migrate.connect(_schedule, sender=self)


def _schedule(**kwargs: Any) -> None:
    from insights import tasks

    tasks.schedule()
