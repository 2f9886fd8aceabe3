"""Insights of a post: `GET /{post}/insights`, or the field `insights` of a list of posts.

https://developers.facebook.com/docs/graph-api/reference/insights
"""

import re
from collections.abc import Iterable
from typing import Any

from django.http import HttpResponse

from socialpublishing.sandbox.audience import metrics_of
from socialpublishing.sandbox.facebook.errors import graph_error, invalid, missing_object
from socialpublishing.sandbox.facebook.login import NAME, authorized_token, can_see
from socialpublishing.sandbox.http import EarlyResponse, SandboxRequest, json_response, split_names
from socialpublishing.sandbox.state import Post, Token

# The metrics that Meta still supports for posts.
METRICS = {
    "post_media_view": "impressions",
    "post_total_media_view_unique": "reach",
    "post_clicks": "clicks",
    "post_reactions_like_total": "likes",
}


INSIGHTS_FIELD = re.compile(r"\binsights(?:\.metric\(([^()]*)\))?")


def insights(request: SandboxRequest, node_id: str) -> HttpResponse:
    """`GET /{post}/insights`. One unsupported metric fails the request."""
    token = authorized_token(request, "read_insights")
    post = request.state.posts.get((NAME, node_id))
    if post is None or not can_see(token, post.account.id):
        raise EarlyResponse(missing_object("get", node_id))
    names = _checked_metrics(token, str(request.params.get("metric", "")))
    return json_response(insights_of(request, post, names))


def metrics_in_fields(request: SandboxRequest, token: Token) -> list[str]:
    """The metrics of `fields=insights.metric(…)`: a list then has the insights of each post."""
    match = INSIGHTS_FIELD.search(str(request.params["fields"]))
    return _checked_metrics(token, (match and match[1]) or "")


def _checked_metrics(token: Token, requested: str) -> list[str]:
    if "read_insights" not in token.grant.scopes:
        raise EarlyResponse(graph_error(10, "(#10) This endpoint requires 'read_insights'"))
    tasks = token.account.facts.get("tasks") or ()
    if {"ANALYZE", "PROFILE_PLUS_ANALYZE", "PROFILE_PLUS_FULL_CONTROL"}.isdisjoint(tasks):
        raise EarlyResponse(graph_error(200, "(#200) The task ANALYZE is needed on the Page"))
    if not requested:
        raise EarlyResponse(graph_error(3001, "Param metric is required", subcode=1504028))
    names = split_names(requested)
    if not METRICS.keys() >= set(names):
        raise invalid("The value must be a valid insights metric")
    return names


def insights_of(request: SandboxRequest, post: Post, names: Iterable[str]) -> dict[str, Any]:
    values = metrics_of(post, request.state.now())
    data = [
        {
            "name": name,
            "period": "lifetime",
            "values": [{"value": values[METRICS[name]]}],
            "title": name,
            "description": "",
            "id": f"{post.id}/insights/{name}/lifetime",
        }
        for name in names
    ]
    return {"data": data}
