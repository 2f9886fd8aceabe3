"""X, by its documentation and its OpenAPI description: https://docs.x.com, read 2026-11-22.

Text, images, animated GIFs, videos and polls; timelines, recent search, and the metrics of posts.
Trends, counts and analytics are not imitated.
"""

import secrets
from functools import partial
from typing import Any

from django.http import HttpResponse
from django.urls import path

from socialpublishing.sandbox import cards
from socialpublishing.sandbox.http import SandboxRequest, by_method
from socialpublishing.sandbox.platform import Platform
from socialpublishing.sandbox.state import Account, AuthorizationGrant, State
from socialpublishing.sandbox.tokens import scopes_of_new_account
from socialpublishing.sandbox.twitter import login, media, posts, reading, search, users
from socialpublishing.sandbox.twitter.behaviour import RESTRICTIONS, SETTINGS
from socialpublishing.sandbox.twitter.errors import refusal, rejection
from socialpublishing.sandbox.twitter.login import LABEL, NAME

API_VERSION = "2.167"
PLANS = ("None", "Basic", "Premium", "PremiumPlus")
# For responses without a rate of their own: the limit of POST /2/tweets.
DEFAULT_LIMIT = 100


def add_headers(request: SandboxRequest, response: HttpResponse) -> None:
    if "/2/" not in request.path_info:
        return
    is_limit = response.status_code == 429
    reset = int(request.state.now()) + login.RATE_WINDOW_S
    limit, remaining, reset = request.rate or (DEFAULT_LIMIT, DEFAULT_LIMIT - 1, reset)
    for name, value in {
        "api-version": API_VERSION,
        "x-transaction-id": secrets.token_hex(8),
        "x-rate-limit-limit": limit,
        "x-rate-limit-remaining": 0 if is_limit else remaining,
        "x-rate-limit-reset": reset,
    }.items():
        response.headers.setdefault(name, str(value))


def seed(state: State) -> None:
    _add_account(state, account_id="2244994945", username="sandbox_x", name="Sandy Box")


def _add_account(
    state: State, *, account_id: str, username: str, name: str, **facts: Any
) -> Account:
    return state.add_account(
        Account(
            platform=NAME,
            id=account_id,
            username=username,
            name=name,
            created_at=state.now(),
            facts={"subscription_type": "None", "description": "", **facts},
        )
    )


def make_account(state: State, fields: dict[str, Any]) -> dict[str, Any]:
    plan = fields.get("subscription_type", "None")
    if plan not in PLANS:
        raise ValueError(f"subscription_type is none of {', '.join(PLANS)}.")
    restriction = fields.get("restriction", "none")
    if restriction not in ("none", *RESTRICTIONS):
        raise ValueError(f"restriction is none of none, {', '.join(RESTRICTIONS)}.")
    scopes = scopes_of_new_account(fields, known=login.SCOPES, default=login.DEFAULT_SCOPES)
    username = fields["username"]
    account = _add_account(
        state,
        account_id=state.new_id(media.EPOCH_MS),
        username=username,
        name=fields.get("name", username),
        subscription_type=plan,
        restriction=restriction,
    )
    issued = login.issue(state, AuthorizationGrant(account=account, scopes=set(scopes)))
    return {
        "account_id": account.id,
        "access_token": issued["access_token"],
        "refresh_token": issued.get("refresh_token"),
        "expires_in": issued["expires_in"],
        "scopes": sorted(scopes),
    }


_on = partial(by_method, lambda: refusal(405))


PLATFORM = Platform(
    name=NAME,
    label=LABEL,
    urlpatterns=[
        path("i/oauth2/authorize", _on(GET=login.authorize, POST=login.authorize)),
        path("2/oauth2/authorize", _on(GET=login.authorize, POST=login.authorize)),
        path("2/oauth2/token", _on(POST=login.token)),
        path("2/oauth2/revoke", _on(POST=login.revoke)),
        path("oauth2/token", _on(POST=login.app_token)),
        path("2/users/me", _on(GET=users.me)),
        path("2/users", _on(GET=users.users)),
        path("2/users/by", _on(GET=users.users), {"key": "username"}),
        path("2/users/by/username/<str:username>", _on(GET=users.user)),
        path("2/users/<str:user_id>", _on(GET=users.user)),
        path("2/users/<str:user_id>/tweets", _on(GET=reading.timeline)),
        path("2/tweets", _on(GET=reading.posts_by_ids, POST=posts.create)),
        path("2/tweets/search/recent", _on(GET=search.recent)),
        path("2/tweets/<str:post_id>", _on(GET=reading.post_by_id, DELETE=posts.delete)),
        path("2/media/upload", _on(GET=media.status, POST=media.upload)),
        path("2/media/upload/initialize", _on(POST=media.initialize)),
        path("2/media/upload/<str:media_id>/append", _on(POST=media.append)),
        path("2/media/upload/<str:media_id>/finalize", _on(POST=media.finalize)),
        path("2/media/metadata", _on(POST=media.metadata)),
        path("<str:username>/status/<str:post_id>", _on(GET=cards.post_page), {"platform": NAME}),
    ],
    refusal=refusal,
    rejection=rejection,
    add_headers=add_headers,
    text_of=posts.text_of,
    seed=seed,
    account_fields=("subscription_type", "restriction"),
    make_account=make_account,
    settings={"twitter_names": ("asked", ("asked", "old", "new", "mixed")), **SETTINGS},
    plant=posts.plant,
)
