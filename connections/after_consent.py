"""What a person sees who comes back from a platform's consent page. Other callers get JSON.

The page runs no script and loads nothing but the picture of the account.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from rest_framework.renderers import BaseRenderer

from connections.connecting import Finished
from connections.models import SESSION_LIFETIME
from socialpublishing.platforms import PLATFORMS

TEMPLATES = Path(__file__).parent / "templates/connections"
STYLE_HASH = base64.b64encode(
    hashlib.sha256((TEMPLATES / "after_consent.css").read_bytes()).digest()
).decode()
POLICY = (
    f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
# Also a part of the Content-Security-Policy: nothing in it may end its directive.
PICTURE = re.compile(r"(https?://[A-Za-z0-9.-]+(:\d+)?)/[!-~]{1,1900}")

AGAIN = "To connect the account, start again in the program in which you began."
CLOSE = "You can close this page."
# The title, and what to do next, by the code of the error.
FAILURES: Mapping[str, tuple[str, Sequence[str]]] = {
    "oauth_denied": ("Not connected", ("Nothing was stored.", AGAIN)),
    "oauth_failed": ("Not connected", ("Nothing was stored.",)),
    "invalid_state": ("This sign-in cannot be finished", (AGAIN,)),
}
OTHER_FAILURE = ("Not connected", (AGAIN,))


@dataclass(frozen=True, kw_only=True)
class Page:
    outcome: str  # connected, pending or failed
    title: str
    sentences: Sequence[str]
    values: Sequence[tuple[str, str]] = ()  # to be copied
    account: str = ""
    platform: str = ""
    picture: str = ""
    reference: str = ""


class AfterConsentRenderer(BaseRenderer):
    """Makes the page of what JSON would say: a connection, a pending connect, or an error."""

    media_type = "text/html"
    format = "html"
    charset = "utf-8"

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> str:
        context = renderer_context or {}
        page = page_of(data, getattr(context["view"], "finished", None))
        origin = PICTURE.fullmatch(page.picture)
        pictures = f"; img-src {origin[1]}" if origin else ""
        context["response"]["Content-Security-Policy"] = POLICY + pictures
        return render_to_string("connections/after_consent.html", {"page": page})


def page_of(data: Mapping[str, Any], finished: Finished | None) -> Page:
    if finished is None or finished.profile is None or "code" in data:
        return _failed(data)
    known = {
        "account": finished.profile.display_name,
        "platform": PLATFORMS[finished.platform].label,
        "picture": _picture(finished.profile.facts),
    }
    return _connected(data, known) if finished.connection else _pending(data, known)


def _failed(data: Mapping[str, Any]) -> Page:
    title, next_steps = FAILURES.get(str(data.get("code")), OTHER_FAILURE)
    return Page(
        outcome="failed",
        title=title,
        sentences=(str(data.get("detail", "")), *next_steps),
        reference=str(data.get("request_id", "")),
    )


def _connected(data: Mapping[str, Any], known: Mapping[str, str]) -> Page:
    missing = ", ".join(data["missing_scopes"])
    declined = (
        f"These permissions were not granted, so what needs them does not work: {missing}."
        " Connect the account again to grant them."
    )
    return Page(
        outcome="connected",
        title="Account connected",
        sentences=(*([declined] if missing else []), CLOSE),
        values=(("Id of the connection", str(data["id"])),),
        **known,
    )


def _pending(data: Mapping[str, Any], known: Mapping[str, str]) -> Page:
    body = {name: str(data[name]) for name in ("attempt_id", "completion_code")}
    url = f"{settings.SERVICE_BASE_URL}/api/v1/connections/confirm"
    command = (
        "curl -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json'"
        f" -d '{json.dumps(body)}' {url}"
    )
    minutes = int(SESSION_LIFETIME.total_seconds() // 60)
    return Page(
        outcome="pending",
        title="One more step",
        sentences=(
            "The account is connected when the program in which you began sends this code, within "
            f"{minutes} minutes.",
            "Give the code to nobody else. If you did not begin this yourself, close the page: "
            "then nothing is connected.",
        ),
        values=(
            ("Completion code", body["completion_code"]),
            ("Id of the attempt", body["attempt_id"]),
            ("The request, as a command", command),
        ),
        **known,
    )


def _picture(facts: Mapping[str, Any]) -> str:
    """The address of the account's picture, where the platform reported one."""
    address = facts.get("picture")
    is_address = isinstance(address, str) and PICTURE.fullmatch(address)
    return str(address) if is_address else ""
