"""The object store: an asset whose URL is a path is a file in it.

With OBJECT_STORE_PREFIX each user reads only the files below a prefix of their own: `owned` finds a
path there when a post is accepted, and the job holds the result.

The store is S3 or compatible. Each use signs a new URL, valid for one hour, with AWS Signature
Version 4 (https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html). A signed
URL is a secret while it is valid: it is never stored, logged or returned to a caller.
"""

from __future__ import annotations

import functools
import unicodedata
from typing import Any
from urllib.parse import unquote

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from socialpublishing.errors import AssetAddressRefusedError, ObjectStoreNotConfiguredError

SIGNED_FOR_S = 3600
MAX_KEY_BYTES = 1024
USER_ID = "{user_id}"
NOT_PLAIN = "The path of the file is not a plain one."


def address_of(url: str) -> str:
    """`url` itself, or for a path the signed URL of the file in the object store.

    Raises MediaError for an unusable path, and if no object store is configured.
    """
    if not _is_path(url):
        return url
    if not is_configured():
        raise ObjectStoreNotConfiguredError
    key = url.removeprefix("/")
    if not _is_key(key):
        raise AssetAddressRefusedError(NOT_PLAIN)
    client = _client(
        settings.OBJECT_STORE_ENDPOINT,
        settings.OBJECT_STORE_REGION,
        settings.OBJECT_STORE_ACCESS_KEY,
        settings.OBJECT_STORE_SECRET_KEY,
    )
    return str(
        client.generate_presigned_url(
            "get_object",
            Params={"Bucket": settings.OBJECT_STORE_BUCKET, "Key": key},
            ExpiresIn=SIGNED_FOR_S,
        )
    )


def owned(url: str, user_id: str) -> str:
    """`url` itself, or for a path that from the root of the store, below the prefix of `user_id`.

    A path is relative to the prefix, or begins with it. Raises AssetAddressRefusedError for any
    other path from the root, and for one below the prefix of another user.
    """
    template = prefix()
    if not template or not _is_path(url):
        return url
    own = template.replace(USER_ID, user_id)
    shared = template.partition(USER_ID)[0]
    path = url.removeprefix("/")
    if not _is_plain(path):
        raise AssetAddressRefusedError(NOT_PLAIN)
    if path.startswith(own):
        return f"/{path}"
    if url.startswith("/") or (shared and path.startswith(shared)):
        raise AssetAddressRefusedError(f"The path of the file is not below {own}, where yours are.")
    return f"/{own}{path}"


def prefix() -> str:
    """OBJECT_STORE_PREFIX, with a slash at its end; "" for none. Raises ImproperlyConfigured."""
    template = str(settings.OBJECT_STORE_PREFIX).strip("/")
    if not template:
        return ""
    example = template.replace(USER_ID, "user")
    if not _is_key(example) or not _is_plain(example) or {"{", "}"} & set(example):
        raise ImproperlyConfigured(
            "OBJECT_STORE_PREFIX is not a plain path, such as uploads/{user_id}/."
        )
    return f"{template}/"


def is_configured() -> bool:
    return bool(
        settings.OBJECT_STORE_ENDPOINT
        and settings.OBJECT_STORE_BUCKET
        and settings.OBJECT_STORE_ACCESS_KEY
        and settings.OBJECT_STORE_SECRET_KEY
    )


def _is_path(url: str) -> bool:
    return bool(url) and not url.startswith("//") and ":" not in url.partition("/")[0]


def _is_key(key: str) -> bool:
    return (
        key.isprintable()
        and "\\" not in key
        and len(key.encode()) <= MAX_KEY_BYTES
        # A server in between might normalise these to another path.
        and not {"", ".", ".."} & set(key.split("/"))
    )


def _is_plain(path: str) -> bool:
    """Whether `path` is a key, also as a server reads it that decodes or normalises it again."""
    decoded = path
    while (once_more := unquote(decoded)) != decoded:
        decoded = once_more
    return "\ufffd" not in decoded and _is_key(unicodedata.normalize("NFKC", decoded))


@functools.lru_cache(maxsize=4)
def _client(endpoint: str, region: str, access_key: str, secret_key: str) -> Any:
    # Imported only if there is an object store: the import takes 0.3 s and 30 MB.
    import boto3  # type: ignore[import-untyped]
    from botocore.config import Config  # type: ignore[import-untyped]

    return boto3.session.Session().client(
        "s3",
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
    )
