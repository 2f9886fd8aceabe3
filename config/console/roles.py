"""The roles of staff: groups with exactly these permissions, restored after each migration.

Whoever may change a stateful row may run its operations (OperatedAdmin); its fields are read-only
for everybody.
"""

from __future__ import annotations

from typing import Any

from django.apps import apps as installed
from django.db.models import Q

SEEN = (
    "publishing.publishjob",
    "publishing.workerslot",
    "socialpublishing.platformpause",
    "socialpublishing.auditrecord",
    "socialpublishing.webhook",
    "socialpublishing.webhookdelivery",
    "socialpublishing.bulkoperation",
    "connections.socialconnection",
    "connections.revocation",
    "insights.connectioninsights",
    "django_q.schedule",
)
OPERATED = (
    "publishing.publishjob",
    "connections.socialconnection",
    "insights.connectioninsights",
    "socialpublishing.webhook",
    "socialpublishing.webhookdelivery",
    "socialpublishing.platformpause",
    "socialpublishing.bulkoperation",
)
STAFF = ("auth.user", "auth.group")

VIEWER = {f"view {model}" for model in SEEN}
OPS = VIEWER | {f"change {model}" for model in OPERATED} | {"add socialpublishing.platformpause"}
ADMIN = OPS | {f"{verb} {model}" for verb in ("view", "add", "change", "delete") for model in STAFF}
# A webhook that staff makes gets the events of all users.
ADMIN |= {"add socialpublishing.webhook"}
ROLES = {"viewer": VIEWER, "ops": OPS, "admin": ADMIN}


def restore(**kwargs: Any) -> None:
    """After a migration of all apps: their permissions exist now."""
    try:
        Group = kwargs["apps"].get_model("auth", "Group")  # noqa: N806
        Permission = kwargs["apps"].get_model("auth", "Permission")  # noqa: N806
    except LookupError:  # the tables of users do not exist yet
        return
    for name, wanted in ROLES.items():
        role, _ = Group.objects.get_or_create(name=name)
        role.permissions.set(Permission.objects.filter(_any_of(wanted)))


def _any_of(permissions: set[str]) -> Q:
    found = Q()
    for permission in permissions:
        verb, _, label = permission.partition(" ")
        app, _, model = label.partition(".")
        found |= Q(content_type__app_label=app, codename=f"{verb}_{model}")
    return found


def last_app() -> Any:
    """The app whose post_migrate comes last."""
    return [app for app in installed.get_app_configs() if app.models_module][-1]
