"""`./run mutants`, on a project of three files."""

import shutil

import pytest

from config.run import mutants

RULE = """\
def may_retry(is_in_doubt):
    if is_in_doubt:
        return False

    return True
"""
TESTS = """\
from rule import may_retry


def test_no_retry_in_doubt():
    assert not may_retry(True)
"""
KILLED = """\
--- a/rule.py
+++ b/rule.py
@@ -1,3 +1,3 @@
 def may_retry(is_in_doubt):
     if is_in_doubt:
-        return False
+        return True
"""
SURVIVES = """\
diff --git a/rule.py b/rule.py
index 1..2 100644
--- a/rule.py
+++ b/rule.py
@@ -100,3 +100,3 @@ def may_retry(is_in_doubt):
         return False

-    return True
+    return False
"""
NO_PYTHON = KILLED.replace("+        return True", "+        return (")
OTHER_LINES = KILLED.replace("is_in_doubt", "is_open")
OTHER_FILE = KILLED.replace("rule.py", "law.py")
AMBIGUOUS = """\
--- a/rule.py
+++ b/rule.py
@@ -1 +1 @@
-    if is_in_doubt:
+    if False:
"""


@pytest.fixture
def make_project(tmp_path, monkeypatch):
    """A project with one rule, its test and the mutants given by name."""
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE")

    def make(tests=TESTS, **patches):
        (tmp_path / "tests/mutants").mkdir(parents=True)
        (tmp_path / "pytest.ini").write_text("[pytest]\npythonpath = .\n")
        (tmp_path / "rule.py").write_text(RULE)
        (tmp_path / "tests/test_rule.py").write_text(tests)
        for name, patch in patches.items():
            (tmp_path / f"tests/mutants/{name}.patch").write_text(patch)
        return tmp_path

    return make


def test_mutants_that_a_test_notices_are_killed(make_project, capsys):
    root = make_project(inverted=KILLED)

    assert mutants.main(root, "tests") == 0
    [line] = [line for line in capsys.readouterr().out.splitlines() if "inverted" in line]
    assert line.startswith("ok ")
    assert line.endswith("killed by test_no_retry_in_doubt")
    assert (root / "rule.py").read_text() == RULE


def test_any_other_mutant_fails_the_command(make_project, capsys):
    root = make_project(killed=KILLED, survives=SURVIVES, syntax=NO_PYTHON, stale=OTHER_LINES)

    assert mutants.main(root, "tests") == 1
    lines = capsys.readouterr().out.splitlines()
    verdicts = [line for line in lines if line.startswith(("ok ", "FAIL "))]
    for verdict, (name, reason) in zip(
        verdicts,
        [
            ("killed", "killed by"),
            ("stale", "does not apply: its lines occur 0 times in rule.py"),
            ("survives", "survived"),
            ("syntax", "pytest ended with exit code 2"),
        ],
        strict=True,
    ):
        assert verdict.split()[1] == name
        assert reason in verdict


@pytest.mark.parametrize(
    ("patch", "reason"),
    [
        (OTHER_FILE, "there is no law.py"),
        (AMBIGUOUS, "its lines occur 2 times"),
        ("", "it has no hunks"),
    ],
)
def test_patch_that_fits_nowhere_or_twice_does_not_apply(tmp_path, patch, reason):
    (tmp_path / "rule.py").write_text(RULE + RULE)

    with pytest.raises(mutants.PatchError, match=reason):
        mutants.apply(patch, tmp_path)


def test_tests_must_pass_without_a_mutant(make_project, capsys):
    root = make_project(TESTS.replace("not ", ""), inverted=KILLED)

    assert mutants.main(root, "tests") == 1
    assert "The tests do not pass without a mutant" in capsys.readouterr().out


def test_missing_mutants_fail_the_command(make_project, capsys):
    assert mutants.main(make_project(), "tests") == 1
    assert "There are no mutants" in capsys.readouterr().out


def test_patch_may_name_its_tests(make_project, capsys):
    """Instead of those that the command runs for the others."""
    root = make_project(named=f"Tests: tests/test_other.py\n{KILLED}")
    (root / "tests/test_other.py").write_text("def test_nothing():\n    pass\n")

    assert mutants.main(root, "tests") == 1
    assert "survived" in capsys.readouterr().out


@pytest.mark.parametrize("folder", [f"{mutants.TESTS}/mutants", mutants.OTHER_MUTANTS])
def test_each_of_our_mutants_still_applies(tmp_path, folder):
    """`./run night` tries them; here it is seen at once that a change moved their lines."""
    for patch in sorted((mutants.ROOT / folder).glob("*.patch")):
        for name, _, _ in mutants.hunks_of(patch.read_text()):
            copy = tmp_path / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(mutants.ROOT / name, copy)
        mutants.apply(patch.read_text(), tmp_path)
