"""Logging: one JSON object per line on stderr.

A module may log through `logging` or `structlog`; both use this configuration. Each line has the
`request_id` and `user_id` that are bound in its context. Those about a job have its `job_id`, and
the `request_id` of the request that accepted it.
"""

from __future__ import annotations

import datetime as dt
import logging
import logging.config
import re
import time
import uuid
from collections.abc import Callable, MutableMapping
from typing import Any

import structlog
from django.http import HttpRequest, HttpResponseBase
from structlog.contextvars import bind_contextvars, clear_contextvars

from socialpublishing.prometheus import count_request

logger = structlog.get_logger(__name__)

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,128}")
PROBES = ("/healthz", "/readyz", "/metrics")

# Possessive quantifiers, anchored to the start of a word: linear time for hostile text.
_SECRETS = [
    (re.compile(r"\b(Bearer[ \t]++)[\w.~+/=-]++", re.A | re.I), r"\1***"),
    # A JWT, or any other dotted base64 parts that start with a JSON object.
    (re.compile(r"(?<![\w-])eyJ[\w-]*+(?:\.[\w-]*+){1,4}", re.A), "***"),
    # A signed address of a file (socialpublishing/media/public.py).
    (re.compile(r"(/media/)[\w-]{20,}+\.[\w-]{4,12}\.[\w-]{43}", re.A), r"\1***"),
    # A parameter of a URL or a form, also of one within another, then a member of JSON or of a
    # printed dict.
    (
        re.compile(
            r"""((?:(?<!\w)|(?<=%26)|(?<=%3F))(?:\w*(?:token|secret|verifier|proof|signature)|code|state)"""
            r"""(?:=|%3D))(?:(?!%26)[^\s&"'\\])++""",
            re.A | re.I,
        ),
        r"\1***",
    ),
    (
        re.compile(r"""(?<!\w)(\w*(?:token|secret)["']:\s*+["'])[^"']++""", re.A | re.I),
        r"\1***",
    ),
]

# One list for all configurations: a logger keeps the list that it met at its first use.
PROCESSORS: list[structlog.types.Processor] = [
    structlog.stdlib.filter_by_level,
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
]
LOGGERS = {
    # Django has just added handlers of its own to this one.
    "django": {"level": "NOTSET", "handlers": []},
    # Our access line has each status; only the traceback of a failure is new.
    "django.request": {"level": "ERROR", "filters": ["with_traceback"]},
    # These log URLs with query strings, or parameters of SQL queries.
    "django.server": {"level": "CRITICAL", "handlers": [], "propagate": True},
    "django.db.backends": {"level": "WARNING"},
    # For each name that a template does not find it writes all values that it was given.
    "django.template": {"level": "INFO"},
    "urllib3": {"level": "WARNING"},
    "requests": {"level": "WARNING"},
    # lockout.py logs each failure.
    "axes": {"level": "ERROR"},
    # A line for each task, with a random name. Jobs have their own (publishing/job_log.py).
    "django-q": {"level": "WARNING"},
    # Failures of the web process; its warnings are about requests that are not HTTP.
    "uvicorn.error": {"level": "ERROR"},
}


def configure(config: dict[str, Any]) -> None:
    """Django's LOGGING_CONFIG: sets up all logging. `config` is `{"level": "INFO"}`."""
    logging.captureWarnings(True)
    # All processors run in the formatter, so that lines of libraries pass them too.
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": [structlog.stdlib.ExtraAdder()],
        "processors": [
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            _add_logger_and_time,
            structlog.processors.format_exc_info,
            structlog.processors.StackInfoRenderer(),
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _redact,
            # ASCII only: line breaks of every kind (also U+0085 and U+2028) are escaped.
            structlog.processors.JSONRenderer(ensure_ascii=True, default=_printed),
        ],
    }
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"json": formatter},
            "filters": {"with_traceback": {"()": _WithTraceback}},
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
            "root": {"level": config["level"], "handlers": ["stderr"]},
            "loggers": LOGGERS,
        }
    )
    structlog.configure(
        processors=PROCESSORS,
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


class RequestLogMiddleware:
    """Gives each request an id, or keeps a well-formed one of the gateway, and logs one line.

    The id is on the request (`request.request_id`), on every log line of the request and on the
    response. The query string is never logged: it may have OAuth codes and states.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        given = request.headers.get("X-Request-ID", "")
        request_id = given if REQUEST_ID.fullmatch(given) else str(uuid.uuid4())
        request.request_id = request_id  # type: ignore[attr-defined]
        start = time.perf_counter()
        clear_contextvars()
        bind_contextvars(request_id=request_id)
        try:
            # Django has already turned exceptions into responses, and logged them.
            response = self.get_response(request)
            response.headers["X-Request-ID"] = request_id
            seconds = time.perf_counter() - start
            logger.log(
                _level_of(request, response),
                "request",
                method=request.method,
                path=request.path,
                status=response.status_code,
                duration_ms=round(seconds * 1000, 1),
            )
            count_request(
                method=request.method or "",
                route=_route_of(request),
                status=response.status_code,
                seconds=seconds,
            )
            return response
        finally:
            clear_contextvars()


def _level_of(request: HttpRequest, response: HttpResponseBase) -> int:
    """Reads that succeed are most of the requests, and show nothing."""
    is_read = request.method in {"GET", "HEAD", "OPTIONS"} and response.status_code < 400
    is_probe = request.path.startswith(PROBES)
    return logging.DEBUG if is_read or is_probe else logging.INFO


def _route_of(request: HttpRequest) -> str:
    """The console's pages are one: most of their patterns are Django's own."""
    route = request.resolver_match.route if request.resolver_match else "other"
    return "admin/" if route.startswith("admin/") else route


class _WithTraceback(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return bool(record.exc_info)


def _add_logger_and_time(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    record: logging.LogRecord = event["_record"]
    created = dt.datetime.fromtimestamp(record.created, dt.UTC)
    event["logger"] = record.name
    event["timestamp"] = created.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return event


def _redact(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """A safety net: no code should log a token."""
    event.pop("request", None)  # Django adds it; its repr has the query string
    return {name: redacted(value) for name, value in event.items()}


def redacted(value: Any) -> Any:
    """`value` with `***` in place of tokens, OAuth codes and states, and secrets."""
    match value:
        case str():
            for pattern, replacement in _SECRETS:
                value = pattern.sub(replacement, value)
            return value
        case dict():
            return {name: redacted(member) for name, member in value.items()}
        case list() | tuple():
            return [redacted(member) for member in value]
    return value


def _printed(value: object) -> Any:
    return redacted(repr(value))
