"""Our app at LinkedIn."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import ClassVar

from socialpublishing.oauth import OAuth
from socialpublishing.platforms.app import App, Host
from socialpublishing.platforms.linkedin import errors

# LinkedIn supports a version for a year and then refuses it with status 426: raise it each spring
# and autumn. https://learn.microsoft.com/en-us/linkedin/marketing/versioning
VERSION = "202609"


class LinkedInApp(App):
    name: ClassVar = "linkedin"
    label: ClassVar = "LinkedIn"
    login: ClassVar = "community_management"
    hosts: ClassVar = {
        "api": Host(variable="LINKEDIN_API_URL", default="https://api.linkedin.com"),
        "auth": Host(variable="LINKEDIN_AUTH_URL", default="https://www.linkedin.com"),
    }
    token_host: ClassVar = "auth"
    headers: ClassVar = {"LinkedIn-Version": VERSION, "X-Restli-Protocol-Version": "2.0.0"}
    client_id_variables: ClassVar = ("LINKEDIN_CLIENT_ID",)
    client_secret_variables: ClassVar = ("LINKEDIN_CLIENT_SECRET",)
    # https://learn.microsoft.com/en-us/linkedin/shared/authentication/authorization-code-flow; PKCE
    # is not documented for apps with a secret.
    oauth: ClassVar = OAuth(
        authorize_path="/oauth/v2/authorization",
        token_path="/oauth/v2/accessToken",
        scopes=(
            "r_basicprofile",
            "w_member_social",
            "w_organization_social",
            "r_organization_social",
            "rw_organization_admin",
        ),
        # LinkedIn refuses the whole consent for one scope that the app lacks, so no scope is asked
        # for that only adds a feature. LINKEDIN_OPTIONAL_SCOPES adds r_member_postAnalytics.
        reviewed_scopes=(
            "w_member_social_feed",
            "w_organization_social_feed",
            "r_organization_social_feed",
        ),
        publish_scopes=frozenset({"w_member_social"}),
        pkce=False,
        default_lifetime=dt.timedelta(days=60),
    )

    read_token_error = staticmethod(errors.read_token_error)


class LinkedInSelfServeApp(LinkedInApp):
    """An app without the Community Management product, which LinkedIn grants after a review."""

    login: ClassVar = "self_serve"
    oauth: ClassVar = replace(
        LinkedInApp.oauth, scopes=("openid", "profile", "w_member_social"), reviewed_scopes=()
    )
