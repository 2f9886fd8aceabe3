"""Reads users: the caller, one user, or several, by id or by name."""

import re
from typing import Any

from django.http import HttpResponse

from socialpublishing.sandbox.http import SandboxRequest, json_response
from socialpublishing.sandbox.state import Account
from socialpublishing.sandbox.twitter.errors import invalid_query, not_found
from socialpublishing.sandbox.twitter.login import NAME, requires_token
from socialpublishing.sandbox.twitter.names import in_requested_names
from socialpublishing.sandbox.twitter.objects import (
    USER_EXPANSIONS,
    requested_user_fields,
    user_object,
)
from socialpublishing.sandbox.twitter.parameters import is_id, requested_values

MAX_USERS = 100
USERNAME = re.compile(r"[A-Za-z0-9_.]{1,50}")


@requires_token("users.read", "tweet.read", limit=75)
def me(request: SandboxRequest, account: Account) -> HttpResponse:
    return _user_response(request, account)


@requires_token("users.read", "tweet.read", limit=900, is_public=True)
def user(
    request: SandboxRequest, account: Account | None, user_id: str = "", username: str = ""
) -> HttpResponse:
    """By id or by name."""
    if user_id and not is_id(user_id):
        return invalid_query("id", user_id, "an id")
    matches = (
        each
        for each in request.state.accounts(NAME)
        if user_id == each.id or username.lower() == each.username.lower()
    )
    found = next(matches, None)
    return _user_response(request, found, "username" if username else "id", username or user_id)


def _user_response(
    request: SandboxRequest, user: Account | None, parameter: str = "", value: str = ""
) -> HttpResponse:
    fields = requested_user_fields(request)
    requested_values(request, ("expansions",), USER_EXPANSIONS)
    if user is None:
        return json_response({"errors": [not_found(parameter, value, "user")]})
    return json_response(in_requested_names(request, {"data": user_object(request, user, fields)}))


@requires_token("users.read", "tweet.read", limit=900, is_public=True)
def users(request: SandboxRequest, account: Account | None, key: str = "id") -> HttpResponse:
    """By `ids`, or by `usernames`."""
    fields = requested_user_fields(request)
    values = request.GET.get(f"{key}s", "").split(",")
    is_valid = is_id if key == "id" else USERNAME.fullmatch
    if not 1 <= len(values) <= MAX_USERS or not all(map(is_valid, values)):
        return invalid_query(f"{key}s", ",".join(values), f"a list of 1 to {MAX_USERS} {key}s")
    known = {getattr(each, key).lower(): each for each in request.state.accounts(NAME)}
    found = [known[value.lower()] for value in values if value.lower() in known]
    missing = [value for value in values if value.lower() not in known]
    body: dict[str, Any] = {
        "data": [user_object(request, each, fields) for each in found],
        "errors": [not_found(f"{key}s", value, "user") for value in missing],
    }
    return json_response(
        in_requested_names(request, {name: value for name, value in body.items() if value})
    )
