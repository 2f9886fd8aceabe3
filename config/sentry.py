"""Error reports to Sentry, if SENTRY_DSN is set: each error line of the log, and nothing of users.

The package sentry-sdk is not part of the installation (docs/metrics.md).
"""

from __future__ import annotations

import logging
from importlib.util import find_spec
from typing import Any

from django.conf import settings
from django.core import checks
from structlog.contextvars import get_contextvars

from config.logs import redacted

# Of a line's facts these are about a person.
PERSONAL = frozenset({"user_id", "reason"})


def start() -> None:
    if not settings.SENTRY_DSN or find_spec("sentry_sdk") is None:
        return
    import sentry_sdk
    from sentry_sdk.integrations.atexit import AtexitIntegration
    from sentry_sdk.integrations.logging import LoggingIntegration

    sentry_sdk.init(
        dsn=settings.SENTRY_DSN,
        before_send=_cleaned,
        # Whatever fails is logged. All other integrations would report requests with their data.
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[
            LoggingIntegration(level=None, event_level=logging.ERROR),
            AtexitIntegration(callback=lambda pending, timeout: None),
        ],
        send_default_pii=False,
        include_local_variables=False,
        max_breadcrumbs=0,
        max_request_body_size="never",
        auto_session_tracking=False,
    )


def _cleaned(event: Any, hint: Any) -> Any:
    for name in ("user", "request", "breadcrumbs"):
        event.pop(name, None)
    facts = {**get_contextvars(), **event.get("extra", {})}
    event["extra"] = {name: value for name, value in facts.items() if name not in PERSONAL}
    return redacted(event)


@checks.register
def check_sentry(**kwargs: Any) -> list[checks.CheckMessage]:
    if not settings.SENTRY_DSN or find_spec("sentry_sdk") is not None:
        return []
    return [
        checks.Error(
            "SENTRY_DSN is set, and the package sentry-sdk is not installed.",
            hint="Install it (pip install 'sentry-sdk>=2.75,<3'), or remove SENTRY_DSN.",
            id="socialpublishing.E064",
        )
    ]
