"""The judge itself: it would find a parameter that Meta does not list."""

import pytest

from socialpublishing.tests.meta_parameters import MetaParameters

FEED = "http://127.0.0.1:1/facebook/v25.0/123456/feed"


def test_what_is_listed_passes_and_is_noted():
    judge = MetaParameters("facebook")
    judge.check_request("POST", f"{FEED}?appsecret_proof=x", {"message": "Hi", "fields": "id"})
    assert judge.seen == {"Page POST feed"}


def test_what_is_not_listed_is_found():
    with pytest.raises(AssertionError, match="colour"):
        MetaParameters("facebook").check_request("POST", FEED, {"colour": "red"})


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/twitter/2/tweets", "http://127.0.0.1:1/facebook/video-upload/1"]
)
def test_other_addresses_are_not_judged(url):
    judge = MetaParameters("facebook")
    judge.check_request("POST", url, {"anything": 1})
    assert not judge.seen
