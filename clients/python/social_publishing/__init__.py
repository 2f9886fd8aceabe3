"""A client of the Social Publishing Service."""

from . import types
from .client import Client
from .transport import ApiError

__all__ = ["ApiError", "Client", "types"]
