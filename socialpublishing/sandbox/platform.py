"""What each imitated platform provides to the rest of the sandbox."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpResponse
from django.urls import URLPattern, URLResolver

from socialpublishing.sandbox.http import SandboxRequest
from socialpublishing.sandbox.state import Account, Media, Post, Setting, State, old_post


@dataclass(frozen=True, kw_only=True)
class Platform:
    name: str
    label: str
    urlpatterns: Sequence[URLPattern | URLResolver]
    # The platform's error response with this HTTP status: for faults, unknown paths, wrong methods.
    refusal: Callable[[int], HttpResponse]
    # The platform's error response to content that breaks its rules.
    rejection: Callable[[], HttpResponse]
    # Adds the headers that all responses of the platform have.
    add_headers: Callable[[SandboxRequest, HttpResponse], None]
    # The text of the post that this request would create, "" if it creates none.
    text_of: Callable[[SandboxRequest], str]
    # Adds the built-in account to an empty state.
    seed: Callable[[State], None]
    # The fields that POST /control/accounts accepts besides username, name and scopes.
    account_fields: Sequence[str]
    # Creates an account from these fields, returns the response data. ValueError: a wrong field.
    make_account: Callable[[State, dict[str, Any]], dict[str, Any]]
    # The field of these that makes accounts owned by the new one, such as its Pages.
    owned_accounts: str = ""
    # Settings of POST /control/settings, each named `<platform>_…`; `State.setting` reads them.
    settings: Mapping[str, Setting] = field(default_factory=dict)
    # Returns the post that this text and media would have become at a time in the past (POST
    # /control/history), with the facts that listings read. It does not add it to the state.
    plant: Callable[[State, Account, str, tuple[Media, ...], float], Post] = old_post
