import contextlib
import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from config.parsers import MAX_BYTES, InvalidJSONError, StrictJSONParser, load_object

CASES = [
    json.loads(line)
    for line in (Path(__file__).parent / "corpora/naughty_bodies.jsonl").read_text().splitlines()
]
# The other cases are about fields, which serializers check.
PARSER_CASES = {f"B{n:02}" for n in [*range(1, 6), *range(10, 19), *range(22, 39)]}
CODES = {400: "invalid_json", 413: "payload_too_large", 415: "unsupported_media_type"}
VALID = {"caption": "Grüße 🎉", "platform_specific_options": {"board_id": "1"}}


class Echo(APIView):
    authentication_classes = ()
    permission_classes = ()
    parser_classes = (StrictJSONParser,)

    def post(self, request):
        return Response(request.data)


def post(body, *, content_type="application/json", **headers):
    request = APIRequestFactory().generic("POST", "/", body, content_type, headers=headers)
    return Echo.as_view()(request).render()


def code(response):
    return response.data["code"]


def valid_with(member, value):
    """VALID as JSON text, with `member` replaced by `value`, JSON text too."""
    members = {name: json.dumps(known) for name, known in VALID.items()} | {member: value}
    return "{" + ",".join(f'"{name}":{text}' for name, text in members.items()) + "}"


def generated(first, times, middle="", last=""):
    """The JSON text that the `gen` of a corpus line describes."""
    if first == "$members":
        return json.dumps({f"m{n}": n for n in range(times)})
    if first == "$zeros":
        return "[" + ",".join("0" * times) + "]"
    kind, _, size = middle.partition(":")
    middle = {"$digits": "9", "$x": "x"}.get(kind, middle) * int(size or 1)
    return first * times + middle + last * times


def request_parts(case):
    """The body and the headers of a corpus line."""
    if "gen" in case:
        return valid_with(case["member"], generated(*case["gen"])), {}
    raw = case["raw"]
    if case["member"] != "$body":
        return valid_with(case["member"], raw), {}
    directive, _, rest = raw.partition(":") if raw.startswith("$") else ("", "", "")
    match directive:
        case "$hex":
            return bytes.fromhex(rest), {}
        case "$utf16":
            return rest.encode("utf-16"), {}
        case "$dup":
            return f'{{"{rest}":"a","{rest}":"b"}}', {}
        case "$big":
            return json.dumps({"caption": "x" * int(rest)}), {}
        case "$gzip":
            return gzip.compress(json.dumps(VALID).encode()), {"Content-Encoding": "gzip"}
        case "$form":
            return "caption=a", {"content_type": "application/x-www-form-urlencoded"}
        case "$xml":
            return "<caption>a</caption>", {"content_type": "application/xml"}
    return raw, {}


@pytest.mark.parametrize(
    "case", [c for c in CASES if c["id"] in PARSER_CASES], ids=lambda c: c["id"]
)
def test_body_of_the_corpus_has_the_expected_status(case):
    body, headers = request_parts(case)

    response = post(body, **headers)

    if case["id"] == "B26":
        # DRF calls no parser for an empty body: the serializer reports the missing fields.
        assert response.data == {}
        return
    # A text of 1 MB is a body of more than 256 KB, and the limit for bodies is checked first.
    expected = [413] if case["id"] == "B22" else case["expect"]
    assert response.status_code in expected, response.data
    assert code(response) == CODES[response.status_code]
    assert len(response.data["detail"]) < 200
    json.loads(response.content)
    assert post(json.dumps(VALID)).data == VALID


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json; charset=utf-8", "application/JSON"]
)
def test_json_content_types_are_accepted(content_type):
    assert post(json.dumps(VALID), content_type=content_type).data == VALID


@pytest.mark.parametrize(
    "content_type",
    ["text/json", "text/plain", "multipart/form-data; boundary=x", "application/problem+json"],
)
def test_other_content_types_are_refused(content_type):
    response = post("{}", content_type=content_type)

    assert (response.status_code, code(response)) == (415, "unsupported_media_type")


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "identity"])
def test_content_encodings_are_refused(encoding):
    response = post("{}", **{"Content-Encoding": encoding})

    assert (response.status_code, code(response)) == (415, "unsupported_media_type")


def test_largest_body_is_accepted_and_one_byte_more_is_refused():
    largest = json.dumps({"a": ""})[:-2] + "x" * (MAX_BYTES - 9) + '"}'
    assert len(largest) == MAX_BYTES

    assert post(largest).status_code == 200
    assert post(largest + " ").status_code == 413


def test_whitespace_alone_is_invalid():
    assert code(post("  \n")) == "invalid_json"


def test_eight_levels_are_accepted_and_nine_are_refused():
    assert load_object(b'{"a":' + b"[" * 7 + b"]" * 7 + b"}")
    with pytest.raises(InvalidJSONError, match="8 levels at offset 12"):
        load_object(b'{"a":' + b"[" * 8 + b"]" * 8 + b"}")


def test_brackets_in_strings_do_not_count_as_nesting():
    text = "[[[[[[[[[[{{{{{{{{{{" + '"' + "\\" + "[" * 20
    assert load_object(json.dumps({"a": text}).encode()) == {"a": text}


def test_members_of_all_containers_are_counted_together():
    body = {"list": [0] * 498, "object": {f"m{n}": 0 for n in range(500)}}
    assert load_object(json.dumps(body).encode()) == body
    with pytest.raises(InvalidJSONError, match="1000 members"):
        load_object(json.dumps({**body, "one": "more"}).encode())


@pytest.mark.parametrize("number", [2**53, -(2**53), 0, 1.5, -1e300, 5e-324])
def test_numbers_within_the_limits_are_kept(number):
    assert load_object(json.dumps({"n": number}).encode()) == {"n": number}


@pytest.mark.parametrize("number", ["9007199254740993", "-9007199254740993", "1e309", "Infinity"])
def test_numbers_beyond_the_limits_are_refused(number):
    with pytest.raises(InvalidJSONError, match=r"beyond the limit|not finite"):
        load_object(f'{{"n":{number}}}'.encode())


def test_escaped_surrogate_pairs_are_accepted():
    assert load_object(rb'{"a":"\ud83d\ude00"}') == {"a": "😀"}


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (r'{"media":[{"alt":"\ud800"}]}', '"alt"'),
        (r'{"tags":["a","b\u0000"]}', r'"tags"\[1\]'),
        (r'{"a":{"x\udc00":1}}', r"name \"x\\udc00\""),
        (r'{"caption":"a","caption":"b"}', '"caption" is given twice'),
        (r'{"a":{"x":1,"\u0078":2}}', '"x" is given twice'),
        ('{"a":1,\n"b" 2}', "line 2, column 5"),
    ],
)
def test_message_names_the_position(body, where):
    with pytest.raises(InvalidJSONError, match=where):
        load_object(body.encode())


@pytest.mark.parametrize(
    "body",
    [
        '"' + '\\"' * 100_000,
        "[" * 250_000,
        '{"a":"' + "\\" * 250_000,
        "[]" * 120_000,
        '{"a":0.' + "1" * 250_000 + "}",
        "{" + ",".join(f'"{n}":[]' for n in range(20_000)) + "}",
    ],
    ids=lambda body: body[:8],
)
def test_hostile_body_takes_linear_time(body):
    # In quadratic time this would be minutes.
    assert post(body).status_code in (200, 400)


@settings(deadline=None)
@given(st.dictionaries(st.text(), st.recursive(st.none() | st.booleans() | st.text(), st.lists)))
def test_accepted_json_equals_that_of_the_standard_parser(value):
    text = json.dumps(value).encode()
    try:
        assert load_object(text) == json.loads(text)
    except InvalidJSONError:
        assert b"\\u0000" in text or b"[[[" in text


@settings(deadline=None)
@given(st.binary(max_size=300) | st.text('[]{}",:\\ud0e1 \n').map(str.encode))
def test_any_bytes_give_an_object_or_invalid_json(data):
    with contextlib.suppress(InvalidJSONError):
        assert isinstance(load_object(data), dict)
