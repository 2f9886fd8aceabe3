"""The OpenAPI document, as tools that generate clients read it."""

import json
import re

import jsonschema
import pytest
from drf_spectacular.validation import validate_schema

from config.schema_descriptions import DESCRIPTIONS
from config.schema_document import operations
from config.schema_examples import post_requests
from socialpublishing.codes import CODES
from socialpublishing.errors import PlatformApiError


@pytest.fixture(scope="module")
def description(schema_file):
    return json.loads(schema_file.read_text())


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


def test_each_operation_is_described(description):
    known = {tag["name"] for tag in description["tags"]}
    faults = []
    for path, method, operation in operations(description):
        place = f"{method.upper()} {path} ({operation['operationId']})"
        if not operation.get("summary"):
            faults.append(f"{place} has no summary.")
        if not operation.get("description"):
            faults.append(
                f"{place} has no description: write one in its view (extend_schema) or in "
                "config/schema_descriptions.py."
            )
        if not operation.get("tags") or not known.issuperset(operation["tags"]):
            faults.append(f"{place} has no tag of SPECTACULAR_SETTINGS.")
        assert "security" in operation, place
    assert faults == []


def test_operation_ids_are_unique_and_known_where_they_are_described(description):
    ids = [operation["operationId"] for _, _, operation in operations(description)]
    assert len(set(ids)) == len(ids)
    assert DESCRIPTIONS.keys() - set(ids) == set()


def test_no_path_ends_with_a_slash(description):
    assert [path for path in description["paths"] if path.endswith("/")] == []


def test_path_parameters_are_those_of_the_path(description):
    for path, _, operation in operations(description):
        named = {
            each["name"] for each in operation.get("parameters", ()) if each.get("in") == "path"
        }
        assert named == set(re.findall(r"{(\w+)}", path)), path


def test_every_component_is_used(description):
    text = json.dumps(description)
    unused = [
        f"{kind}/{name}"
        for kind, components in description["components"].items()
        for name in components
        if kind != "securitySchemes" and f'"#/components/{kind}/{name}"' not in text
    ]
    assert unused == []


def test_error_responses_and_headers_are_shared(description):
    for path, method, operation in operations(description):
        for status, response in operation["responses"].items():
            if status >= "400":
                reference = f"#/components/responses/Error{status}"
                assert response == {"$ref": reference}, (method, path)
            else:
                assert "X-Request-ID" in response["headers"], (method, path)
    shared = description["components"]
    assert {"Idempotency-Key", "Prefer"} <= shared["parameters"].keys()
    assert {"Link", "RateLimit-Limit", "Retry-After", "X-Request-ID"} <= shared["headers"].keys()


def bodies(description):
    """The place and the content of each JSON body, of requests and responses."""
    for path, method, operation in operations(description):
        parts = {"request": operation.get("requestBody", {}), **operation["responses"]}
        for name, part in parts.items():
            for content in part.get("content", {}).values():
                yield f"{method.upper()} {path}, {name}", content
    for name, response in description["components"]["responses"].items():
        for content in response["content"].values():
            yield name, content


def test_each_body_has_examples_and_they_are_valid(description):
    shared = description["components"]["examples"]
    faults = []
    for place, content in bodies(description):
        named = content.get("examples", {}).values()
        values = [
            shared[each["$ref"].rpartition("/")[2]] if "$ref" in each else each for each in named
        ]
        values = [each["value"] for each in values] + [
            content[n] for n in ("example",) if n in content
        ]
        if not values:
            faults.append(f"{place}: there is no example (config/schema_examples.py).")
        schema = {**content["schema"], "components": description["components"]}
        checker = jsonschema.FormatChecker()
        validator = jsonschema.Draft202012Validator(schema, format_checker=checker)
        faults += [
            f"{place}: the example's {error.json_path} is wrong: {error.message[:200]}"
            for value in values
            for error in validator.iter_errors(value)
        ]
    assert faults == []


def test_examples_of_posts_are_valid(api, make_connection, platform):
    """Each kind of post of each platform, as the description shows it."""
    shown = {
        name: value
        for name, (_, value) in post_requests().items()
        if name.startswith(f"{platform}_")
    }
    connection = make_connection(platform)
    assert shown
    for name, value in shown.items():
        response = api.post("publishing/validate", {**value, "connection_id": str(connection.pk)})
        assert response.status_code == 200, (name, response.json())
        assert response.json()["is_valid"], (name, response.json()["violations"])


def test_every_code_of_platform_errors_is_in_the_table():
    kinds = [PlatformApiError, *PlatformApiError.__subclasses__()]
    assert {kind.code for kind in kinds} - CODES.keys() == set()


def test_codes_of_jobs_are_described(description):
    data = description["components"]["schemas"]["PublishJobResponse"]["properties"]["error_code"]
    assert all(
        f"`{code}`" in data["description"] for code, public in CODES.items() if public.on_job
    )
