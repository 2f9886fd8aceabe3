"""The request as the platforms read it, and helpers that make responses."""

import contextlib
import json
import re
from collections.abc import Callable
from typing import Any, cast

from django.core.files.uploadhandler import FileUploadHandler
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpResponse, HttpResponseBase, JsonResponse, QueryDict
from django.http.multipartparser import MultiPartParser, MultiPartParserError
from django.utils.functional import cached_property

from socialpublishing.sandbox.blobs import PIECE_BYTES, Blob
from socialpublishing.sandbox.state import State

View = Callable[..., HttpResponseBase]

MAX_BODY_BYTES = 160 * 1024 * 1024
MAX_PAYLOAD_BYTES = 64 * 1024 * 1024  # of a body that is read into memory
_HEADER_BYTES = 512
_PART_WITHOUT_FILENAME = re.compile(
    rb'(Content-Disposition: form-data; name="[^"\r\n]*")'
    rb"(\r\nContent-Type: (?:application/octet-stream|image/|video/))",
    re.IGNORECASE,
)
_HOST = re.compile(r"[A-Za-z0-9._\-\[\]:]+")


class EarlyResponse(Exception):  # noqa: N818  (no error: a helper of a view ends the view)
    """Ends the view at once with this response."""

    def __init__(self, response: HttpResponse) -> None:
        super().__init__(response.status_code)
        self.response = response


class BadBody(ValueError):  # noqa: N818  (a fact about the request; each platform words its error)
    """The body does not match its Content-Type or its Content-Length."""


class _BlobUploadHandler(FileUploadHandler):
    """Stores uploaded files as blobs.

    The server has checked the size of the body; Django's own limits are those of the service's API.
    """

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
        """Return None, so that the parser does not add it to its own files."""


class _WithFilenames:
    """Reads a multipart body and adds a `filename` to binary parts that have none.

    Django treats a part without `filename` as a text field. Platforms and some of their clients
    send files without it.
    """

    def __init__(self, body: Any) -> None:
        self._body = body
        self._rest = b""

    def read(self, size: int) -> bytes:
        while piece := self._body.read(size):
            # Keep the end back: it may be the first half of a header.
            data = _PART_WITHOUT_FILENAME.sub(rb'\1; filename="file"\2', self._rest + piece)
            ready, self._rest = data[:-_HEADER_BYTES], data[-_HEADER_BYTES:]
            if ready:
                return ready
        rest, self._rest = self._rest, b""
        return rest


# With Django's cached_property: until Python 3.12, that of functools has a lock that all requests
# share, so a client that sends its body slowly would keep all others waiting.
class SandboxRequest(WSGIRequest):
    state: State
    rate: tuple[int, int, int] | None = None  # X's limit, remaining and reset; set by its views
    page_id: str = ""  # of the Facebook Page whose token was used

    @cached_property
    def body_blob(self) -> Blob:
        """The complete body. Raises BadBody if the connection broke before its end."""
        if self.received_body.size < self.promised_bytes:
            raise BadBody("The body is shorter than its Content-Length.")
        return self.received_body

    @cached_property
    def received_body(self) -> Blob:
        """The body up to where the connection broke: resumable uploads keep that part."""
        size = self.promised_bytes
        blob = Blob(mime_type=str(self.content_type))
        with contextlib.suppress(ConnectionError):
            while piece := self.environ["wsgi.input"].read(min(size - blob.size, PIECE_BYTES)):
                blob.write(piece)
        return blob

    @property
    def promised_bytes(self) -> int:
        """The Content-Length."""
        return int(self.environ.get("CONTENT_LENGTH") or 0)

    @cached_property
    def payload(self) -> bytes:
        """The body in memory. Raises BadBody if it is too large for that."""
        if self.body_blob.size > MAX_PAYLOAD_BYTES:
            raise BadBody("The body is too large.")
        return self.body_blob.read()

    @cached_property
    def json(self) -> Any:
        """The body parsed as JSON, whatever its Content-Type is. Raises BadBody."""
        try:
            value = json.loads(self.payload)
            if b"\\u" in self.payload:
                json.dumps(value, ensure_ascii=False).encode()  # fails on half a surrogate pair
        except (ValueError, RecursionError) as error:
            raise BadBody("The body is not valid JSON.") from error
        return value

    @cached_property
    def form(self) -> dict[str, Any]:
        """The fields of a form, multipart or JSON body. Raises BadBody."""
        if self.content_type == "application/json":
            if not isinstance(self.json, dict):
                raise BadBody("The body is not a JSON object.")
            return self.json
        return self._form_and_files[0]

    def upload(self, name: str) -> Blob | None:
        """The file in the multipart field `name`. Raises BadBody."""
        return self.files.get(name)

    @property
    def files(self) -> dict[str, Blob]:
        """The files of a multipart body, by the names of their fields. Raises BadBody."""
        return self._form_and_files[1] if self.content_type == "multipart/form-data" else {}

    @cached_property
    def _form_and_files(self) -> tuple[dict[str, Any], dict[str, Blob]]:
        if self.content_type == "multipart/form-data":
            handler = _BlobUploadHandler()
            try:
                with self.body_blob.open() as body:
                    stream = cast(Any, _WithFilenames(body))
                    parser = MultiPartParser(self.META, stream, [handler], "utf-8")
                    fields, _ = parser.parse()
            except MultiPartParserError as error:
                raise BadBody("The body is not valid multipart.") from error
            return fields.dict(), handler.blobs
        if self.content_type == "application/x-www-form-urlencoded":
            return QueryDict(self.payload, encoding="utf-8").dict(), {}
        return {}, {}

    @cached_property
    def params(self) -> dict[str, Any]:
        """The fields of query and body, as OAuth and the Graph API read them. The body wins."""
        return {**self.GET.dict(), **self.form}

    @property
    def bearer(self) -> str:
        scheme, _, value = self.headers.get("Authorization", "").partition(" ")
        return value.strip() if scheme.lower() in ("bearer", "oauth") else ""

    @property
    def base_url(self) -> str:
        """The sandbox's address as the caller wrote it.

        Django's `get_host` would refuse hosts that the service does not allow.
        """
        host = self.headers.get("Host", "")
        if not _HOST.fullmatch(host):
            host = f"{self.META['SERVER_NAME']}:{self.META['SERVER_PORT']}"
        return f"http://{host}"


def split_names(value: object) -> list[str]:
    """The names in a parameter: separated by commas, or a JSON array."""
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
    """One view per HTTP method for one path. HEAD requests go to the GET view."""

    def dispatch(request: SandboxRequest, **kwargs: Any) -> HttpResponseBase:
        method = "GET" if request.method == "HEAD" else str(request.method)
        view = views.get(method)
        return not_allowed() if view is None else view(request, **kwargs)

    return dispatch
