"""All settings of the service. They come from the environment, or from the file `.env`.

Secrets have no default, other settings a safe one. A value that cannot be read is refused here
(env.py), a dangerous or missing one by a system check (checks.py). `.env.example` explains each
variable. The credentials and hosts of one platform are read by that platform's own module.

Long because who looks for a setting finds all of them in one place.
"""

import datetime as dt
import os
import re
import socket
from pathlib import Path
from typing import Any
from urllib.parse import quote

from config.env import Environment, read_env_file

BASE_DIR = Path(__file__).resolve().parent.parent

read_env_file(os.environ.get("ENV_FILE", BASE_DIR / ".env"))
env = Environment()

# --- The service ---------------------------------------------------------------------------------

SECRET_KEY = env("SECRET_KEY")
DEBUG = env.bool("DEBUG", default=False)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost"])
# The public URL of the service: in production that of the gateway. OAuth callback URLs are built
# from it only.
SERVICE_BASE_URL = env("SERVICE_BASE_URL", default="http://127.0.0.1:8000").rstrip("/")
# If set, no real platform is called: the sandbox at this URL replaces all their hosts.
SANDBOX_URL = env("SANDBOX_URL", default="").rstrip("/")

# How many web processes there are.
WEB_CONCURRENCY = env.int("WEB_CONCURRENCY", default=2)
# Addresses and networks of the proxies in front of the service, whose X-Forwarded-Proto and
# X-Forwarded-For are read. Without any, those of this machine, and X-Forwarded-Proto only.
TRUSTED_PROXIES = env.list("TRUSTED_PROXIES", default=[])

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "config.apps.ConsoleConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "corsheaders",
    "csp",
    "rest_framework",
    "drf_spectacular",
    "django_q",
    "axes",
    "config.apps.ProjectConfig",
    "socialpublishing",
    "socialpublishing.sandbox",
    "connections",
    "publishing",
    "insights",
]

MIDDLEWARE = [
    "config.logs.RequestLogMiddleware",
    "config.health.AnyHostMiddleware",
    "config.web.throttles.RateLimitHeadersMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "config.console.security_headers.ConsolePolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "config.api.OptionalSlashMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
APPEND_SLASH = False  # paths work with and without it: a redirect would turn a POST into a GET

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- Data ----------------------------------------------------------------------------------------


def database() -> dict[str, Any]:
    default = f"sqlite:///{quote(str(BASE_DIR / 'var/service.sqlite3'))}"
    settings = env.database("DATABASE_URL", default=default)
    if settings["ENGINE"] == "django.db.backends.sqlite3":
        settings["OPTIONS"] = {
            "timeout": 20,
            # Each transaction takes the write lock at its start, or waits for it. One that starts
            # as a reader and writes later would fail at once with "database is locked".
            "transaction_mode": "IMMEDIATE",
            # FULL: a publish intent must survive a power cut, not only a killed process.
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
            " PRAGMA journal_size_limit=27103364;",
        }
        return settings
    # After how many uses PostgreSQL keeps a statement (socialpublishing/prepared.py).
    prepares = env.bool("DATABASE_PREPARE", default=True)
    settings["OPTIONS"] = {"prepare_threshold": 2 if prepares else None}
    if env.bool("DATABASE_POOL", default=False):
        settings["OPTIONS"]["pool"] = {"min_size": 1, "max_size": 8, "timeout": 10}
    else:
        settings["CONN_MAX_AGE"] = 60
    # A request after a restart of PostgreSQL does not get a connection that is dead.
    settings["CONN_HEALTH_CHECKS"] = True
    return settings


DATABASES = {"default": database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"

REDIS_URL = env("REDIS_URL", default="")
# The cache only saves time: the database has everything that must be correct. Without Redis each
# process has its own.
CACHES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    "insights": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "insights",
        "OPTIONS": {"MAX_ENTRIES": 2000},
    },
}
CACHES["throttles_of_process"] = {
    "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
    "LOCATION": "throttles",
    "OPTIONS": {"MAX_ENTRIES": 100_000},
}
if REDIS_URL:
    CACHES["insights"] = {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "socialpublishing",
        # Not pickle: with it, anybody who can write to the cache could run code here.
        "OPTIONS": {"serializer": "insights.cache.JSONSerializer"},
    }
    CACHES["throttles"] = {
        **CACHES["insights"],
        "KEY_PREFIX": "throttle",
        # Each request waits for it.
        "OPTIONS": {**CACHES["insights"]["OPTIONS"], "socket_timeout": 0.2},
    }

# AES_KEY (32 bytes, base64) encrypts and decrypts tokens; AES_KEYS_RETIRED only decrypt.
AES_KEY = env("AES_KEY")
AES_KEYS_RETIRED = env.list("AES_KEYS_RETIRED", default=[])

# --- Callers -------------------------------------------------------------------------------------

AUTH_SERVICE_URL = env("AUTH_SERVICE_URL", default="").rstrip("/")
JWT_KEY = env("JWT_KEY", default="").replace("\\n", "\n")
# Where opaque tokens are introspected (RFC 7662): all tokens, if no key is set.
AUTH_INTROSPECTION_URL = env("AUTH_INTROSPECTION_URL", default="")
AUTH_INTROSPECTION_CLIENT_ID = env("AUTH_INTROSPECTION_CLIENT_ID", default="")
AUTH_INTROSPECTION_CLIENT_SECRET = env("AUTH_INTROSPECTION_CLIENT_SECRET", default="")
JWT_JWKS_URL = env("JWT_JWKS_URL", default="")
if AUTH_SERVICE_URL and not JWT_JWKS_URL and not AUTH_INTROSPECTION_URL:
    JWT_JWKS_URL = f"{AUTH_SERVICE_URL}/.well-known/jwks.json"
JWT_ALGORITHMS = env.list("JWT_ALGORITHMS", default=["RS256", "ES256"])
JWT_USER_CLAIM = env("JWT_USER_CLAIM", default="user_id")
JWT_ISSUER = env("JWT_ISSUER", default="")
JWT_AUDIENCE = env("JWT_AUDIENCE", default="")
# The longest life of a JWT that is accepted: from its `iat`, else from now.
JWT_MAX_LIFETIME_HOURS = env.int("JWT_MAX_LIFETIME_HOURS", default=24)

# Where a browser may be redirected after connecting: allowed prefixes of `return_to`.
OAUTH_RETURN_TO = env.list("OAUTH_RETURN_TO", default=[])

# --- The API -------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["config.auth.authentication.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["config.parsers.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "config.schema.OperationSchema",
    "EXCEPTION_HANDLER": "config.api.exception_handler",
    "DEFAULT_THROTTLE_CLASSES": [
        "config.web.throttles.UserThrottle",
        "config.web.throttles.CostlyThrottle",
        "config.web.throttles.RefreshThrottle",
        "config.web.throttles.AddressThrottle",
    ],
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Social Publishing Service",
    "VERSION": "1.0.0",
    "CONTACT": {"name": "The operator of this service"},
    "LICENSE": {"name": "Proprietary", "identifier": "LicenseRef-Proprietary"},
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "RENDERER_WHITELIST": ["rest_framework.renderers.JSONRenderer"],  # not pages for people
    "SORT_OPERATIONS": False,  # in the order of the routes
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "SERVERS": [{"url": SERVICE_BASE_URL}],
    "TAGS": [
        {"name": "Social Connections", "description": "A user's accounts at the platforms."},
        {"name": "Content Publishing", "description": "Posts, their jobs and the history of each."},
        {"name": "Events", "description": "What happened to posts and accounts, in order."},
        {"name": "Webhooks", "description": "Where the service sends events, and what arrived."},
        {"name": "Content Insights", "description": "Hashtags, best times, metrics."},
        {"name": "Platforms", "description": "What each platform accepts."},
    ],
    "ENUM_NAME_OVERRIDES": {
        "JobStatus": "publishing.models.Status",
        "ConnectionStatus": "connections.models.SocialConnection.Status",
        "WebhookStatus": "socialpublishing.events.webhooks.WebhookStatus",
        "DeliveryStatus": "socialpublishing.events.webhooks.WebhookDelivery.Status",
        # Without these, their names would contain numbers.
        "MetaPostType": ["feed", "reel", "story"],
        "PlainPostType": ["feed"],
        "LinkedInPostType": ["feed", "document", "poll"],
        "TikTokPostType": ["feed", "draft"],
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "config.schema_document.complete",
    ],
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024

# Requests in a time (s, m, h, d); 0 is off (config/web/throttles.py). Of one user: all, those that
# ask a platform or read files for it, and refreshes of one connection. Of one address: requests
# without a valid token, and those to addresses that need none.
THROTTLE_USER = env("THROTTLE_USER", default="1200/m")
THROTTLE_USER_COSTLY = env("THROTTLE_USER_COSTLY", default="60/m")
THROTTLE_REFRESH = env("THROTTLE_REFRESH", default="6/m")
THROTTLE_ADDRESS = env("THROTTLE_ADDRESS", default="120/m")

# Whoever reads /metrics has to send it as a bearer token; empty: everybody may.
METRICS_TOKEN = env("METRICS_TOKEN", default="")
# Where a worker serves what it measures of its calls to platforms: HOST:PORT; empty: nowhere.
WORKER_METRICS_BIND = env("WORKER_METRICS_BIND", default="")

CORS_ALLOWED_ORIGINS = env.list("CORS_ALLOWED_ORIGINS", default=[])

# --- Publishing ----------------------------------------------------------------------------------

MAX_API_RETRIES = env.int("MAX_API_RETRIES", default=3)
API_RETRY_DELAY_SECONDS = env.float("API_RETRY_DELAY_SECONDS", default=1.0)
API_RETRY_BACKOFF_FACTOR = env.float("API_RETRY_BACKOFF_FACTOR", default=2.0)
LATE_PUBLISH_GRACE_SECONDS = env.int("LATE_PUBLISH_GRACE_SECONDS", default=3600)
# Scheduled posts are checked so long before they are due, and again in their last hour.
PREFLIGHT_HOURS = env.float("PREFLIGHT_HOURS", default=6.0)
# The name of this machine's worker group, whose slots no other group uses: the host's name.
WORKER_GROUP = env(
    "WORKER_GROUP", default=re.sub(r"[^A-Za-z0-9._-]", "-", socket.gethostname())[-40:]
)
# How many worker slots (processes that publish) the group has, and how many requests to platforms
# each one may have in progress. PUBLISH_LANES is the old name; config/checks.py warns about it.
PUBLISH_PROCESSES = env.int("PUBLISH_PROCESSES", default=env.int("PUBLISH_LANES", default=2))
PUBLISH_THREADS = env.int("PUBLISH_THREADS", default=512)
# For proofs with the sandbox only: leases, settle times, pauses and timeouts are divided by it.
LABORATORY_TIME_DIVISOR = env.int("LABORATORY_TIME_DIVISOR", default=1)

# Whether reserved characters in addresses are escaped in posts to LinkedIn, as its documentation
# wants. Off: addresses are sent as they are (docs/platforms/linkedin.md).
LINKEDIN_ESCAPE_ADDRESSES = env.bool("LINKEDIN_ESCAPE_ADDRESSES", default=True)

# What X charges for a post, for one with a link, and for an alt text, in USD: shown by validate.
# All 0: X does not charge by the post.
TWITTER_POST_PRICE = env.float("TWITTER_POST_PRICE", default=0.015)
TWITTER_LINK_POST_PRICE = env.float("TWITTER_LINK_POST_PRICE", default=0.20)
TWITTER_ALT_TEXT_PRICE = env.float("TWITTER_ALT_TEXT_PRICE", default=0.005)

# What may be published to TikTok: "off"; "private", before TikTok has audited the app; or "on", by
# which the operator confirms the audit.
ENABLE_TIKTOK_PUBLISHING = env.choice(
    "ENABLE_TIKTOK_PUBLISHING", ["off", "private", "on"], default="on" if SANDBOX_URL else "off"
)

# How accounts are connected by callers that name no login, where a platform has more than one.
INSTAGRAM_LOGIN = env("INSTAGRAM_LOGIN", default="instagram")
LINKEDIN_LOGIN = env("LINKEDIN_LOGIN", default="community_management")

# Trusted object stores and file servers: exact scheme://host[:port]. All other URLs of media must
# pass the checks of socialpublishing/media/addresses.py.
MEDIA_ALLOWED_ORIGINS = env.list("MEDIA_ALLOWED_ORIGINS", default=[])
# How many files one process reads at the same time, in all and from one untrusted host.
MEDIA_READS = env.int("MEDIA_READS", default=16)
MEDIA_READS_PER_HOST = env.int("MEDIA_READS_PER_HOST", default=4)
# How many files platforms may pull from one web process at the same time (/media/…). Each occupies
# one of its 32 threads.
MEDIA_PULLS = env.int("MEDIA_PULLS", default=8)
if SANDBOX_URL:
    # The sandbox serves sample pictures.
    MEDIA_ALLOWED_ORIGINS = [*MEDIA_ALLOWED_ORIGINS, "/".join(SANDBOX_URL.split("/")[:3])]

# Receivers of webhooks inside the network: exact scheme://host[:port]. All other addresses must be
# public, over https.
WEBHOOK_ALLOWED_ORIGINS = env.list("WEBHOOK_ALLOWED_ORIGINS", default=[])

# The object store of assets that are paths: S3 or compatible.
OBJECT_STORE_ENDPOINT = env("OBJECT_STORE_ENDPOINT", default="").rstrip("/")
OBJECT_STORE_BUCKET = env("OBJECT_STORE_BUCKET", default="")
OBJECT_STORE_REGION = env("OBJECT_STORE_REGION", default="us-east-1")
OBJECT_STORE_ACCESS_KEY = env("OBJECT_STORE_ACCESS_KEY", default="")
OBJECT_STORE_SECRET_KEY = env("OBJECT_STORE_SECRET_KEY", default="")
# Where the files of a user are, such as uploads/{user_id}/. Without it each user may name each file
# of the bucket.
OBJECT_STORE_PREFIX = env("OBJECT_STORE_PREFIX", default="")

# --- Retention -----------------------------------------------------------------------------------

# How many days what ended jobs were made of is kept (text, assets, options), then their history,
# then the jobs themselves with all that belongs to them. 0: kept until the user leaves.
JOB_CONTENT_RETENTION_DAYS = env.int("JOB_CONTENT_RETENTION_DAYS", default=0)
EVENT_RETENTION_DAYS = env.int("EVENT_RETENTION_DAYS", default=0)
JOB_RETENTION_DAYS = env.int("JOB_RETENTION_DAYS", default=0)

# --- Insights ------------------------------------------------------------------------------------

INSIGHTS_CACHE_TTL_SECONDS = env.int("INSIGHTS_CACHE_TTL_SECONDS", default=3600)
# X charges for each post that is read. The most posts per response, and per sweep that reads the
# metrics of our own posts. 0: nothing that X charges for is read.
INSIGHTS_MAX_BILLED_READS = env.int("INSIGHTS_MAX_BILLED_READS", default=100)

# --- Background tasks ----------------------------------------------------------------------------

Q_CLUSTER = {
    "name": "social",
    "label": "Background jobs",
    "orm": "default",  # the Redis broker loses tasks when a worker is killed
    "broker_class": "publishing.worker.broker.GroupBroker",
    # One spare, so that the next task of a slot starts while the old one ends; one for the rest.
    "workers": PUBLISH_PROCESSES + 2,
    "timeout": 300,
    "retry": 600,  # seconds; must be larger, or a task runs twice
    "poll": 0.2,
    "ack_failures": True,
    "max_attempts": 1,  # the job's row counts attempts, not the queue
    "catch_up": False,  # a missed minute is covered by the next
    "save_limit": 100,
    "queue_limit": PUBLISH_PROCESSES + 1,
    "bulk": 1,
}

# --- Browser boundaries and static files ---------------------------------------------------------

_secure = SERVICE_BASE_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _secure
SESSION_COOKIE_NAME = "__Host-session" if _secure else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if _secure else "csrf"
SECURE_HSTS_SECONDS = 31536000 if _secure else 0
SECURE_REFERRER_POLICY = "no-referrer"
X_FRAME_OPTIONS = "DENY"
CSRF_TRUSTED_ORIGINS = [SERVICE_BASE_URL]

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'", "'unsafe-inline'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
    }
}

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "var/static"
WHITENOISE_USE_FINDERS = (
    True  # without `collectstatic`, as in the demo, files are served from the packages
)

# --- The ops console -----------------------------------------------------------------------------

LOGIN_REDIRECT_URL = "admin:index"  # unfold's sign-in form does not set it
# Whether staff need a code of an authenticator app besides their password.
CONSOLE_REQUIRE_SECOND_FACTOR = env.bool("CONSOLE_REQUIRE_SECOND_FACTOR", default=not SANDBOX_URL)
# After how many wrong passwords or codes a sign-in is locked, for how many minutes: of one user
# from one address, and of all users from one address.
CONSOLE_USER_FAILURES = env.int("CONSOLE_USER_FAILURES", default=5)
CONSOLE_ADDRESS_FAILURES = env.int("CONSOLE_ADDRESS_FAILURES", default=20)
CONSOLE_LOCKOUT_MINUTES = env.int("CONSOLE_LOCKOUT_MINUTES", default=15)
# A session ends after so many idle minutes, and so many hours after the sign-in.
CONSOLE_INACTIVE_MINUTES = env.int("CONSOLE_INACTIVE_MINUTES", default=30)
CONSOLE_SESSION_HOURS = env.int("CONSOLE_SESSION_HOURS", default=8)
SESSION_ENGINE = "config.console.sessions"
SESSION_COOKIE_AGE = CONSOLE_INACTIVE_MINUTES * 60

AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",  # refuses before a password is compared
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
AXES_HANDLER = "config.console.lockout.LockoutHandler"
AXES_LOCKOUT_PARAMETERS = ["ip_address", ["username", "ip_address"]]  # LockoutHandler knows them
AXES_USERNAME_CALLABLE = "config.console.lockout.counted_name"
AXES_CLIENT_IP_CALLABLE = "config.console.lockout.counted_address"
AXES_LOCKOUT_CALLABLE = "config.console.lockout.refuse"
AXES_FAILURE_LIMIT = CONSOLE_USER_FAILURES
AXES_COOLOFF_TIME = dt.timedelta(minutes=CONSOLE_LOCKOUT_MINUTES)
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
# The audit and our log have what axes would store and log.
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = AXES_VERBOSE = False

UNFOLD = {
    "SITE_TITLE": "Social Publishing",
    "SITE_HEADER": "Social Publishing",
    "SITE_SUBHEADER": "Times are UTC",
    "SITE_SYMBOL": "send",
    "SITE_URL": None,
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": f"{STATIC_URL}console/favicon.svg"}
    ],
    "STYLES": [f"{STATIC_URL}console/console.css"],
    "SCRIPTS": [f"{STATIC_URL}console/console.js"],
    "SHOW_VIEW_ON_SITE": False,
    "ENVIRONMENT": ["Sandbox", "warning"] if SANDBOX_URL else None,
    "ENVIRONMENT_TITLE_PREFIX": "Sandbox:" if SANDBOX_URL else None,
    "SIDEBAR": {"navigation": "config.console.site.navigation"},
}

# --- Logging -------------------------------------------------------------------------------------

LOG_LEVEL = env.choice("LOG_LEVEL", ["DEBUG", "INFO", "WARNING", "ERROR"], default="INFO")
LOGGING_CONFIG = "config.logs.configure"
LOGGING = {"level": LOG_LEVEL}
# Where error lines are reported to, if the package sentry-sdk is installed.
SENTRY_DSN = env("SENTRY_DSN", default="")
