"""Business portfolios and their Pages, and several requests in one.

https://developers.facebook.com/docs/graph-api/reference/user/businesses and
https://developers.facebook.com/docs/graph-api/batch-requests
"""

import json
import re
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from django.http import HttpResponse

from socialpublishing.sandbox.facebook import reading
from socialpublishing.sandbox.facebook.errors import invalid, missing_object
from socialpublishing.sandbox.facebook.fields import pick, requested_fields
from socialpublishing.sandbox.facebook.login import NAME, authorized_token
from socialpublishing.sandbox.facebook.nodes import page_node
from socialpublishing.sandbox.facebook.paging import paged
from socialpublishing.sandbox.http import EarlyResponse, SandboxRequest, json_response
from socialpublishing.sandbox.state import Account, Token

MAX_BATCH = 50
EDGES = {"owned_pages": "owned", "client_pages": "client"}
NESTED = re.compile(
    r"(owned_pages|client_pages)(?:\.limit\((\d+)\))?\{([^{}]*(?:\{[^{}]*\})?[^{}]*)\}"
)


def business_id(person: Account) -> str:
    return f"9{person.id}"


def businesses(request: SandboxRequest, node_id: str) -> HttpResponse:
    """`GET /me/businesses`, with the Pages of each if `fields` names their edges."""
    token = authorized_token(request, "business_management")
    if token.kind != "user" or node_id not in ("me", token.account.id):
        raise EarlyResponse(missing_object("get", node_id))
    node: dict[str, Any] = {"id": business_id(token.account), "name": f"{token.account.name} Ltd"}
    for edge, limit, fields in NESTED.findall(str(request.params.get("fields", ""))):
        found = _pages(request, token, edge)
        shown, names = found[: int(limit or 25)], _names(fields)
        if not shown:
            continue
        node[edge] = {
            "data": [pick(_node(request, token, page), names) for page in shown],
            "paging": {"cursors": {"after": shown[-1].id}},
        }
        if len(found) > len(shown):
            base = f"{request.base_url}/{NAME}/v27.0/{node['id']}/{edge}"
            node[edge]["paging"]["next"] = f"{base}?after={shown[-1].id}"
    listed = [node] if any(_pages(request, token, edge) for edge in EDGES) else []
    return json_response({"data": listed})


def pages(request: SandboxRequest, node_id: str, edge: str) -> HttpResponse:
    """`GET /{business}/owned_pages` and `/client_pages`. `after` may be a Page's id."""
    token = authorized_token(request, "business_management")
    if node_id != business_id(token.account):
        raise EarlyResponse(missing_object("get", node_id))
    found = _pages(request, token, edge)
    ids = [page.id for page in found]
    if (after := request.params.get("after")) in ids:
        found = found[ids.index(str(after)) + 1 :]
        request.params["after"] = ""
    requested = requested_fields(request, "PAGE", "name,id")
    return paged(
        request,
        [(page.id, page) for page in found],
        lambda page: pick(_node(request, token, page), requested),
    )


def _pages(request: SandboxRequest, token: Token, edge: str) -> list[Account]:
    found = [request.state.account(NAME, page_id) for page_id in token.grant.page_ids]
    return [page for page in found if page and page.facts["listed"] == EDGES[edge]]


def _node(request: SandboxRequest, token: Token, page: Account) -> dict[str, Any]:
    """These edges do not report the person's tasks."""
    node = page_node(request, token, page)
    del node["tasks"]
    return node


def _names(fields: str) -> dict[str, Any]:
    return {name.partition("{")[0]: {} for name in fields.split(",") if name}


def batch(request: SandboxRequest) -> HttpResponse:
    """`POST /`: up to 50 reads of nodes, each with its own status and body."""
    authorized_token(request)
    try:
        parts = json.loads(str(request.params.get("batch", "")))
    except ValueError as error:
        raise invalid("Param batch must be a JSON array") from error
    if not isinstance(parts, list) or len(parts) > MAX_BATCH:
        raise invalid(f"Param batch must have at most {MAX_BATCH} requests")
    return json_response([_part(request, part) for part in parts])


def _part(request: SandboxRequest, part: Any) -> dict[str, Any]:
    url = urlsplit(str(part["relative_url"]))
    kept = dict(request.params)
    request.params.clear()
    request.params.update({**dict(parse_qsl(url.query))})
    try:
        response = reading.read(request, url.path.strip("/"))
    except EarlyResponse as early:
        response = early.response
    finally:
        request.params.clear()
        request.params.update(kept)
    return {"code": response.status_code, "body": response.content.decode()}
