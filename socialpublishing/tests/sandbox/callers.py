"""Clients that call the sandbox over real HTTP: its control API, an X account, a Facebook Page."""

import base64
import hashlib
import html
import re
from urllib.parse import parse_qs, urlencode, urlsplit

import requests

from socialpublishing.tests.recording import body_of, json_of
from socialpublishing.tests.x_description import XDescription

REDIRECT_URI = "http://127.0.0.1:8000/callback?from=here"
VERIFIER = "a-verifier-that-is-long-enough-to-be-one-of-rfc-7636"


class Client:
    """Sends requests below one URL, with one token."""

    def __init__(self, url, token=""):
        self.url = url
        self.session = requests.Session()
        self.session.trust_env = False
        if token:
            self.session.headers["Authorization"] = f"Bearer {token}"

    def call(self, method, path, **kwargs):
        kwargs.setdefault("timeout", 10)
        kwargs.setdefault("allow_redirects", False)
        return self.session.request(method, f"{self.url}{path}", **kwargs)

    def get(self, path, **kwargs):
        return self.call("GET", path, **kwargs)

    def post(self, path, **kwargs):
        return self.call("POST", path, **kwargs)

    def delete(self, path, **kwargs):
        return self.call("DELETE", path, **kwargs)


class Control(Client):
    def account(self, platform="twitter", **facts):
        """A new account, by default with a username that no other has: someone, someone1 …"""
        self.made = getattr(self, "made", -1) + 1
        new = {"username": f"someone{self.made or ''}", "name": "someone"}
        response = self.post("/accounts", json={"platform": platform, **new, **facts})
        assert response.status_code == 201, response.text
        return response.json()

    def fault(self, action, value=None, **facts):
        response = self.post("/faults", json={"action": action, "value": value, **facts})
        assert response.status_code == 201, response.text
        return response.json()["id"]

    def settings(self, **switches):
        assert self.post("/settings", json=switches).status_code == 200

    def advance(self, seconds):
        assert self.post("/clock", json={"advance_seconds": seconds}).status_code == 200

    def posts(self, platform=""):
        return self.get("/posts", params={"platform": platform}).json()


class X(Client):
    """An account on X. Checks requests that X accepts, and all responses, by X's description."""

    def __init__(self, server, account):
        super().__init__(f"{server.url}/twitter", account["access_token"])
        self.id = account["account_id"]
        self.account = account

    def call(self, method, path, **kwargs):
        response = super().call(method, path, **kwargs)
        description, sent = XDescription(), response.request
        if response.ok:
            description.check_request(method, sent.url, body_of(sent))
        description.check_response(
            method, sent.url, response.status_code, json_of(response.content)
        )
        return response

    def tweet(self, text="Hello", **more):
        response = self.post("/2/tweets", json={"text": text, **more})
        assert response.status_code == 201, response.text
        return response.json()["data"]

    def upload(self, data, category="tweet_image"):
        response = self.post(
            "/2/media/upload", files={"media": data}, data={"media_category": category}
        )
        assert response.status_code == 200, response.text
        return response.json()["data"]


class Page(Client):
    """A Facebook Page, with its own token, below `/{id}/…` of Graph v27.0."""

    def __init__(self, server, page):
        super().__init__(f"{server.url}/facebook/v27.0", page["access_token"])
        self.id = page["id"]
        self.token = page["access_token"]

    def publish(self, **fields):
        response = self.post(f"/{self.id}/feed", data=fields)
        assert response.status_code == 200, response.text
        return response.json()["id"]

    def photo(self, data, **fields):
        response = self.post(f"/{self.id}/photos", files={"source": data}, data=fields)
        assert response.status_code == 200, response.text
        return response.json()


def consent_query(platform, **changes):
    """The query of an authorization URL, as an app builds it."""
    query = {
        "client_id": f"sandbox-{platform}",
        "redirect_uri": REDIRECT_URI,
        "response_type": "code",
        "state": "a state",
    }
    if platform == "twitter":
        digest = hashlib.sha256(VERIFIER.encode()).digest()
        query |= {
            "scope": "tweet.read tweet.write users.read media.write offline.access",
            "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
            "code_challenge_method": "S256",
        }
    else:
        query |= {"scope": "pages_show_list,pages_manage_posts,pages_read_engagement"}
    query |= changes
    return urlencode({name: value for name, value in query.items() if value is not None})


def form_of(response):
    """The fields that a browser sends from the consent page, and the URL that it sends them to."""
    fields = {}
    for tag in re.findall(r"<input[^>]*>", response.text):
        attributes = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        is_sent = attributes["type"] == "hidden" or re.search(r"\bchecked\b", tag)
        if is_sent:
            value = html.unescape(attributes.get("value", "on"))
            fields[html.unescape(attributes["name"])] = value
    return fields, html.unescape(re.search(r'<form[^>]*action="([^"]*)"', response.text)[1])


def redirect_params(response):
    """The parameters of the redirect from the consent page back to the app."""
    assert response.status_code == 302, response.text
    assert response.headers["Location"].startswith(f"{REDIRECT_URI}&")
    return {
        name: value
        for name, [value] in parse_qs(urlsplit(response.headers["Location"]).query).items()
    }
