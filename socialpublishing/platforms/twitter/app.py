"""Our app at X."""

from __future__ import annotations

import datetime as dt
import os
from typing import ClassVar

from socialpublishing.oauth import OAuth
from socialpublishing.platforms.app import App, Host
from socialpublishing.platforms.twitter import errors


class TwitterApp(App):
    name: ClassVar = "twitter"
    label: ClassVar = "X"
    hosts: ClassVar = {
        "api": Host(variable="TWITTER_API_URL", default="https://api.x.com"),
        "auth": Host(variable="TWITTER_AUTH_URL", default="https://x.com"),
    }
    # OAuth 2.0 credentials, where an app has them in addition to its API keys.
    client_id_variables: ClassVar = ("TWITTER_CLIENT_ID", "TWITTER_API_KEY")
    client_secret_variables: ClassVar = ("TWITTER_CLIENT_SECRET", "TWITTER_API_SECRET_KEY")
    oauth: ClassVar = OAuth(
        authorize_path="/i/oauth2/authorize",
        token_path="/2/oauth2/token",
        scopes=("tweet.read", "tweet.write", "users.read", "media.write", "offline.access"),
        publish_scopes=frozenset({"tweet.write"}),
        client_auth="basic",
        rotates_refresh_token=True,
        default_lifetime=dt.timedelta(hours=2),
        # X does not name the end of a refresh token that is not used: about six months, by
        # https://docs.x.com/fundamentals/authentication, read 2026-10.
        refresh_lifetime=dt.timedelta(days=180),
    )

    def setup_warnings(self) -> list[str]:
        has_client_id = os.environ.get("TWITTER_CLIENT_ID")
        if has_client_id or not os.environ.get("TWITTER_API_KEY"):
            return []
        return [
            "TWITTER_API_KEY is no OAuth 2.0 client id: X refuses it at the consent page. Set "
            "TWITTER_CLIENT_ID and TWITTER_CLIENT_SECRET, which X's developer console shows under "
            '"OAuth 2.0 Client ID and Client Secret".'
        ]

    read_token_error = staticmethod(errors.read_token_error)
