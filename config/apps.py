from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig
from django.contrib.auth.signals import user_logged_in
from django.db.models.signals import post_migrate


class ConsoleConfig(AdminConfig):
    """Django admin with our site class: the ops console."""

    default_site = "config.console.site.ConsoleSite"


class ProjectConfig(AppConfig):
    name = "config"

    def ready(self) -> None:
        # Importing them registers the system checks and the OpenAPI extension.
        from config import checks, erasing, retention, sentry  # noqa: F401
        from config.auth import authentication  # noqa: F401
        from config.auth import checks as caller_checks  # noqa: F401
        from config.console import checks as console_checks  # noqa: F401
        from config.console import roles, signing_in
        from config.web import checks as web_checks  # noqa: F401
        from socialpublishing import erasure

        user_logged_in.connect(signing_in.signed_in)
        post_migrate.connect(roles.restore, sender=roles.last_app())
        erasure.parts.append(erasing.part())
        sentry.start()
