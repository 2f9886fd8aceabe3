"""The checks of `./run test` that are our own: vocabulary, sizes, circles of imports."""

import pytest

from config.run import shape
from config.run.vocabulary import Vocabulary

LIST = ["# A comment", "gadgets?", "publish_gadgets", "", "!PUBLISH_GADGETS", '!"gadget"']


@pytest.mark.parametrize(
    ("text", "hits"),
    [
        ("The worker slot", []),
        ("The gadget", [(1, "gadget")]),
        ("fine\nGADGETS and gadget", [(2, "GADGETS"), (2, "gadget")]),
        ("def next_gadget(): ...", [(1, "gadget")]),
        ("gadgetry, megagadgets", []),
        ("env.int('PUBLISH_GADGETS')", []),
        ("publish_gadgets", [(1, "publish_gadgets")]),
        ('{"gadget": gadget}', [(1, "gadget")]),
    ],
)
def test_vocabulary_finds_words_of_its_list(text, hits):
    assert list(Vocabulary(LIST).hits(text)) == hits


def function(lines):
    return "def long():\n" + "    pass\n" * (lines - 1)


@pytest.mark.parametrize(
    ("path", "text", "problems"),
    [
        ("app/a.py", "x = 1\n" * 400, []),
        ("app/a.py", "x = 1\n" * 401, ["app/a.py: 401 lines"]),
        ("app/a.py", '"""Sums.\n\nLong because of its tables.\n"""\n' + "x = 1\n" * 400, []),
        ("app/sandbox/a.py", "x = 1\n" * 401, []),
        ("app/tests/test_a.py", "x = 1\n" * 401 + function(51), []),
        ("app/a.py", function(50), []),
        ("app/sandbox/a.py", "\n" + function(51), ["app/sandbox/a.py:2: long has 51 lines"]),
        ("app/a.py", "class A:\n    async def f(self):\n" + "        1\n" * 50, ["app/a.py:2: f"]),
    ],
)
def test_long_files_and_functions_are_problems(tmp_path, path, text, problems):
    file = tmp_path / path
    file.parent.mkdir(parents=True)
    file.write_text(text)

    found = list(shape.size_problems(tmp_path))

    assert len(found) == len(problems)
    assert all(each.startswith(start) for each, start in zip(found, problems, strict=True))


@pytest.mark.parametrize(
    ("imports", "is_circle"),
    [
        ("", False),
        ("from round_trip import VALUE", True),
        ("import round_trip.other", False),
        ("import typing\nif typing.TYPE_CHECKING:\n    from round_trip import VALUE", False),
    ],
)
def test_package_and_its_module_importing_each_other_are_a_circle(
    tmp_path, monkeypatch, imports, is_circle
):
    monkeypatch.syspath_prepend(tmp_path)
    package = tmp_path / "round_trip"
    package.mkdir()
    (tmp_path / "pyproject.toml").write_text(
        '[tool.importlinter]\nroot_packages = ["round_trip"]\n'
    )
    (package / "__init__.py").write_text("from round_trip import module\n\nVALUE = 1\n")
    (package / "module.py").write_text(imports)
    (package / "other.py").write_text("")

    assert bool(list(shape.import_circles(tmp_path))) is is_circle
