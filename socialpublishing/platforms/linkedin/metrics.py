"""What LinkedIn tells of posts: of organizations all, of members only numbers of known posts.

https://learn.microsoft.com/en-us/linkedin/marketing/community-management/organizations/share-statistics
https://learn.microsoft.com/en-us/linkedin/marketing/community-management/members/post-statistics
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from socialpublishing.platforms.linkedin import little_text
from socialpublishing.platforms.linkedin.matching import made_at
from socialpublishing.platforms.linkedin.payloads import author_urn
from socialpublishing.platforms.metrics import (
    Metrics,
    MetricsNotAvailableError,
    MetricsReader,
    PastPost,
)

if TYPE_CHECKING:
    from socialpublishing.platforms.linkedin import LinkedIn  # noqa: F401  named in a string

BATCH = 50  # URNs in one address
MEMBERS_METRICS = {
    "impressions": "IMPRESSION",
    "reach": "MEMBERS_REACHED",
    "likes": "REACTION",
    "comments": "COMMENT",
    "shares": "RESHARE",
}


class LinkedInMetrics(MetricsReader["LinkedIn"]):
    posts_at_a_time = 20  # five calls each, for a member's

    @property
    def _author(self) -> str:
        return author_urn(self.client.account.id)

    @property
    def _is_member(self) -> bool:
        return self._author.startswith("urn:li:person:")

    def history(self, *, since: dt.datetime, limit: int) -> list[PastPost]:
        if self._is_member:
            raise MetricsNotAvailableError(
                "LinkedIn does not let services read the posts of members, only those of "
                "organizations; posts that were published here still count."
            )
        found: list[dict[str, Any]] = []
        path = f"/rest/posts?author={quote(self._author, safe='')}&q=author"
        for page in self.client.pages(path):
            found += [post for post in page if made_at(post) >= since]
            if len(found) >= limit or (page and max(map(made_at, page)) < since):
                break
        found = sorted(found, key=made_at, reverse=True)[:limit]
        metrics = self.metrics([post["id"] for post in found])
        return [
            PastPost(
                id=post["id"],
                published_at=made_at(post),
                text=little_text.read(post.get("commentary", "")),
                kind=kind_of(post.get("content") or {}),
                # Of a post that nobody has seen nothing is told.
                metrics=metrics.get(post["id"], Metrics(impressions=0, reach=0)),
            )
            for post in found
        ]

    def metrics(self, remote_ids: Sequence[str]) -> Mapping[str, Metrics]:
        if self._is_member:
            return {urn: self._of_member(urn) for urn in remote_ids}
        data: dict[str, Metrics] = {}
        for kind, parameter in (("share", "shares"), ("ugcPost", "ugcPosts")):
            urns = [urn for urn in remote_ids if urn.startswith(f"urn:li:{kind}:")]
            for start in range(0, len(urns), BATCH):
                data |= self._of_organization(kind, parameter, urns[start : start + BATCH])
        return data

    def _of_organization(
        self, kind: str, parameter: str, urns: Sequence[str]
    ) -> dict[str, Metrics]:
        # By hand: the brackets of a Rest.li list stay as they are, the URNs in it are encoded.
        listed = ",".join(quote(urn, safe="") for urn in urns)
        response = self.client.http.get(
            "/rest/organizationalEntityShareStatistics?q=organizationalEntity"
            f"&organizationalEntity={quote(self._author, safe='')}&{parameter}=List({listed})"
        )
        return {
            element[kind]: statistics(element["totalShareStatistics"])
            for element in response["elements"]
        }

    def _of_member(self, urn: str) -> Metrics:
        """One call for each number: that is how LinkedIn tells them."""
        kind = "share" if ":share:" in urn else "ugc"
        counts = {}
        for name, metric in MEMBERS_METRICS.items():
            response = self.client.http.get(
                f"/rest/memberCreatorPostAnalytics?q=entity&entity=({kind}:{quote(urn, safe='')})"
                f"&queryType={metric}&aggregation=TOTAL"
            )
            counts[name] = sum(element["count"] for element in response["elements"])
        return Metrics(**counts)


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
    if "multiImage" in content:
        return "carousel"
    urn = str(content.get("media", {}).get("id", ""))
    for kind in ("image", "video", "document"):
        if urn.startswith(f"urn:li:{kind}:"):
            return kind
    return next(iter(content), "text")
