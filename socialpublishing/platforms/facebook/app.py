"""Our app at Facebook."""

from __future__ import annotations

from typing import ClassVar

from socialpublishing.platforms.facebook import errors
from socialpublishing.platforms.meta.login import FacebookLoginApp, facebook_login


class FacebookApp(FacebookLoginApp):
    name: ClassVar = "facebook"
    label: ClassVar = "Facebook"
    oauth: ClassVar = facebook_login(
        # https://developers.facebook.com/docs/pages-api/posts
        scopes=("pages_show_list", "pages_manage_posts", "pages_read_engagement"),
        # Without it, Pages of a business portfolio may be missing.
        optional_scopes=("business_management",),
        reviewed_scopes=("pages_manage_engagement",),
        publish_scopes=frozenset({"pages_manage_posts"}),
    )

    read_token_error = staticmethod(errors.read_token_error)
