"""Creates old posts of an account, as if it had posted for months, to test analyses with."""

import dataclasses
import datetime as dt
from collections.abc import Sequence

from socialpublishing.sandbox import pages
from socialpublishing.sandbox.platform import Platform
from socialpublishing.sandbox.state import Account, Media, Post, State

# The sample files that posts of each kind contain.
KINDS = {
    "text": (),
    "image": ("harbour.jpg",),
    "gif": ("waves.gif",),
    "video": ("clip.mp4",),
    "carousel": ("harbour.jpg", "mountains.jpg", "bakery.jpg"),
    "document": ("document.pdf",),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class OldPost:
    """`kind` is one of KINDS. `metrics`, if given, never change."""

    created_at: dt.datetime
    text: str
    kind: str
    metrics: dict[str, int] | None


def plant(
    state: State, platform: Platform, account: Account, wanted: Sequence[OldPost]
) -> list[Post]:
    # Read each file once: a video takes long, and there may be two thousand posts with it.
    media_of_kind = {kind: _media(state, account, kind) for kind in {old.kind for old in wanted}}
    posts = []
    with state.lock:
        for old in wanted:
            at = old.created_at.timestamp()
            media = tuple(
                dataclasses.replace(each, id=state.new_id(0, at=at), created_at=at)
                for each in media_of_kind[old.kind]
            )
            post = platform.plant(state, account, old.text, media, at)
            post.metrics = old.metrics
            post.is_planted = True
            for each in media:
                state.media[platform.name, each.id] = each
            state.add_post(post)
            posts.append(post)
    return posts


def _media(state: State, account: Account, kind: str) -> list[Media]:
    return [
        state.complete_media(
            Media(platform=account.platform, id="", account_id=account.id, created_at=0, name=name),
            (pages.HERE / "samples" / name).read_bytes(),
        )
        for name in KINDS[kind]
    ]
