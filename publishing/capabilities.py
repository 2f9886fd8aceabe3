"""What the platforms take, as a page to read. Made from the register, so it cannot go stale."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from socialpublishing.limits import forms
from socialpublishing.platforms import PLATFORMS
from socialpublishing.platforms.base import Platform

TESTS = "publishing/tests/test_every_kind.py"


PAGE = f"""\
# What goes out where

Made by `./run manage platforms --write` from the register of platforms; a test fails when this page
is not what the command makes. Each test publishes through the API to the sandbox and compares text,
bytes (SHA-256) and alt texts; all are in `{TESTS}`.

## Kinds of posts

| Platform | `post_type` | Carries | Text | Options | Test |
|---|---|---|---|---|---|
{{kinds}}

## Options

| Platform | Option | What it does | Test |
|---|---|---|---|
{{options}}
"""


def table() -> str:
    """A page of Markdown: each platform's kinds of post and options, each with its test."""
    return PAGE.format(kinds="\n".join(_kinds()), options="\n".join(_options()))


def checked_dates() -> list[tuple[dt.date, str, str, str]]:
    """(day, platform, post type, source) of each table of limits, the oldest first."""
    return sorted(
        (kind.checked, platform.name, kind.name, kind.source)
        for platform in PLATFORMS.values()
        for kind in platform.capabilities.post_types
    )


def _kinds() -> Iterator[str]:
    for platform in PLATFORMS.values():
        for kind in platform.capabilities.post_types:
            options = ", ".join(f"`{name}`" for name in sorted(kind.options)) or "none"
            text = f"{kind.max_text:,} {kind.text_unit}"
            for form in forms(kind):
                test = f"`test_goes_out_as_written[{platform.name}-{kind.name}-{form.name}]`"
                cells = (platform.label, kind.name, form.name, text, options, test)
                yield f"| {' | '.join(cells)} |"


def _options() -> Iterator[str]:
    for platform in PLATFORMS.values():
        for name in platform.options.examples:
            if name != "post_type":
                test = f"`test_option_is_seen[{platform.name}-{name}]`"
                yield f"| {platform.label} | `{name}` | {_about(platform, name)} | {test} |"


def _about(platform: type[Platform], option: str) -> str:
    return str(platform.options().fields[option].help_text)
