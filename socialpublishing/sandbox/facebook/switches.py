"""Where real accounts meet more than one behaviour: the settings that choose. docs/sandbox.md."""

from socialpublishing.sandbox.facebook.login import SCOPES
from socialpublishing.sandbox.state import Setting

SETTINGS: dict[str, Setting] = {
    "facebook_duplicates": ("off", ("off", "506", "1404082", "1366051")),
    "facebook_spelling": ("guide", ("guide", "reference")),
    # Our app at Facebook.
    "facebook_app": ("live", ("live", "no_access", "deleted", "blocked")),
    "facebook_app_lacks_scope": ("", ("", *SCOPES)),
    "facebook_login_token": ("user", ("user", "system_user")),
    "facebook_scope_field": ("none", ("none", "empty")),
    # Lists with a larger limit are refused.
    "facebook_list_limit": (100, 100.0),
    # Usage of the limits, in the headers of good responses too.
    "facebook_app_usage": (1, 100.0),
    "facebook_page_wait_minutes": (0, 1440.0),
    # Uploads of videos of the feed. 0: parts of 1 to 5 MiB.
    "facebook_part_bytes": (0, 64.0 * 1024 * 1024),
    "facebook_spontaneous_offsets": (0, 1000.0),
    "facebook_video_readable": ("at_once", ("at_once", "when_published")),
    # What becomes of an upright video in the feed, and how its status is reported.
    "facebook_upright_video": ("published", ("published", "draft")),
    "facebook_status": ("full", ("full", "short")),
    "facebook_copyright_check": ("complete", ("complete", "endless")),
    "facebook_webp": ("accepted", ("accepted", "refused")),
    "facebook_photo_megabytes": (10, 10.0),
    "facebook_reel_extras": ("accepted", ("accepted", "refused")),
}
