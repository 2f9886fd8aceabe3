"""An account on Pinterest. Pinterest's OpenAPI description checks its requests and responses."""

import base64
import json

from socialpublishing.tests.openapi import described
from socialpublishing.tests.recording import body_of
from socialpublishing.tests.sandbox.callers import Client


class Pinner(Client):
    def __init__(self, server, account):
        super().__init__(f"{server.url}/pinterest/v5", account["access_token"])
        self.id = account["account_id"]
        self.account = account
        self.board_id = account["boards"][0]["id"] if account["boards"] else ""

    def call(self, method, path, **kwargs):
        is_invalid = kwargs.pop("is_invalid", False)
        response = super().call(method, path, **kwargs)
        check(response, is_invalid=is_invalid)
        return response

    def pin(self, data, is_invalid=False, **fields):
        """`data`: the bytes of an image, or a media source."""
        source = data if isinstance(data, dict) else as_source(data)
        body = {"board_id": self.board_id, "media_source": source, **fields}
        return self.post("/pins", json=body, is_invalid=is_invalid)

    def register_upload(self):
        return self.post("/media", json={"media_type": "video"}).json()

    def upload_video(self, data):
        """Returns the media id."""
        upload = self.register_upload()
        response = send(upload, data)
        assert response.status_code == 204, response.text
        return upload["media_id"]


def check(response, *, is_invalid=False):
    """`is_invalid`: the request breaks the description on purpose; only the response is checked."""
    data = json.loads(response.content) if response.content else None
    method, url = response.request.method, response.request.url
    description = described("pinterest", "/v5")
    if not is_invalid:
        description.check_request(method, url, body_of(response.request))
    description.check_response(method, url, response.status_code, data)


def send(upload, data, *, order=None, **more):
    """Upload to S3. `order`: the names of the form's fields with `file`, in another order."""
    fields = {**upload["upload_parameters"], "file": None}
    parts = [
        (name, ("video.mp4", data, "video/mp4") if name == "file" else (None, fields[name]))
        for name in (order or fields)
    ]
    return Client("").post(upload["upload_url"], files=parts, **more)


def as_source(data):
    kind = "image/png" if data.startswith(b"\x89PNG") else "image/jpeg"
    encoded = base64.b64encode(data).decode()
    return {"source_type": "image_base64", "content_type": kind, "data": encoded}


def as_carousel(*images, **more):
    sources = [as_source(image) for image in images]
    items = [{k: v for k, v in source.items() if k != "source_type"} for source in sources]
    return {"source_type": "multiple_image_base64", "items": items, **more}
