"""Our app at Pinterest."""

from __future__ import annotations

import datetime as dt
import os
from typing import ClassVar

from socialpublishing.oauth import OAuth, Tokens
from socialpublishing.platforms.app import App, Host
from socialpublishing.platforms.pinterest import errors


class PinterestApp(App):
    name: ClassVar = "pinterest"
    label: ClassVar = "Pinterest"
    hosts: ClassVar = {
        "api": Host(variable="PINTEREST_API_URL", default="https://api.pinterest.com"),
        "auth": Host(variable="PINTEREST_AUTH_URL", default="https://www.pinterest.com"),
    }
    client_id_variables: ClassVar = ("PINTEREST_APP_ID",)
    client_secret_variables: ClassVar = ("PINTEREST_APP_SECRET",)
    variables: ClassVar = ("PINTEREST_ACCESS", "PINTEREST_UPLOAD_HOST")
    # https://developers.pinterest.com/docs/getting-started/set-up-authentication-and-authorization/
    oauth: ClassVar = OAuth(
        authorize_path="/oauth/",
        token_path="/v5/oauth/token",
        scopes=("boards:read", "boards:write", "pins:read", "pins:write", "user_accounts:read"),
        # Creating a Pin needs boards:write as well as pins:write.
        publish_scopes=frozenset({"boards:read", "boards:write", "pins:read", "pins:write"}),
        scope_separator=",",
        client_auth="basic",
        pkce=False,
        # Pinterest does not document whether the old one stays valid after a refresh.
        rotates_refresh_token=True,
        default_lifetime=dt.timedelta(days=30),
    )

    @staticmethod
    def has_trial_access() -> bool:
        """What the operator has set for the app: the API does not report it."""
        return os.environ.get("PINTEREST_ACCESS", "").lower() == "trial"

    read_token_error = staticmethod(errors.read_token_error)

    def call_token_endpoint(self, form: dict[str, str]) -> Tokens:
        # Apps from before 2025-09-25 get refresh tokens that can be renewed only with this.
        return super().call_token_endpoint({**form, "continuous_refresh": "true"})
