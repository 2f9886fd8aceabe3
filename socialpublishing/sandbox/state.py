"""What the sandbox holds to be true: accounts, tokens, media and posts. In memory, and only there.

Whoever reads and then writes holds `State.lock`. Times are epoch seconds on the sandbox's own
clock, which tests can move.
"""

import datetime as dt
import hashlib
import itertools
import random
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from socialpublishing.sandbox.faults import FaultPlan
from socialpublishing.sandbox.pictures import Picture, read_picture

CALLS_KEPT = 10_000


@dataclass(kw_only=True, eq=False)
class Account:
    """One who can post: a person, or a Page that the person `owner_id` runs."""

    platform: str
    id: str
    username: str
    name: str
    created_at: float
    owner_id: str = ""
    facts: dict[str, Any] = field(default_factory=dict)  # the platform module's own


@dataclass(kw_only=True, eq=False)
class Grant:
    """What a person allowed the app at one consent. Tokens point at it and die with it."""

    account: Account
    scopes: set[str]
    declined: set[str] = field(default_factory=set)
    page_ids: tuple[str, ...] = ()
    has_ended: bool = False


@dataclass(kw_only=True, eq=False)
class Code:
    """An authorization code on its way from the consent page to the token endpoint."""

    value: str
    grant: Grant
    redirect_uri: str
    issued_at: float
    challenge: str = ""
    challenge_method: str = ""
    is_used: bool = False


@dataclass(kw_only=True, eq=False)
class Token:
    """`account` is whom it speaks for: the grant's person, or one of that person's Pages."""

    value: str
    kind: str
    grant: Grant
    account: Account
    issued_at: float
    expires_at: float | None
    is_revoked: bool = False


@dataclass(kw_only=True, eq=False)
class Media:
    """A picture, perhaps still arriving in parts. `sha256` is empty until it is complete."""

    platform: str
    id: str
    account_id: str
    created_at: float
    expires_at: float | None = None
    category: str = ""
    promised_bytes: int = 0
    parts: dict[int, bytes] = field(default_factory=dict)
    sha256: str = ""
    size_bytes: int = 0
    picture: Picture | None = None
    alt_text: str = ""
    ready_at: float = 0.0
    post_id: str = ""  # of the post that shows it, where a picture can be shown only once

    @property
    def kind(self) -> str:
        return "gif" if self.picture and self.picture.is_animated else "image"


@dataclass(kw_only=True, eq=False)
class Post:
    """`text` is what was sent; what the platform made of it is among `facts`."""

    platform: str
    id: str
    account: Account
    text: str
    created_at: float
    path: str  # of its page, below the platform's root
    media: tuple[Media, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    is_public: bool = True
    is_deleted: bool = False

    @property
    def is_visible(self) -> bool:
        return self.is_public and not self.is_deleted


@dataclass(kw_only=True)
class Settings:
    """Switches of POST /control/settings."""

    facebook_duplicates: str = "off"
    twitter_names: str = "asked"
    list_delay_seconds: float = 0  # until a new post shows in listings
    read_delay_seconds: float = 0  # until a new post can be read by its id
    processing_seconds: float = 1  # that an animation is processed after its upload


class State:
    """Everything there is. `seed` puts the built-in accounts into an empty state."""

    def __init__(self, seed: Callable[["State"], None]) -> None:
        self.lock = threading.RLock()
        self._seed = seed
        self._last_tick = 0
        self.reset()

    def reset(self) -> None:
        with self.lock:
            self.advanced_seconds = 0.0
            self.settings = Settings()
            self.faults = FaultPlan()
            self.calls: deque[dict[str, Any]] = deque(maxlen=CALLS_KEPT)
            self.codes: dict[str, Code] = {}
            self.tokens: dict[str, Token] = {}
            self.rates: dict[tuple[str, str], tuple[float, int]] = {}
            self.media: dict[tuple[str, str], Media] = {}
            self.blobs: dict[str, tuple[str, bytes]] = {}
            self.posts: dict[tuple[str, str], Post] = {}
            self._accounts: dict[tuple[str, str], Account] = {}
            self._tokens_of: defaultdict[tuple[str, str], list[Token]] = defaultdict(list)
            self._posts_of: defaultdict[tuple[str, str], list[Post]] = defaultdict(list)
            self._seed(self)

    # --- Time and names ---

    def now(self) -> float:
        return time.time() + self.advanced_seconds

    def new_id(self, epoch_ms: int) -> str:
        """A number that grows with time, as X's snowflakes do, and never comes twice.

        Not even after a restart: who calls us may keep it in a database. `epoch_ms` is when the
        platform began to count.
        """
        with self.lock:
            tick = (int(self.now() * 1000) << 22) + random.getrandbits(22)
            self._last_tick = max(tick, self._last_tick + 1)
            return str(self._last_tick - (epoch_ms << 22))

    # --- Accounts and what they allowed ---

    def add_account(self, account: Account) -> Account:
        self._accounts[account.platform, account.id] = account
        return account

    def account(self, platform: str, account_id: str) -> Account | None:
        return self._accounts.get((platform, account_id))

    def accounts(self, platform: str, *, owner_id: str = "") -> list[Account]:
        """Oldest first; Pages only when their owner is named."""
        return [
            account
            for account in list(self._accounts.values())
            if account.platform == platform and account.owner_id == owner_id
        ]

    def accounts_with_id(self, account_id: str) -> list[Account]:
        """On any platform; Pages too."""
        return [account for account in list(self._accounts.values()) if account.id == account_id]

    def mint(
        self, kind: str, grant: Grant, value: str, *, lifetime_s: float | None, account: Account
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

    def keep(self, media: Media, data: bytes) -> None:
        """Complete `media` with its bytes. `media.picture` stays None if they are no picture."""
        media.sha256 = hashlib.sha256(data).hexdigest()
        media.size_bytes = len(data)
        media.picture = read_picture(data)
        media.parts.clear()
        mime_type = media.picture.mime_type if media.picture else "application/octet-stream"
        self.blobs[media.sha256] = mime_type, data
        self.media[media.platform, media.id] = media

    def add_post(self, post: Post) -> None:
        self.posts[post.platform, post.id] = post
        self._posts_of[post.platform, post.account.id].append(post)

    def posts_of(self, account: Account) -> Iterator[Post]:
        """Newest first, deleted and unpublished ones too."""
        return reversed(self._posts_of[account.platform, account.id])

    def public_posts(self, platform: str = "", *, limit: int | None = None) -> list[Post]:
        """What a visitor of the platforms sees, newest first."""
        visible = (
            post
            for post in reversed(list(self.posts.values()))
            if post.is_visible and platform in ("", post.platform)
        )
        return list(itertools.islice(visible, limit))

    def is_listed(self, post: Post) -> bool:
        return post.is_visible and self._is_older(post, self.settings.list_delay_seconds)

    def is_readable(self, post: Post) -> bool:
        return not post.is_deleted and self._is_older(post, self.settings.read_delay_seconds)

    def _is_older(self, post: Post, seconds: float) -> bool:
        return self.now() >= post.created_at + seconds


def as_time(epoch_seconds: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(epoch_seconds, dt.UTC)
