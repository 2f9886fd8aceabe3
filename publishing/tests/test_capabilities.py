"""The pages about platforms tell what the register holds, and every cell has its test."""

from __future__ import annotations

import io
import re
from pathlib import Path

from django.conf import settings
from django.core.management import call_command

from publishing.capabilities import table
from publishing.tests import test_every_kind
from socialpublishing.platforms import PLATFORMS


def output(*arguments: str) -> str:
    out = io.StringIO()
    call_command("platforms", *arguments, stdout=out)
    return out.getvalue()


def test_page_is_what_the_command_makes():
    page = Path(settings.BASE_DIR, "docs", "platforms", "README.md").read_text("utf-8")
    assert page == table(), "run `./run manage platforms --write`"


def test_each_cell_names_a_test_that_exists():
    cells = [*test_every_kind.CELLS, *test_every_kind.OPTIONS]
    assert set(re.findall(r"`test_\w+\[(.+?)\]`", table())) == {cell.id for cell in cells}


def test_oldest_table_is_told_first():
    days = [line.split()[0] for line in output("--oldest").splitlines()]
    assert days == sorted(days)
    assert len(days) == sum(len(p.capabilities.post_types) for p in PLATFORMS.values())


def test_platforms_are_described_to_callers_as_they_are_checked(api, sandbox):
    for data in api.get("platforms").json():
        platform = PLATFORMS[data["name"]]
        for kind, limits in zip(data["post_types"], platform.capabilities.post_types, strict=True):
            assert kind["max_text"] == limits.max_text
            assert kind["checked"] == limits.checked.isoformat()
            assert [media["kind"] for media in kind["media"]] == list(limits.media)
        assert [option["name"] for option in data["options"]] == list(platform.options.examples)
