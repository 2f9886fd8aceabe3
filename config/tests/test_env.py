"""Values of the environment that cannot be read are refused in one sentence."""

from __future__ import annotations

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.env import Environment

env = Environment()


@pytest.fixture
def set_value(monkeypatch):
    return lambda value: monkeypatch.setenv("NAME", value)


@pytest.mark.parametrize(
    ("method", "value", "facts"),
    [
        ("int", "many", {"default": 1}),
        ("int", "1.5", {"default": 1}),
        ("int", "64 threads", {"default": 1}),
        ("float", "1s", {"default": 1.0}),
        ("float", "1,5", {"default": 1.0}),
        ("bool", "ture", {"default": False}),
        ("choice", "verbose", {"choices": ["DEBUG", "INFO"], "default": "INFO"}),
        ("database", "abc", {"default": ""}),
        ("database", "mysql://u:p@h/db", {"default": ""}),
        ("database", "postgresql://user:hunter2/x@host/db", {"default": ""}),
    ],
)
def test_value_that_cannot_be_read_is_refused_without_showing_it(set_value, method, value, facts):
    set_value(value)
    with pytest.raises(ImproperlyConfigured) as error:
        getattr(env, method)("NAME", **facts)
    assert str(error.value).startswith("NAME must be ")
    assert "hunter2" not in str(error.value)


def test_missing_value_without_a_default_is_refused(set_value):
    set_value("")
    with pytest.raises(ImproperlyConfigured, match="NAME is not set"):
        env("NAME")


def test_empty_value_counts_as_not_set(set_value):
    set_value("")
    assert env("NAME", default="x") == "x"
    assert env.int("NAME", default=7) == 7
    assert env.bool("NAME", default=True) is True
    assert env.list("NAME", default=["a", "b"]) == ["a", "b"]


def test_values_are_read(set_value):
    set_value(" a, b ,,c")
    assert env.list("NAME", default=[]) == ["a", "b", "c"]
    set_value("$6$salt")
    assert env("NAME") == "$6$salt"
    set_value("info")
    assert env.choice("NAME", ["DEBUG", "INFO"], default="DEBUG") == "INFO"
    set_value("No")
    assert env.bool("NAME", default=True) is False
    set_value("1e3")
    assert env.float("NAME", default=1.0) == 1000.0


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+asyncpg"])
def test_database_may_name_a_driver(set_value, scheme):
    set_value(f"{scheme}://user:p%23w@host:5433/name")
    found = env.database("NAME", default="")
    assert (found["PASSWORD"], found["PORT"], found["NAME"]) == ("p#w", 5433, "name")
