"""The generated page about platforms matches the register, and every row names its test."""

from __future__ import annotations

import datetime as dt
import io
import re
from dataclasses import replace
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from publishing.capabilities import behaviours, capabilities_page
from publishing.tests import test_every_kind
from socialpublishing.limits import Capabilities
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


@pytest.mark.parametrize("age", ["30d", "30"])
def test_checks_that_are_older_than_some_days_are_listed(monkeypatch, age):
    kind, *_ = PLATFORMS["twitter"].capabilities.post_types
    today = dt.datetime.now(dt.UTC).date()
    for days, is_listed in ((31, True), (30, False), (29, False)):
        old = replace(kind, checked=today - dt.timedelta(days=days))
        monkeypatch.setattr(PLATFORMS["twitter"], "capabilities", Capabilities(post_types=(old,)))

        lines = output_of("--older-than", age).splitlines()

        expected = f"{old.checked}  twitter {kind.name}  {kind.source}"
        assert [line for line in lines if "twitter" in line] == [expected] * is_listed


@pytest.mark.parametrize("age", ["x", "-1d", "90 days", ""])
def test_other_ages_are_refused(age):
    with pytest.raises(CommandError, match="number of days"):
        output_of(f"--older-than={age}")


def test_behaviours_are_those_of_the_tests():
    found, page = list(behaviours()), capabilities_page()

    assert {each.label for each in found} <= {"all", *(p.label for p in PLATFORMS.values())}
    for each in found:
        path, name = each.test.split("::")
        text = Path(settings.BASE_DIR, path).read_text("utf-8")
        assert f"def {name}(" in text
        assert each.sentence in page
    marks = sum(
        len(re.findall(r"^@pytest\.mark\.behaviour\(", text, re.M))
        for file in Path(settings.BASE_DIR).glob("*/**/tests/**/test_*.py")
        for text in [file.read_text("utf-8")]
    )
    assert len(found) == marks


def test_api_describes_the_limits_that_are_enforced(api, sandbox):
    for data in api.get("platforms").json():
        platform = PLATFORMS[data["name"]]
        for kind, limits in zip(data["post_types"], platform.capabilities.post_types, strict=True):
            assert kind["max_text"] == limits.max_text
            assert kind["checked"] == limits.checked.isoformat()
            assert [media["kind"] for media in kind["media"]] == list(limits.media)
        assert [option["name"] for option in data["options"]] == list(platform.options.examples)
