"""docs/security.md names the tests of each promise."""

import ast
import re

from config.settings import BASE_DIR

PAGE = (BASE_DIR / "docs/security.md").read_text()


def test_each_named_test_exists():
    named = re.findall(r"`([\w/]+\.py)::(test_\w+)`", PAGE)
    assert len(named) > 30
    for path, name in named:
        tree = ast.parse((BASE_DIR / path).read_text())
        tests = {each.name for each in tree.body if isinstance(each, ast.FunctionDef)}
        assert name in tests, f"{path}::{name}"


def test_each_promise_names_a_test():
    promises = PAGE.partition("## Promises")[2].partition("## Assumptions")[0]
    for paragraph in promises.strip().split("\n\n"):
        assert paragraph.startswith("**")
        assert "::test_" in paragraph, paragraph


def test_page_is_linked_from_the_readme():
    assert "(docs/security.md)" in (BASE_DIR / "README.md").read_text()
