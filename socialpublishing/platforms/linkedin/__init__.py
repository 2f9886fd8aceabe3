"""LinkedIn and its logins."""

from __future__ import annotations

from socialpublishing.platforms.linkedin.client import LinkedIn, LinkedInSelfServe

LinkedIn.logins = {LinkedInSelfServe.login: LinkedInSelfServe}

__all__ = ["LinkedIn", "LinkedInSelfServe"]
