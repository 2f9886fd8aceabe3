"""Requests that a platform sends to us: a person has removed our app there, or wants data erased.

A second, smaller contract of an App, for platforms that send such requests.
"""

from __future__ import annotations

import abc
import datetime as dt

from socialpublishing.errors import SocialPublishingBaseError


class CallbackRefusedError(SocialPublishingBaseError):
    """The request does not come from the platform, or not for this app."""

    code = "invalid_request"
    sentence = "signed_request is not a message of the platform that is signed for this app."


class SendsCallbacks(abc.ABC):
    @abc.abstractmethod
    def person_of_callback(self, signed_request: str, now: dt.datetime) -> str:
        """The id of the person, as our app knows it. Raises CallbackRefusedError."""
