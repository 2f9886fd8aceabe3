"""The Graph API's `fields` language: `id,picture{url},comments.limit(0).summary(true)`.

https://developers.facebook.com/docs/graph-api/overview#fields
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from socialpublishing.sandbox.facebook.errors import invalid
from socialpublishing.sandbox.http import SandboxRequest

Fields = dict[str, "Fields"]

# Any other field fails the request.
KNOWN_FIELDS: dict[str, list[str]] = json.loads(
    Path(__file__).with_name("known_fields.json").read_text("utf-8")
)
MAX_DEPTH = 8
_TOKEN = re.compile(r"\s*(?:(?P<name>\w+)(?:\.\w+\([^()]*\))*|(?P<sign>[{},]))\s*")


def requested_fields(request: SandboxRequest, kind: str, usual: str) -> Fields:
    """The request's `fields`, or the usual ones.

    `kind` is one of KNOWN_FIELDS. Raises EarlyResponse for a field that its nodes do not have.
    """
    requested = parse(str(request.params.get("fields") or usual))
    for name in requested:
        if name not in KNOWN_FIELDS[kind]:
            raise invalid(
                f"Tried accessing nonexisting field ({name}) on node type ({kind.title()})"
            )
    return requested


def parse(text: str) -> Fields:
    """Names, each with the names inside its braces. Modifiers such as `.limit(0)` are ignored."""
    root: Fields = {}
    stack, last, at = [root], "", 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            raise invalid("Syntax error in fields")
        at = token.end()
        if name := token["name"]:
            last = name
            stack[-1].setdefault(name, {})
        elif token["sign"] == "{" and last and len(stack) < MAX_DEPTH:
            stack.append(stack[-1][last])
            last = ""
        elif token["sign"] == "}" and len(stack) > 1:
            stack.pop()
            last = ""
        elif token["sign"] != ",":
            raise invalid("Syntax error in fields")
    return root


def pick(node: dict[str, Any], requested: Fields) -> dict[str, Any]:
    """The fields of `node` that `requested` names, and its id. Missing fields are left out."""
    picked = {name: _inside(node[name], inner) for name, inner in requested.items() if name in node}
    return picked | ({"id": node["id"]} if "id" in node else {})


def _inside(value: Any, requested: Fields) -> Any:
    """Reduce a nested object, or each object of a list, to `requested`; if empty, keep all."""
    if not requested:
        return value
    if isinstance(value, list):
        return [_inside(item, requested) for item in value]
    if not isinstance(value, dict):
        return value
    if "data" in value:
        return {**value, "data": _inside(value["data"], requested)}
    return {name: _inside(value[name], inner) for name, inner in requested.items() if name in value}
