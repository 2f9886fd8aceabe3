"""Case W05: no address of the corpus is accepted for a webhook, nor sent to."""

import pytest

from socialpublishing.crypto import Secret
from socialpublishing.events.sending import Message, WebhookAddressRefusedError, check_address, send
from socialpublishing.tests.test_media import (  # noqa: F401  fixtures
    StubNetwork,
    authority,
    context,
    corpus,
    make_context,
    server,
    stub,
    unescaped,
)

MESSAGE = Message(id="evt_1", body="{}")
SECRETS = [Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
DENIED = [
    pytest.param(row[2], unescaped(row[3]), id=row[0])
    for row in corpus("ssrf_urls.txt")
    if row[1] == "DENY"
]


@pytest.mark.parametrize(("stage", "url"), DENIED)
def test_w05_address_is_refused_at_save_and_at_each_delivery(stage, url, stub, settings):  # noqa: F811
    # What files may be read from is no permission to send there.
    settings.MEDIA_ALLOWED_ORIGINS = ["https://127.0.0.1", "https://localhost", "http://10.0.0.1"]
    with pytest.raises(WebhookAddressRefusedError):
        check_address(url, network=stub.network())
    outcome = send(url, MESSAGE, SECRETS, network=stub.network())
    assert outcome.error in {"address_refused", "unreachable"}
    assert stub.connected == []
    assert len(stub.resolved) == (0 if stage == "parse" else 2)


def test_w05_name_that_resolves_to_another_address_later_is_refused(stub):  # noqa: F811
    """The corpus' name with a public address first, a private one afterwards."""
    url = "https://r-rebind.example/m/a.jpg"
    check_address(url, network=stub.network())
    outcome = send(url, MESSAGE, SECRETS, network=stub.network())
    assert outcome.error == "address_refused"
    assert stub.connected == []


def test_allowed_origin_may_be_inside_the_network(settings):
    settings.WEBHOOK_ALLOWED_ORIGINS = ["http://10.1.2.3:8080"]
    check_address("http://10.1.2.3:8080/events")
    for other in ("http://10.1.2.3/events", "https://10.1.2.3:8080/events"):
        with pytest.raises(WebhookAddressRefusedError):
            check_address(other)


def test_public_address_is_sent_to_at_the_address_that_was_checked(server, stub):  # noqa: F811
    server.responses = [b"HTTP/1.1 204 No Content\r\n\r\n"]
    message = Message(id="evt_1", body="{}\r\n\r\n")  # what the server takes for the end
    outcome = send("https://media-ok.example/events", message, SECRETS, network=stub.network())
    assert (outcome.error, outcome.response_status) == ("", 204)
    assert stub.connected == [("93.184.215.14", 443)]
    [request] = server.requests
    assert request.startswith("POST /events HTTP/1.1\r\nHost: media-ok.example\r\n")
    assert "webhook-id: evt_1\r\n" in request
