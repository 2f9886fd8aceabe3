"""What the service says about itself: one JSON object per line on stderr.

Every module logs through `logging` or `structlog` as it likes; both end here. Each line carries the
`request_id` and `user_id` that are bound where it was written, and the `job_id` it is about.
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

logger = structlog.get_logger(__name__)

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,128}")
PROBES = ("/healthz", "/readyz")

# Possessive, and anchored to the beginning of a word: each character is read a few times only.
_SECRETS = [
    (re.compile(r"\b(Bearer[ \t]++)[\w.~+/=-]++", re.A | re.I), r"\1***"),
    # A JWT, or any other thing of dotted base64 parts that begins with a JSON object.
    (re.compile(r"(?<![\w-])eyJ[\w-]*+(?:\.[\w-]*+){1,4}", re.A), "***"),
    # A parameter in an address or a form, and a member of JSON or of a printed dict.
    (
        re.compile(
            r"""(?<!\w)((?:\w*(?:token|secret|verifier|proof|signature)|code|state)=)[^\s&"'\\]++""",
            re.A | re.I,
        ),
        r"\1***",
    ),
    (
        re.compile(r"""(?<!\w)(\w*(?:token|secret)["']:\s*+["'])[^"']++""", re.A | re.I),
        r"\1***",
    ),
]


def configure(config: dict[str, Any]) -> None:
    """Django's LOGGING_CONFIG: sets up all logging. `config` is `{"level": "INFO"}`."""
    # All processors run in the formatter: a library's line passes the same ones as ours.
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
            # ASCII only: line breaks of every kind (U+0085, U+2028 too) leave as escapes.
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
            "loggers": {
                # Django gave this one handlers of its own a moment ago.
                "django": {"level": "NOTSET", "handlers": []},
                # Our access line tells each status; only the traceback of a failure is news.
                "django.request": {"level": "ERROR", "filters": ["with_traceback"]},
                # These print addresses with their query strings, or parameters of queries.
                "django.server": {"level": "CRITICAL", "handlers": [], "propagate": True},
                "django.db.backends": {"level": "WARNING"},
                "urllib3": {"level": "WARNING"},
                "requests": {"level": "WARNING"},
                # A web worker's failures; gunicorn's own handler writes them over many lines.
                "gunicorn.error": {"handlers": [], "propagate": True},
            },
        }
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


class RequestLogMiddleware:
    """Gives each request an id, takes it from the gateway if well formed, and logs one line.

    The id stands on the request (`request.request_id`), on every line written meanwhile and on the
    answer. The query string is never logged: it holds codes and states.
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
            # Django has turned exceptions into answers, and logged them, before they get here.
            response = self.get_response(request)
            response.headers["X-Request-ID"] = request_id
            logger.log(
                logging.DEBUG if request.path.startswith(PROBES) else logging.INFO,
                "request",
                method=request.method,
                path=request.path,
                status=response.status_code,
                duration_ms=round((time.perf_counter() - start) * 1000, 1),
            )
            return response
        finally:
            clear_contextvars()


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
    """The last line of defence: nobody is supposed to log a token."""
    event.pop("request", None)  # Django adds it; printed, it shows the query string
    return {name: redacted(value) for name, value in event.items()}


def redacted(value: Any) -> Any:
    """`value` with `***` for what looks like a token, an OAuth code or state, or a secret."""
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
