"""X's own OpenAPI description, in two versions used as one.

Version 2.167 renamed the parameters and fields of posts, and X accepts both names. A read is
checked against the version whose names it uses, everything else against the newer one.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

from socialpublishing.tests.openapi import Description, described

PROBLEMS = "https://api.x.com/2/problems/"
# X still returns these, but the newer description leaves them out.
OLD_PROBLEMS = {"credits", "usage-capped", "client-forbidden", "unsupported-authentication"}


class XDescription:
    """Has the interface of Description. OAuth requests are not described, so not checked."""

    def check_request(self, method: str, url: str, body: Any) -> None:
        if _is_described(url):
            is_old = "tweet.fields" in parse_qs(urlsplit(url).query)
            _generation(is_old).check_request(method, url, body)

    def check_response(self, method: str, url: str, status: int, response: Any) -> None:
        """A response may use other names than its request."""
        if not _is_described(url) or response is ...:
            return
        if status >= 400:
            self._check_refusal(method, url, status, response)
            return
        data = json.dumps(response)
        is_old = method == "GET" and "_post_ids" not in data and "_tweet_ids" in data
        _generation(is_old).check_response(method, url, status, response)

    def _check_refusal(self, method: str, url: str, status: int, response: Any) -> None:
        kind = response.get("type", "") if isinstance(response, dict) else ""
        if kind.startswith(PROBLEMS) and kind.removeprefix(PROBLEMS) not in OLD_PROBLEMS:
            _generation(is_old=False).check_response(method, url, status, response)
        elif kind:
            _generation(is_old=True).check_value("Problem", response)
        # Without a type it is an error format that X does not describe.


def _is_described(url: str) -> bool:
    return "/twitter/2/" in url and "/oauth2/" not in url


def _generation(is_old: bool) -> Description:
    return described("x-2.166" if is_old else "x", "/twitter")
