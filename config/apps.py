from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class ConsoleConfig(AdminConfig):
    """Django admin with our site class: the ops console."""

    default_site = "config.console.site.ConsoleSite"


class ProjectConfig(AppConfig):
    name = "config"

    def ready(self) -> None:
        # Importing them registers the system checks and the OpenAPI extension.
        from config import checks  # noqa: F401
        from config.auth import authentication  # noqa: F401
        from config.auth import checks as caller_checks  # noqa: F401
