"""Our app at X."""

from __future__ import annotations

import datetime as dt
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
    )

    read_token_error = staticmethod(errors.read_token_error)
