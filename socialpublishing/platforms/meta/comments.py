"""Comments and deletions by the Graph API.

https://developers.facebook.com/docs/graph-api/reference/object/comments and
https://developers.facebook.com/docs/instagram-platform/instagram-graph-api/reference/ig-media,
read 2026-11-28.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

from socialpublishing.errors import (
    InsufficientPermissionsError,
    MediaNotReadyError,
    PlatformApiError,
)
from socialpublishing.http import PlatformResponse
from socialpublishing.platforms.follow_ups import FirstComment, TakeDown, is_same_text
from socialpublishing.platforms.meta.client import NOT_FOUND, GraphClient
from socialpublishing.platforms.meta.errors import read_graph_publishing_error
from socialpublishing.platforms.meta.paging import read_list

GraphT = TypeVar("GraphT", bound=GraphClient)
MAX_COMMENTS = 1000
# A new post may not take comments at once.
NOT_VISIBLE_PAUSE = dt.timedelta(seconds=20)


class GraphFirstComment(FirstComment[GraphT]):
    # The field of a listed comment with its text, and the parameters of the list.
    text_field: ClassVar[str]
    time_field: ClassVar[str]
    list_params: ClassVar[Mapping[str, str]]

    def create(self, post_id: str, text: str) -> Any:
        # With `fields`, Instagram creates the comment and responds with an error.
        response = self.client.call_graph(
            "POST", f"/{post_id}/comments", data={"message": text}, read_error=self._read_error
        )
        return response["id"]

    def _read_error(self, response: PlatformResponse) -> PlatformApiError:
        client = self.client
        error = client.read_error(response)
        if error.platform_code == NOT_FOUND:
            return MediaNotReadyError(
                f"{client.label} does not show the post yet, or takes no comments on it.",
                wait=NOT_VISIBLE_PAUSE,
                uses_attempt=True,
                platform_code=error.platform_code,
                request_id=error.request_id,
            )
        return read_graph_publishing_error(response, error, label=client.label)

    def find(self, post_id: str, text: str, since: dt.datetime) -> str | None:
        """By text and time. The author may be named by another id than that of the account, so a
        comparison could hide our comment, which would then be made twice."""
        pages = read_list(
            dict(self.list_params),
            read=lambda params: self.client.call_graph(
                "GET", f"/{post_id}/comments", params=params
            ),
            max_items=MAX_COMMENTS,
        )
        for page in pages:
            for comment in page:
                is_new = is_recent(comment.get(self.time_field), since)
                if is_new and is_same_text(comment.get(self.text_field), text):
                    found: str = comment["id"]
                    return found
        return None


class GraphTakeDown(TakeDown[GraphT]):
    def delete(self, post_id: str) -> None:
        try:
            self.client.call_graph("DELETE", f"/{post_id}")
        except PlatformApiError as error:
            # Facebook has one error for an object that is gone and one that it does not delete.
            if error.platform_code != NOT_FOUND:
                raise
            if self._exists(post_id):
                raise InsufficientPermissionsError(
                    f"{self.client.label} does not let this connection delete the post: {error}",
                    platform_code=error.platform_code,
                    request_id=error.request_id,
                ) from error

    def _exists(self, post_id: str) -> bool:
        try:
            self.client.call_graph("GET", f"/{post_id}", params={"fields": "id"})
        except PlatformApiError as error:
            if error.platform_code == NOT_FOUND:
                return False
            raise
        return True


def is_recent(time: object, since: dt.datetime) -> bool:
    """Is a time of the Graph API at or after `since`? Yes if it is missing."""
    if not isinstance(time, str):
        return True
    return dt.datetime.strptime(time, "%Y-%m-%dT%H:%M:%S%z") >= since
