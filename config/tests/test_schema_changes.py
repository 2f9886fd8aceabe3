"""A change of the API after which a caller of the last release fails is noticed, and named."""

import copy

import pytest

from config.management.commands.openapi import present, stored
from config.schema_changes import breaks

PATH = "/publishing/publish"
RELEASED = {
    "paths": {
        PATH: {
            "post": {
                "operationId": "publish",
                "security": [{"bearerAuth": []}],
                "parameters": [
                    {"name": "dry", "in": "query", "schema": {"type": ["string", "null"]}},
                ],
                "requestBody": {
                    "content": {
                        "application/json": {"schema": {"$ref": "#/components/schemas/Request"}}
                    }
                },
                "responses": {
                    "202": {
                        "content": {
                            "application/json": {"schema": {"$ref": "#/components/schemas/Job"}}
                        }
                    }
                },
            }
        }
    },
    "components": {
        "schemas": {
            "Request": {
                "type": "object",
                "required": ["id"],
                "properties": {
                    "id": {"type": "string", "format": "uuid"},
                    "text": {"type": "string", "maxLength": 100},
                    "number": {"type": "number"},
                    "kind": {"type": "string", "enum": ["feed", "reel"]},
                    "next": {"$ref": "#/components/schemas/Request"},
                    "options": {
                        "anyOf": [
                            {"type": "object", "properties": {"poll": {"type": "string"}}},
                            {"type": "object", "properties": {"link": {"type": "string"}}},
                        ]
                    },
                },
            },
            "Job": {
                "type": "object",
                "required": ["id", "status"],
                "properties": {
                    "id": {"type": "string"},
                    "count": {"type": "integer"},
                    "status": {"type": "string", "enum": ["Pending", "Published"]},
                    "url": {"type": ["string", "null"]},
                },
            },
        }
    },
}
OPERATION = ("paths", PATH, "post")
REQUEST = ("components", "schemas", "Request")
JOB = ("components", "schemas", "Job")
GONE = object()


def changed(place, value):
    """The released document with `value` at `place`."""
    document = copy.deepcopy(RELEASED)
    *parents, last = place
    node = document
    for parent in parents:
        node = node[parent]
    if value is GONE:
        del node[last]
    else:
        node[last] = value
    return document


@pytest.mark.parametrize(
    ("place", "value", "sentence"),
    [
        (("paths", PATH), {}, "POST /publishing/publish is gone."),
        ((*OPERATION, "operationId"), "post", "another operation id"),
        ((*OPERATION, "parameters"), [], "has no parameter dry any more"),
        ((*OPERATION, "parameters", 0, "required"), True, "requires the parameter dry now"),
        ((*OPERATION, "parameters", 0, "schema"), {"type": "string"}, "dry may not be null"),
        ((*OPERATION, "requestBody", "required"), True, "requires a body now"),
        ((*OPERATION, "responses"), {"200": {}}, "does not respond 202 any more"),
        ((*REQUEST, "required"), ["id", "text"], "the request.text is required now."),
        ((*REQUEST, "properties", "text"), GONE, "the request.text is gone."),
        ((*REQUEST, "properties", "text", "maxLength"), 50, "maxLength was 100 and is 50"),
        ((*REQUEST, "properties", "text", "pattern"), "^a", "must match another pattern"),
        ((*REQUEST, "properties", "number", "type"), "integer", "number before, integer now"),
        ((*REQUEST, "properties", "id", "format"), "uri", "another format"),
        ((*REQUEST, "properties", "kind", "enum"), ["feed"], "has no value 'reel' any more"),
        (
            (*REQUEST, "properties", "options", "anyOf", 0),
            {"type": "object"},
            "lost one of its forms",
        ),
        ((*REQUEST, "additionalProperties"), False, "takes no other fields"),
        ((*JOB, "properties", "url"), GONE, "the response 202.url is gone."),
        ((*JOB, "properties", "status", "enum"), ["Published"], "has no value 'Pending' any more"),
        ((*JOB, "properties", "status", "type"), ["string", "null"], "status may be null now"),
        ((*JOB, "properties", "count", "type"), "string", "integer before, string now"),
        ((*JOB, "properties", "count", "type"), "number", "integer before, number now"),
        ((*JOB, "required"), ["id"], "the response 202.status may be missing now."),
    ],
)
def test_break_is_named(place, value, sentence):
    found = breaks(RELEASED, changed(place, value))

    assert len(found) == 1
    assert sentence in found[0]


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("paths", "/new"), {"get": {"operationId": "new", "security": [], "responses": {}}}),
        ((*REQUEST, "properties", "new"), {"type": "string"}),
        ((*REQUEST, "required"), []),
        ((*REQUEST, "properties", "kind", "enum"), ["feed", "reel", "story"]),
        ((*REQUEST, "properties", "text", "type"), ["string", "null"]),
        ((*REQUEST, "properties", "text", "maxLength"), 500),
        ((*JOB, "properties", "new"), {"type": "string"}),
        ((*JOB, "properties", "status", "enum"), ["Pending", "Published", "Held"]),
        ((*JOB, "properties", "url", "type"), "string"),
        ((*JOB, "required"), ["id", "status", "count"]),
    ],
)
def test_addition_is_no_break(place, value):
    assert breaks(RELEASED, changed(place, value)) == []


def test_callers_of_the_last_release_still_work():
    """If a break is intended, `./run manage openapi --accept` accepts it."""
    assert breaks(stored(), present()) == []
