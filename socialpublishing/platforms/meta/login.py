"""Our app with Facebook Login: for Pages, and for the Instagram accounts behind Pages.

https://developers.facebook.com/docs/facebook-login/guides/access-tokens/get-long-lived and
https://developers.facebook.com/docs/facebook-login/facebook-login-for-business, read 2026-11-27.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import os
from typing import ClassVar

from socialpublishing.crypto import Secret
from socialpublishing.oauth import OAuth, Tokens
from socialpublishing.platforms.app import App, Host
from socialpublishing.platforms.callbacks import SendsCallbacks
from socialpublishing.platforms.meta import VERSION
from socialpublishing.platforms.meta.signed_request import person_of


def facebook_login(
    *,
    scopes: tuple[str, ...],
    optional_scopes: tuple[str, ...] = (),
    reviewed_scopes: tuple[str, ...] = (),
    publish_scopes: frozenset[str],
) -> OAuth:
    return OAuth(
        authorize_path=f"/{VERSION}/dialog/oauth",
        token_path=f"/{VERSION}/oauth/access_token",
        scopes=scopes,
        optional_scopes=optional_scopes,
        reviewed_scopes=reviewed_scopes,
        publish_scopes=publish_scopes,
        scope_separator=",",
        # Facebook has PKCE only in its OpenID flow, and there as a test.
        pkce=False,
        # Tokens of system users have no end, and their responses no `expires_in`.
        default_lifetime=None,
    )


class FacebookLoginApp(SendsCallbacks, App):
    hosts: ClassVar = {
        "api": Host(variable="FACEBOOK_API_URL", default="https://graph.facebook.com"),
        "auth": Host(variable="FACEBOOK_AUTH_URL", default="https://www.facebook.com"),
    }
    client_id_variables: ClassVar = ("FACEBOOK_APP_ID",)
    client_secret_variables: ClassVar = ("FACEBOOK_APP_SECRET",)
    # Environment variables with the id of a configuration; the first that is set is used.
    variables: ClassVar[tuple[str, ...]] = ("FACEBOOK_LOGIN_CONFIG_ID",)

    def authorize_params(self, *, was_declined: bool) -> dict[str, str]:
        """A configuration of Facebook Login for Business replaces the scopes."""
        params = super().authorize_params(was_declined=was_declined)
        values = map(os.environ.get, self.variables)
        if config_id := next(filter(None, values), None):
            del params["scope"]
            params |= {"config_id": config_id, "override_default_response_type": "true"}
        if was_declined:
            # Facebook does not ask again for what was declined, unless this is sent:
            # https://developers.facebook.com/docs/facebook-login/guides/permissions/request-revoke
            params["auth_type"] = "rerequest"
        return params

    def exchange_code(self, *, code: str, redirect_uri: str, verifier: Secret) -> Tokens:
        short = super().exchange_code(code=code, redirect_uri=redirect_uri, verifier=verifier)
        if short.lifetime is None:
            return short
        # Page tokens inherit the lifetime of the token they were read with: an hour, or no end.
        return self.long_lived(short.access_token)

    def long_lived(self, token: Secret) -> Tokens:
        """A token of sixty days, for one that is still valid."""
        return self.call_token_endpoint(
            {"grant_type": "fb_exchange_token", "fb_exchange_token": token.reveal()}
        )

    def granted_ids(self, token: Secret) -> set[str]:
        """The ids of the Pages that the owner of `token` has chosen for our app.

        https://developers.facebook.com/docs/graph-api/reference/debug_token
        """
        app_token = f"{self.client_id()}|{self.client_secret().reveal()}"
        response = self.http().get(
            f"/{VERSION}/debug_token",
            params={"input_token": token.reveal()},
            headers={"Authorization": f"Bearer {app_token}"},
        )
        return {
            str(target)
            for granted in response["data"].get("granular_scopes") or ()
            if str(granted["scope"]).startswith("pages_")
            for target in granted.get("target_ids") or ()
        }

    def person_of_callback(self, signed_request: str, now: dt.datetime) -> str:
        return person_of(signed_request, self.client_secret(), now)

    def proof(self, token: Secret) -> dict[str, str]:
        """Ties a token to our app, so that the token alone is worthless to whoever finds it.

        https://developers.facebook.com/docs/graph-api/guides/secure-requests
        """
        key, message = self.client_secret().reveal().encode(), token.reveal().encode()
        return {"appsecret_proof": hmac.new(key, message, hashlib.sha256).hexdigest()}
