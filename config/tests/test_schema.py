"""The API's description, as tools that make clients read it."""

import json
import re

import pytest
from django.core.management import call_command
from drf_spectacular.validation import validate_schema

from socialpublishing.codes import CODES
from socialpublishing.errors import PlatformApiError


@pytest.fixture(scope="module")
def description(tmp_path_factory):
    file = tmp_path_factory.mktemp("schema") / "openapi.json"
    # Warnings are of two things with one name, and of types that nobody told.
    call_command("spectacular", "--format", "openapi-json", "--file", str(file), "--fail-on-warn")
    return json.loads(file.read_text())


def every(node, name):
    """Each value of this name, however deep."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == name and isinstance(value, str):
                yield value
            yield from every(value, name)
    elif isinstance(node, list):
        for value in node:
            yield from every(value, name)


def test_description_is_valid(description):
    validate_schema(description)


def test_patterns_are_of_every_language(description):
    patterns = list(every(description["components"], "pattern"))
    assert len(patterns) > 5
    # What Python has and JavaScript has not.
    assert [pattern for pattern in patterns if re.search(r"\(\?[^:=!<]|\\[AZ]", pattern)] == []


def test_names_are_for_people(description):
    names = description["components"]["schemas"]
    assert [name for name in names if re.search(r"[0-9A-F]{3}Enum$", name)] == []


def test_each_operation_says_what_it_is_for(description):
    operations = [
        operation
        for path in description["paths"].values()
        for method, operation in path.items()
        if method in {"get", "post", "put", "patch", "delete"}
    ]
    known = {tag["name"] for tag in description["tags"]}
    for operation in operations:
        assert operation["summary"]
        assert set(operation["tags"]) <= known
        assert "security" in operation
    assert len({operation["operationId"] for operation in operations}) == len(operations)


def test_every_code_that_a_platform_can_give_a_job_is_explained():
    kinds = [PlatformApiError, *PlatformApiError.__subclasses__()]
    assert {kind.code for kind in kinds} - CODES.keys() == set()


def test_codes_of_jobs_are_part_of_the_description(description):
    data = description["components"]["schemas"]["PublishJobResponse"]["properties"]["error_code"]
    assert all(
        f"`{code}`" in data["description"] for code, public in CODES.items() if public.on_job
    )
