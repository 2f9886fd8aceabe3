"""What goes in and out: the request as the platforms read it, and ways to answer."""

import functools
import io
import json
import re
from collections.abc import Callable
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import MemoryFileUploadHandler
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpResponse, JsonResponse, QueryDict
from django.http.multipartparser import MultiPartParser, MultiPartParserError

from socialpublishing.sandbox.state import State

View = Callable[..., HttpResponse]

MAX_BODY_BYTES = 64 * 1024 * 1024
_HOST = re.compile(r"[A-Za-z0-9._\-\[\]:]+")


class Answered(Exception):  # noqa: N818  (no error: a way to answer from deep inside a view)
    """Ends a view at once, with this answer."""

    def __init__(self, response: HttpResponse) -> None:
        super().__init__(response.status_code)
        self.response = response


class BadBody(ValueError):  # noqa: N818  (a fact about the request; each platform words its error)
    """The body is not what its Content-Type says."""


class _KeepInMemory(MemoryFileUploadHandler):
    """The server has bounded the body already; Django's own bounds belong to the service's API."""

    def handle_raw_input(self, *args: Any, **kwargs: Any) -> None:
        self.activated = True


class SandboxRequest(WSGIRequest):
    state: State
    rate: tuple[int, int, int] | None = None  # X's limit, remaining and reset, once they are known
    page_id: str = ""  # of the Facebook Page whose token was used

    @functools.cached_property
    def payload(self) -> bytes:
        length = int(self.environ.get("CONTENT_LENGTH") or 0)
        return bytes(self.environ["wsgi.input"].read(length))

    @functools.cached_property
    def json(self) -> Any:
        """The body, read as JSON whatever its Content-Type. Raises BadBody."""
        try:
            value = json.loads(self.payload)
            if b"\\u" in self.payload:
                json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair is no text
        except (ValueError, RecursionError) as error:
            raise BadBody("The body is not valid JSON.") from error
        return value

    @functools.cached_property
    def form(self) -> dict[str, Any]:
        """Fields of a form, multipart or JSON body: strings, or what JSON holds. Raises BadBody."""
        if self.content_type == "application/json":
            if not isinstance(self.json, dict):
                raise BadBody("The body is not a JSON object.")
            return self.json
        return self._form_and_files[0]

    @functools.cached_property
    def files(self) -> dict[str, bytes]:
        return {} if self.content_type == "application/json" else self._form_and_files[1]

    @functools.cached_property
    def _form_and_files(self) -> tuple[dict[str, Any], dict[str, bytes]]:
        if self.content_type == "multipart/form-data":
            try:
                fields, files = MultiPartParser(
                    self.META, io.BytesIO(self.payload), [_KeepInMemory(self)], "utf-8"
                ).parse()
            except MultiPartParserError as error:
                raise BadBody("The body is not valid multipart.") from error
            return fields.dict(), {
                name: file.read() for name, file in files.items() if isinstance(file, UploadedFile)
            }
        if self.content_type == "application/x-www-form-urlencoded":
            return QueryDict(self.payload, encoding="utf-8").dict(), {}
        return {}, {}

    @functools.cached_property
    def params(self) -> dict[str, Any]:
        """Query and body together, as OAuth forms and the Graph API take them. The body wins."""
        return {**self.GET.dict(), **self.form}

    @property
    def bearer(self) -> str:
        scheme, _, value = self.headers.get("Authorization", "").partition(" ")
        return value.strip() if scheme.lower() in ("bearer", "oauth") else ""

    @property
    def base_url(self) -> str:
        """Where the caller found us. Django's own reading refuses hosts unknown to the service."""
        host = self.headers.get("Host", "")
        if not _HOST.fullmatch(host):
            host = f"{self.META['SERVER_NAME']}:{self.META['SERVER_PORT']}"
        return f"http://{host}"


def json_answer(
    data: Any, status: int = 200, content_type: str = "application/json"
) -> HttpResponse:
    return JsonResponse(data, status=status, safe=False, content_type=content_type)


def by_method(not_allowed: Callable[[], HttpResponse], **views: View) -> View:
    """One path, one view per HTTP method; HEAD is answered as GET."""

    def dispatch(request: SandboxRequest, **kwargs: Any) -> HttpResponse:
        method = "GET" if request.method == "HEAD" else str(request.method)
        view = views.get(method)
        return not_allowed() if view is None else view(request, **kwargs)

    return dispatch
