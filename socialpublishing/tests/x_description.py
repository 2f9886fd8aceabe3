"""X's own OpenAPI description, in two generations that are judged by as one.

Until 2.166 the parameters and fields of posts had other names than since 2.167, and X takes both. A
read is judged by the description whose names it uses; all else by the newer one.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

from socialpublishing.tests.openapi import Description, described

PROBLEMS = "https://api.x.com/2/problems/"
# The newer description leaves these out, which X answers all the same.
OLD_PROBLEMS = {"credits", "usage-capped", "client-forbidden", "unsupported-authentication"}


class XDescription:
    """Used as Description is. OAuth's calls are not described, so they are not looked at."""

    def check_request(self, method: str, url: str, body: Any) -> None:
        if _is_described(url):
            is_old = "tweet.fields" in parse_qs(urlsplit(url).query)
            _generation(is_old).check_request(method, url, body)

    def check_response(self, method: str, url: str, status: int, response: Any) -> None:
        """An answer may be in other names than its question."""
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
        # Or it is one of the shapes that X answers and describes nowhere.


def _is_described(url: str) -> bool:
    return "/twitter/2/" in url and "/oauth2/" not in url


def _generation(is_old: bool) -> Description:
    return described("x-2.166" if is_old else "x", "/twitter")
