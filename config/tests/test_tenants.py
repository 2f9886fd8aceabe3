"""No user reads, changes or learns of another's data: each route, each method, each place of an id.

MATRIX has a row for each route of the API, found in the URLs. A new route fails until it has one.
"""

import datetime as dt
import json
import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from urllib.parse import unquote

import pytest
from django.core import serializers
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from config.auth.dev_tokens import sign_dev_token
from connections.models import AuthorizationSession, Destination, SocialConnection
from publishing.models import ENDED, JobEvent, PublishBatch, PublishJob, Status
from socialpublishing.events.models import Event
from socialpublishing.events.webhooks import Webhook, WebhookDelivery, new_secret

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
MALFORMED = "00000000-0000-0000-0000-00000000000z"
# Words that are in no response to anybody but Alice.
SECRET = "alices_own_words"


def routes() -> Iterator[tuple[str, str]]:
    """(method, path with its parameters) of all routes below /api/v1/."""

    def walk(resolver: URLResolver, start: str) -> Iterator[tuple[str, URLPattern]]:
        for each in resolver.url_patterns:
            path = f"{start}{each.pattern}"
            if isinstance(each, URLResolver):
                yield from walk(each, path)
            else:
                yield path, each

    for path, pattern in walk(get_resolver(), ""):
        if path.startswith("api/v1/"):
            name = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", path.removeprefix("api/v1/"))
            # DRF adds HEAD to GET with the first request.
            for method in set(pattern.callback.actions) - {"head"}:
                yield method.upper(), name


@dataclass
class Ids:
    """The ids that a request names."""

    connection: str
    destination: str
    job: str
    session: str
    batch: str = ""
    platform: str = "facebook"
    webhook: str = field(default_factory=lambda: str(uuid.uuid4()))
    delivery: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass(frozen=True, kw_only=True)
class Row:
    """How a route is asked for the data of another user.

    `body` and `query` make what a request carries, from the ids to name. `absent`: the permitted
    statuses if they are not the caller's; without an id to name, those of any caller.
    """

    body: Callable[[Ids], object] = lambda ids: None
    query: Callable[[Ids], dict[str, str]] = lambda ids: {}
    absent: set[int] = field(default_factory=lambda: {404})
    is_public: bool = False


def post(ids: Ids, **more: object) -> dict[str, object]:
    return {"connection_id": ids.connection, "text_content": "A text", **more}


def batch(ids: Ids) -> dict[str, object]:
    return {"text_content": "A text", "targets": [{"connection_id": ids.connection}]}


def later() -> str:
    return (timezone.now() + dt.timedelta(hours=1)).isoformat()


CONNECTION = "connections/{connection_id}"
SECTIONS = f"{CONNECTION}/destinations/{{destination_id}}/sections"
JOB = "publishing/jobs/{job_id}"
BATCH = "publishing/batches/{batch_id}"
WEBHOOK = "webhooks/{webhook_id}"
CALLBACK = "connections/callbacks/{platform}"
NOT_PUBLISHED = {"outcome": "not_published", "reason": "looked"}
MATRIX = {
    ("GET", "connections/"): Row(absent={200}),
    ("GET", CONNECTION): Row(),
    ("PATCH", CONNECTION): Row(body=lambda ids: {"timezone": "Europe/Berlin"}),
    ("DELETE", CONNECTION): Row(),
    ("GET", f"{CONNECTION}/posting-options"): Row(
        query=lambda ids: {"destination_id": ids.destination}
    ),
    ("POST", f"{CONNECTION}/refresh"): Row(),
    ("GET", f"{CONNECTION}/destinations"): Row(),
    ("POST", f"{CONNECTION}/destinations"): Row(body=lambda ids: {"name": "A board"}),
    ("PUT", f"{CONNECTION}/destinations/default"): Row(
        body=lambda ids: {"destination_id": ids.destination}
    ),
    ("DELETE", f"{CONNECTION}/destinations/default"): Row(),
    ("GET", SECTIONS): Row(),
    ("POST", SECTIONS): Row(body=lambda ids: {"name": "A section"}),
    ("GET", "connections/connect/{platform}"): Row(
        query=lambda ids: {"redirect": "false"}, absent={200}
    ),
    ("GET", "connections/connect/{platform}/callback"): Row(
        query=lambda ids: {"state": ids.session, "code": "x"}, absent={400}, is_public=True
    ),
    ("GET", "events"): Row(absent={200}),
    ("POST", "connections/confirm"): Row(
        body=lambda ids: {"attempt_id": ids.session, "completion_code": "x" * 43}
    ),
    ("POST", f"{CALLBACK}/deauthorize"): Row(
        body=lambda ids: {"signed_request": "x.x"}, absent={400, 403, 415}, is_public=True
    ),
    ("POST", f"{CALLBACK}/data-deletion"): Row(
        body=lambda ids: {"signed_request": "x.x"}, absent={400, 403, 415}, is_public=True
    ),
    ("GET", f"{CALLBACK}/data-deletion/{{code}}"): Row(is_public=True),
    ("POST", "publishing/publish"): Row(body=post),
    ("POST", "publishing/schedule"): Row(body=lambda ids: post(ids, schedule_time=later())),
    ("POST", "publishing/validate"): Row(body=post),
    ("POST", "publishing/batches"): Row(body=lambda ids: batch(ids), absent={400}),
    ("GET", BATCH): Row(),
    ("POST", f"{BATCH}/cancel"): Row(),
    ("GET", "publishing/jobs"): Row(
        query=lambda ids: {"connection_id": ids.connection}, absent={200}
    ),
    ("GET", JOB): Row(),
    ("PATCH", JOB): Row(body=lambda ids: {"text_content": "Another text"}),
    ("GET", f"{JOB}/status"): Row(),
    ("GET", f"{JOB}/events"): Row(),
    ("GET", f"{JOB}/metrics"): Row(),
    ("POST", f"{JOB}/cancel"): Row(),
    ("DELETE", f"{JOB}/post"): Row(),
    ("POST", f"{JOB}/resolve"): Row(body=lambda ids: NOT_PUBLISHED),
    ("POST", f"{JOB}/retry"): Row(),
    ("POST", "insights/{platform}/hashtags"): Row(
        body=lambda ids: {"keywords": ["sea"], "connection_id": ids.connection}
    ),
    ("GET", "insights/{platform}/best-times"): Row(
        query=lambda ids: {"connection_id": ids.connection}
    ),
    ("GET", "platforms"): Row(absent={200}),
    ("GET", "webhooks"): Row(absent={200}),
    ("POST", "webhooks"): Row(body=lambda ids: {"url": "https://127.0.0.1/"}, absent={400}),
    ("GET", WEBHOOK): Row(),
    ("PATCH", WEBHOOK): Row(body=lambda ids: {"description": "Another", "status": "paused"}),
    ("DELETE", WEBHOOK): Row(),
    ("POST", f"{WEBHOOK}/rotate-secret"): Row(),
    ("POST", f"{WEBHOOK}/test"): Row(),
    ("GET", f"{WEBHOOK}/deliveries"): Row(),
    ("POST", f"{WEBHOOK}/deliveries/{{delivery_id}}/redeliver"): Row(),
}
PARAMETERS = {
    "platform": lambda ids: ids.platform,
    "connection_id": lambda ids: ids.connection,
    "destination_id": lambda ids: ids.destination,
    "job_id": lambda ids: ids.job,
    "batch_id": lambda ids: ids.batch,
    "code": lambda ids: ids.session,
    "webhook_id": lambda ids: ids.webhook,
    "delivery_id": lambda ids: ids.delivery,
}


def test_each_route_has_a_row_in_the_matrix():
    assert set(routes()) == set(MATRIX)


def path_of(route: str, ids: Ids) -> str:
    return re.sub(r"{(\w+)}", lambda match: PARAMETERS[match[1]](ids), f"/api/v1/{route}")


def ask(client: Client, method: str, route: str, ids: Ids, row: Row):
    body = row.body(ids)
    return client.generic(
        method,
        path_of(route, ids),
        "" if body is None else json.dumps(body),
        content_type="application/json",
        query_params=row.query(ids),
    )


def client_of(user: str, *, hours: float = 1) -> Client:
    token = sign_dev_token(user, lifetime=dt.timedelta(hours=hours))
    return Client(headers={"Authorization": f"Bearer {token}"})


@pytest.fixture
def alice(make_connection, sandbox) -> list[Ids]:
    """What Alice has: two connections with destinations, and a job in each state."""
    found = []
    for platform in ("facebook", "pinterest"):
        connection = make_connection(platform, username=f"{SECRET}_{platform}")
        destination = connection.destinations.first() or Destination.objects.create(
            connection=connection, remote_id=SECRET, name=SECRET
        )
        session = AuthorizationSession.objects.create(
            user_id="alice",
            platform=platform,
            state_hash=uuid.uuid4().hex,
            created_at=timezone.now(),
            expires_at=timezone.now() + dt.timedelta(minutes=10),
        )
        owned_batch = PublishBatch.objects.create(
            user_id="alice", external_reference=SECRET, created_at=timezone.now()
        )
        webhook, delivery = make_webhook(platform)
        for number, status in enumerate(Status):
            job = PublishJob.objects.create(
                user_id="alice",
                connection=connection,
                destination=destination,
                platform=platform,
                batch=owned_batch,
                account=f"{platform}:{SECRET}",
                account_name=SECRET,
                text=SECRET,
                status=status,
                next_attempt_at=None if status in ENDED else timezone.now(),
                scheduled_at=timezone.now() if status == Status.SCHEDULED else None,
                published_at=timezone.now() if status == Status.PUBLISHED else None,
                remote_id=f"{SECRET}-{number}" if status == Status.PUBLISHED else "",
                error_message=SECRET,
                created_at=timezone.now(),
                updated_at=timezone.now(),
            )
            JobEvent.objects.create(
                job=job, at=timezone.now(), to_status=status, actor="user alice", note=SECRET
            )
            found.append(
                Ids(
                    connection=str(connection.pk),
                    destination=str(destination.pk),
                    job=str(job.pk),
                    session=str(session.pk),
                    batch=str(owned_batch.pk),
                    platform=platform,
                    webhook=str(webhook.pk),
                    delivery=str(delivery.pk),
                )
            )
    return found


def make_webhook(platform: str) -> tuple[Webhook, WebhookDelivery]:
    """One of Alice, with a delivery."""
    now = timezone.now()
    webhook = Webhook.objects.create(
        user_id="alice",
        url=f"https://{SECRET}.example/",
        description=SECRET,
        secret=new_secret(),
        created_at=now,
    )
    event = Event.objects.create(
        type="job.failed",
        at=now,
        user_id="alice",
        platform=platform,
        sequence=1,
        data={"a": SECRET},
    )
    delivery = webhook.deliveries.create(event=event, created_at=now, next_attempt_at=now)
    return webhook, delivery


def random_ids(platform: str) -> Ids:
    return Ids(*(str(uuid.uuid4()) for _ in range(5)), platform=platform)


def stored() -> str:
    """All rows of Alice, as text."""
    querysets = (
        SocialConnection.objects.filter(user_id="alice"),
        Destination.objects.filter(connection__user_id="alice"),
        AuthorizationSession.objects.filter(user_id="alice"),
        PublishJob.objects.filter(user_id="alice"),
        PublishBatch.objects.filter(user_id="alice"),
        JobEvent.objects.filter(job__user_id="alice"),
        Webhook.objects.filter(user_id="alice"),
        WebhookDelivery.objects.filter(webhook__user_id="alice"),
    )
    return "".join(serializers.serialize("json", each.order_by("pk")) for each in querysets)


def without_ids(response, ids: Ids) -> str:
    """The body of `response` with its own ids removed, to compare it with another's."""
    text = response.content.decode()
    for each in (value for name, value in vars(ids).items() if name != "platform"):
        text = text.replace(each, "ID")
    return re.sub(r'"request_id": ?"[^"]*"', "", text)


# Upper and lower case may be the same to a database; the others differ in any.
LIKE_ALICE = ["Alice", "alice2", "alic", "alice.", "1"]


@pytest.mark.parametrize(
    "user",
    ["bob", "ALICE", *(pytest.param(name, marks=pytest.mark.any_database) for name in LIKE_ALICE)],
)
def test_another_user_gets_what_a_random_id_gets(user, alice, make_connection, sandbox):
    """With the other tests 5,000 requests: each method and route, each object, many users."""
    own = make_connection("facebook", user="bob")
    client, before = client_of(user), stored()
    for (method, route), row in MATRIX.items():
        named = "{" in route or row.body(alice[0]) or row.query(alice[0])
        for ids in alice if "job_id" in route else (alice[0], alice[-1]):
            response = ask(client, method, route, ids, row)
            nobody = random_ids(ids.platform)
            other = ask(client, method, route, nobody, row)
            what = f"{method} {route}: {response.status_code} {response.content!r}"
            if response.status_code != 415:
                assert response.status_code in row.absent, what
            assert response.status_code == other.status_code, what
            if route != "connections/connect/{platform}":
                assert without_ids(response, ids) == without_ids(other, nobody), what
            assert SECRET not in response.content.decode(), what
            assert SECRET not in str(response.headers), what
            assert named or str(own.pk) not in response.content.decode() or user == "bob"
            malformed = Ids(*[MALFORMED] * 5, ids.platform, MALFORMED, MALFORMED)
            assert ask(client, method, route, malformed, row).status_code < 500, what
    assert stored() == before


def test_ids_of_another_user_beside_an_own_connection_are_absent(
    alice, make_connection, sandbox, db
):
    own = {name: make_connection(name, user="bob") for name in ("facebook", "pinterest")}
    client, before = client_of("bob"), stored()
    for ids in (alice[0], alice[-1]):
        mixed = replace(ids, connection=str(own[ids.platform].pk))
        for (method, route), row in MATRIX.items():
            if method == "DELETE" or "connection_id" not in route:
                continue
            response = ask(client, method, route, mixed, row)
            assert response.status_code < 500
            assert SECRET not in response.content.decode()
        for method, route in (
            ("GET", SECTIONS),
            ("POST", SECTIONS),
            ("PUT", f"{CONNECTION}/destinations/default"),
            ("GET", f"{CONNECTION}/posting-options"),
        ):
            response = ask(client, method, route, mixed, MATRIX[method, route])
            assert response.status_code == 404, (method, route, response.content)
        options = {"destination_id": ids.destination}
        for path in ("publishing/publish", "publishing/validate"):
            body = post(mixed, platform_specific_options=options)
            response = client.post(f"/api/v1/{path}", body, content_type="application/json")
            assert response.status_code in {400, 404}, response.content
            assert SECRET not in response.content.decode()
    assert stored() == before


@pytest.mark.parametrize(
    "query",
    [
        "user_id=alice",
        "user=alice",
        "connection__user_id=alice",
        "limit=100000",
        "limit=100",
        "ordering=user_id",
        "status=Published",
        "platform=facebook",
        "cursor=x",
    ],
)
def test_lists_hold_own_rows_only(query, alice, make_connection, api, sandbox):
    own = make_connection("twitter", user="bob")
    client = client_of("bob")
    client.post(
        "/api/v1/publishing/publish", post(Ids(str(own.pk), "", "", "")), "application/json"
    )
    for path in ("connections/", "publishing/jobs"):
        response = client.get(f"/api/v1/{path}?{query}")
        assert response.status_code in {200, 400}
        assert SECRET not in response.content.decode()
        for ids in alice:
            assert ids.job not in response.content.decode()
            assert ids.connection not in response.content.decode()


def test_list_with_the_cursor_of_another_user_holds_own_rows_only(alice, api):
    first = api.get("publishing/jobs?limit=3")
    following = re.search(r"[?&]cursor=([^&>]+)", first.headers["Link"])[1]
    response = client_of("bob").get("/api/v1/publishing/jobs", {"cursor": unquote(following)})
    assert SECRET not in response.content.decode()
    assert response.status_code in {200, 400}


@pytest.fixture
def strangers(superuser, make_staff, db) -> dict[str, Client]:
    """Clients without a token that is accepted."""
    expired = client_of("alice", hours=-1)
    return {
        "nobody": Client(),
        "expired": expired,
        "superuser": superuser,
        "staff": make_staff(),
        "trailing space": Client(headers={"Authorization": "Bearer x.y.z "}),
        "user header": Client(headers={"X-User-Id": "alice"}),
    }


@pytest.mark.any_database
def test_without_an_accepted_token_each_route_is_401_for_any_id(alice, strangers):
    before = stored()
    for name, client in strangers.items():
        for method, route in {(method, route) for _, route in MATRIX for method in METHODS}:
            row = MATRIX.get((method, route), Row())
            if any(row.is_public for (_, path), row in MATRIX.items() if path == route):
                continue
            for ids in (alice[0], random_ids("facebook")):
                response = ask(client, method, route, ids, row)
                assert response.status_code == 401, (name, method, route, response.content)
                assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert stored() == before


@pytest.mark.any_database
def test_methods_that_a_route_has_not_leak_nothing(alice):
    client, before = client_of("bob"), stored()
    for route in {route for _, route in MATRIX}:
        for method in set(METHODS) - {m for m, path in MATRIX if path == route}:
            for ids in (alice[0], alice[-1], random_ids("facebook")):
                response = ask(client, method, route, ids, Row())
                assert response.status_code in {200, 307, 400, 404, 405}, (method, route)
                assert SECRET not in response.content.decode()
    assert stored() == before
