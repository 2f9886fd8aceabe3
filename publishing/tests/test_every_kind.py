"""Every kind of post and every option of the register, published through the API.

Each row of docs/platforms/README.md names its test here.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib import import_module
from typing import Any

import pytest
import requests

from publishing.models import PublishJob
from socialpublishing import media
from socialpublishing.limits import Form, PostType, forms, violations
from socialpublishing.platforms import PLATFORMS
from socialpublishing.posts import MEASURES, Media, MediaKind, Post

# By preference: a post has the first file that its kind accepts.
SAMPLES = {
    MediaKind.IMAGE: ["harbour.jpg", "mountains.jpg", "bakery.jpg", "sailboat.jpg", "city.png"],
    MediaKind.GIF: ["waves.gif"],
    MediaKind.VIDEO: ["clip.mp4", "reel.mp4"],
    MediaKind.DOCUMENT: ["document.pdf"],
}
MIME_TYPES = {"jpg": "image/jpeg", "png": "image/png", "gif": "image/gif", "mp4": "video/mp4"}
MIME_TYPES["pdf"] = "application/pdf"
TEXT = "Fresh bread at seven: rye, spelt & <walnut> #bakery (while it lasts)"

KINDS = [
    pytest.param(name, kind, media_form, id=f"{name}-{kind.name}-{media_form.name}")
    for name, platform in PLATFORMS.items()
    for kind in platform.capabilities.post_types
    for media_form in forms(kind)
]
OPTIONS = [
    pytest.param(name, option, id=f"{name}-{option}")
    for name, platform in PLATFORMS.items()
    for option in platform.options.examples
    if option != "post_type"
]


@lru_cache
def measured(url: str, mime_type: str) -> dict[str, Any]:
    facts = media.probe(url, declared_type=mime_type, max_bytes=10**9)
    return {name: getattr(facts, name) for name in MEASURES}


def accepted_asset(sandbox: Any, name: str, kind: PostType, wanted: MediaKind, number: int) -> Any:
    """An asset that the platform accepts in such a post, another for each `number` if possible."""
    accepted = []
    for file in SAMPLES[wanted]:
        url, mime_type = f"{sandbox.url}/samples/{file}", MIME_TYPES[file.partition(".")[2]]
        facts = measured(url, mime_type)
        candidate = Media(kind=wanted, url=url, mime_type=mime_type, **facts)
        post = Post(media=(candidate,), options={"post_type": kind.name})
        broken = {each.rule for each in violations(post, PLATFORMS[name].capabilities)}
        if not any(rule.startswith("media_") and rule != "media_required" for rule in broken):
            accepted.append({"url": url, "asset_type": wanted, "mime_type": mime_type})
    chosen = dict(accepted[number % len(accepted)])
    if kind.max_alt_text and kind.media[wanted].has_alt_text:
        chosen["alt_text"] = f"What picture {number + 1} shows"
    return chosen


def request_for(
    sandbox: Any, name: str, kind: PostType, media_form: Form, **more: Any
) -> dict[str, Any]:
    """A request for such a post, with its required options."""
    examples = PLATFORMS[name].options.examples
    options = {option: examples[option] for option in kind.required_options}
    options |= {"post_type": kind.name, **more}
    assets = [
        accepted_asset(sandbox, name, kind, wanted, number)
        for number, wanted in enumerate(media_form.media)
    ]
    return {
        "text_content": TEXT if kind.max_text else "",
        "assets": assets,
        "platform_specific_options": options,
    }


def shown_by(name: str) -> Any:
    return import_module(f"publishing.tests.shown.{name}")


def publish(api: Any, worker: Any, sandbox: Any, connection: Any, body: Any) -> dict[str, Any]:
    """The post that `body` leads to, as the sandbox lists it; of a thread, the last one."""
    # The worker's clock runs ahead, the sandbox's does not.
    switches = sandbox.call("GET", "settings")
    instant = {name: 0 for name in switches if name.endswith("processing_seconds")}
    sandbox.call("POST", "settings", **instant)
    response = api.publish(connection, body.pop("text_content"), **body)
    assert response.status_code == 202, response.json()
    worker.work_ahead()
    job = PublishJob.objects.get()
    assert job.status == "Published", (job.error_code, job.error_message, list(job.events.values()))
    posts = sandbox.posts(connection.platform)
    options = body["platform_specific_options"]
    replies = len(options.get("thread", ()))
    if getattr(shown_by(connection.platform), "COMMENT_IS_POST", False):
        replies += "first_comment" in options
    assert len(posts) == 1 + replies
    assert job.post_url
    assert requests.get(job.post_url, timeout=5).status_code == 200
    return posts[-1]


@pytest.mark.any_database
@pytest.mark.parametrize(("name", "kind", "media_form"), KINDS)
def test_post_is_published_as_written(
    api, worker, sandbox, make_connection, name, kind, media_form
):
    request = request_for(sandbox, name, kind, media_form)
    assets = request["assets"]

    post = publish(api, worker, sandbox, make_connection(name), request)

    shown = shown_by(name)
    loses_text = getattr(shown, "loses_text", lambda kind, media_form: False)(kind, media_form)
    assert post["text"] == (TEXT if kind.max_text and not loses_text else "")
    assert [each["sha256"] for each in post["media"]] == [
        hashlib.sha256(requests.get(asset["url"], timeout=5).content).hexdigest()
        for asset in assets
    ]
    if hasattr(shown, "alt_texts"):
        alt_texts = shown.alt_texts(post)
    else:
        alt_texts = [each["alt_text"] for each in post["media"]]
    assert alt_texts == [asset.get("alt_text", "") for asset in assets]


@pytest.mark.any_database
@pytest.mark.parametrize(("name", "option"), OPTIONS)
def test_option_takes_effect(api, worker, sandbox, make_connection, name, option):
    shown = shown_by(name)
    account = getattr(shown, "ACCOUNT_FOR_OPTION", {}).get(option, {})
    platform, connection = PLATFORMS[name], make_connection(name, **account)
    kinds = [kind for kind in platform.capabilities.post_types if option in kind.options]
    (post_type, form_name), others = shown.POST_FOR_OPTION.get(option, ((kinds[0].name, None), {}))
    kind = platform.capabilities.named(post_type)
    media_form = next(each for each in forms(kind) if form_name in (None, each.name))
    value = platform.options.examples[option]
    if option == platform.destination_option:
        value = connection.destinations.get().external_id
    if make_value := getattr(shown, "VALUES", {}).get(option):
        value = make_value(sandbox, connection)

    post = publish(
        api,
        worker,
        sandbox,
        connection,
        request_for(sandbox, name, kind, media_form, **{**others, option: value}),
    )

    assert shown.OPTION_CHECKS[option](post, connection), post
