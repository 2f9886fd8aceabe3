"""What goes in and out: the request as the platforms read it, and ways to answer."""

import contextlib
import functools
import json
import re
from collections.abc import Callable
from typing import Any, cast

from django.core.files.uploadhandler import FileUploadHandler
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpResponse, HttpResponseBase, JsonResponse, QueryDict
from django.http.multipartparser import MultiPartParser, MultiPartParserError

from socialpublishing.sandbox.blobs import PIECE_BYTES, Blob
from socialpublishing.sandbox.state import State

View = Callable[..., HttpResponseBase]

MAX_BODY_BYTES = 160 * 1024 * 1024
MAX_PAYLOAD_BYTES = 64 * 1024 * 1024  # of a body that is taken into memory
_HEADER_BYTES = 512
_NAMELESS = re.compile(
    rb'(Content-Disposition: form-data; name="[^"\r\n]*")'
    rb"(\r\nContent-Type: (?:application/octet-stream|image/|video/))",
    re.IGNORECASE,
)
_HOST = re.compile(r"[A-Za-z0-9._\-\[\]:]+")


class EarlyResponse(Exception):  # noqa: N818  (no error: a way to answer from deep inside a view)
    """Ends a view at once, with this answer."""

    def __init__(self, response: HttpResponse) -> None:
        super().__init__(response.status_code)
        self.response = response


class BadBody(ValueError):  # noqa: N818  (a fact about the request; each platform words its error)
    """The body is not what its Content-Type says."""


class _IntoBlobs(FileUploadHandler):
    """The server has bounded the body already; Django's own bounds belong to the service's API."""

    chunk_size = PIECE_BYTES

    def __init__(self) -> None:
        super().__init__()
        self.blobs: dict[str, Blob] = {}

    def new_file(self, field_name: str, file_name: str, *args: Any, **kwargs: Any) -> None:
        content_type = str(args[0]) if args else ""
        self.blobs[field_name] = self._blob = Blob(mime_type=content_type, name=file_name)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self._blob.write(raw_data)

    def file_complete(self, file_size: int) -> None:
        """It stays here: the parser would take it for a file of Django's kind."""


class _NamedFiles:
    """A multipart body whose parts of a binary type all have the name of a file.

    By that name Django tells files from texts; platforms, and some of their clients, do without.
    """

    def __init__(self, body: Any) -> None:
        self._body = body
        self._rest = b""

    def read(self, size: int) -> bytes:
        while piece := self._body.read(size):
            # What may be half a header waits for its other half.
            data = _NAMELESS.sub(rb'\1; filename="file"\2', self._rest + piece)
            ready, self._rest = data[:-_HEADER_BYTES], data[-_HEADER_BYTES:]
            if ready:
                return ready
        rest, self._rest = self._rest, b""
        return rest


class SandboxRequest(WSGIRequest):
    state: State
    rate: tuple[int, int, int] | None = None  # X's limit, remaining and reset, once they are known
    page_id: str = ""  # of the Facebook Page whose token was used

    @functools.cached_property
    def body_blob(self) -> Blob:
        """The body as it came. Raises BadBody if the line broke before its end."""
        if self.arrived.size < self.promised_bytes:
            raise BadBody("The body is shorter than its Content-Length.")
        return self.arrived

    @functools.cached_property
    def arrived(self) -> Blob:
        """What came of the body, even if the line broke: uploads that can be resumed keep it."""
        size = self.promised_bytes
        blob = Blob(mime_type=str(self.content_type))
        with contextlib.suppress(ConnectionError):
            while piece := self.environ["wsgi.input"].read(min(size - blob.size, PIECE_BYTES)):
                blob.write(piece)
        return blob

    @property
    def promised_bytes(self) -> int:
        return int(self.environ.get("CONTENT_LENGTH") or 0)

    @functools.cached_property
    def payload(self) -> bytes:
        """The body, in memory. Raises BadBody if it is too large for that."""
        if self.body_blob.size > MAX_PAYLOAD_BYTES:
            raise BadBody("The body is too large.")
        return self.body_blob.read()

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

    def upload(self, name: str) -> Blob | None:
        """The file of the multipart form's field `name`. Raises BadBody."""
        return self.files.get(name)

    @property
    def files(self) -> dict[str, Blob]:
        """By the fields of the multipart form. Raises BadBody."""
        return self._form_and_files[1] if self.content_type == "multipart/form-data" else {}

    @functools.cached_property
    def _form_and_files(self) -> tuple[dict[str, Any], dict[str, Blob]]:
        if self.content_type == "multipart/form-data":
            handler = _IntoBlobs()
            try:
                with self.body_blob.open() as body:
                    named = cast(Any, _NamedFiles(body))
                    parser = MultiPartParser(self.META, named, [handler], "utf-8")
                    fields, _ = parser.parse()
            except MultiPartParserError as error:
                raise BadBody("The body is not valid multipart.") from error
            return fields.dict(), handler.blobs
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


def split_names(value: object) -> list[str]:
    """A parameter's names: with commas between them, or as a JSON array."""
    text = str(value or "")
    if text.startswith("["):
        with contextlib.suppress(ValueError):
            return [str(name) for name in json.loads(text)]
    return text.split(",") if text else []


def json_response(
    data: Any, status: int = 200, content_type: str = "application/json"
) -> HttpResponse:
    return JsonResponse(data, status=status, safe=False, content_type=content_type)


def by_method(not_allowed: Callable[[], HttpResponse], **views: View) -> View:
    """One path, one view per HTTP method; HEAD is answered as GET."""

    def dispatch(request: SandboxRequest, **kwargs: Any) -> HttpResponseBase:
        method = "GET" if request.method == "HEAD" else str(request.method)
        view = views.get(method)
        return not_allowed() if view is None else view(request, **kwargs)

    return dispatch
