"""What TikTok lets a creator choose for a direct post.

https://developers.tiktok.com/docs/en/content-posting-api-reference-query-creator-info
TikTok's audit requires that forms show it:
https://developers.tiktok.com/docs/en/content-sharing-guidelines, read 2026-11-27.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from socialpublishing.errors import Violation
from socialpublishing.platforms.posting_options import Choice, PostingOptions
from socialpublishing.platforms.tiktok.payloads import PRIVATE, PUBLIC, is_draft, is_video
from socialpublishing.posts import Post

PRIVACY_LEVELS: Mapping[str, str] = {
    PUBLIC: "Everyone",
    "MUTUAL_FOLLOW_FRIENDS": "Friends",
    "FOLLOWER_OF_CREATOR": "Followers",
    PRIVATE: "Only you",
}
INTERACTIONS = ("comment", "duet", "stitch")
NEEDS_PRIVATE_ACCOUNT = (
    "TikTok has not audited this service yet: it posts to private accounts only. Switch on "
    '"Private account" in TikTok\'s app, or send a draft.'
)


def offered_to(creator: Mapping[str, Any], *, is_audited: bool) -> PostingOptions:
    """What `creator`, a response of TikTok, may choose. We accept only levels that we know.

    An app that TikTok has not audited posts to private accounts, visible to the creator alone.
    """
    levels = [each for each in creator["privacy_level_options"] if each in PRIVACY_LEVELS]
    must_be_private = not is_audited and PUBLIC in levels
    switched_off = [f"disable_{each}" for each in INTERACTIONS if creator.get(f"{each}_disabled")]
    seconds, avatar = creator.get("max_video_post_duration_sec"), creator.get("creator_avatar_url")
    return PostingOptions(
        can_post=not must_be_private,
        reason=NEEDS_PRIVATE_ACCOUNT if must_be_private else "",
        display_name=str(creator.get("creator_nickname") or creator["creator_username"]),
        avatar_url=avatar if isinstance(avatar, str) else "",
        choices={
            "privacy_level": [
                Choice(value=each, label=PRIVACY_LEVELS[each])
                for each in levels
                if is_audited or each == PRIVATE
            ],
            **{each: [Choice(value=True, label="Switched off")] for each in switched_off},
        },
        disabled=tuple(switched_off),
        max_duration_s=int(seconds) if seconds else None,
    )


def offer_violations(post: Post, offered: PostingOptions) -> Iterator[Violation]:
    """Rules that a direct `post` breaks by what is offered. A draft is completed in the app."""
    if is_draft(post):
        return
    yield from _privacy_violations(post, offered)
    yield from _interaction_violations(post, offered)
    yield from _duration_violations(post, offered)


def _privacy_violations(post: Post, offered: PostingOptions) -> Iterator[Violation]:
    levels = [choice.value for choice in offered.choices.get("privacy_level", ())]
    level = post.options.get("privacy_level")
    if levels and level is not None and level not in levels:
        yield Violation(
            rule="privacy_level",
            limit=levels,
            actual=level,
            message=f"TikTok lets this creator post to {', '.join(levels)}, and not to {level}.",
            fix="Choose one of those.",
        )


def _interaction_violations(post: Post, offered: PostingOptions) -> Iterator[Violation]:
    for interaction in INTERACTIONS if is_video(post) else ("comment",):
        option = f"disable_{interaction}"
        if option in offered.disabled and post.options.get(option) is False:
            yield Violation(
                rule="interaction_disabled",
                limit=True,
                actual=False,
                message=f"The creator has switched off {interaction}s at TikTok: {option} has to "
                "be true.",
                fix=f"Set {option} to true.",
            )


def _duration_violations(post: Post, offered: PostingOptions) -> Iterator[Violation]:
    longest = offered.max_duration_s
    seconds = post.media[0].duration_s if is_video(post) else None
    # TikTok names whole seconds: a fraction more is not refused here.
    if longest and seconds and int(seconds) > longest:
        yield Violation(
            rule="media_duration",
            limit=longest,
            actual=round(seconds, 3),
            message=f"TikTok accepts videos of up to {longest} seconds from this creator; this one "
            f"has {seconds:g}.",
            fix="Cut it to length.",
        )
