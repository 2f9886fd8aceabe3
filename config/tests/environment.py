"""The environment of the tests, set before Django reads it (pytest.ini loads this first).

A developer's `.env` is not read: tests must not use real credentials. The keys are random.
"""

import base64
import os
import secrets

for _name in [name for name in os.environ if name.endswith(("_URL", "_SECRET", "_KEY", "_ID"))]:
    if _name.startswith(
        ("INSTAGRAM_", "FACEBOOK_", "LINKEDIN_", "TWITTER_", "PINTEREST_", "TIKTOK_", "SANDBOX_")
    ):
        del os.environ[_name]

os.environ.update(
    ENV_FILE=os.devnull,
    SECRET_KEY=secrets.token_urlsafe(50),
    AES_KEY=base64.b64encode(secrets.token_bytes(32)).decode(),
    JWT_KEY=secrets.token_urlsafe(48),
    JWT_ALGORITHMS="HS256",
    SERVICE_BASE_URL="http://127.0.0.1:8000",
    ALLOWED_HOSTS="127.0.0.1,localhost,testserver",
    LOG_LEVEL="WARNING",
    # The tests of the second factor demand it.
    CONSOLE_REQUIRE_SECOND_FACTOR="off",
    # Many tests act as the same user, within a minute.
    THROTTLE_USER="0",
    THROTTLE_USER_COSTLY="0",
    THROTTLE_REFRESH="0",
    THROTTLE_ADDRESS="0",
)
os.environ.setdefault("DATABASE_URL", "sqlite:///:memory:")
