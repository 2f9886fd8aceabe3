"""Our apps at Instagram: one for each login."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from socialpublishing import oauth as oauth2
from socialpublishing.crypto import Secret
from socialpublishing.oauth import OAuth, Tokens
from socialpublishing.platforms.app import App, Host
from socialpublishing.platforms.callbacks import SendsCallbacks
from socialpublishing.platforms.instagram import errors
from socialpublishing.platforms.meta.login import FacebookLoginApp, facebook_login
from socialpublishing.platforms.meta.signed_request import person_of

OFF = ("off", "false", "0")


class InstagramApp(SendsCallbacks, App):
    name: ClassVar = "instagram"
    label: ClassVar = "Instagram"
    login: ClassVar = "instagram"
    hosts: ClassVar[Mapping[str, Host]] = {
        "api": Host(variable="INSTAGRAM_API_URL", default="https://graph.instagram.com"),
        "auth": Host(variable="INSTAGRAM_AUTH_URL", default="https://www.instagram.com"),
        "token": Host(variable="INSTAGRAM_TOKEN_URL", default="https://api.instagram.com"),
    }
    token_host: ClassVar = "token"
    client_id_variables: ClassVar[tuple[str, ...]] = ("INSTAGRAM_APP_ID",)
    client_secret_variables: ClassVar[tuple[str, ...]] = ("INSTAGRAM_APP_SECRET",)
    variables: ClassVar[tuple[str, ...]] = ("INSTAGRAM_FORCE_REAUTH",)
    variable_choices: ClassVar = {"INSTAGRAM_FORCE_REAUTH": ("on", "true", "1", *OFF)}
    # https://developers.facebook.com/docs/instagram-platform/instagram-api-with-instagram-login/business-login
    oauth: ClassVar = OAuth(
        authorize_path="/oauth/authorize",
        token_path="/oauth/access_token",
        scopes=("instagram_business_basic", "instagram_business_content_publish"),
        optional_scopes=("instagram_business_manage_insights",),
        reviewed_scopes=("instagram_business_manage_comments",),
        publish_scopes=frozenset(
            {"instagram_business_basic", "instagram_business_content_publish"}
        ),
        scope_separator=",",
        pkce=False,
        # A response that names no end is for a token without one.
        default_lifetime=None,
    )

    read_token_error = staticmethod(errors.read_token_error)

    def authorize_params(self, *, was_declined: bool) -> dict[str, str]:
        params = super().authorize_params(was_declined=was_declined)
        # Without it, a browser that is logged in connects the same account again.
        is_off = os.environ.get("INSTAGRAM_FORCE_REAUTH", "").lower() in OFF
        return params if is_off else {**params, "force_reauth": "true"}

    def person_of_callback(self, signed_request: str, now: dt.datetime) -> str:
        return person_of(signed_request, self.client_secret(), now)

    def exchange_code(self, *, code: str, redirect_uri: str, verifier: Secret) -> Tokens:
        """Exchanges the code for a token of an hour, and that for one of sixty days."""
        form = {
            "client_id": self.client_id(),
            "client_secret": self.client_secret().reveal(),
            "grant_type": "authorization_code",
            "redirect_uri": redirect_uri,
            "code": code.removesuffix("#_"),
        }
        response = self.http(self.token_host).post(self.oauth.token_path, data=form)
        short = unwrapped(response)
        exchange = {
            "grant_type": "ig_exchange_token",
            "client_secret": self.client_secret().reveal(),
            "access_token": oauth2.read_token(short.get("access_token")).reveal(),
        }
        response = self.http().get("/access_token", params=exchange)
        tokens = oauth2.read_tokens(response, self.oauth)
        return replace(tokens, scopes=oauth2.read_scopes(short.get("permissions")))


class InstagramWithFacebookLoginApp(FacebookLoginApp):
    name: ClassVar = "instagram"
    label: ClassVar = "Instagram"
    authorized_app: ClassVar = "facebook"
    login: ClassVar = "facebook"
    oauth: ClassVar = facebook_login(
        scopes=(
            "instagram_basic",
            "instagram_content_publish",
            "pages_show_list",
            "pages_read_engagement",
        ),
        optional_scopes=("instagram_manage_insights", "business_management"),
        reviewed_scopes=("instagram_manage_comments", "instagram_manage_contents"),
        publish_scopes=frozenset({"instagram_basic", "instagram_content_publish"}),
    )

    read_token_error = staticmethod(errors.read_token_error)


def unwrapped(data: Any) -> dict[str, Any]:
    """The documentation shows some responses within a list `data`; in production they are flat."""
    inner = data.get("data") if isinstance(data, dict) else None
    found: dict[str, Any] = inner[0] if isinstance(inner, list) and inner else data
    return found
