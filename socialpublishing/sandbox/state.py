"""The sandbox's state: accounts, tokens, media and posts. It is in memory; keeping.py can keep it.

Code that reads and then writes must hold `State.lock`. Times are epoch seconds on the sandbox's
own clock, which tests can move forward.
"""

import bisect
import datetime as dt
import itertools
import random
import threading
import time
import weakref
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import filetype

from socialpublishing.sandbox.audience import Audience, audience_of
from socialpublishing.sandbox.blobs import Blob as Blob
from socialpublishing.sandbox.blobs import joined as joined
from socialpublishing.sandbox.faults import FaultPlan
from socialpublishing.sandbox.pictures import MIME_TYPES, Picture, read_picture
from socialpublishing.sandbox.videos import VideoFacts, read_video

CALLS_KEPT = 10_000
HEAD_BYTES = 8192  # enough to detect a file's type
MAX_PICTURE_BYTES = 64 * 1024 * 1024  # no platform accepts larger ones

# The default of a setting, and its choices, its largest number, or `str` for any text.
Setting = tuple[str, tuple[str, ...]] | tuple[float, float] | tuple[str, type[str]]

COMMON_SETTINGS: dict[str, Setting] = {
    "list_delay_seconds": (0, 86400.0),  # until listings contain a new post
    "read_delay_seconds": (0, 86400.0),  # until a new post can be read by its id
    "processing_seconds": (1, 86400.0),  # processing of a video or animation after its upload
}


@dataclass(kw_only=True, eq=False)
class Account:
    """A person, or a Page that the person `owner_id` manages."""

    platform: str
    id: str
    username: str
    name: str
    created_at: float
    owner_id: str = ""
    facts: dict[str, Any] = field(default_factory=dict)  # private to the platform's package


@dataclass(kw_only=True, eq=False)
class AuthorizationGrant:
    """What a person allowed the app at one consent. When it ends, its tokens become invalid."""

    account: Account
    scopes: set[str]
    declined: set[str] = field(default_factory=set)
    page_ids: tuple[str, ...] = ()
    has_ended: bool = False


@dataclass(kw_only=True, eq=False)
class Code:
    """An authorization code, issued by the consent page for the token endpoint."""

    value: str
    grant: AuthorizationGrant
    redirect_uri: str
    issued_at: float
    challenge: str = ""
    challenge_method: str = ""
    is_used: bool = False


@dataclass(kw_only=True, eq=False)
class Token:
    """`account` is the grant's person, or one of that person's Pages."""

    value: str
    kind: str
    grant: AuthorizationGrant
    account: Account
    issued_at: float
    expires_at: float | None
    is_revoked: bool = False


@dataclass(kw_only=True, eq=False)
class Media:
    """A file, or an upload in parts. `sha256` is empty until it is complete."""

    platform: str
    id: str
    account_id: str
    created_at: float
    expires_at: float | None = None
    category: str = ""
    name: str = ""  # of its file, where a platform shows it
    promised_bytes: int = 0
    parts: dict[int, Blob] = field(default_factory=dict)
    # `State.complete_media` sets the following, up to `video_facts`.
    kind: str = "image"  # or "gif" (if it is animated), "video", "document" (anything else)
    mime_type: str = ""
    sha256: str = ""
    size_bytes: int = 0
    blob: Blob | None = None
    picture: Picture | None = None
    video_facts: VideoFacts | None = None
    alt_text: str = ""
    ready_at: float = 0.0
    post_id: str = ""  # of the post that uses it, where only one post can
    facts: dict[str, Any] = field(default_factory=dict)  # private to the platform's package

    @property
    def width(self) -> int:
        """In pixels; 0 if unknown."""
        visual = self.picture or self.video_facts
        return visual.width if visual else 0

    @property
    def height(self) -> int:
        visual = self.picture or self.video_facts
        return visual.height if visual else 0


@dataclass(kw_only=True, eq=False)
class Comment:
    id: str
    account: Account
    text: str
    created_at: float


@dataclass(kw_only=True, eq=False)
class Post:
    """`text` is the text as sent; `facts` holds what the platform derived from it."""

    platform: str
    id: str
    account: Account
    text: str
    created_at: float
    path: str  # of its page, below the platform's root
    media: tuple[Media, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    # Sent besides text and media, under the platform's names; GET /control/posts returns it.
    details: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, int] | None = None  # fixed values; None: computed from the audience
    is_public: bool = True
    deleted_at: float | None = None
    # Where a comment is no post of its own, as a reply is.
    comments: list[Comment] = field(default_factory=list)
    is_planted: bool = False  # created by POST /control/history, not by a publish request

    @property
    def is_deleted(self) -> bool:
        return self.deleted_at is not None

    @property
    def is_visible(self) -> bool:
        return self.is_public and not self.is_deleted


class State:
    """All data of a sandbox. `seed` adds the built-in accounts to an empty state."""

    def __init__(
        self, seed: Callable[["State"], None], known_settings: Mapping[str, Setting]
    ) -> None:
        self.lock = threading.RLock()
        self.known_settings = known_settings
        self._seed = seed
        self._last_tick = 0
        self.changes = 0  # grows with each request that may have changed something
        self.on_reset: Callable[[], None] | None = None
        self.reset()

    def reset(self) -> None:
        with self.lock:
            self._make_empty()
            self._seed(self)
        if self.on_reset:
            self.on_reset()

    def _make_empty(self) -> None:
        with self.lock:
            self.advanced_seconds = 0.0
            self.settings = {name: default for name, (default, _) in self.known_settings.items()}
            self.faults = FaultPlan()
            self.calls: deque[dict[str, Any]] = deque(maxlen=CALLS_KEPT)
            self.codes: dict[str, Code] = {}
            self.tokens: dict[str, Token] = {}
            self.rates: dict[tuple[str, str], tuple[float, int]] = {}
            self.media: dict[tuple[str, str], Media] = {}
            # By their SHA-256, as long as a media object refers to them.
            self.blobs: weakref.WeakValueDictionary[str, Blob] = weakref.WeakValueDictionary()
            self.posts: dict[tuple[str, str], Post] = {}
            self._accounts: dict[tuple[str, str], Account] = {}
            self._tokens_of: defaultdict[tuple[str, str], list[Token]] = defaultdict(list)
            self._posts_of: defaultdict[tuple[str, str], list[Post]] = defaultdict(list)

    # --- For a file (keeping.py) ---

    def snapshot(self, at_most: int) -> dict[str, Any]:
        """What `restore` needs, with the newest `at_most` tokens, media and posts.

        Without codes, planned faults, the list of requests and the counts of rate limits.
        """
        return {
            "advanced_seconds": self.advanced_seconds,
            "settings": dict(self.settings),
            "accounts": list(self._accounts.values()),
            "tokens": _newest(self.tokens, at_most),
            "media": _newest(self.media, at_most),
            "posts": _newest(self.posts, at_most),
        }

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        with self.lock:
            self._make_empty()
            self.advanced_seconds = snapshot["advanced_seconds"]
            self.settings = dict(snapshot["settings"])
            for account in snapshot["accounts"]:
                self.add_account(account)
            self.media = dict(snapshot["media"])
            for value, token in snapshot["tokens"]:
                self.tokens[value] = token
                self._tokens_of[token.account.platform, token.account.id].append(token)
            for _, post in snapshot["posts"]:
                self.add_post(post)
            for media in _media_in(snapshot):
                # The oldest files may have been left out.
                if media.blob and media.blob.sha256 == media.sha256:
                    self.blobs[media.sha256] = media.blob

    def blobs_in(self, snapshot: Mapping[str, Any]) -> Iterator[Blob]:
        """Those of uploads in progress, then those of complete files, newest first."""
        media = list(_media_in(snapshot))
        for each in media:
            yield from each.parts.values()
        yield from (each.blob for each in reversed(media) if each.blob)

    # --- Time, settings and ids ---

    def now(self) -> float:
        return time.time() + self.advanced_seconds

    def setting(self, name: str) -> Any:
        return self.settings[name]

    def new_id(self, epoch_ms: int, at: float | None = None) -> str:
        """A unique number that grows with time, as X's snowflakes do.

        It is unique across restarts too, because clients may store it. `epoch_ms` is the start of
        the platform's own epoch. `at` is a time in the past, for planted posts.
        """
        if at is not None:
            return str((int(at * 1000) - epoch_ms << 22) + random.getrandbits(22))
        with self.lock:
            tick = (int(self.now() * 1000) << 22) + random.getrandbits(22)
            self._last_tick = max(tick, self._last_tick + 1)
            return str(self._last_tick - (epoch_ms << 22))

    # --- Accounts and tokens ---

    def add_account(self, account: Account) -> Account:
        self._accounts[account.platform, account.id] = account
        return account

    def remove_account(self, account: Account) -> None:
        """Its tokens become invalid."""
        del self._accounts[account.platform, account.id]
        for token in self.tokens_of(account):
            token.is_revoked = True

    def account(self, platform: str, account_id: str) -> Account | None:
        return self._accounts.get((platform, account_id))

    def accounts(self, platform: str, *, owner_id: str = "") -> list[Account]:
        """Oldest first. Without `owner_id` persons only, with it only that person's Pages."""
        return [
            account
            for account in list(self._accounts.values())
            if account.platform == platform and account.owner_id == owner_id
        ]

    def accounts_with_id(self, account_id: str) -> list[Account]:
        """Accounts of all platforms, and Pages."""
        return [account for account in list(self._accounts.values()) if account.id == account_id]

    def mint(
        self,
        kind: str,
        grant: AuthorizationGrant,
        value: str,
        *,
        lifetime_s: float | None,
        account: Account,
    ) -> Token:
        now = self.now()
        token = Token(
            value=value,
            kind=kind,
            grant=grant,
            account=account,
            issued_at=now,
            expires_at=None if lifetime_s is None else now + lifetime_s,
        )
        with self.lock:
            self.tokens[value] = token
            self._tokens_of[account.platform, account.id].append(token)
        return token

    def tokens_of(self, account: Account) -> list[Token]:
        return list(self._tokens_of[account.platform, account.id])

    def is_live(self, token: Token) -> bool:
        is_expired = token.expires_at is not None and token.expires_at <= self.now()
        return not (is_expired or token.is_revoked or token.grant.has_ended)

    # --- Media and posts ---

    def complete_media(self, media: Media, data: bytes | Blob) -> Media:
        """Set the content of `media` and the properties read from it; return `media`.

        `picture` and `video_facts` both stay None if the file is neither, or is broken.
        """
        blob = Blob.of(data)
        mime_type = filetype.guess_mime(blob.head(HEAD_BYTES)) or "application/octet-stream"
        if mime_type in MIME_TYPES and blob.size <= MAX_PICTURE_BYTES:
            media.picture = read_picture(blob.read())
            media.kind = "gif" if media.picture and media.picture.is_animated else "image"
        elif mime_type.startswith("video/"):
            with blob.open() as file:
                media.video_facts = read_video(file)
            media.kind = "video"
        else:
            media.kind = "document"
        blob.mime_type = media.mime_type = mime_type
        media.blob = self.blobs.setdefault(blob.sha256, blob)
        media.sha256 = blob.sha256
        media.size_bytes = blob.size
        media.parts.clear()
        return media

    def add_media(self, media: Media, data: bytes | Blob) -> None:
        """Complete `media` with its content and add it to the state."""
        self.media[media.platform, media.id] = self.complete_media(media, data)

    def add_post(self, post: Post) -> None:
        self.posts[post.platform, post.id] = post
        posts = self._posts_of[post.platform, post.account.id]
        bisect.insort(posts, post, key=lambda each: each.created_at)

    def audience(self, account: Account) -> Audience:
        return audience_of(account.id)

    def posts_of(self, account: Account) -> Iterator[Post]:
        """Newest first, including deleted and unpublished posts."""
        return reversed(self._posts_of[account.platform, account.id])

    def public_posts(
        self,
        platform: str = "",
        *,
        limit: int | None = None,
        with_planted: bool = False,
        with_deleted: bool = False,
    ) -> list[Post]:
        """The posts that the public can see, newest first."""
        posts = list(self.posts.values())
        if with_planted:
            posts.sort(key=lambda post: post.created_at)
        visible = (
            post
            for post in reversed(posts)
            if (post.is_visible or (with_deleted and post.is_deleted))
            and platform in ("", post.platform)
            and (with_planted or not post.is_planted)
        )
        return list(itertools.islice(visible, limit))

    def delete(self, post: Post) -> None:
        post.deleted_at = self.now()

    def is_listed(self, post: Post) -> bool:
        return post.is_visible and self._is_older(post, self.setting("list_delay_seconds"))

    def listed_comments(self, post: Post) -> list[Comment]:
        """Oldest first."""
        delay = self.setting("list_delay_seconds")
        return [each for each in post.comments if self._is_older(each, delay)]

    def replies_to(self, post: Post) -> list[Post]:
        """Where a comment is a post of its own, oldest first."""
        return [
            each
            for each in list(self.posts.values())
            if each.facts.get("replied_to") is post and each.is_visible
        ]

    def is_readable(self, post: Post) -> bool:
        return not post.is_deleted and self._is_older(post, self.setting("read_delay_seconds"))

    def _is_older(self, each: Post | Comment, seconds: float) -> bool:
        return self.now() >= each.created_at + seconds


def _newest(rows: Mapping[Any, Any], at_most: int) -> list[tuple[Any, Any]]:
    return list(rows.items())[-at_most:] if at_most else []


def _media_in(snapshot: Mapping[str, Any]) -> Iterator[Media]:
    yield from (media for _, media in snapshot["media"])
    for _, post in snapshot["posts"]:
        yield from post.media


def as_time(epoch_seconds: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(epoch_seconds, dt.UTC)


def old_post(
    state: State, account: Account, text: str, media: tuple[Media, ...], created_at: float
) -> Post:
    """A post created at `created_at`, for platforms that keep no facts about posts."""
    post_id = state.new_id(0, at=created_at)
    return Post(
        platform=account.platform,
        id=post_id,
        account=account,
        text=text,
        created_at=created_at,
        path=f"/{account.id}/posts/{post_id}",
        media=media,
    )
