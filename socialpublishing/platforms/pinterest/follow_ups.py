"""The deletion of Pins: https://developers.pinterest.com/docs/api/v5/pins-delete, read 2026-11-28.

Pinterest has no requests for comments.
"""

from __future__ import annotations

from http import HTTPStatus

from socialpublishing.errors import PlatformApiError
from socialpublishing.platforms.base import Platform
from socialpublishing.platforms.follow_ups import TAKE_DOWN, TakeDown


class PinterestTakeDown(TakeDown[Platform]):
    @classmethod
    def scopes(cls, *, at_destination: bool) -> frozenset[str]:
        return frozenset({"pins:write"})

    def delete(self, post_id: str) -> None:
        try:
            self.client.http.call("DELETE", f"/v5/pins/{post_id}", needs_json=False)
        except PlatformApiError as error:
            if error.status_code != HTTPStatus.NOT_FOUND:
                raise


FOLLOW_UPS = {TAKE_DOWN: PinterestTakeDown}
