"""Our app at TikTok."""

from __future__ import annotations

import datetime as dt
from typing import ClassVar

from socialpublishing.oauth import OAuth
from socialpublishing.platforms.app import App, Host
from socialpublishing.platforms.tiktok import errors


class TikTokApp(App):
    name: ClassVar = "tiktok"
    label: ClassVar = "TikTok"
    hosts: ClassVar = {
        "api": Host(variable="TIKTOK_API_URL", default="https://open.tiktokapis.com"),
        "auth": Host(variable="TIKTOK_AUTH_URL", default="https://www.tiktok.com"),
    }
    client_id_variables: ClassVar = ("TIKTOK_CLIENT_KEY",)
    client_secret_variables: ClassVar = ("TIKTOK_CLIENT_SECRET",)
    # https://developers.tiktok.com/docs/en/login-kit-web and login-kit-desktop. TikTok shortened
    # the lifetime of tokens in 2026; each token response holds the one that applies.
    oauth: ClassVar = OAuth(
        authorize_path="/v2/auth/authorize/",
        token_path="/v2/oauth/token/",
        scopes=("user.info.basic", "video.publish"),
        # Without them there are no drafts, and no insights.
        optional_scopes=("video.upload", "video.list"),
        publish_scopes=frozenset({"video.publish"}),
        # Without it, TikTok sends a user with a session straight back: nobody could choose another
        # account, or allow a scope that was declined before.
        authorize_params={"disable_auto_auth": "1"},
        scope_separator=",",
        client_id_parameter="client_key",
        challenge_encoding="hex",
        rotates_refresh_token=True,
        default_lifetime=dt.timedelta(hours=2),
    )

    token_refusal = staticmethod(errors.token_refusal)
    read_token_error = staticmethod(errors.read_token_error)
