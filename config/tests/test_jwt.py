import base64
import datetime as dt
import hashlib
import hmac
import json
import re
import socket
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jwt
import pytest
import requests
import structlog
import time_machine
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm, RSAAlgorithm, get_default_algorithms
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from config.auth.authentication import BearerAuthentication, Caller
from config.auth.dev_tokens import sign_dev_token
from config.auth.tokens import can_verify
from config.tests.test_tenants import MATRIX, random_ids
from config.tests.test_tenants import ask as ask_route

RECIPES = json.loads((Path(__file__).parent / "corpora/jwt_recipes.json").read_text())
BASE = RECIPES["base"]
# Mutations that no recipe of the corpus uses, and variants of its recipes.
OWN_CASES = [
    *(
        {"id": mutate, "mutate": mutate, "expect": 401}
        for mutate in (
            "flip_header_bit",
            "zero_signature",
            "stray_signature_bits",
            "header_dup_alg",
            "payload_deep:2000",
            "payload_big:9000",
            "swap_segments",
            "drop_segment",
            "std_base64",
            "insert_newline",
        )
    ),
    {"id": "k2 good", "key": "k2", "header": {"alg": "ES256", "kid": "k2"}, "expect": 200},
    {"id": "k2 as RS256", "header": {"kid": "k2"}, "expect": 401},
    {"id": "k2 named, k1 signs", "header": {"alg": "ES256", "kid": "k2"}, "key": "k1:RS256"},
    {"id": "Ed25519", "header": {"alg": "EdDSA"}, "key": "ed:stranger"},
    {"id": "HS256 of DER", "header": {"alg": "HS256"}, "key": "hmac:public_der_k1"},
    {"id": "kid null", "header": {"kid": "$null"}},
    {"id": "typ of another use", "header": {"typ": "logout+jwt"}},
    {"id": "typ is a number", "header": {"typ": 1}},
    {"id": "typ at+jwt", "header": {"typ": "at+jwt"}, "expect": 200},
    {"id": "no typ", "header": {"typ": None}, "expect": 200},
    *({"id": f"header {name}", "header": {name: "x"}} for name in ("x5c", "crit", "zip", "b64")),
    *({"id": f"header {name}", "header": {name: "x"}} for name in ("jku", "jwk", "x5u", "enc")),
    {"id": "header is cty", "header": {"cty": "JWT"}, "expect": 200},
    {"id": "header is x5t", "header": {"x5t": "x", "x5t#S256": "y"}, "expect": 200},
    {"id": "header is unknown", "header": {"org": {"id": [1]}}, "expect": 200},
    {"id": "user_id is a number", "claims": {"user_id": 42}, "expect": 200, "user": "42"},
    {
        "id": "user_id of 64 bits",
        "claims": {"user_id": 2**63 - 1},
        "expect": 200,
        "user": "9223372036854775807",
    },
    {"id": "user_id is zero", "claims": {"user_id": 0}},
    {"id": "user_id is below zero", "claims": {"user_id": -1}},
    {"id": "user_id of 5,000 digits", "claims": {"user_id": "$raw:" + "9" * 5000}},
    {"id": "user_id is null and sub is not", "claims": {"user_id": "$null", "sub": "7"}},
    {"id": "sub alone", "claims": {"user_id": None, "sub": "7"}, "expect": 200, "user": "7"},
    {"id": "sub and jti are numbers", "claims": {"sub": 7, "jti": 8}, "expect": 200},
    {"id": "user_id ends with a line", "claims": {"user_id": "42\n"}},
    {"id": "user_id of 128", "claims": {"user_id": "u" * 128}, "expect": 200, "user": "u" * 128},
    {"id": "user_id of 129", "claims": {"user_id": "u" * 129}},
    {"id": "times with fractions", "claims": {"iat": "$raw:1.5e9", "exp": "$raw:1.5e9"}},
    {"id": "exp NaN", "claims": {"exp": "$raw:NaN"}},
    {"id": "exp 1e400", "claims": {"exp": "$raw:1e400"}},
    {"id": "exp null", "claims": {"exp": "$null"}},
    {"id": "nbf true", "claims": {"nbf": True}},
    {"id": "nbf and iat absent", "claims": {"nbf": None, "iat": None}, "expect": 200},
    {"id": "iat text", "claims": {"iat": "$str:now+0"}},
    {"id": "life of 24 h", "claims": {"exp": "$now+86400"}, "expect": 200},
    {"id": "life of more", "claims": {"exp": "$now+86402"}},
    {"id": "life of 24 h, no iat", "claims": {"iat": None, "exp": "$now+86400"}, "expect": 200},
    {"id": "life of more, no iat", "claims": {"iat": None, "exp": "$now+86460"}},
    {"id": "life without end", "claims": {"iat": None, "exp": "$now+3153600000"}},
    {"id": "aud list of numbers", "claims": {"aud": ["social-publishing", 1]}},
    {"id": "aud object", "claims": {"aud": {"social-publishing": 1}}},
    {"id": "aud list in list", "claims": {"aud": [["social-publishing"]]}},
    {"id": "two headers", "transport": "twice:"},
    {"id": "body only", "transport": "body:access_token=<token>"},
    {"id": "tab after the scheme", "transport": "Bearer\t<token>"},
    {"id": "two spaces", "transport": "Bearer  <token>", "expect": 200},
    {"id": "space after the token", "transport": "Bearer <token> "},
    {"id": "scheme runs into the token", "transport": "Bearer<token>"},
    {"id": "nothing but blanks", "transport": "   "},
]


# --- Keys and tokens of the recipes in the corpus ------------------------------------------------


@pytest.fixture(scope="session")
def keys():
    made = {
        name: rsa.generate_private_key(public_exponent=65537, key_size=2048)
        for name in ("k0", "k1", "k3", "stranger")
    }
    made["k2"] = ec.generate_private_key(ec.SECP256R1())
    return made


def jwk(private, **members):
    algorithm = RSAAlgorithm if isinstance(private, rsa.RSAPrivateKey) else ECAlgorithm
    return algorithm.to_jwk(private.public_key(), as_dict=True) | members


def pem(private):
    return private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signature(data, spec, keys):
    name, _, rest = spec.partition(":")
    if name == "none":
        return b""
    if name == "hmac":
        public = {"public_pem_k1": Encoding.PEM, "public_der_k1": Encoding.DER}
        secret = rest.encode()
        if rest in public:
            secret = (
                keys["k1"]
                .public_key()
                .public_bytes(public[rest], PublicFormat.SubjectPublicKeyInfo)
            )
        return hmac.new(secret, data, hashlib.sha256).digest()
    if name == "ed":
        return ed25519.Ed25519PrivateKey.generate().sign(data)
    algorithm = get_default_algorithms()[rest or ("ES256" if name == "k2" else "RS256")]
    return algorithm.sign(data, keys[name])


def json_text(members, keys):
    """A JSON object; None leaves a member out, and `$…` strings are replaced by values."""

    def text(value):
        if not isinstance(value, str) or not value.startswith("$"):
            return json.dumps(value)
        kind, _, rest = value.partition(":")
        offset = int(re.search(r"[+-]\d+$|$", value)[0] or 0)
        match kind:
            case "$null":
                return "null"
            case "$raw":
                return rest
            case "$str":
                return json.dumps(str(int(time.time()) + offset))
            case "$jwk":
                return json.dumps(jwk(keys[rest]))
        assert kind.startswith("$now")
        return str(int(time.time()) + offset)

    inner = (f"{json.dumps(k)}:{text(v)}" for k, v in members.items() if v is not None)
    return "{" + ",".join(inner) + "}"


def changed_content(mutate, head, body):
    what, _, rest = mutate.partition(":")
    match what:
        case "payload_raw":
            body = rest.encode()
        case "payload_dup_user_id":
            body = b'{"user_id":"forged",' + body[1:]
        case "header_dup_alg":
            head = b'{"alg":"none",' + head[1:]
        case "deflate_payload":
            body = zlib.compress(body)[2:-4]
        case "payload_deep":
            body = body[:-1] + b',"x":' + b"[" * int(rest) + b"]" * int(rest) + b"}"
        case "payload_big":
            body = body[:-1] + b',"x":"' + b"x" * int(rest) + b'"}'
    return head, body


def with_signature(change):
    """A change of the signature alone, given its bytes and the argument of the mutation."""
    return lambda head, body, made, rest: f"{head}.{body}.{change(made, rest)}"


def flip(text):
    return text[:9] + chr(ord(text[9]) ^ 1) + text[10:]


# Changes of a token that is signed already.
CHANGED_TOKEN = {
    "flip_payload_bit": lambda head, body, made, rest: f"{head}.{flip(body)}.{b64(made)}",
    "flip_header_bit": lambda head, body, made, rest: f"{flip(head)}.{body}.{b64(made)}",
    "swap_segments": lambda head, body, made, rest: f"{body}.{head}.{b64(made)}",
    "drop_segment": lambda head, body, made, rest: f"{head}.{b64(made)}",
    "cut_signature": with_signature(lambda made, rest: b64(made[:-1])),
    "empty_signature": with_signature(lambda made, rest: ""),
    "zero_signature": with_signature(lambda made, rest: b64(bytes(len(made)))),
    # 2048 bits end in the middle of a character.
    "stray_signature_bits": with_signature(
        lambda made, rest: b64(made)[:-1] + chr(ord(b64(made)[-1]) + 1)
    ),
    "append": with_signature(lambda made, rest: b64(made) + rest),
    "std_base64": with_signature(
        lambda made, rest: base64.b64encode(b"\xfb\xff" + made[2:]).decode()
    ),
    "insert_newline": with_signature(lambda made, rest: f"{b64(made)[:5]}\n{b64(made)[5:]}"),
}
UNCHANGED = with_signature(lambda made, rest: b64(made))


def token(keys, *, header=(), claims=(), key="k1", mutate=""):
    head = json_text(BASE["header"] | dict(header), keys).encode()
    body = json_text(BASE["claims"] | dict(claims), keys).encode()
    # A changed part is signed again, so that the signature does not reveal the change.
    head, body = changed_content(mutate, head, body)
    made = signature(f"{b64(head)}.{b64(body)}".encode(), key, keys)
    what, _, rest = mutate.partition(":")
    return CHANGED_TOKEN.get(what, UNCHANGED)(b64(head), b64(body), made, rest)


def request_for(transport, made):
    """A request with the token `made` at the place that `transport` names."""
    factory = APIRequestFactory()
    made_text = transport.replace("<token>", made).replace("<a x 20000>", "a" * 20_000)
    how, _, rest = made_text.partition(":")
    match how:
        case "none":
            return factory.get("/")
        case "header":
            name, _, value = rest.partition(":")
            return factory.get("/", headers={name: value.strip()})
        case "cookie":
            return factory.get("/", headers={"Cookie": rest})
        case "body":
            return factory.post("/", rest, content_type="application/x-www-form-urlencoded")
        case "twice":  # as a WSGI server passes it on
            return factory.get("/", HTTP_AUTHORIZATION=f"Bearer {made},Bearer {made}")
    if made_text.startswith("?"):
        return factory.get("/" + made_text)
    authorization, *others = made_text.split("; ")
    headers = dict(other.split(": ") for other in others)
    return factory.get("/", HTTP_AUTHORIZATION=authorization, headers=headers)


# --- The service and its issuer ------------------------------------------------------------------


class WhoAmI(APIView):
    authentication_classes = (BearerAuthentication,)
    permission_classes = (IsAuthenticated,)

    def get(self, request):
        return Response({"user": request.user.pk})

    post = get


def respond(request):
    return WhoAmI.as_view()(request).render()


def ask(made):
    return respond(request_for("Bearer <token>", made))


def code_of(response):
    return response.data["code"]


@pytest.fixture
def published(keys):
    """The keys that the issuer publishes. Tests change the list."""
    return [
        jwk(keys["k1"], kid="k1", alg="RS256", use="sig"),
        jwk(keys["k2"], kid="k2", alg="ES256"),
    ]


@pytest.fixture
def issuer(settings, request, requests_mock, published):
    """The issuer's key set, at a URL of this test only."""
    settings.JWT_KEY = ""
    settings.JWT_JWKS_URL = f"https://gateway.customer.example/{id(request)}/{time.time_ns()}"
    settings.JWT_ALGORITHMS = RECIPES["allowed_algorithms"]
    settings.JWT_ISSUER = RECIPES["issuer"]
    settings.JWT_AUDIENCE = RECIPES["audience"]
    return requests_mock.get(settings.JWT_JWKS_URL, text=lambda *_: json.dumps({"keys": published}))


@pytest.fixture
def clock():
    with time_machine.travel(dt.datetime.now(dt.UTC), tick=False) as moved:
        yield moved


@pytest.fixture
def make_token(keys):
    return lambda **differs: token(keys, **differs)


# --- Tokens --------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", RECIPES["cases"] + OWN_CASES, ids=lambda case: case["id"])
def test_token_of_the_corpus_is_accepted_or_refused(case, keys, issuer):
    parts = {name: case[name] for name in ("header", "claims", "key", "mutate") if name in case}
    made = token(keys, **parts)

    with structlog.testing.capture_logs() as logged:
        response = respond(request_for(case.get("transport", "Bearer <token>"), made))

    assert response.status_code == case.get("expect", 401), logged
    if response.status_code == 200:
        user = case.get("user") or (BASE["claims"] | case.get("claims", {}))["user_id"]
        assert response.data == {"user": user}
    else:
        check_refusal(response)
        assert made not in str(logged)
    # At most the first fetch and one more for an unknown key id.
    assert issuer.call_count <= 2


@pytest.mark.night
@pytest.mark.parametrize(
    "case",
    [case for case in RECIPES["cases"] if case["expect"] == 401 and "transport" not in case],
    ids=lambda case: case["id"],
)
def test_refused_token_is_401_at_each_route_without_a_query(case, keys, issuer):
    """A query would fail: the test has no database."""
    parts = {name: case[name] for name in ("header", "claims", "key", "mutate") if name in case}
    client = Client(headers={"Authorization": f"Bearer {token(keys, **parts)}"})
    for (method, route), row in MATRIX.items():
        if not row.is_public:
            response = ask_route(client, method, route, random_ids("facebook"), row)
            assert response.status_code == 401, (method, route)


def check_refusal(response):
    challenge = 'Bearer realm="social-publishing"'
    if code_of(response) == "invalid_token":
        assert response["WWW-Authenticate"] == f'{challenge}, error="invalid_token"'
        assert response.data["detail"] == "The access token is not valid."
    else:
        assert response["WWW-Authenticate"] == challenge
        assert code_of(response) == "not_authenticated"


@pytest.mark.parametrize(
    ("transport", "expected"),
    [
        ("none:", "not_authenticated"),
        ("Bearer", "not_authenticated"),
        ("Bearer ", "not_authenticated"),
        ("Basic dXNlcjpwdw==", "not_authenticated"),
        ("?access_token=<token>", "not_authenticated"),
        ("Bearer x", "invalid_token"),
        ("bEARER <token>x.", "invalid_token"),
    ],
)
def test_code_shows_whether_a_token_was_sent(transport, expected, make_token, issuer):
    assert code_of(respond(request_for(transport, make_token()))) == expected


def test_reason_is_logged_as_a_short_code(make_token, issuer):
    with structlog.testing.capture_logs() as logged:
        ask(make_token(claims={"exp": "$now-120"}))

    assert logged == [
        {"event": "token refused", "reason": "ExpiredSignatureError", "log_level": "info"}
    ]


def test_log_lines_of_a_request_name_its_caller(make_token, issuer):
    structlog.contextvars.clear_contextvars()
    ask(make_token())

    assert structlog.contextvars.get_contextvars() == {"user_id": "42"}
    structlog.contextvars.clear_contextvars()


def test_any_issuer_and_audience_is_accepted_if_none_is_set(make_token, issuer, settings):
    settings.JWT_ISSUER = settings.JWT_AUDIENCE = ""

    assert ask(make_token(claims={"iss": "x", "aud": ["y"]})).status_code == 200
    assert ask(make_token(claims={"iss": None, "aud": None})).status_code == 200


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(st.characters(max_codepoint=255)), st.sampled_from(["", "Bearer ", "Bearer a.b."]))
def test_any_authorization_header_gets_401(issuer, text, start):
    request = APIRequestFactory().get("/", HTTP_AUTHORIZATION=start + text)

    assert respond(request).status_code == 401


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["alg", "kid", "typ"]),
        st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text()),
    ),
    st.dictionaries(
        st.sampled_from(["exp", "nbf", "iat", "aud", "iss", "sub", "user_id", "jti"]),
        st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), st.lists),
        min_size=1,
    ),
)
def test_any_token_header_and_claims_get_401(keys, issuer, header, claims):
    parts = [b64(json.dumps(part).encode()) for part in (BASE["header"] | header, claims)]
    made = ".".join(parts) + "." + b64(signature(".".join(parts).encode(), "k1", keys))

    assert ask(made).status_code == 401


# --- The key set ---------------------------------------------------------------------------------


def test_jw1_new_key_is_accepted_after_one_fetch(clock, keys, published, issuer, make_token):
    assert ask(make_token()).status_code == 200
    published.append(jwk(keys["k3"], kid="k3"))

    assert ask(make_token(header={"kid": "k3"}, key="k3")).status_code == 200
    assert issuer.call_count == 2

    for n in range(100):
        clock.shift(0.29)
        assert ask(make_token(header={"kid": f"unknown-{n}"}, key="k3")).status_code == 401
    assert issuer.call_count == 2
    clock.shift(2)
    ask(make_token(header={"kid": "unknown"}, key="k3"))
    assert issuer.call_count == 3


def test_jw2_invented_key_ids_cause_two_fetches(clock, issuer, make_token):
    made = make_token(header={"kid": "k-0000"})
    for n in range(10_000):
        clock.shift(0.001)
        head = b64(json.dumps({"alg": "RS256", "kid": f"k-{n}"}).encode())
        assert ask(head + made[made.index(".") :]).status_code == 401

    assert issuer.call_count == 2
    assert ask(make_token()).status_code == 200


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param({"exc": requests.ConnectTimeout}, id="hangs"),
        pytest.param({"exc": requests.ConnectionError}, id="refuses"),
        pytest.param({"status_code": 500}, id="fails"),
        pytest.param(
            {"status_code": 302, "headers": {"Location": "https://evil.example/"}}, id="redirects"
        ),
        pytest.param({"text": " " * 5_000_000 + '{"keys":[]}'}, id="5 MB"),
        pytest.param({"text": "<html>"}, id="no JSON"),
        pytest.param({"text": "[" * 100_000}, id="deep"),
        pytest.param({"text": '{"keys": {}}'}, id="no list"),
        pytest.param({"content": b"\xff"}, id="no text"),
    ],
)
def test_jw3_jw6_old_keys_are_used_while_the_set_is_broken(
    broken, clock, issuer, make_token, requests_mock, settings
):
    assert ask(make_token()).status_code == 200
    fetch = requests_mock.get(settings.JWT_JWKS_URL, **broken)

    for hours in range(1, 24):
        clock.shift(3600)
        assert ask(make_token()).status_code == 200
        assert ask(make_token()).status_code == 200
        assert fetch.call_count == hours
    clock.shift(3600 + 1)
    response = ask(make_token())

    assert (response.status_code, code_of(response)) == (503, "auth_unavailable")
    assert response["Retry-After"]
    assert not can_verify()


def test_jw4_removed_key_is_refused_within_five_minutes(clock, keys, published, issuer, make_token):
    assert ask(make_token()).status_code == 200
    del published[0]
    clock.shift(299)

    assert ask(make_token()).status_code == 401
    assert ask(make_token(header={"alg": "ES256", "kid": "k2"}, key="k2")).status_code == 200


def test_jw5_unfit_keys_are_ignored_with_one_warning(clock, keys, published, issuer, make_token):
    weak = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    published += [
        {"kty": "oct", "kid": "symmetric", "k": b64(b"x" * 32), "alg": "HS256"},
        jwk(weak, kid="weak"),
        jwk(keys["k3"], kid="enc", use="enc"),
        jwk(keys["k3"], kid="twice"),
        jwk(keys["stranger"], kid="twice"),
        RSAAlgorithm.to_jwk(keys["k3"], as_dict=True) | {"kid": "private"},
        jwk(keys["k3"], kid="wrong alg", alg="ES256"),
        jwk(keys["k3"], kid=["list"]),
        jwk(keys["k3"], kid="odd alg", alg=["RS256"]),
        jwk(keys["k3"], kid="null alg", alg=None),
        jwk(keys["k3"], kid="no number", n="%"),
        {"kty": "RSA", "kid": "empty"},
        {"kid": "no kind"},
        None,
        "k3",
    ]
    keys = {**keys, "weak": weak}

    with structlog.testing.capture_logs() as logged:
        assert ask(make_token()).status_code == 200
        for kid in ("enc", "twice", "private", "wrong alg", "odd alg", "null alg", "no number"):
            assert ask(token(keys, header={"kid": kid}, key="k3")).status_code == 401
        assert ask(token(keys, header={"kid": "weak"}, key="weak")).status_code == 401
        hs256 = {"alg": "HS256", "kid": "symmetric"}
        assert ask(token(keys, header=hs256, key="hmac:" + "x" * 32)).status_code == 401
        clock.shift(299)
        assert ask(make_token()).status_code == 200

    assert issuer.call_count == 3
    assert [line for line in logged if line["log_level"] == "warning"] == [
        {"event": "keys of the set ignored", "places": [*range(2, 17)], "log_level": "warning"}
    ]


def test_jw7_cold_start_without_the_set_is_503(clock, issuer, make_token, requests_mock, settings):
    fetch = requests_mock.get(settings.JWT_JWKS_URL, exc=requests.ConnectionError)

    assert not can_verify()
    for _ in range(100):
        assert code_of(ask(make_token())) == "auth_unavailable"
    assert fetch.call_count == 1
    assert respond(request_for("none:", "")).status_code == 401

    requests_mock.get(settings.JWT_JWKS_URL, json={"keys": []})
    clock.shift(6)
    assert not can_verify()


def test_jw7_service_recovers_with_the_set(
    clock, issuer, published, make_token, requests_mock, settings
):
    requests_mock.get(settings.JWT_JWKS_URL, [{"status_code": 503}, {"json": {"keys": published}}])
    assert ask(make_token()).status_code == 503
    clock.shift(6)

    assert ask(make_token()).status_code == 200
    assert can_verify()


@pytest.mark.parametrize(("seconds", "expected"), [(25, 200), (-25, 200), (90, 401), (-90, 401)])
def test_jw8_clock_within_the_leeway(seconds, expected, clock, issuer, make_token):
    made = make_token(claims={"exp": "$now+1"})
    clock.shift(seconds)

    assert ask(made).status_code == expected


def test_clock_set_back_does_not_keep_old_keys(clock, published, issuer, make_token):
    ask(make_token())
    ask(make_token(header={"kid": "unknown"}))
    del published[0]
    clock.shift(-7200)

    assert ask(make_token()).status_code == 401


def test_many_threads_at_a_cold_start_share_one_fetch(
    issuer, published, make_token, requests_mock, settings
):
    def slow(*_):
        time.sleep(0.2)
        return json.dumps({"keys": published})

    fetch = requests_mock.get(settings.JWT_JWKS_URL, text=slow)
    made = make_token()
    with ThreadPoolExecutor(16) as pool:
        statuses = {response.status_code for response in pool.map(ask, [made] * 64)}

    assert statuses == {200}
    assert fetch.call_count == 1


def test_request_with_a_known_key_does_not_wait_for_a_fetch(
    clock, issuer, published, make_token, requests_mock, settings
):
    ask(make_token())
    clock.shift(299)
    started, done = threading.Event(), threading.Event()

    def slow(*_):
        started.set()
        assert done.wait(5)
        return json.dumps({"keys": published})

    requests_mock.get(settings.JWT_JWKS_URL, text=slow)
    made = make_token()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(ask, made)
        assert started.wait(5)
        start = time.perf_counter()
        assert ask(made).status_code == 200
        assert time.perf_counter() - start < 4
        assert not first.done()
        done.set()
        assert first.result().status_code == 200


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\n\r\n"], ids=["silent", "slow"])
def test_slow_set_ends_at_the_timeout(
    head, issuer, make_token, requests_mock, settings, monkeypatch
):
    monkeypatch.setattr("config.auth.jwks.TIMEOUT_S", 0.3)
    requests_mock.register_uri("GET", re.compile("^http://127"), real_http=True)
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings.JWT_JWKS_URL = f"http://127.0.0.1:{server.getsockname()[1]}/"

        def serve():
            line, _ = server.accept()
            with line:
                line.sendall(head)
                for _ in range(60 if head else 0):
                    try:
                        line.sendall(b" ")
                    except OSError:
                        return
                    time.sleep(0.1)
                time.sleep(0 if head else 6)

        thread = threading.Thread(target=serve)
        thread.start()
        start = time.perf_counter()
        response = ask(make_token())
        took = time.perf_counter() - start
        thread.join()

    assert (response.status_code, code_of(response)) == (503, "auth_unavailable")
    assert took < 4


@pytest.mark.parametrize("url", ["http://gateway.customer.example/", "ftp://x/", "//", "https://["])
def test_url_that_is_not_https_is_never_requested(url, issuer, make_token, requests_mock, settings):
    settings.JWT_JWKS_URL = url

    assert ask(make_token()).status_code == 503
    assert requests_mock.call_count == 0


def test_plain_http_on_loopback_is_accepted(issuer, published, make_token, requests_mock, settings):
    settings.JWT_JWKS_URL = "http://localhost:9/jwks"
    requests_mock.get(settings.JWT_JWKS_URL, json={"keys": published})

    assert ask(make_token()).status_code == 200


def test_key_without_an_algorithm_accepts_only_the_listed_ones(keys, published, issuer, make_token):
    published.append(jwk(keys["k3"], kid="k3"))

    assert ask(make_token(header={"kid": "k3"}, key="k3")).status_code == 200
    assert ask(make_token(header={"kid": "k3", "alg": "RS512"}, key="k3:RS512")).status_code == 401


def test_token_without_a_key_id_uses_the_only_key(published, issuer, make_token):
    del published[1]

    assert ask(make_token(header={"kid": None})).status_code == 200
    assert ask(make_token(header={"kid": None}, key="stranger")).status_code == 401


# --- Configured keys -----------------------------------------------------------------------------


@pytest.fixture
def secret(settings):
    """A shared secret, as in development."""
    settings.JWT_KEY = "s" * 48
    settings.JWT_ALGORITHMS = ["HS256"]
    settings.JWT_JWKS_URL = settings.JWT_ISSUER = settings.JWT_AUDIENCE = ""
    return settings.JWT_KEY


HOUR = dt.timedelta(hours=1)


def test_dev_token_is_accepted(secret, settings):
    settings.JWT_ISSUER, settings.JWT_AUDIENCE = "https://issuer.example", "us"

    assert ask(sign_dev_token("alice", lifetime=HOUR)).data == {"user": "alice"}
    assert can_verify()


def test_dev_token_uses_the_configured_claim(secret, settings):
    settings.JWT_USER_CLAIM = "uid"

    assert jwt.decode(sign_dev_token("a", lifetime=HOUR), secret, ["HS256"])["uid"] == "a"


def test_dev_token_expires(secret, clock):
    made = sign_dev_token("alice", lifetime=HOUR)
    clock.shift(3600 + 31)

    assert ask(made).status_code == 401


def test_dev_token_with_an_invalid_user_or_lifetime_is_not_signed(secret):
    with pytest.raises(ValueError, match="user id"):
        sign_dev_token("no spaces", lifetime=HOUR)
    with pytest.raises(ValueError, match="longer"):
        sign_dev_token("alice", lifetime=dt.timedelta(hours=25))


@pytest.mark.parametrize(
    "change", [{"JWT_KEY": ""}, {"JWT_ALGORITHMS": ["RS256"]}, {"JWT_KEY": "pem"}], ids=str
)
def test_dev_token_needs_a_shared_secret(secret, settings, change, keys):
    for name, value in change.items():
        setattr(settings, name, pem(keys["k1"]).decode() if value == "pem" else value)

    with pytest.raises(ImproperlyConfigured):
        sign_dev_token("alice", lifetime=HOUR)


def test_shared_secret_accepts_no_other_signature(secret, make_token, settings):
    settings.JWT_ALGORITHMS = ["HS256", "RS256"]
    hs256 = {"alg": "HS256", "kid": "any"}

    assert ask(make_token(header=hs256, key=f"hmac:{secret}")).status_code == 200
    assert ask(make_token(header=hs256, key="hmac:guess")).status_code == 401
    assert ask(make_token(key="k1")).status_code == 401
    assert ask(make_token(header={"alg": "none"}, key="none")).status_code == 401


@pytest.mark.parametrize(("name", "algorithm"), [("k1", "RS256"), ("k2", "ES256")])
def test_public_key_in_pem_verifies_its_own_algorithm_only(
    name, algorithm, secret, settings, keys, make_token
):
    settings.JWT_KEY = pem(keys[name]).decode()
    settings.JWT_ALGORITHMS = ["RS256", "ES256", "HS256"]  # a wrong setting that must do no harm

    assert can_verify()
    assert ask(make_token(header={"alg": algorithm, "kid": "any"}, key=name)).status_code == 200
    assert ask(make_token(header={"alg": "RS256"}, key="stranger")).status_code == 401
    forged = f"hmac:{settings.JWT_KEY}"
    assert ask(make_token(header={"alg": "HS256"}, key=forged)).status_code == 401


@pytest.mark.parametrize(
    "change",
    [
        {"JWT_KEY": ""},
        {"JWT_ALGORITHMS": ["RS256"]},
        {"JWT_ALGORITHMS": []},
        {"JWT_KEY": "-----BEGIN PUBLIC KEY-----\nnonsense\n-----END PUBLIC KEY-----"},
    ],
    ids=["nothing", "secret for RS256", "no algorithm", "broken PEM"],
)
def test_without_a_usable_key_it_is_503(change, secret, settings, make_token):
    for name, value in change.items():
        setattr(settings, name, value)

    response = ask(make_token(header={"alg": "HS256"}, key=f"hmac:{secret}"))

    assert (response.status_code, code_of(response)) == (503, "auth_unavailable")
    assert respond(request_for("none:", "")).status_code == 401
    assert not can_verify()


# --- Framework -----------------------------------------------------------------------------------


def test_caller_has_what_drf_expects_of_a_user():
    caller = Caller(user_id="42")

    assert (caller.pk, caller.is_authenticated) == ("42", True)


def test_openapi_has_the_bearer_scheme():
    extension = OpenApiAuthenticationExtension.get_match(BearerAuthentication)

    assert extension.name == "bearerAuth"
    assert extension.get_security_definition(None) == {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
    }
