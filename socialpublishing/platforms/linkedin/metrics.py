"""Metrics of posts at LinkedIn: the whole history of organizations, only known posts of members.

https://learn.microsoft.com/en-us/linkedin/marketing/community-management/organizations/share-statistics
https://learn.microsoft.com/en-us/linkedin/marketing/community-management/members/post-statistics
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from socialpublishing.errors import InsufficientPermissionsError
from socialpublishing.platforms.linkedin import little_text
from socialpublishing.platforms.linkedin.lists import elements_of
from socialpublishing.platforms.linkedin.matching import created_at
from socialpublishing.platforms.linkedin.urns import encoded, is_member
from socialpublishing.platforms.metrics import (
    Metrics,
    MetricsNotAvailableError,
    MetricsReader,
    PastPost,
)

if TYPE_CHECKING:
    from socialpublishing.platforms.linkedin import LinkedIn  # noqa: F401  named in a string

BATCH = 50  # URNs in one URL
# Our name for a number → LinkedIn's `queryType`.
MEMBER_METRICS = {
    "impressions": "IMPRESSION",
    "reach": "MEMBERS_REACHED",
    "likes": "REACTION",
    "comments": "COMMENT",
    "shares": "RESHARE",
}


class LinkedInMetrics(MetricsReader["LinkedIn"]):
    # For a member, each post takes a request for each of its numbers.
    posts_at_a_time = 20

    def history(self, *, since: dt.datetime, limit: int) -> list[PastPost]:
        if is_member(self.client.author):
            raise MetricsNotAvailableError(
                "LinkedIn does not let services read the posts of members, only those of "
                "organizations; posts that were published here still count."
            )
        listed: list[dict[str, Any]] = []
        for posts in self.client.posts_since(since):
            listed += posts
            if len(listed) >= limit:
                break
        newest = sorted(listed, key=created_at, reverse=True)[:limit]
        metrics = self.metrics([post["id"] for post in newest])
        # LinkedIn leaves out posts that nobody has seen.
        unseen = Metrics(impressions=0, reach=0)
        return [past_post(post, metrics.get(post["id"], unseen)) for post in newest]

    def metrics(self, remote_ids: Sequence[str]) -> Mapping[str, Metrics]:
        if is_member(self.client.author):
            return {urn: self._of_member(urn) for urn in remote_ids}
        metrics: dict[str, Metrics] = {}
        for kind, parameter in (("share", "shares"), ("ugcPost", "ugcPosts")):
            urns = [urn for urn in remote_ids if urn.startswith(f"urn:li:{kind}:")]
            for start in range(0, len(urns), BATCH):
                metrics |= self._of_organization(kind, parameter, urns[start : start + BATCH])
        return metrics

    def _of_organization(
        self, kind: str, parameter: str, urns: Sequence[str]
    ) -> dict[str, Metrics]:
        # Not by `params`: the brackets of a Rest.li list are not encoded, the URNs in it are.
        encoded_urns = ",".join(map(encoded, urns))
        elements = self._read(
            "/rest/organizationalEntityShareStatistics?q=organizationalEntity"
            f"&organizationalEntity={encoded(self.client.author)}&{parameter}=List({encoded_urns})",
            needed="rw_organization_admin, and the member must be administrator of the Page",
        )
        return {element[kind]: statistics(element["totalShareStatistics"]) for element in elements}

    def _of_member(self, urn: str) -> Metrics:
        kind = "share" if ":share:" in urn else "ugc"
        counts = {}
        for name, query_type in MEMBER_METRICS.items():
            elements = self._read(
                f"/rest/memberCreatorPostAnalytics?q=entity&entity=({kind}:{encoded(urn)})"
                f"&queryType={query_type}&aggregation=TOTAL",
                needed="r_member_postAnalytics (LINKEDIN_OPTIONAL_SCOPES)",
            )
            counts[name] = sum(element["count"] for element in elements) if elements else None
        return Metrics(**counts)

    def _read(self, path: str, *, needed: str) -> list[dict[str, Any]]:
        try:
            return elements_of(self.client.http.get(path))
        except InsufficientPermissionsError as error:
            raise MetricsNotAvailableError(
                f"LinkedIn does not show these numbers to this connection. It needs {needed}."
            ) from error


def past_post(listed: Mapping[str, Any], metrics: Metrics) -> PastPost:
    return PastPost(
        id=listed["id"],
        published_at=created_at(listed),
        text=little_text.read(listed.get("commentary", "")),
        kind=kind_of(listed.get("content") or {}),
        metrics=metrics,
    )


def statistics(data: Mapping[str, Any]) -> Metrics:
    return Metrics(
        impressions=data.get("impressionCount"),
        reach=data.get("uniqueImpressionsCount"),
        likes=data.get("likeCount"),
        comments=data.get("commentCount"),
        shares=data.get("shareCount"),
        clicks=data.get("clickCount"),
    )


def kind_of(content: Mapping[str, Any]) -> str:
    """The kind of a post, from its `content`, which has one key at most."""
    if "multiImage" in content:
        return "carousel"
    urn = str(content.get("media", {}).get("id", ""))
    for kind in ("image", "video", "document"):
        if urn.startswith(f"urn:li:{kind}:"):
            return kind
    return next(iter(content), "text")
