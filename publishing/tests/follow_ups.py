"""Accounts whose posts can have a first comment, on each platform that has such comments."""

from __future__ import annotations

from typing import Any

from conftest import Sandbox
from connections.models import SocialConnection
from publishing.models import PublishJob
from socialpublishing.platforms import PLATFORMS
from socialpublishing.platforms.follow_ups import FIRST_COMMENT, TAKE_DOWN

WITH_COMMENTS = sorted(name for name, each in PLATFORMS.items() if FIRST_COMMENT in each.follow_ups)
WITH_TAKE_DOWN = sorted(name for name, each in PLATFORMS.items() if TAKE_DOWN in each.follow_ups)
# The scopes of an account, where those of a usual one do not suffice.
SCOPES = {
    "instagram": [
        "instagram_business_basic",
        "instagram_business_content_publish",
        "instagram_business_manage_comments",
    ],
    "linkedin": [
        "r_basicprofile",
        "r_organization_social",
        "rw_organization_admin",
        "w_member_social",
        "w_organization_social",
        "r_organization_social_feed",
        "w_organization_social_feed",
        "w_member_social_feed",
    ],
}


def account_for(make_connection: Any, name: str) -> SocialConnection:
    more = {"scopes": SCOPES[name]} if name in SCOPES else {}
    connection: SocialConnection = make_connection(name, **more)
    return connection


def options_for(connection: SocialConnection, **options: Any) -> dict[str, Any]:
    """`options`, and a destination whose comments can be read."""
    option = connection.platform_type.destination_option
    destination = connection.destinations.first()
    return options | ({option: destination.external_id} if option and destination else {})


def comments_on(sandbox: Sandbox, job: PublishJob) -> list[str]:
    """The texts of the comments on the post of `job`."""
    posts = sandbox.posts(job.platform)
    [post] = [each for each in posts if each["id"] == job.remote_id]
    return [each["text"] for each in post["comments"]]
