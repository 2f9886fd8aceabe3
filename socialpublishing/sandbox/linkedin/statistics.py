"""Statistics of posts: an organization's in one request, a member's one metric at a time.

https://learn.microsoft.com/en-us/linkedin/marketing/community-management/organizations/share-statistics
https://learn.microsoft.com/en-us/linkedin/marketing/community-management/members/post-statistics
"""

import re
from typing import Any
from urllib.parse import unquote

from django.http import HttpResponse

from socialpublishing.sandbox.audience import metrics_of
from socialpublishing.sandbox.http import SandboxRequest, json_response
from socialpublishing.sandbox.linkedin.errors import denied, invalid
from socialpublishing.sandbox.linkedin.login import NAME, requires_token
from socialpublishing.sandbox.linkedin.urns import account_of, urn_of
from socialpublishing.sandbox.state import Account, AuthorizationGrant, Post

WINDOW_S = 365 * 86400
# Rest.li's own notation: brackets and commas are literal, the items between them are encoded.
LIST = re.compile(r"List\((?P<items>[^():]*)\)")
ENTITY = re.compile(r"\((?P<kind>share|ugc):(?P<urn>[^():,]+)\)")
METRICS = {
    "IMPRESSION": "impressions",
    "MEMBERS_REACHED": "reach",
    "REACTION": "likes",
    "COMMENT": "comments",
    "RESHARE": "shares",
    "LINK_CLICKS": "clicks",
    "POST_SAVE": "saves",
}
# Before this version, metricType was an object.
STRING_TYPE_SINCE = "202605"


@requires_token("rw_organization_admin", "r_organization_admin")
def of_organization(request: SandboxRequest, grant: AuthorizationGrant) -> HttpResponse:
    query = _raw_query(request)
    if query.get("q") != "organizationalEntity":
        raise invalid("ILLEGAL_ARGUMENT", "The finder is not supported.")
    organization = account_of(request.state, unquote(query.get("organizationalEntity", "")))
    if organization is None or organization.owner_id != grant.account.id:
        raise denied("Not enough permissions to access: organizationalEntityShareStatistics")
    if organization.facts["role"] != "ADMINISTRATOR":
        raise denied("The member is not an administrator of the organization.")
    now = request.state.now()
    posts = [
        post
        for post in request.state.posts_of(organization)
        if not post.is_deleted and post.created_at > now - WINDOW_S
    ]
    requested = [name for name in ("shares", "ugcPosts") if name in query]
    if not requested:
        return json_response(_page([_element(request, organization, posts)]))
    if len(requested) > 1:
        raise invalid("ILLEGAL_ARGUMENT", "shares and ugcPosts exclude each other.")
    [name] = requested
    kind = "share" if name == "shares" else "ugcPost"
    by_urn = {post.id: post for post in posts}
    elements = [
        {**_element(request, organization, [by_urn[urn]]), kind: urn}
        for urn in _urns(name, query[name], kind)
        # LinkedIn leaves out posts that nobody has seen yet.
        if urn in by_urn and metrics_of(by_urn[urn], now)["impressions"]
    ]
    return json_response(_page(elements))


def _urns(name: str, value: str, kind: str) -> list[str]:
    urn_list = LIST.fullmatch(value)
    if urn_list is None:
        raise invalid("ILLEGAL_ARGUMENT", f"The parameter {name} is not a List(…) of URNs.")
    urns = [unquote(urn) for urn in urn_list["items"].split(",") if urn]
    if any(not urn.startswith(f"urn:li:{kind}:") for urn in urns):
        raise invalid("INVALID_URN_TYPE", f"Not all of {name} are of type {kind}.")
    return urns


def _raw_query(request: SandboxRequest) -> dict[str, str]:
    """The query parameters, still percent-encoded."""
    pairs = request.META.get("QUERY_STRING", "").split("&")
    return {name: value for name, _, value in (pair.partition("=") for pair in pairs)}


def _page(elements: list[dict[str, Any]]) -> dict[str, Any]:
    return {"paging": {"start": 0, "count": 10, "links": []}, "elements": elements}


def _element(request: SandboxRequest, organization: Account, posts: list[Post]) -> dict[str, Any]:
    now = request.state.now()
    counts = [metrics_of(post, now) for post in posts]

    def total(name: str) -> int:
        return sum(count[name] for count in counts)

    engaged = sum(total(name) for name in ("likes", "comments", "shares", "clicks"))
    return {
        "organizationalEntity": urn_of(organization),
        "totalShareStatistics": {
            "impressionCount": total("impressions"),
            "uniqueImpressionsCount": total("reach"),
            "clickCount": total("clicks"),
            "likeCount": total("likes"),
            "commentCount": total("comments"),
            "shareCount": total("shares"),
            "engagement": engaged / max(total("impressions"), 1),
        },
    }


@requires_token("r_member_postAnalytics")
def of_member(request: SandboxRequest, grant: AuthorizationGrant) -> HttpResponse:
    query = _raw_query(request)
    metric = query.get("queryType", "")
    if query.get("q") != "entity":
        raise invalid("ILLEGAL_ARGUMENT", "The finder is not supported.")
    if metric not in METRICS:
        raise invalid("ILLEGAL_ARGUMENT", "queryType is not an enum symbol.")
    if query.get("aggregation", "TOTAL") != "TOTAL":
        raise invalid("ILLEGAL_ARGUMENT", f"{metric} of a post is available in total only.")
    entity = ENTITY.fullmatch(query.get("entity", ""))
    if entity is None:
        raise invalid("ILLEGAL_ARGUMENT", "entity is not (share:…) or (ugc:…).")
    urn = unquote(entity["urn"])
    post = request.state.posts.get((NAME, urn))
    kind = "share" if entity["kind"] == "share" else "ugcPost"
    if post is None or post.is_deleted or not urn.startswith(f"urn:li:{kind}:"):
        raise invalid("ILLEGAL_ARGUMENT", "There is no such post.")
    if post.account is not grant.account:
        raise denied("The member is not the author of the post.")
    metric_type: object = metric
    if request.headers["LinkedIn-Version"] < STRING_TYPE_SINCE:
        name = "com.linkedin.adsexternalapi.memberanalytics.v1.CreatorPostAnalyticsMetricTypeV1"
        metric_type = {name: metric}
    return json_response(
        _page(
            [
                {
                    "count": metrics_of(post, request.state.now())[METRICS[metric]],
                    "metricType": metric_type,
                    "targetEntity": {entity["kind"]: urn},
                }
            ]
        )
    )
