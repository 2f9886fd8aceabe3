"""The pages for people: the feed, the index, and the files that both show."""

import colorsys
import functools
import hashlib
import mimetypes
from pathlib import Path

from django.http import Http404, HttpResponse, HttpResponseBase
from django.urls import path
from django.utils.html import format_html

from socialpublishing.sandbox import files, oauth, pages
from socialpublishing.sandbox.cards import card
from socialpublishing.sandbox.http import SandboxRequest, View, by_method, json_response
from socialpublishing.sandbox.register import PLATFORMS

POSTS_SHOWN = 100
SAMPLES = {file.name: file for file in sorted((pages.HERE / "samples").iterdir())}
STYLE = pages.HERE / "static" / "sandbox.css"

MAGIC_WORDS = {
    "[sandbox:429]": "The platform responds with 429. Any status from 400 to 599 is possible.",
    "[sandbox:500 once]": "The same, but only the first time that this text is sent.",
    "[sandbox:drop_before]": "The connection is closed, and no post is created.",
    "[sandbox:drop_after]": "The post is created, then the connection is closed.",
    "[sandbox:malformed]": "The post is created, but only half of the response arrives.",
    "[sandbox:slow]": "The response takes five seconds.",
    "[sandbox:reject]": "The platform refuses the content.",
}
CONTROL_CALLS = {
    "GET /control/posts[?platform=&history=true&deleted=true]": "lists the posts that the"
    " public can see",
    "GET /control/calls[?platform=]": "lists the requests to the platforms",
    "POST /control/accounts": "{platform, username, name, scopes, …} creates an account with"
    " tokens, or changes the named fields of the account with this username",
    "POST /control/faults": "{platform, method, path, action, value, times} plans a failure",
    "GET, DELETE /control/faults": "lists the planned failures; removes them",
    "POST /control/tokens/expire": "{account_id, refresh} expires an account's tokens",
    "POST /control/clock": "{advance_seconds} moves the sandbox's clock forward",
    "GET, POST /control/settings": "settings: duplicates, delays, names of fields",
    "POST /control/history": "{platform, account_id, posts: [{created_at, text, kind, metrics}]}"
    " creates old posts of an account",
    "GET /control/audience?platform=&account_id=": "the model behind the account's metrics",
    "DELETE /control/state": "resets the sandbox",
}


def index(request: SandboxRequest) -> HttpResponse:
    clients = [
        (platform, oauth.client_id(platform.name), request.state.accounts(platform.name))
        for platform in PLATFORMS.values()
    ]
    context = {
        "clients": clients,
        "client_secret": oauth.CLIENT_SECRET,
        "magic_words": MAGIC_WORDS.items(),
        "control_calls": CONTROL_CALLS.items(),
        "samples": [(name, _mime_type(name).partition("/")[0]) for name in SAMPLES],
        "post_count": len(request.state.public_posts()),
    }
    return pages.render(request, "index.html", context)


def feed(request: SandboxRequest, platform: str = "") -> HttpResponse:
    if platform and platform not in PLATFORMS:
        raise Http404
    now = request.state.now()
    posts = request.state.public_posts(platform, limit=POSTS_SHOWN)
    context = {
        "platforms": PLATFORMS.values(),
        "platform": platform,
        "is_live": "live" in request.GET,
        "cards": [card(post, now) for post in posts],
    }
    return pages.render(request, "feed.html", context)


def media(request: SandboxRequest, sha256: str) -> HttpResponseBase:
    blob = request.state.blobs.get(sha256)
    if blob is None:
        raise Http404
    return files.send(request, blob.open, size=blob.size, sha256=sha256, mime_type=blob.mime_type)


def sample(request: SandboxRequest, name: str) -> HttpResponseBase:
    file = SAMPLES.get(name)
    if file is None:
        raise Http404
    return files.send(
        request,
        lambda: file.open("rb"),
        size=file.stat().st_size,
        sha256=_sha256(file),
        mime_type=_mime_type(name),
    )


def _mime_type(name: str) -> str:
    return str(mimetypes.guess_type(name)[0])


@functools.cache
def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def style(request: SandboxRequest) -> HttpResponse:
    return _file(STYLE.read_bytes(), "text/css; charset=utf-8", max_age_s=60)


def avatar(request: SandboxRequest, platform: str, name: str) -> HttpResponse:
    """The account's initials on its own colour. X adds sizes: `…_normal.svg`, `…_400x400.svg`."""
    account = request.state.account(platform, name.removesuffix(".svg").partition("_")[0])
    if account is None:
        raise Http404
    hue = hashlib.sha256(account.id.encode()).digest()[0] / 256
    colours = [
        "#{:02x}{:02x}{:02x}".format(
            *(int(part * 255) for part in colorsys.hls_to_rgb(h, light, 0.6))
        )
        for h, light in ((hue, 0.62), ((hue + 0.12) % 1, 0.42))
    ]
    initials = "".join(word[0] for word in account.name.split()[:2]).upper()
    svg = format_html(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 96" width="400" height="400">'
        '<defs><linearGradient id="g" x2="1" y2="1"><stop stop-color="{}"/>'
        '<stop offset="1" stop-color="{}"/></linearGradient></defs>'
        '<rect width="96" height="96" fill="url(#g)"/>'
        '<text x="48" y="60" font-family="sans-serif" font-size="36" font-weight="600" fill="#fff"'
        ' text-anchor="middle">{}</text></svg>',
        *colours,
        initials,
    )
    return _file(svg.encode(), "image/svg+xml")


def favicon(request: SandboxRequest) -> HttpResponse:
    return _file(FAVICON.encode(), "image/svg+xml")


FAVICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
    '<rect width="32" height="32" rx="8" fill="#e8a33d"/>'
    '<path d="M7 22c4-9 7-9 9-4s5 4 9-6" stroke="#fff" stroke-width="3.5" fill="none"'
    ' stroke-linecap="round"/></svg>'
)


def _file(data: bytes, mime_type: str, *, max_age_s: int = 86400) -> HttpResponse:
    headers = {
        **pages.HEADERS,
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cache-Control": f"max-age={max_age_s}",
    }
    return HttpResponse(data, content_type=mime_type, headers=headers)


def _not_allowed() -> HttpResponse:
    return json_response(
        {"code": "method_not_allowed", "detail": "These pages are read only."}, 405
    )


def _get(view: View) -> View:
    return by_method(_not_allowed, GET=view)


urlpatterns = [
    path("", _get(index)),
    path("feed", _get(feed)),
    path("feed/<str:platform>", _get(feed)),
    path("media/<str:sha256>", _get(media)),
    path("samples/<str:name>", _get(sample)),
    path("avatars/<str:platform>/<str:name>", _get(avatar)),
    path("sandbox.css", _get(style)),
    path("favicon.ico", _get(favicon)),
]
