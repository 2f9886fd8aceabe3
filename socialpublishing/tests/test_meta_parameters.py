"""The check itself: it detects a parameter that Meta does not list."""

import pytest

from socialpublishing.tests.meta_parameters import MetaParameters

FEED = "http://127.0.0.1:1/facebook/v27.0/123456/feed"


def test_listed_parameters_pass_and_the_edge_is_recorded():
    parameters = MetaParameters("facebook")
    body = {"message": "Hi", "fields": "id"}
    parameters.check_request("POST", f"{FEED}?appsecret_proof=x", body)
    assert parameters.seen == {"Page POST feed"}


def test_unlisted_parameter_fails():
    with pytest.raises(AssertionError, match="colour"):
        MetaParameters("facebook").check_request("POST", FEED, {"colour": "red"})


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/twitter/2/tweets", "http://127.0.0.1:1/facebook/video-upload/1"]
)
def test_other_urls_are_not_checked(url):
    parameters = MetaParameters("facebook")
    parameters.check_request("POST", url, {"anything": 1})
    assert not parameters.seen
