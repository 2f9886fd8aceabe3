"""Refuses the start of the web process if it could not work. `manage.py worker` does the same."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable
from typing import NoReturn

from django.core import checks
from django.db import Error as DatabaseError

logger = logging.getLogger(__name__)

# uvicorn's code for an application that cannot start: its supervisor ends, too.
REFUSED = 3


def demand_readiness() -> None:
    """End this process with one sentence for each problem of the settings or the database."""
    # Its models need the installed apps.
    from socialpublishing.readiness import database_problems

    errors = [found for found in checks.run_checks() if found.is_serious(checks.ERROR)]
    if errors:
        refuse(" ".join(filter(None, (error.msg, error.hint))) for error in errors)
    try:
        if problems := database_problems():
            refuse(problems)
    except DatabaseError:
        # It may come back: /readyz reports it until then.
        logger.warning("the database cannot be reached")


def refuse(sentences: Iterable[str]) -> NoReturn:
    for sentence in sentences:
        sys.stderr.write(f"The service does not start: {sentence}\n")
    sys.exit(REFUSED)
