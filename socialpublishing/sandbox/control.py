"""`/control/…`: how tests and people control the sandbox. Wrong input gets 400 {code, detail}."""

import datetime as dt
import math
import re
from typing import Any

from django.http import HttpResponse
from django.urls import path
from django.utils.dateparse import parse_datetime

from socialpublishing.sandbox import history
from socialpublishing.sandbox.accounts import change_account
from socialpublishing.sandbox.audience import METRICS, audience_of
from socialpublishing.sandbox.faults import Action, Fault
from socialpublishing.sandbox.http import (
    BadBody,
    EarlyResponse,
    SandboxRequest,
    View,
    by_method,
    json_response,
)
from socialpublishing.sandbox.platform import Platform
from socialpublishing.sandbox.register import PLATFORMS
from socialpublishing.sandbox.state import Account, Comment, Post, as_time
from socialpublishing.sandbox.text import is_blank

DELAYS = (Action.DELAY, Action.DELAY_AFTER, Action.ACCEPT_LATE)
MAX_DELAY_S = 600
MAX_NAME = 100
MAX_TIMES = 1_000_000
MAX_ADVANCE_S = 10 * 365 * 86400
MAX_OLD_POSTS = 2000
MAX_AGE_S = 3 * 365 * 86400
MAX_METRIC = 1_000_000_000


def bad(code: str, detail: str) -> EarlyResponse:
    return EarlyResponse(json_response({"code": code, "detail": detail}, 400))


def posts(request: SandboxRequest) -> HttpResponse:
    """The posts that the public can see, oldest first.

    `history=true` includes planted ones, `deleted=true` deleted ones.
    """
    found = request.state.public_posts(
        _platform_filter(request),
        with_planted=request.GET.get("history") == "true",
        with_deleted=request.GET.get("deleted") == "true",
    )
    return json_response([described(request, post) for post in reversed(found)])


def calls(request: SandboxRequest) -> HttpResponse:
    """The last requests to the platforms, oldest first. `status` is null without a response."""
    name = _platform_filter(request)
    recorded = list(request.state.calls)
    return json_response([call for call in recorded if name in ("", call["platform"])])


def add_account(request: SandboxRequest) -> HttpResponse:
    """With the username of an existing account, its named fields change: status 200."""
    body = _body(request)
    platform = _platform(body.pop("platform", None))
    if not isinstance(body.get("username"), str) or not USERNAME.fullmatch(body["username"]):
        raise bad("invalid_username", "username is not 1 to 50 of a-z, A-Z, 0-9, . and _.")
    name = body.get("name", "a name")
    if not isinstance(name, str) or is_blank(name) or len(name) > MAX_NAME:
        raise bad("invalid_name", f"name is not a text of 1 to {MAX_NAME} characters.")
    scopes = body.get("scopes", [])
    if not isinstance(scopes, list) or not all(isinstance(scope, str) for scope in scopes):
        raise bad("invalid_scopes", "scopes is not a list of strings.")
    _refuse_unknown(body, ("username", "name", "scopes", *platform.account_fields))
    state = request.state
    try:
        with state.lock:
            for account in state.accounts(platform.name):
                if account.username == body["username"]:
                    return json_response(change_account(state, platform, account, body))
            return json_response(platform.make_account(state, body), 201)
    except ValueError as error:
        raise bad("invalid_account", str(error)) from error


def add_fault(request: SandboxRequest) -> HttpResponse:
    body = _body(request)
    _refuse_unknown(body, ("platform", "method", "path", "action", "value", "times"))
    if body.get("action") not in list(Action):
        raise bad("invalid_action", f"action is none of {', '.join(Action)}.")
    action = Action(body["action"])
    times = body.get("times", 1)
    if not _is_integer(times) or not 1 <= times <= MAX_TIMES:
        raise bad("invalid_times", f"times is not a number from 1 to {MAX_TIMES}.")
    method = body.get("method")
    if not isinstance(method, str | None):
        raise bad("invalid_method", "method is not a string.")
    try:
        pattern = re.compile(body.get("path") or "")
    except (re.error, TypeError, RecursionError, OverflowError) as error:
        raise bad("invalid_path", "path is not a regular expression.") from error
    fault = Fault(
        action=action,
        value=_fault_value(action, body.get("value")),
        platform=_platform(body["platform"]).name if body.get("platform") else None,
        method=method.upper() if method else None,
        path=pattern,
        times=times,
    )
    request.state.faults.add(fault)
    return json_response({"id": fault.id}, 201)


def _fault_value(action: Action, value: Any) -> Any:
    if action in DELAYS:
        if not _is_number(value) or not 0 <= value <= MAX_DELAY_S:
            raise bad("invalid_value", f"value is not a number of seconds up to {MAX_DELAY_S}.")
        return value
    if action is not Action.STATUS:
        return None
    value = {"code": value} if _is_integer(value) else value
    if not isinstance(value, dict) or not _is_integer(value.get("code")):
        raise bad("invalid_value", "value is neither a status code nor {code, headers, body}.")
    _refuse_unknown(value, ("code", "headers", "body", "delay", "accepts"))
    delay = value.get("delay", 0)
    if not _is_number(delay) or not 0 <= delay <= MAX_DELAY_S or value.get("accepts") not in (
        None, True, False,
    ):  # fmt: skip
        raise bad(
            "invalid_value", "delay is no number of seconds, or accepts is not true or false."
        )
    if not 200 <= value["code"] <= 599:
        raise bad("invalid_value", "The status code is not between 200 and 599.")
    headers = value.get("headers") or {}
    if not isinstance(headers, dict) or not all(map(_is_header, headers.items())):
        raise bad("invalid_value", "headers are not an object of printable strings.")
    return {**value, "headers": {name: str(text) for name, text in headers.items()}}


def faults(request: SandboxRequest) -> HttpResponse:
    """The faults that have not happened yet; `times` is how often each still will."""
    return json_response(
        [
            {
                "id": fault.id,
                "platform": fault.platform,
                "method": fault.method,
                "path": fault.path.pattern,
                "action": fault.action,
                "value": fault.value,
                "times": fault.times,
            }
            for fault in request.state.faults.planned()
        ]
    )


def clear_faults(request: SandboxRequest) -> HttpResponse:
    request.state.faults.clear()
    return HttpResponse(status=204)


def expire_tokens(request: SandboxRequest) -> HttpResponse:
    """Expire the access tokens of an account and its Pages. `refresh`: refresh tokens too."""
    body = _body(request)
    _refuse_unknown(body, ("account_id", "refresh"))
    accounts = request.state.accounts_with_id(str(body.get("account_id")))
    if not accounts:
        raise bad("unknown_account", "There is no account with this account_id.")
    count = 0
    for account in accounts:
        with_pages = [account, *request.state.accounts(account.platform, owner_id=account.id)]
        for token in [token for each in with_pages for token in request.state.tokens_of(each)]:
            if not request.state.is_live(token):
                continue
            if token.kind != "refresh":
                token.expires_at = request.state.now()
                count += 1
            elif body.get("refresh") is True:
                token.is_revoked = True
    return json_response({"expired": count})


def advance_clock(request: SandboxRequest) -> HttpResponse:
    seconds: Any = _body(request).get("advance_seconds")
    if not _is_number(seconds) or not 0 <= seconds <= MAX_ADVANCE_S:
        raise bad("invalid_advance_seconds", f"It is not within 0 and {MAX_ADVANCE_S}.")
    with request.state.lock:
        request.state.advanced_seconds += seconds
    return json_response({"now": as_time(request.state.now()).isoformat()})


def settings(request: SandboxRequest) -> HttpResponse:
    if request.method == "POST":
        body = _body(request)
        known = request.state.known_settings
        _refuse_unknown(body, tuple(known))
        for name, value in body.items():
            _, allowed = known[name]
            if isinstance(allowed, tuple):
                if value not in allowed:
                    raise bad(f"invalid_{name}", f"{name} is none of {', '.join(allowed)}.")
            elif allowed is str:
                if not isinstance(value, str):
                    raise bad(f"invalid_{name}", f"{name} is not a text.")
            elif not _is_number(value) or not 0 <= value <= allowed:
                raise bad(f"invalid_{name}", f"{name} is not within 0 and {allowed:.0f}.")
        request.state.settings.update(body)
    return json_response(request.state.settings)


def audience(request: SandboxRequest) -> HttpResponse:
    """The model behind an account's metrics, so that tests can compare analyses with it."""
    account = _account(request, request.GET.get("platform"), request.GET.get("account_id"))
    model = audience_of(account.id)
    return json_response(
        {
            "timezone": model.zone,
            "peaks": [{"weekday": weekday, "hour": hour} for weekday, hour in model.peaks],
            "impressions": model.impressions,
            "engagement": model.engagement,
            "hashtags": model.lifts,
        }
    )


def add_history(request: SandboxRequest) -> HttpResponse:
    """Create old posts of an account. Returns their ids in the order of the request."""
    body = _body(request)
    _refuse_unknown(body, ("platform", "account_id", "posts"))
    account = _account(request, body.get("platform"), body.get("account_id"))
    wanted = body.get("posts")
    if not isinstance(wanted, list) or not 1 <= len(wanted) <= MAX_OLD_POSTS:
        raise bad("invalid_posts", f"posts is not a list of 1 to {MAX_OLD_POSTS}.")
    now = request.state.now()
    old = [_old_post(post, now) for post in wanted]
    planted = history.plant(request.state, PLATFORMS[account.platform], account, old)
    return json_response({"ids": [post.id for post in planted]}, 201)


def _old_post(post: Any, now: float) -> history.OldPost:
    if not isinstance(post, dict):
        raise bad("invalid_posts", "A post is not an object.")
    _refuse_unknown(post, ("created_at", "text", "kind", "metrics"))
    text, kind, metrics = post.get("text", ""), post.get("kind", "text"), post.get("metrics")
    if not isinstance(text, str):
        raise bad("invalid_text", "text is not a string.")
    if not isinstance(kind, str) or kind not in history.KINDS:
        raise bad("invalid_kind", f"kind is none of {', '.join(history.KINDS)}.")
    if metrics is not None and not (
        isinstance(metrics, dict) and all(map(_is_metric, metrics.items()))
    ):
        raise bad("invalid_metrics", f"metrics are not numbers of {', '.join(METRICS)}.")
    created_at = _time(post.get("created_at"))
    if created_at is None or not now - MAX_AGE_S <= created_at.timestamp() <= now:
        raise bad("invalid_created_at", "created_at is no time of the last 3 years, with offset.")
    return history.OldPost(created_at=created_at, text=text, kind=kind, metrics=metrics)


def reset(request: SandboxRequest) -> HttpResponse:
    request.state.reset()
    return HttpResponse(status=204)


def described(request: SandboxRequest, post: Post) -> dict[str, Any]:
    comments: list[Comment | Post] = [*post.comments, *request.state.replies_to(post)]
    return {
        "platform": post.platform,
        "account_id": post.account.id,
        "id": post.id,
        "url": f"{request.base_url}/{post.platform}{post.path}",
        "text": post.text,
        "media": [
            {
                "kind": media.kind,
                "sha256": media.sha256,
                "bytes": media.size_bytes,
                "alt_text": media.alt_text,
                "width": media.width or None,
                "height": media.height or None,
                "duration_seconds": media.video_facts.duration_s if media.video_facts else None,
            }
            for media in post.media
        ],
        "details": post.details,
        "created_at": as_time(post.created_at).isoformat(),
        "deleted_at": as_time(post.deleted_at).isoformat() if post.deleted_at else None,
        "comments": [
            {"id": each.id, "account_id": each.account.id, "text": each.text} for each in comments
        ],
    }


# --- Reading the input ---------------------------------------------------------------------------

USERNAME = re.compile(r"[A-Za-z0-9_.]{1,50}")
HEADER_NAME = re.compile(r"[A-Za-z0-9-]+")


def _body(request: SandboxRequest) -> dict[str, Any]:
    if not request.payload:
        return {}
    try:
        body = request.json
    except BadBody as error:
        raise bad("invalid_json", str(error)) from error
    if not isinstance(body, dict):
        raise bad("invalid_json", "The body is not a JSON object.")
    return dict(body)


def _refuse_unknown(body: dict[str, Any], known: tuple[str, ...]) -> None:
    if unknown := sorted(set(body) - set(known)):
        raise bad("unknown_field", f"Unknown: {', '.join(unknown)}. Known: {', '.join(known)}.")


def _platform(name: Any) -> Platform:
    if not isinstance(name, str) or name not in PLATFORMS:
        raise bad("unsupported_platform", f"platform is none of {', '.join(PLATFORMS)}.")
    return PLATFORMS[name]


def _account(request: SandboxRequest, platform: Any, account_id: Any) -> Account:
    account = request.state.account(_platform(platform).name, str(account_id))
    if account is None:
        raise bad("unknown_account", "There is no account with this account_id.")
    return account


def _platform_filter(request: SandboxRequest) -> str:
    name = request.GET.get("platform", "")
    return _platform(name).name if name else ""


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return _is_integer(value) or (isinstance(value, float) and math.isfinite(value))


def _is_metric(metric: tuple[Any, Any]) -> bool:
    name, value = metric
    return name in METRICS and _is_integer(value) and 0 <= value <= MAX_METRIC


def _time(value: Any) -> dt.datetime | None:
    """None if `value` is no time, or has no offset."""
    try:
        moment = parse_datetime(value)
    except (TypeError, ValueError):
        return None
    return moment if moment and moment.tzinfo else None


def _is_header(header: tuple[Any, Any]) -> bool:
    name, value = header
    text = str(value)
    return bool(HEADER_NAME.fullmatch(name)) and text.isascii() and text.isprintable()


def _not_allowed() -> HttpResponse:
    return json_response({"code": "method_not_allowed", "detail": "Not with this method."}, 405)


def _on(**views: View) -> View:
    return by_method(_not_allowed, **views)


urlpatterns = [
    path("posts", _on(GET=posts)),
    path("calls", _on(GET=calls)),
    path("accounts", _on(POST=add_account)),
    path("faults", _on(GET=faults, POST=add_fault, DELETE=clear_faults)),
    path("tokens/expire", _on(POST=expire_tokens)),
    path("clock", _on(POST=advance_clock)),
    path("audience", _on(GET=audience)),
    path("history", _on(POST=add_history)),
    path("settings", _on(GET=settings, POST=settings)),
    path("state", _on(DELETE=reset)),
]
