"""What a module that imitates a platform offers to the rest of the sandbox."""

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
    # Its own way to say an HTTP status, for faults, unknown paths and wrong methods.
    refusal: Callable[[int], HttpResponse]
    # Its own way to say that the content breaks its rules.
    rejection: Callable[[], HttpResponse]
    # Puts on the headers that all its answers wear.
    add_headers: Callable[[SandboxRequest, HttpResponse], None]
    # The text of the post that this call would make, "" if it makes none.
    text_of: Callable[[SandboxRequest], str]
    # Makes the built-in account in an empty state.
    seed: Callable[[State], None]
    # What POST /control/accounts takes beside username, name and scopes.
    account_fields: Sequence[str]
    # Makes an account from these fields and returns the answer. ValueError: a wrong field.
    make_account: Callable[[State, dict[str, Any]], dict[str, Any]]
    # Switches of POST /control/settings, each named `<platform>_…`; `State.setting` reads them.
    settings: Mapping[str, Setting] = field(default_factory=dict)
    # Makes the post that this text and media would have become at a time in the past (POST
    # /control/history), with the facts that its listings read. It is not in the state yet.
    plant: Callable[[State, Account, str, tuple[Media, ...], float], Post] = old_post
