"""Facebook Pages.

Written from https://developers.facebook.com/docs/graph-api (v25.0: login, Page posts, photos, error
handling, rate limiting), as of 2026-11-22. A connection is a person; what carries posts are the
Pages on which that person may create content.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any, ClassVar

from socialpublishing.crypto import Secret
from socialpublishing.errors import (
    ContentRejectedError,
    DuplicateContentError,
    InsufficientPermissionsError,
    NoAnswerError,
    PlatformApiError,
    PlatformConfigurationError,
    RateLimitError,
    TokenExpiredError,
)
from socialpublishing.http import Answer
from socialpublishing.media import download
from socialpublishing.oauth import OAuth, Tokens
from socialpublishing.platforms.base import (
    Account,
    DestinationFacts,
    Found,
    Host,
    LookUp,
    Platform,
    Profile,
    Progress,
    Renewal,
    retry_after,
)
from socialpublishing.policy import MEGABYTE, Capabilities, MediaLimit, Option, TextUnit
from socialpublishing.posts import Media, MediaKind, Post

VERSION = "v25.0"
MAX_PAGES_OF_PAGES = 50


class Facebook(Platform):
    name: ClassVar = "facebook"
    label: ClassVar = "Facebook"
    hosts: ClassVar = {
        "api": Host(variable="FACEBOOK_API_URL", default="https://graph.facebook.com"),
        "auth": Host(variable="FACEBOOK_AUTH_URL", default="https://www.facebook.com"),
    }
    client_id_variables: ClassVar = ("FACEBOOK_APP_ID",)
    client_secret_variables: ClassVar = ("FACEBOOK_APP_SECRET",)
    oauth: ClassVar = OAuth(
        authorize_path=f"/{VERSION}/dialog/oauth",
        token_path=f"/{VERSION}/oauth/access_token",
        scopes=(
            "pages_show_list",
            "pages_manage_posts",
            "pages_read_engagement",
            "business_management",
        ),
        publish_scopes=frozenset({"pages_manage_posts"}),
        scope_separator=",",
        # PKCE exists only in Facebook's OpenID flow, and there it is still marked as testing.
        pkce=False,
        default_lifetime=dt.timedelta(days=60),
    )
    capabilities: ClassVar = Capabilities(
        max_text=63_206,
        text_unit=TextUnit.CHARACTERS,
        max_media=10,
        media={
            MediaKind.IMAGE: MediaLimit(
                max_count=10,
                mime_types=frozenset(
                    {"image/jpeg", "image/png", "image/gif", "image/bmp", "image/tiff"}
                ),
                max_bytes=10 * MEGABYTE,
            )
        },
        max_alt_text=1000,
        options=(
            Option(
                name="page_id",
                description="The Page to post to, one of the connection's destinations.",
                example="104829301746",
            ),
            Option(
                name="link",
                description="A link to show as a card below the text; not together with assets.",
                example="https://example.com/news",
            ),
        ),
        source="https://developers.facebook.com/docs/pages-api/posts",
        checked=dt.date(2026, 11, 22),
    )
    look_up: ClassVar = LookUp(settle=dt.timedelta(seconds=90), is_complete=True)
    destination_option: ClassVar = "page_id"

    # --- Publishing ------------------------------------------------------------------------------

    def prepare(self, post: Post, progress: Progress) -> Progress:
        """Stages one unpublished photo a call: its id is known before anything is public."""
        photo_ids = list(progress.handle.get("photo_ids", []))
        if len(photo_ids) < len(post.media):
            photo_ids.append(self._stage(post.media[len(photo_ids)]))
        if len(photo_ids) < len(post.media):
            return progress.preparing(photo_ids=photo_ids)
        return progress.ready(photo_ids=photo_ids)

    def _stage(self, media: Media) -> str:
        file = download(media.url, max_bytes=self.capabilities.media[media.kind].max_bytes)
        form = {"published": "false"}
        if media.alt_text:
            form["alt_text_custom"] = media.alt_text
        answer = self._page(
            "POST", "photos", data=form, files={"source": ("photo", file.data, file.mime_type)}
        )
        photo_id: str = answer["id"]
        return photo_id

    def publish(self, post: Post, progress: Progress) -> Progress:
        answer = self._page("POST", "feed", data=feed_form(post, progress))
        return progress.published(
            remote_id=answer["id"],
            post_url=answer.get("permalink_url") or f"{self.host('auth')}/{answer['id']}",
        )

    def find_published(
        self, post: Post, progress: Progress, *, since: dt.datetime, credited: Collection[str]
    ) -> Found | None:
        photo_ids = set(progress.handle.get("photo_ids", []))
        fields = "id,message,created_time,permalink_url,attachments{target{id},subattachments}"
        answer = self._page(
            "GET",
            "published_posts",
            params={"since": str(int(since.timestamp())), "fields": fields, "limit": "100"},
        )
        for found in answer["data"]:
            if found["id"] in credited or found.get("message", "").strip() != post.text.strip():
                continue
            shown = set(_attached_ids(found))
            if photo_ids and shown and not photo_ids & shown:
                continue
            return Found(remote_id=found["id"], post_url=found.get("permalink_url", ""))
        return None

    def _page(self, method: str, edge: str, **body: Any) -> Any:
        assert self.account is not None
        return self._graph(method, f"/{self.account.id}/{edge}", **body)

    def _graph(
        self, method: str, path: str, *, params: Mapping[str, str] | None = None, **body: Any
    ) -> Any:
        return self.http.call(
            method, f"/{VERSION}{path}", params={**(params or {}), **self._proof()}, **body
        ).json

    def _proof(self) -> dict[str, str]:
        # Ties the token to our app, so that a token alone is worth nothing to whoever finds it:
        # https://developers.facebook.com/docs/graph-api/guides/secure-requests
        assert self.account is not None
        key, message = self.client_secret().reveal(), self.account.token.reveal()
        digest = hmac.new(key.encode(), message.encode(), hashlib.sha256)
        return {"appsecret_proof": digest.hexdigest()}

    # --- Connecting ------------------------------------------------------------------------------

    def exchange_code(self, *, code: str, redirect_uri: str, verifier: Secret) -> Tokens:
        short = super().exchange_code(code=code, redirect_uri=redirect_uri, verifier=verifier)
        # Page tokens inherit the life of the token they were read with: an hour, or no end.
        return self._long_lived(short.access_token)

    def _long_lived(self, token: Secret) -> Tokens:
        return self.call_token_endpoint(
            {"grant_type": "fb_exchange_token", "fb_exchange_token": token.reveal()}
        )

    def renew(self, refresh_token: Secret | None) -> Renewal:
        """A token of another sixty days, made from the living one, and with it the Pages' anew."""
        assert self.account is not None
        tokens = self._long_lived(self.account.token)
        fresh = Facebook(Account(id=self.account.id, token=tokens.access_token))
        return Renewal(tokens=tokens, destinations=fresh.destinations())

    def profile(self) -> Profile:
        me = self._graph("GET", "/me", params={"fields": "id,name"})
        permissions = self._graph("GET", "/me/permissions")["data"]
        return Profile(
            id=me["id"],
            display_name=me["name"],
            scopes=tuple(p["permission"] for p in permissions if p["status"] == "granted"),
        )

    def destinations(self) -> list[DestinationFacts]:
        pages: list[DestinationFacts] = []
        params = {"fields": "id,name,category,tasks,access_token", "limit": "100"}
        for _ in range(MAX_PAGES_OF_PAGES):
            answer = self._graph("GET", "/me/accounts", params=params)
            pages += [page_facts(page) for page in answer["data"]]
            paging = answer.get("paging", {})
            if "next" not in paging:
                break
            params["after"] = paging["cursors"]["after"]
        return pages

    def revoke(self, refresh_token: Secret | None) -> None:
        self._graph("DELETE", "/me/permissions")

    # --- Errors ----------------------------------------------------------------------------------

    def read_error(self, answer: Answer) -> PlatformApiError:
        """By code and subcode: https://developers.facebook.com/docs/graph-api/guides/error-handling."""
        body = answer.json if isinstance(answer.json, dict) else {}
        error = body.get("error")
        error = error if isinstance(error, dict) else {}
        code, subcode = _number(error.get("code")), _number(error.get("error_subcode"))
        words = str(error.get("error_user_msg") or error.get("message") or "")
        facts: dict[str, Any] = {
            "platform_code": f"{code}/{subcode}" if subcode else str(code or ""),
            "request_id": str(error.get("fbtrace_id") or answer.headers.get("x-fb-trace-id", ""))[
                :64
            ],
        }
        kind = (
            ERRORS.get((code, subcode)) or ERRORS.get((None, subcode)) or ERRORS.get((code, None))
        )
        if kind is None and 200 <= code <= 299:
            kind = InsufficientPermissionsError
        if kind is RateLimitError or answer.status_code == 429:
            until = retry_after(answer) or _regained(answer)
            return RateLimitError("Facebook asks us to wait.", until=until, **facts)
        if answer.status_code == 401:
            kind = TokenExpiredError
        if kind is None and answer.status_code >= 500:
            kind = NoAnswerError
        if kind in {TokenExpiredError, InsufficientPermissionsError}:
            return kind(**facts)
        return (kind or PlatformApiError)(
            f"Facebook answered: {words or answer.status_code}", **facts
        )


# From the page above and from what Pages see in practice. A (code, subcode) goes before a subcode
# alone, and that before a code alone. Code 2 often comes after the post was made all the same.
ERRORS: Mapping[tuple[int | None, int | None], type[PlatformApiError]] = {
    (1, None): NoAnswerError,
    (2, None): NoAnswerError,
    (3, None): PlatformConfigurationError,
    (4, None): RateLimitError,
    (10, None): InsufficientPermissionsError,
    (17, None): RateLimitError,
    (32, None): RateLimitError,
    (80001, None): RateLimitError,
    (613, None): RateLimitError,
    (341, None): RateLimitError,
    (100, 33): TokenExpiredError,
    (100, None): ContentRejectedError,
    (101, None): PlatformConfigurationError,
    (102, None): TokenExpiredError,
    (190, None): TokenExpiredError,
    (368, 1390008): RateLimitError,
    (368, 1404082): DuplicateContentError,
    (368, None): ContentRejectedError,
    (506, None): DuplicateContentError,
    (None, 1366051): DuplicateContentError,
    (None, 1366046): ContentRejectedError,
    (None, 1404078): InsufficientPermissionsError,
    (1500, None): ContentRejectedError,
    (1609005, None): ContentRejectedError,
}


def feed_form(post: Post, progress: Progress) -> dict[str, str]:
    # The answer of a write carries what `fields` asks for.
    form = {"fields": "id,permalink_url"}
    if post.text:
        form["message"] = post.text
    if link := post.options.get("link"):
        form["link"] = link
    if photo_ids := progress.handle.get("photo_ids"):
        form["attached_media"] = json.dumps([{"media_fbid": photo_id} for photo_id in photo_ids])
    return form


def page_facts(page: Mapping[str, Any]) -> DestinationFacts:
    token = page.get("access_token")
    return DestinationFacts(
        id=page["id"],
        name=page["name"],
        kind="page",
        can_publish=bool(token) and "CREATE_CONTENT" in page.get("tasks", []),
        token=Secret(token) if token else None,
    )


def _attached_ids(post: Mapping[str, Any]) -> Iterator[str]:
    for attachment in post.get("attachments", {}).get("data", []):
        for part in (attachment, *attachment.get("subattachments", {}).get("data", [])):
            if target := part.get("target", {}).get("id"):
                yield target


def _regained(answer: Answer) -> dt.datetime | None:
    """When the limit of the Page is over, by the header that tells it in minutes."""
    try:
        usage = json.loads(answer.headers["X-Business-Use-Case-Usage"])
        minutes = max(
            entry["estimated_time_to_regain_access"]
            for entries in usage.values()
            for entry in entries
        )
        return dt.datetime.now(tz=dt.UTC) + dt.timedelta(minutes=minutes) if minutes > 0 else None
    except (KeyError, ValueError, TypeError, AttributeError):
        return None


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0
