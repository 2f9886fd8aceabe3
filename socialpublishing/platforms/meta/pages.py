"""The Pages of a person: from three lists, because none of them is complete.

`me/accounts` leaves out Pages of business portfolios; the portfolios leave out those that somebody
else shares; the token itself names all that were chosen at the consent, and no more than their ids.
https://developers.facebook.com/docs/graph-api/reference/user/accounts, read 2026-11-27; that
`me/accounts` may be empty although Pages were chosen is known from several public reports.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from socialpublishing.errors import InsufficientPermissionsError, PlatformApiError
from socialpublishing.platforms.meta.errors import number
from socialpublishing.platforms.meta.paging import following_params, items_of, read_list
from socialpublishing.platforms.responses import MISSHAPEN

if TYPE_CHECKING:
    from socialpublishing.platforms.meta.client import FacebookLoginClient

logger = logging.getLogger(__name__)

MAX_PAGES = 5000
# https://developers.facebook.com/docs/graph-api/batch-requests. (`?ids=` is closed to new uses
# since v27.0.)
BATCH_FROM, BATCH, MAX_SINGLE = 4, 50, 10
# Pages of today's kind have the names with PROFILE_PLUS:
# https://github.com/facebook/facebook-business-sdk-codegen, Page__AssignedUsers, 2026-11-27.
PUBLISHING_TASKS = frozenset(
    {
        "CREATE_CONTENT",
        "MANAGE",
        "PROFILE_PLUS_CREATE_CONTENT",
        "PROFILE_PLUS_FULL_CONTROL",
        "PROFILE_PLUS_MANAGE",
    }
)
INSIGHTS_TASKS = frozenset({"ANALYZE", "PROFILE_PLUS_ANALYZE", "PROFILE_PLUS_FULL_CONTROL"})

Page = Mapping[str, Any]


def has_task(page: Page, tasks: frozenset[str]) -> bool:
    """May the person do one of `tasks`? True where the response does not list the person's."""
    own = page.get("tasks")
    return not isinstance(own, list) or any(task in tasks for task in own)


def pages_of_person(client: FacebookLoginClient, fields: str) -> list[Page]:
    """The Pages that the person lets our app use, each once, with `fields` and `access_token`."""
    fields = ",".join(dict.fromkeys([*_split(fields), "access_token"]))
    pages = {page["id"]: page for page in _listed(client, fields)}
    for page in _if_possible("portfolios", lambda: _of_portfolios(client, fields)):
        pages.setdefault(page["id"], page)
    chosen = _if_possible("token", lambda: client.app.granted_ids(client.account.token))
    incomplete = {page_id for page_id, page in pages.items() if not page.get("access_token")}
    missing = sorted((set(chosen) - set(pages)) | incomplete)
    for page in _if_possible("pages", lambda: _one_by_one(client, missing, fields)):
        pages[page["id"]] = page
    return list(pages.values())


def _listed(client: FacebookLoginClient, fields: str) -> Iterator[Page]:
    def read(params: dict[str, str]) -> Any:
        return client.call_graph("GET", "/me/accounts", params=params)

    for items in read_list({"fields": fields}, read=read, max_items=MAX_PAGES, must_end=False):
        yield from items


def _of_portfolios(client: FacebookLoginClient, fields: str) -> Iterator[Page]:
    # `tasks` is no field of a Page: only me/accounts has it.
    inner = ",".join(name for name in _split(fields) if name != "tasks")
    edges = ("owned_pages", "client_pages")
    nested = ",".join(f"{edge}.limit(100){{{inner}}}" for edge in edges)

    def read(params: dict[str, str]) -> Any:
        return client.call_graph("GET", "/me/businesses", params=params)

    for items in read_list({"fields": nested}, read=read, max_items=MAX_PAGES, must_end=False):
        for business in items:
            for edge in edges:
                yield from _rest_of(client, business, edge, inner)


def _rest_of(
    client: FacebookLoginClient, business: Mapping[str, Any], edge: str, fields: str
) -> Iterator[Page]:
    """The Pages of a portfolio, read on where its first response ends."""
    first = business.get(edge)
    if first is None:
        return
    yield from items_of(first)
    params = following_params({"fields": fields}, first)
    if params is None:
        return

    def read(params: dict[str, str]) -> Any:
        return client.call_graph("GET", f"/{business['id']}/{edge}", params=params)

    for items in read_list(params, read=read, max_items=MAX_PAGES, must_end=False):
        yield from items


def _one_by_one(
    client: FacebookLoginClient, page_ids: Sequence[str], fields: str
) -> Iterator[Page]:
    """Pages by their ids, up to 50 in one request. One that cannot be read is left out."""
    for start in range(0, len(page_ids), BATCH):
        unread = list(page_ids[start : start + BATCH])
        # Some nodes do not know `tasks`, and fail the request for it.
        for names in (_split(fields), [name for name in _split(fields) if name != "tasks"]):
            query = ",".join(names)
            found = [page for page in _read(client, unread, query) if "id" in page]
            yield from found
            unread = sorted(set(unread) - {page["id"] for page in found})
            if not unread:
                break
        if unread:
            logger.warning("%s Pages cannot be read", len(unread), extra={"platform": client.name})


def _read(client: FacebookLoginClient, ids: Sequence[str], fields: str) -> list[Page]:
    """Each on its own, if they are few or no batch can be read."""
    if len(ids) >= BATCH_FROM and (
        pages := _if_possible("batch", lambda: _batch(client, ids, fields))
    ):
        return pages
    if len(ids) > MAX_SINGLE:
        return []
    return [
        page for each in ids for page in _if_possible("page", partial(_page, client, each, fields))
    ]


def _batch(client: FacebookLoginClient, ids: Sequence[str], fields: str) -> Iterator[Page]:
    requests = [{"method": "GET", "relative_url": f"{each}?fields={fields}"} for each in ids]
    form = {"batch": json.dumps(requests), "include_headers": "false"}
    for part in client.call_graph("POST", "/", data=form):
        # A part that took too long is null.
        if isinstance(part, dict) and number(part.get("code")) == 200:
            page = json.loads(part["body"])
            yield page if isinstance(page, dict) else {}


def _page(client: FacebookLoginClient, page_id: str, fields: str) -> list[Page]:
    return [client.call_graph("GET", f"/{page_id}", params={"fields": fields})]


def _if_possible(what: str, read: Callable[[], Iterable[Any]]) -> list[Any]:
    """What `read` returns. A person who may not read this list still has those of the others."""
    found: list[Any] = []
    try:
        found.extend(read())
    except (PlatformApiError, *MISSHAPEN) as error:
        # Without the permission for it, that is no surprise.
        is_expected = isinstance(error, InsufficientPermissionsError)
        logger.log(
            logging.INFO if is_expected else logging.WARNING,
            "the list %s cannot be read",
            what,
            extra={
                "error": type(error).__name__,
                "platform_code": getattr(error, "platform_code", ""),
                "platform_request_id": getattr(error, "request_id", ""),
            },
        )
    return found


def _split(fields: str) -> list[str]:
    """The names in `fields`, with what is in braces behind them."""
    names, depth = [""], 0
    for char in fields:
        depth += {"{": 1, "}": -1}.get(char, 0)
        if char == "," and depth == 0:
            names.append("")
        else:
            names[-1] += char
    return names
