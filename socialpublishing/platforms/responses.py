"""The boundary for misshapen responses.

A response may have another shape than the platform documents: no object, a list where
there should be a number, a field that is missing. The code that reads it then fails with a
KeyError or the like. Classes that read responses derive from `ReadsResponses`: what leaves their
public methods is a MalformedResponseError.
"""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from socialpublishing.errors import MalformedResponseError, SocialPublishingBaseError

logger = logging.getLogger(__name__)

# What Python raises when a value has another shape than the code expects.
MISSHAPEN = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError)

Params = ParamSpec("Params")
ResultT = TypeVar("ResultT")


class ReadsResponses:
    """Its public methods, and those of its subclasses, raise errors of ours alone.

    A generator is guarded where a public method consumes it, not by itself.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name, member in list(vars(cls).items()):
            if inspect.isfunction(member) and not name.startswith("_"):
                setattr(cls, name, _with_boundary(member))


def _with_boundary(method: Callable[Params, ResultT]) -> Callable[Params, ResultT]:
    @functools.wraps(method)
    def guarded(*args: Params.args, **kwargs: Params.kwargs) -> ResultT:
        try:
            return method(*args, **kwargs)
        except SocialPublishingBaseError:  # some of them are ValueErrors too
            raise
        except MISSHAPEN as error:
            platform = getattr(args[0], "name", "")
            # With its traceback: it may also be a bug of ours.
            logger.exception(
                "%s cannot read a response", method.__qualname__, extra={"platform": platform}
            )
            raise MalformedResponseError(platform=platform) from error

    return guarded


def as_text(value: Any) -> str:
    """A string of a response, or a number as one: at most 500 characters. Else empty."""
    is_one = isinstance(value, str | int) and not isinstance(value, bool)
    return str(value)[:500] if is_one else ""
