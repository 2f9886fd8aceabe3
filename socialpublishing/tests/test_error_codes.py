"""docs/error-codes.md and the table of public codes."""

from __future__ import annotations

import io
from pathlib import Path

from django.conf import settings
from django.core.management import call_command

from socialpublishing.codes import CODES
from socialpublishing.management.commands.error_codes import page


def test_committed_page_is_current():
    committed = Path(settings.BASE_DIR, "docs", "error-codes.md").read_text("utf-8")
    assert committed == page(), "run `./run manage error_codes --write`"


def test_command_prints_the_page():
    out = io.StringIO()
    call_command("error_codes", stdout=out)
    assert out.getvalue() == page()


def test_every_code_is_on_the_page_in_each_of_its_roles():
    for code, public in CODES.items():
        if public.status:
            assert f"| {public.status} | `{code}` | {public.as_response} |" in page()
        if public.on_job:
            assert f"| `{code}` | {public.on_job} |" in page()


def test_every_meaning_is_a_sentence():
    meanings = [text for code in CODES.values() for text in (code.as_response, code.on_job) if text]
    assert all(meaning[-1] == "." for meaning in meanings)
    assert all(CODES[code].status is None or CODES[code].as_response for code in CODES)
