"""Responses of LinkedIn, as people reported them or as its pages show them; checked 2026-11-27."""

from __future__ import annotations

from typing import Any

from publishing.tests.real_responses import RealResponse
from socialpublishing.errors import (
    ContentRejectedError,
    DuplicateContentError,
    InsufficientPermissionsError,
    MediaNotReadyError,
    NoResponseError,
    PlatformApiError,
    PlatformConfigurationError,
    PlatformRefusedError,
    RateLimitError,
    TokenExpiredError,
    UploadLostError,
    WhoActs,
)

GITHUB = "https://github.com"
DOCS = "https://learn.microsoft.com/en-us/linkedin"
SHARES = f"{DOCS}/marketing/community-management/shares"
ERRORS = f"{DOCS}/shared/api-guide/concepts/error-handling"
JAVA = "com.linkedin.content.common.exception.BadRequestResponseException"


def inactive(name: str, page: str, version: str) -> RealResponse:
    body = {
        "status": 426,
        "code": "NONEXISTENT_VERSION",
        "message": f"Requested version {version} is not active",
    }
    return RealResponse(
        name=name,
        source=f"{GITHUB}/{page}",
        status=426,
        body=body,
        means=PlatformConfigurationError,
        reads="no longer supports the API version",
        who_acts=WhoActs.OPERATOR,
        then="paused",
    )


def token(name: str, page: str, **body: Any) -> RealResponse:
    return RealResponse(
        name=name,
        source=page,
        status=401,
        body={"status": 401, **body},
        means=TokenExpiredError,
        reads="connect the account again",
        who_acts=WhoActs.OWNER,
        then="token_refreshed",
    )


def no_permission(name: str, page: str, message: str, **more: Any) -> RealResponse:
    return RealResponse(
        name=name,
        source=page,
        status=403,
        body={"serviceErrorCode": 100, "message": message, "status": 403, **more.pop("body", {})},
        means=InsufficientPermissionsError,
        reads=more.pop("reads", "a permission is missing"),
        who_acts=WhoActs.OWNER,
        then="failed",
        **more,
    )


def unknown(name: str, page: str, status: int, body: Any, reads: str, **more: Any) -> RealResponse:
    return RealResponse(
        name=name,
        source=page,
        status=status,
        body=body,
        means=PlatformRefusedError,
        reads=reads,
        who_acts=WhoActs.OPERATOR,
        then=more.pop("then", "retried"),
        **more,
    )


def by_code(
    code: str, means: type[PlatformApiError], then: str, reads: str = "", **more: Any
) -> RealResponse:
    return RealResponse(
        name=code.lower().replace("_", "-"),
        source=f"{SHARES}/videos-api",
        status=400,
        body={"status": 400, "code": code, "message": f"Media asset: {code}"},
        means=means,
        reads=reads,
        who_acts=WhoActs.USER if means is ContentRejectedError else WhoActs.NOBODY,
        then=then,
        **more,
    )


def limit(name: str, page: str, message: str, **body: Any) -> RealResponse:
    return RealResponse(
        name=name,
        source=page,
        status=429,
        body={"message": message, "status": 429, **body},
        means=RateLimitError,
        reads="asks us to wait",
        who_acts=WhoActs.NOBODY,
        then="waits_for_limit",
    )


RESPONSES = (
    # --- Versions
    inactive("version-202501", "gitroomhq/postiz-app/issues/2005", "20250101"),
    inactive("version-202411", "ComposioHQ/composio/issues/4320", "20241101"),
    inactive("version-202504", "n8n-io/n8n/issues/28590", "20250401"),
    inactive("version-202407", "inovector/mixpost/issues/167", "20240701"),
    inactive("version-202206", "PipedreamHQ/pipedream/issues/7739", "20220601"),
    RealResponse(
        name="version-missing",
        source=f"{DOCS}/marketing/versioning",
        status=400,
        body={"status": 400, "code": "VERSION_MISSING", "message": "A version must be present."},
        means=PlatformConfigurationError,
        reads="A version must be present",
        who_acts=WhoActs.OPERATOR,
        then="paused",
    ),
    # --- Tokens
    token(
        "token-revoked",
        f"{GITHUB}/jclusso/omniauth-linkedin-openid/issues/6",
        serviceErrorCode=65601,
        code="REVOKED_ACCESS_TOKEN",
        message="The token used in the request has been revoked by the user",
    ),
    token(
        "token-revoked-without-code",
        f"{GITHUB}/xamarin/Xamarin.Auth/issues/461",
        serviceErrorCode=65601,
        message="The token used in the request has been revoked by the user",
    ),
    token(
        "token-invalid",
        f"{GITHUB}/xcarpentier/react-native-linkedin/issues/80",
        serviceErrorCode=65600,
        message="Invalid access token",
    ),
    token(
        "token-expired-old-form",
        f"{GITHUB}/decioferreira/omniauth-linkedin-oauth2/issues/17",
        errorCode=0,
        message="The token used in the request is expired.",
        requestId="5LVAAP7YZ2",
        timestamp=1392084765723,
    ),
    token("token-expired", ERRORS, serviceErrorCode=65602, code="EXPIRED_ACCESS_TOKEN"),
    # --- Permissions: scopes of the app, roles at the Page
    no_permission(
        "no-scope-for-me",
        f"{GITHUB}/verbb/social-poster/issues/25",
        "Not enough permissions to access: GET /me",
        during="prepare",
    ),
    no_permission(
        "no-scope-for-posts",
        f"{GITHUB}/thephpleague/oauth2-linkedin/issues/52",
        "Not enough permissions to access: POST /posts",
    ),
    no_permission(
        "no-scope-for-ugc-posts",
        f"{GITHUB}/Light-it-labs/laravel-linkedin-share/issues/9",
        "Not enough permissions to access: POST /ugcPosts",
    ),
    no_permission(
        "no-scope-for-user-info",
        f"{GITHUB}/linkedin-developers/linkedin-api-js-client/issues/35",
        "Not enough permissions to access: userinfo.GET.NO_VERSION",
        body={"code": "ACCESS_DENIED"},
        during="prepare",
    ),
    no_permission(
        "no-product-for-media",
        f"{GITHUB}/zoonman/linkedin-api-php-client/issues/47",
        "Not enough permissions to access media resource",
        during="prepare",
    ),
    no_permission(
        "no-role-as-author",
        f"{GITHUB}/n8n-io/n8n/issues/1714",
        "Field Value validation failed in REQUEST_BODY: Data Processing Exception while "
        "processing fields [/author]",
        reads="no role at the organization",
    ),
    no_permission(
        "administrators-only",
        f"{GITHUB}/PipedreamHQ/pipedream/issues/21823",
        "Viewer don't have permission to the ADMIN_ONLY VisibilityReduction for "
        "urn:li:organization:5515715",
        reads="no role at the organization",
        during="prepare",
    ),
    no_permission(
        "shares-of-an-employee",
        "https://learn.microsoft.com/en-us/answers/questions/1331917",
        "Unpermitted fields present in PARAMETER: Data Processing Exception while processing "
        "fields [/shares[0]]",
        body={"code": "ACCESS_DENIED"},
        during="prepare",
    ),
    RealResponse(
        name="no-scope-as-organization",
        source=f"{SHARES}/posts-api",
        status=400,
        body={
            "message": "Organization permissions must be used when using organization as author",
            "status": 400,
        },
        means=InsufficientPermissionsError,
        reads="w_organization_social",
        who_acts=WhoActs.OWNER,
        then="failed",
    ),
    # --- Content
    RealResponse(
        name="duplicate",
        source=f"{GITHUB}/Arisamiga/Linkedin-RSS/issues/5",
        status=422,
        body={
            "errorDetailType": "com.linkedin.common.error.BadRequest",
            "message": f"{JAVA}: Content is a duplicate of urn:li:share:7141138937766391808",
            "errorDetails": {
                "inputErrors": [
                    {
                        "description": "Duplicate post is detected",
                        "input": {},
                        "code": "DUPLICATE_POST",
                    }
                ]
            },
            "status": 422,
        },
        means=DuplicateContentError,
        reads="has the same one already",
        who_acts=WhoActs.USER,
        then="rejected",
    ),
    RealResponse(
        name="text-too-long",
        source=f"{GITHUB}/n8n-io/n8n/issues/22899",
        status=400,
        body={
            "errorDetailType": "com.linkedin.common.error.BadRequest",
            "message": f"{JAVA}: ShareCommentary text length (8694 characters) exceeded the "
            "maximum allowed (3000 characters)",
            "errorDetails": {
                "inputErrors": [
                    {
                        "description": "Size of array cannot be higher than the maxLength",
                        "input": {"value": {"stringValue": "…"}},
                        "code": "FIELD_ARRAY_SIZE_TOO_HIGH",
                        "maxLength": 3000,
                    }
                ]
            },
            "status": 400,
        },
        means=ContentRejectedError,
        reads="refused the post: ShareCommentary text length (8694 characters)",
        who_acts=WhoActs.USER,
        then="rejected",
    ),
    by_code("MEDIA_ASSET_PROCESSING_FAILED", ContentRejectedError, "rejected", "could not process"),
    RealResponse(
        name="file-of-wrong-type",
        source=f"{SHARES}/vector-asset-api",
        status=415,
        body="",
        during="prepare",
        means=ContentRejectedError,
        reads="does not accept a file",
        who_acts=WhoActs.USER,
        then="rejected",
    ),
    # --- Uploads
    by_code("MEDIA_ASSET_WAITING_UPLOAD", MediaNotReadyError, "retried", "still processes"),
    by_code("EXPIRED_UPLOAD_URL", UploadLostError, "upload_restarted", during="prepare"),
    by_code("UPDATING_ASSET_FAILED", UploadLostError, "upload_restarted", during="prepare"),
    RealResponse(
        name="asset-not-found",
        source=ERRORS,
        status=404,
        body={
            "status": 404,
            "code": "NOT_FOUND",
            "message": "Could not find image urn:li:image:C4",
        },
        means=MediaNotReadyError,
        reads="still processes",
        who_acts=WhoActs.NOBODY,
        then="retried",
    ),
    # --- Refusals of unknown reason
    unknown(
        "resource-does-not-exist",
        f"{GITHUB}/PipedreamHQ/pipedream/issues/854",
        404,
        {"serviceErrorCode": 0, "message": "Resource ugcPosts does not exist", "status": 404},
        "Resource ugcPosts does not exist",
    ),
    unknown(
        "unknown-field",
        f"{GITHUB}/n8n-io/n8n/issues/6327",
        422,
        {
            "message": "ERROR :: /distribution/targetEnties :: unrecognized field found but not "
            "allowed",
            "status": 422,
        },
        "unrecognized field found",
    ),
    unknown(
        "assets-of-another-owner",
        f"{GITHUB}/MicrosoftDocs/feedback/issues/1815",
        400,
        {
            "message": "com.linkedin.publishing.util.common.ResponseException: One or more of the "
            "assets is not owned by the author. All assets must be owned by the author",
            "status": 400,
        },
        "refused the request (400): One or more of the assets",
    ),
    unknown(
        "wrong-kind-of-owner",
        f"{GITHUB}/Arisamiga/Linkedin-RSS/issues/5",
        400,
        {"message": "Owner entity type person is not supported", "status": 400},
        "Owner entity type person",
    ),
    unknown(
        "invalid-query",
        f"{GITHUB}/MicrosoftDocs/feedback/issues/2940",
        400,
        {"message": "Invalid query parameters passed to request", "status": 400},
        "Invalid query parameters",
        during="prepare",
    ),
    unknown(
        "unpermitted-parameter",
        f"{GITHUB}/artesaos/laravel-linkedin/issues/20",
        403,
        {
            "message": "Unpermitted fields present in PARAMETER: Data Processing Exception while "
            "processing fields [/format]",
            "status": 403,
        },
        "Unpermitted fields",
    ),
    unknown(
        "shares-denied-old-form",
        f"{GITHUB}/jeyben/IOSLinkedInAPI/issues/13",
        403,
        {
            "errorCode": 0,
            "message": "Access to posting shares denied",
            "requestId": "KP3O4JQCD5",
            "status": 403,
            "timestamp": 1379659659933,
        },
        "Access to posting shares denied",
    ),
    unknown(
        "length-required",
        f"{GITHUB}/Codeinwp/tweet-old-post/pull/450",
        411,
        "<html><body>Length Required</body></html>",
        "gives no reason",
        then="looked_up",
    ),
    # --- Limits and LinkedIn's own errors
    limit(
        "throttled",
        f"{GITHUB}/Automattic/wp-calypso/issues/32007",
        "Resource level throttle limit for calls to this resource is reached.",
        serviceErrorCode=101,
    ),
    limit(
        "throttled-old-form",
        f"{GITHUB}/Kademi/kademi-dev/issues/6199",
        "Throttle limit for calls to this resource is reached.",
        errorCode=0,
    ),
    limit("too-many-requests", ERRORS, "Too many requests", code="TOO_MANY_REQUESTS"),
    RealResponse(
        name="internal-error-though-posted",
        source=f"{GITHUB}/ArkeologeN/node-linkedin/issues/65",
        status=500,
        body={
            "errorCode": 0,
            "message": "Internal service error",
            "requestId": "TSY816T5K6",
            "status": 500,
            "timestamp": 1459974559087,
        },
        means=NoResponseError,
        reads="an error of its own (500)",
        who_acts=WhoActs.NOBODY,
        then="looked_up",
    ),
    RealResponse(
        name="gateway-timeout",
        source=ERRORS,
        status=504,
        body={"status": 504, "message": "Gateway Timeout"},
        means=NoResponseError,
        reads="an error of its own (504)",
        who_acts=WhoActs.NOBODY,
        then="looked_up",
    ),
)
