"""The generated page about platforms matches the register, and every row names its test."""

from __future__ import annotations

import io
import re
from pathlib import Path

from django.conf import settings
from django.core.management import call_command

from publishing.capabilities import capabilities_page
from publishing.tests import test_every_kind
from socialpublishing.platforms import PLATFORMS


def output_of(*arguments: str) -> str:
    out = io.StringIO()
    call_command("platforms", *arguments, stdout=out)
    return out.getvalue()


def test_page_in_the_docs_is_up_to_date():
    page = Path(settings.BASE_DIR, "docs", "platforms", "README.md").read_text("utf-8")
    assert page == capabilities_page(), "run `./run manage platforms --write`"


def test_each_row_names_a_test_that_exists():
    cases = [*test_every_kind.KINDS, *test_every_kind.OPTIONS]
    assert set(re.findall(r"`test_\w+\[(.+?)\]`", capabilities_page())) == {
        case.id for case in cases
    }


def test_oldest_check_is_listed_first():
    days = [line.split()[0] for line in output_of("--oldest").splitlines()]
    assert days == sorted(days)
    assert len(days) == sum(len(p.capabilities.post_types) for p in PLATFORMS.values())


def test_api_describes_the_limits_that_are_enforced(api, sandbox):
    for data in api.get("platforms").json():
        platform = PLATFORMS[data["name"]]
        for kind, limits in zip(data["post_types"], platform.capabilities.post_types, strict=True):
            assert kind["max_text"] == limits.max_text
            assert kind["checked"] == limits.checked.isoformat()
            assert [media["kind"] for media in kind["media"]] == list(limits.media)
        assert [option["name"] for option in data["options"]] == list(platform.options.examples)
