"""A new platform needs one module and one entry in the register. This one is called Trial."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import ClassVar

import pytest
from django.conf import settings

from conftest import statuses
from connections.models import SocialConnection
from socialpublishing import options
from socialpublishing.crypto import Secret
from socialpublishing.errors import NoResponseError
from socialpublishing.limits import Capabilities, PostType
from socialpublishing.oauth import OAuth
from socialpublishing.platforms import PLATFORMS
from socialpublishing.platforms.accounts import Profile
from socialpublishing.platforms.app import App, Host
from socialpublishing.platforms.base import Platform
from socialpublishing.platforms.progress import Found

APPS = ("config", "insights", "publishing", "connections", "socialpublishing")


class TrialOptions(options.PostOptions):
    examples: ClassVar = {"post_type": "feed", "mood": "calm"}
    post_type = options.choice("The kind of post.", "feed")
    mood = options.choice("How it feels.", "calm", "loud")


class TrialApp(App):
    name: ClassVar = "trial"
    label: ClassVar = "Trial"
    hosts: ClassVar = {
        "api": Host(variable="TRIAL_API_URL", default="https://api.trial.example"),
        "auth": Host(variable="TRIAL_AUTH_URL", default="https://trial.example"),
    }
    client_id_variables: ClassVar = ("TRIAL_ID",)
    client_secret_variables: ClassVar = ("TRIAL_SECRET",)
    oauth: ClassVar = OAuth(authorize_path="/authorize", token_path="/token", scopes=("write",))


class Trial(Platform):
    name: ClassVar = "trial"
    label: ClassVar = "Trial"
    app: ClassVar = TrialApp()
    capabilities: ClassVar = Capabilities(
        post_types=(
            PostType(
                description="Text.",
                max_text=10,
                options=frozenset({"mood"}),
                source="https://trial.example/docs",
                checked=dt.date(2026, 11, 22),
            ),
        )
    )
    options: ClassVar = TrialOptions

    def prepare(self, post, progress):
        return progress.ready()

    def publish(self, post, progress):
        payload = {"text": post.text, "mood": post.options.get("mood")}
        response = self.http.post("/posts", json=payload)
        return progress.published(remote_id=response["id"], post_url=response["url"])

    def lookup(self, post, progress, *, since, other_post_ids):
        for found in self.http.get("/posts"):
            if found["text"] == post.text and found["id"] not in other_post_ids:
                return Found(remote_id=found["id"], post_url=found["url"])
        return None

    @staticmethod
    def read_error(response):
        return NoResponseError()

    def profile(self):
        return Profile(id="7", display_name="Seven")


@pytest.fixture
def connection(db, monkeypatch, settings):
    settings.SANDBOX_URL = "http://127.0.0.1:1"
    monkeypatch.setitem(PLATFORMS, "trial", Trial)
    connection = SocialConnection(
        user_id="alice", platform="trial", external_user_id="7", scopes=["write"]
    )
    connection.access_token = Secret("token")
    connection.save()
    return connection


POST = {"id": "77", "text": "Hello", "url": "https://trial.example/77"}
API = "http://127.0.0.1:1/trial/posts"


def test_new_platform_publishes_with_its_options(api, worker, connection, requests_mock):
    requests_mock.post(API, json=POST)

    response = api.publish(connection, "Hello", platform_specific_options={"mood": "loud"})
    assert response.status_code == 202, response.json()
    worker.work()

    assert statuses() == {"Published": 1}
    assert requests_mock.last_request.json() == {"text": "Hello", "mood": "loud"}
    [job] = api.get("publishing/jobs?platform=trial").json()
    assert job["post_url"] == POST["url"]


def test_limits_and_options_of_a_new_platform_are_checked_and_listed(api, connection):
    assert api.publish(connection, "a" * 11).json()["code"] == "content_rejected"
    wrong = api.publish(connection, "Hello", platform_specific_options={"mood": "sad"})
    assert wrong.json()["violations"][0]["field"] == "platform_specific_options.mood"
    assert "trial" in [platform["name"] for platform in api.get("platforms").json()]


def test_lost_response_of_a_new_platform_is_looked_up(api, worker, connection, requests_mock):
    requests_mock.post(API, status_code=502)
    requests_mock.get(API, json=[POST])
    api.publish(connection, "Hello")

    worker.work()
    worker.work_ahead()

    assert statuses() == {"Published": 1}
    assert len([call for call in requests_mock.request_history if call.method == "POST"]) == 1


def test_new_platform_is_connected_like_any_other(api, connection):
    started = api.get("connections/connect/trial?redirect=false").json()
    assert started["authorization_url"].startswith("http://127.0.0.1:1/trial/authorize?")


def test_no_code_outside_platforms_branches_on_a_platforms_name():
    branch = re.compile(r"(?<!sys\.)platform(_type)?(\.name)?\s*(==|!=|in)\s*[\"'({\[]")
    for app in APPS:
        for file in Path(settings.BASE_DIR, app).rglob("*.py"):
            if not {"tests", "sandbox", "platforms", "run", "migrations"} & set(file.parts):
                assert not branch.search(file.read_text("utf-8")), file
