"""Reads the environment. A value that cannot be read is refused with one sentence that names it.

An empty value counts as not set, so that a line of `.env` may be left empty.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

BOOLEANS = {"true": True, "yes": True, "on": True, "1": True}
BOOLEANS |= {"false": False, "no": False, "off": False, "0": False}


class Environment:
    """Each method raises ImproperlyConfigured without the value, which may be a secret."""

    def __call__(self, name: str, default: str | None = None) -> str:
        value = os.environ.get(name) or default
        if value is None:
            raise ImproperlyConfigured(f"{name} is not set; .env.example explains it.")
        return value

    def bool(self, name: str, *, default: bool) -> bool:
        try:
            return BOOLEANS[self(name, str(default)).strip().lower()]
        except KeyError:
            raise ImproperlyConfigured(f"{name} must be true or false.") from None

    def int(self, name: str, *, default: int) -> int:
        try:
            return int(self(name, str(default)))
        except ValueError:
            raise ImproperlyConfigured(f"{name} must be a whole number.") from None

    def float(self, name: str, *, default: float) -> float:
        try:
            return float(self(name, str(default)))
        except ValueError:
            raise ImproperlyConfigured(f"{name} must be a number.") from None

    def choice(self, name: str, choices: Sequence[str], *, default: str) -> str:
        """One of `choices`, in their spelling."""
        value = self(name, default).strip().casefold()
        for choice in choices:
            if choice.casefold() == value:
                return choice
        raise ImproperlyConfigured(f"{name} must be one of: {', '.join(choices)}.")

    def list(self, name: str, *, default: Sequence[str]) -> list[str]:
        """The texts between commas, without spaces around them."""
        return [word for part in self(name, ",".join(default)).split(",") if (word := part.strip())]

    def database(self, name: str, *, default: str) -> dict[str, Any]:
        """Django's settings for a URL; a driver suffix, as in postgresql+asyncpg, is dropped."""
        scheme, _, rest = self(name, default).partition("://")
        scheme = scheme.partition("+")[0]
        try:
            if scheme not in {"sqlite", "postgresql", "postgres"}:
                raise ValueError(scheme)
            return dict(environ.Env.db_url_config(f"{scheme}://{rest}"))
        except ValueError:
            raise ImproperlyConfigured(
                f"{name} must be sqlite:///PATH or postgresql://USER:PASSWORD@HOST:5432/NAME, with "
                "special characters percent-encoded."
            ) from None


def read_env_file(path: str | os.PathLike[str]) -> None:
    """Read a file of variables; those that are set already win. Without a file, nothing is read."""
    environ.Env.read_env(path)
