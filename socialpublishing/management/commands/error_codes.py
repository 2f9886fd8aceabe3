"""Writes docs/error-codes.md from the table in socialpublishing/codes.py."""

from argparse import ArgumentParser
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from socialpublishing.codes import CODES, WARNINGS

FILE = Path(settings.BASE_DIR) / "docs" / "error-codes.md"
PAGE = """# Error codes

Written by `./run manage error_codes --write` from `socialpublishing/codes.py`; a test fails if this
page is not current. The list is closed: the API returns no other codes.

## Error responses

Every error response of the API is a JSON object with `code`, for programs, and `detail`, a sentence
for people. Some have `violations` (each with `message` and, for a platform's limits, `fix`) or
`retry_after` (seconds). Those of status 500 and above have the `request_id` to find in the log.

| Status | Code | Meaning |
|---|---|---|
{responses}

## Codes of jobs

The `error_code` of a job gives the reason of its status. Besides these codes, a job can have one
of the codes above, such as that of an asset that cannot be used.

| Code | Meaning |
|---|---|
{jobs}

## Warnings

A post with a warning is published all the same. `POST /publishing/validate` and jobs list them.

| Code | Meaning |
|---|---|
{warnings}
"""


def page() -> str:
    """The page in Markdown: error responses by status, then the codes of jobs."""
    responses = sorted(
        (public.status, code, public.as_response) for code, public in CODES.items() if public.status
    )
    jobs = sorted((code, public.on_job) for code, public in CODES.items() if public.on_job)
    return PAGE.format(
        responses="\n".join(
            f"| {status} | `{code}` | {meaning} |" for status, code, meaning in responses
        ),
        jobs=_rows(jobs),
        warnings=_rows(sorted(WARNINGS.items())),
    )


def _rows(meanings: Iterable[tuple[str, str]]) -> str:
    return "\n".join(f"| `{code}` | {meaning} |" for code, meaning in meanings)


class Command(BaseCommand):
    help = "Print all public error codes as a page in Markdown."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--write", action="store_true", help=f"write docs/{FILE.name}")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["write"]:
            FILE.write_text(page(), "utf-8")
        else:
            self.stdout.write(page(), ending="")
