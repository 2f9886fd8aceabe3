"""URNs, LinkedIn's ids.

https://learn.microsoft.com/en-us/linkedin/shared/api-guide/concepts/urns
"""

from __future__ import annotations

from urllib.parse import quote

PERSON = "urn:li:person:"


def author_urn(account_id: str) -> str:
    """The id of an organization is stored as its URN, that of a person without the prefix."""
    return account_id if account_id.startswith("urn:") else f"{PERSON}{account_id}"


def is_member(author: str) -> bool:
    """Is the author a person? Otherwise it is an organization."""
    return author.startswith(PERSON)


def encoded(urn: str) -> str:
    """A URN as part of a URL: its colons are percent-encoded too."""
    return quote(urn, safe="")
