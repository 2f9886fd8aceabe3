"""What a caller learns from the response to a mistake."""

from __future__ import annotations

import json
from typing import Any

import pytest
from rest_framework import serializers

from conftest import Api
from socialpublishing.serializers import ChoiceField, StrictSerializer

CONNECTION = "6f1f3c5e-7a55-4e7e-8a54-1d7f6f2e8a11"
POST = {"connection_id": CONNECTION, "text_content": "Fresh bread"}


def violations(response: Any) -> dict[str, str]:
    assert (response.status_code, response.json()["code"]) == (400, "invalid_request")
    return {each["field"]: each["message"] for each in response.json()["violations"]}


def test_unknown_field_is_refused_with_the_one_that_was_meant(api):
    found = violations(api.post("publishing/publish", {"conection_id": CONNECTION}))

    assert found["conection_id"] == (
        "There is no field `conection_id`. Did you mean `connection_id`? The fields are "
        "connection_id, text_content, assets, platform_specific_options, late_grace_seconds, "
        "external_reference, metadata."
    )


def test_unlike_name_is_refused_with_all_that_there_are(api):
    found = violations(api.post("publishing/publish", {**POST, "colour": "red"}))

    assert found["colour"].startswith("There is no field `colour`. The fields are connection_id,")


@pytest.mark.parametrize(
    ("method", "path", "body", "field", "sentence"),
    [
        (
            "post",
            "publishing/publish",
            {
                **POST,
                "assets": [{"url": "/a.mp4", "asset_type": "vidoe", "mime_type": "video/mp4"}],
            },
            "assets.0.asset_type",
            "Did you mean `video`? The choices are image, gif, video, document.",
        ),
        (
            "post",
            "publishing/publish",
            {**POST, "assets": [{"url": "/a.mp4", "type": "video"}]},
            "assets.0.type",
            "The fields are url, asset_type, mime_type, alt_text, platform_media_id, metadata.",
        ),
        (
            "post",
            "publishing/publish",
            {**POST, "assets": ["/a.mp4"]},
            "assets.0",
            "An object is expected",
        ),
        (
            "post",
            "insights/twitter/hashtags",
            {"keyword": ["bread"]},
            "keyword",
            "Did you mean `keywords`?",
        ),
        (
            "get",
            f"insights/twitter/best-times?connection_id={CONNECTION}&timezon=UTC",
            None,
            "timezon",
            "There is no parameter `timezon`. Did you mean `timezone`?",
        ),
        (
            "post",
            "connections/confirm",
            {"attempt": CONNECTION},
            "attempt",
            "The fields are attempt_id, completion_code.",
        ),
    ],
)
def test_each_endpoint_names_what_it_knows(api, method, path, body, field, sentence):
    arguments = [] if body is None else [body]
    found = violations(getattr(api, method)(path, *arguments))
    assert sentence in found[field]


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("publishing/jobs", "status=Failed&status=Published"),
        ("events", "types=job.failed&types=job.published"),
        ("insights/twitter/best-times", f"connection_id={CONNECTION}&connection_id={CONNECTION}"),
    ],
)
def test_repeated_parameter_is_refused(api, path, query):
    found = violations(api.get(f"{path}?{query}"))
    assert found == {query.partition("=")[0]: "This parameter is given more than once."}


def test_more_parameters_than_are_read_are_refused(api):
    for path in ("publishing/jobs", "events", "connections/connect/facebook/callback"):
        assert api.get(f"{path}?{'a=1&' * 1001}").status_code == 400
    form = "&".join(f"a{number}=1" for number in range(1001))
    refused = api.post(
        "connections/callbacks/facebook/data-deletion",
        form,
        content_type="application/x-www-form-urlencoded",
    )
    assert refused.status_code == 400


def test_options_name_those_of_their_platform(api, make_connection):
    connection = make_connection("twitter")
    options = {"reply_setting": "following", "poll": {"options": ["A", "B"], "minutes": 5}}

    response = api.publish(connection, platform_specific_options=options)

    found = violations(response)
    assert "Did you mean `reply_settings`?" in found["platform_specific_options.reply_setting"]
    nested = found["platform_specific_options.poll.minutes"]
    assert "The fields are options, duration_minutes." in nested
    wrong = {"reply_settings": "folowing"}
    found = violations(api.publish(connection, platform_specific_options=wrong))
    assert "Did you mean `following`?" in found["platform_specific_options.reply_settings"]


def test_place_that_does_not_exist_is_refused_with_those_that_do(api, make_connection):
    connection = make_connection("facebook")
    page = connection.destinations.get()

    found = violations(api.publish(connection, platform_specific_options={"page_id": "1"}))

    assert (
        f"Choose one of: {page.external_id} ({page.name})."
        in (found["platform_specific_options.page_id"])
    )


def test_body_of_another_type_is_refused_with_the_type_to_send(api):
    response = api.post("publishing/publish", "text_content=Hi", content_type="text/plain")

    assert (response.status_code, response.json()["code"]) == (415, "unsupported_media_type")
    assert "Content-Type: application/json" in response.json()["detail"]


def test_wrong_path_and_method_are_refused_with_what_there_is(api):
    missing = api.get("publishing/job")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
    assert "/api/docs" in missing.json()["detail"]
    refused = api.delete(f"publishing/jobs/{CONNECTION}")
    assert (refused.status_code, refused.json()["code"]) == (405, "method_not_allowed")
    assert "GET, PATCH" in refused.json()["detail"]


@pytest.mark.parametrize(
    "body",
    [
        {f"field {number}": 1 for number in range(900)},
        {"x" * 200_000: 1},
        {**POST, "assets": [{"asset_type": "x" * 200_000}]},
        {**POST, "assets": [{f"a{n}": 1} for n in range(99)]},
        {**POST, "assets": [{"asset_type": "\u202e" * 20_000}]},
    ],
    ids=["many fields", "a long name", "a long value", "in many objects", "unprintable"],
)
def test_response_stays_short_whatever_was_sent(api: Api, body: dict[str, Any]) -> None:
    response = api.post("publishing/publish", json.dumps(body))

    assert response.status_code == 400
    assert len(response.content) < 40_000
    assert "\u202e" not in response.content.decode()
    assert all(len(each["message"]) < 1000 for each in response.json()["violations"])


def test_long_values_in_a_query_are_not_repeated(api):
    response = api.get(f"publishing/jobs?status={'x' * 5000}&{'y' * 5000}=1")
    assert response.status_code == 400
    assert len(response.content) < 2000


def test_choices_of_requests_are_listed_in_each_refusal():
    """DRF's own field for choices names none of them."""

    def fields_of(serializer):
        for field in serializer().fields.values():
            yield field
            yield getattr(field, "child", field)

    def kinds(base):
        for each in base.__subclasses__():
            yield each
            yield from kinds(each)

    silent = {
        f"{each.__name__}.{field.field_name}"
        for each in kinds(StrictSerializer)
        for field in fields_of(each)
        if isinstance(field, serializers.ChoiceField) and not isinstance(field, ChoiceField)
    }
    assert silent == set()
