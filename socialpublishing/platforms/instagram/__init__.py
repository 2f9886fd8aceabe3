"""Instagram and its logins."""

from __future__ import annotations

from socialpublishing.platforms.instagram.client import Instagram
from socialpublishing.platforms.instagram.facebook_login import InstagramWithFacebookLogin

Instagram.logins = {InstagramWithFacebookLogin.login: InstagramWithFacebookLogin}

__all__ = ["Instagram", "InstagramWithFacebookLogin"]
