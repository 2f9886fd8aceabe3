"""The OpenAPI document, as tools that generate clients read it."""

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
    # Warnings are about duplicate names and unknown types.
    call_command("spectacular", "--format", "openapi-json", "--file", str(file), "--fail-on-warn")
    return json.loads(file.read_text())


def values_of(node, name):
    """Each value of this name, however deep."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == name and isinstance(value, str):
                yield value
            yield from values_of(value, name)
    elif isinstance(node, list):
        for value in node:
            yield from values_of(value, name)


def test_description_is_valid(description):
    validate_schema(description)


def test_patterns_are_valid_in_other_languages(description):
    patterns = list(values_of(description["components"], "pattern"))
    assert len(patterns) > 5
    # Syntax of Python that JavaScript lacks.
    assert [pattern for pattern in patterns if re.search(r"\(\?[^:=!<]|\\[AZ]", pattern)] == []


def test_no_enum_has_a_generated_name(description):
    names = description["components"]["schemas"]
    assert [name for name in names if re.search(r"[0-9A-F]{3}Enum$", name)] == []


def test_each_operation_has_summary_tags_and_security(description):
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


def test_every_code_of_platform_errors_is_in_the_table():
    kinds = [PlatformApiError, *PlatformApiError.__subclasses__()]
    assert {kind.code for kind in kinds} - CODES.keys() == set()


def test_codes_of_jobs_are_described(description):
    data = description["components"]["schemas"]["PublishJobResponse"]["properties"]["error_code"]
    assert all(
        f"`{code}`" in data["description"] for code, public in CODES.items() if public.on_job
    )
