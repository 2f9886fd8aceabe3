from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class ConsoleConfig(AdminConfig):
    """Django admin, as our ops console."""

    default_site = "config.console.ConsoleSite"


class ProjectConfig(AppConfig):
    name = "config"

    def ready(self) -> None:
        from config import checks, jwt  # noqa: F401  they register themselves
