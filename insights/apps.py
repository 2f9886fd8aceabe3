from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class InsightsConfig(AppConfig):
    name = "insights"

    def ready(self) -> None:
        from connections import hooks
        from insights.estimates import delete_estimates

        hooks.on_disconnect.append(delete_estimates)
        post_migrate.connect(_schedule, sender=self)


def _schedule(**kwargs: Any) -> None:
    from insights import tasks

    tasks.schedule()
