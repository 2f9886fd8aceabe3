"""An account on Pinterest. All it sends and gets is held against Pinterest's own description."""

import base64
import json

from socialpublishing.tests.openapi import described
from socialpublishing.tests.sandbox.callers import Client
from socialpublishing.tests.watching import body_of


class Pinner(Client):
    def __init__(self, server, account):
        super().__init__(f"{server.url}/pinterest/v5", account["access_token"])
        self.id = account["account_id"]
        self.account = account
        self.board_id = account["boards"][0]["id"] if account["boards"] else ""

    def call(self, method, path, **kwargs):
        is_wrong = kwargs.pop("is_wrong", False)
        response = super().call(method, path, **kwargs)
        check(response, is_wrong=is_wrong)
        return response

    def pin(self, data, is_wrong=False, **fields):
        """`data`: an image, or a media source as it is sent."""
        source = data if isinstance(data, dict) else as_source(data)
        body = {"board_id": self.board_id, "media_source": source, **fields}
        return self.post("/pins", json=body, is_wrong=is_wrong)

    def film(self, data):
        """A video, uploaded. Answers its media id."""
        made = self.post("/media", json={"media_type": "video"}).json()
        sent = send(made, data)
        assert sent.status_code == 204, sent.text
        return made["media_id"]


def check(response, *, is_wrong=False):
    """`is_wrong`: the request is meant to break the description; only the answer is looked at."""
    data = json.loads(response.content) if response.content else None
    method, url = response.request.method, response.request.url
    description = described("pinterest", "/v5")
    if not is_wrong:
        description.check_request(method, url, body_of(response.request))
    description.check_response(method, url, response.status_code, data)


def send(made, data, *, order=None, **more):
    """Upload as S3 wants it. `order`: another order of the form's fields, `file` among them."""
    fields = {**made["upload_parameters"], "file": None}
    parts = [
        (name, ("film.mp4", data, "video/mp4") if name == "file" else (None, fields[name]))
        for name in (order or fields)
    ]
    return Client("").post(made["upload_url"], files=parts, **more)


def as_source(data):
    kind = "image/png" if data.startswith(b"\x89PNG") else "image/jpeg"
    encoded = base64.b64encode(data).decode()
    return {"source_type": "image_base64", "content_type": kind, "data": encoded}


def as_carousel(*pictures, **more):
    items = [{k: v for k, v in as_source(p).items() if k != "source_type"} for p in pictures]
    return {"source_type": "multiple_image_base64", "items": items, **more}
