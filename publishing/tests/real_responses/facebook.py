"""Responses of Facebook, as people and projects have published them."""

from __future__ import annotations

from typing import Any

from publishing.tests.real_responses import RealResponse
from socialpublishing.errors import (
    AccountBlockedError,
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

ERRORS = "https://developers.facebook.com/docs/graph-api/guides/error-handling"
LIMITS = "https://developers.facebook.com/docs/graph-api/overview/rate-limiting"
REELS = "https://developers.facebook.com/docs/video-api/guides/reels-publishing"
VIDEOS = "https://developers.facebook.com/docs/video-api/reference/error-codes"
POSTIZ = (
    "https://github.com/gitroomhq/postiz-app/blob/main/libraries/nestjs-libraries/src/"
    "integrations/social/facebook.provider.ts"
)


def error(code: Any, message: str, subcode: Any = None, **more: Any) -> dict[str, Any]:
    body = {"message": message, "type": "OAuthException", "code": code, **more}
    if subcode is not None:
        body["error_subcode"] = subcode
    return {"error": {**body, "fbtrace_id": "AbCdEfGhIjK"}}


def case(
    name: str,
    source: str,
    body: Any,
    means: type[PlatformApiError],
    then: str,
    *,
    reads: str = "",
    status: int = 400,
    who_acts: WhoActs | None = None,
    **more: Any,
) -> RealResponse:
    """`who_acts` is that of the error's class, unless it is named."""
    return RealResponse(
        name=name,
        source=source,
        status=status,
        body=body,
        means=means,
        reads=reads,
        who_acts=means.who_acts if who_acts is None else who_acts,
        then=then,
        **more,
    )


TRY_AGAIN = "There was a problem uploading your video. Please try again."
RESPONSES = (
    # --- The access token ---
    case(
        "password-changed",
        "https://github.com/Charca/bootbot/issues/154",
        error(
            190,
            "Error validating access token: The session has been invalidated because the user "
            "changed their password or Facebook has changed the session for security reasons.",
            460,
        ),
        TokenExpiredError,
        "token_refreshed",
        reads="changed their password",
    ),
    case(
        "session-expired",
        ERRORS,
        error(190, "Error validating access token: Session has expired.", 463),
        TokenExpiredError,
        "token_refreshed",
        reads="connect the account again",
    ),
    case(
        "app-removed",
        "https://github.com/yongjhih/RetroFacebook/issues/21",
        error(190, "Error validating access token: The user has not authorized application.", 458),
        TokenExpiredError,
        "token_refreshed",
        reads="has not authorized",
    ),
    case(
        "checkpoint",
        "https://github.com/facebook-csharp-sdk/facebook-csharp-sdk/issues/186",
        error(190, "The user has been checkpointed.", 459),
        AccountBlockedError,
        "waits_for_owner",
        reads="log in at facebook.com",
    ),
    case(
        "unconfirmed-user",
        ERRORS,
        error(190, "Sessions for the user are not allowed because the user is not confirmed.", 464),
        AccountBlockedError,
        "waits_for_owner",
        reads="confirm it at facebook.com",
    ),
    case(
        "code-as-a-string",
        ERRORS,
        error("190", "Invalid OAuth access token.", "467"),
        TokenExpiredError,
        "token_refreshed",
        reads="Invalid OAuth access token",
    ),
    case(
        "session-key-invalid",
        ERRORS,
        error(102, "Session key invalid or no longer valid"),
        TokenExpiredError,
        "token_refreshed",
        reads="no longer valid",
    ),
    # --- Permissions and roles ---
    case(
        "role-at-the-page",
        "https://github.com/gitroomhq/postiz-app/pull/1912",
        error(
            190,
            "Any of the pages_read_engagement, pages_manage_metadata, pages_read_user_content, "
            "pages_manage_ads, pages_show_list or pages_messaging permission(s) must be granted "
            "before impersonating a user's page.",
        ),
        InsufficientPermissionsError,
        "failed",
        reads="One of the Page's admins",
    ),
    case(
        "no-administrator",
        "https://github.com/snarfed/bridgy/issues/596",
        error(190, "The user must be an administrator of the page in order to impersonate it."),
        InsufficientPermissionsError,
        "failed",
        reads="One of the Page's admins",
    ),
    case(
        "administrative-permission",
        "https://github.com/gitroomhq/postiz-app/pull/1892",
        error(
            200,
            "(#200) If posting to a page, requires both pages_read_engagement and "
            "pages_manage_posts as an admin with sufficient administrative permission",
        ),
        InsufficientPermissionsError,
        "failed",
        reads="One of the Page's admins",
        status=403,
    ),
    case(
        "permission-to-manage-the-object",
        "https://github.com/PipedreamHQ/pipedream/issues/7581",
        error(283, "(#283) Requires pages_read_engagement permission to manage the object"),
        InsufficientPermissionsError,
        "failed",
        reads="pages_read_engagement",
    ),
    case(
        "no-permission-to-post-in-words-for-people",
        "https://github.com/facebookarchive/php-graph-sdk/issues/955",
        error(
            200,
            "Permissions error",
            1376025,
            is_transient=False,
            error_user_title="No Permission to Post",
            error_user_msg="You do not have permission to post in this group.",
        ),
        InsufficientPermissionsError,
        "failed",
        reads="You do not have permission to post",
    ),
    case(
        "no-permission-to-publish-the-video",
        "https://github.com/mrdotb/facebook-api-video-upload/issues/21",
        error(100, "(#100) No permission to publish the video"),
        InsufficientPermissionsError,
        "failed",
        reads="No permission to publish the video",
    ),
    case(
        "endpoint-requires-a-permission",
        "https://github.com/pdir/social-feed-bundle/issues/184",
        error(
            10,
            "(#10) This endpoint requires the 'pages_read_engagement' permission or the 'Page "
            "Public Content Access' feature.",
        ),
        InsufficientPermissionsError,
        "failed",
        reads="pages_read_engagement",
    ),
    # --- The app ---
    case(
        "wrong-client-secret",
        ERRORS,
        error(1, "Error validating client secret."),
        PlatformConfigurationError,
        "paused",
        reads="client secret",
    ),
    case(
        "wrong-app-id",
        "https://github.com/diowa/icare/issues/5",
        error(101, "Error validating application. Invalid application ID."),
        PlatformConfigurationError,
        "paused",
        reads="Invalid application ID",
    ),
    case(
        "deleted-app",
        "https://github.com/facebookarchive/php-graph-sdk/issues/770",
        error(190, "Error validating application. Application has been deleted."),
        PlatformConfigurationError,
        "paused",
        reads="has been deleted",
    ),
    case(
        "blocked-app",
        ERRORS,
        error(200, "API access blocked."),
        PlatformConfigurationError,
        "paused",
        reads="API access blocked",
    ),
    case(
        "no-capability",
        ERRORS,
        error(3, "(#3) Application does not have the capability to make this API call."),
        PlatformConfigurationError,
        "paused",
        reads="capability",
    ),
    case(
        "no-path",
        "https://github.com/facebook-csharp-sdk/facebook-csharp-sdk/issues/97",
        error(2500, "An active access token must be used to query information."),
        PlatformConfigurationError,
        "paused",
        reads="active access token",
    ),
    case(
        "proof",
        "https://developers.facebook.com/docs/graph-api/guides/secure-requests",
        error(100, "API calls from the server require an appsecret_proof argument"),
        PlatformConfigurationError,
        "paused",
        reads="appsecret_proof",
    ),
    # --- Limits ---
    case(
        "limit-of-the-app",
        "https://github.com/facebook/facebook-nodejs-business-sdk/issues/97",
        error(4, "(#4) Application request limit reached", is_transient=True),
        RateLimitError,
        "paused",
        reads="asks us to wait",
        status=403,
    ),
    case(
        "limit-of-a-user",
        "https://github.com/facebook/facebook-php-business-sdk/issues/463",
        error(17, "(#17) User request limit reached"),
        RateLimitError,
        "waits_for_limit",
    ),
    case(
        "limit-of-a-page",
        "https://github.com/Yoctol/bottender/issues/420",
        error(32, "(#32) Page request limit reached"),
        RateLimitError,
        "waits_for_limit",
    ),
    case(
        "limit-of-a-page-by-use-case",
        LIMITS,
        error(80001, "(#80001) There have been too many calls to this Page account."),
        RateLimitError,
        "waits_for_limit",
        headers={
            "X-Business-Use-Case-Usage": '{"1": [{"type": "pages", "call_count": 100, '
            '"estimated_time_to_regain_access": 19}]}'
        },
    ),
    case(
        "limit-of-a-business",
        LIMITS,
        error(80014, "(#80014) There have been too many calls for the batch uploads."),
        RateLimitError,
        "waits_for_limit",
    ),
    case(
        "daily-reels",
        REELS,
        error(613, "(#613) Calls to this api have exceeded the rate limit."),
        RateLimitError,
        "waits_for_limit",
    ),
    case(
        "status-429",
        LIMITS,
        "",
        RateLimitError,
        "waits_for_limit",
        status=429,
        headers={"Retry-After": "120"},
    ),
    # --- Blocks ---
    case(
        "block",
        ERRORS,
        error(368, "The action attempted has been deemed abusive or is otherwise disallowed"),
        RateLimitError,
        "waits_for_limit",
    ),
    case(
        "too-fast",
        POSTIZ,
        error(368, "You can't use this feature right now.", 1390008),
        RateLimitError,
        "waits_for_limit",
    ),
    case(
        "reported-as-abusive",
        "https://github.com/fbsamples/original-coast-clothing/issues/67",
        error(
            368,
            "Your message couldn't be sent because it includes content that other people on "
            "Facebook have reported as abusive.",
            1346003,
            error_data={"sentry_block_data": "Aei4", "help_center_id": 0},
            error_user_msg="",
        ),
        ContentRejectedError,
        "rejected",
        reads="reported as abusive",
    ),
    case(
        "account-limited",
        POSTIZ,
        error(368, "Your account is temporarily limited.", 1404112),
        AccountBlockedError,
        "waits_for_owner",
        reads="log in at facebook.com",
    ),
    case(
        "identity",
        POSTIZ,
        error(368, "Confirm your identity before you can publish as this Page.", 4854002),
        AccountBlockedError,
        "waits_for_owner",
        reads="identity",
    ),
    case(
        "page-publishing-authorization",
        POSTIZ,
        error(100, "Page publishing authorization is required.", 1404078),
        AccountBlockedError,
        "waits_for_owner",
        reads="authorized",
    ),
    # --- The content ---
    case(
        "duplicate",
        "https://github.com/michaelkamleitner/galileo-facebook-programmierung/blob/master/"
        "3.12-graphapi-batch-result.txt",
        error(506, "(#506) Duplicate status message", 1455006),
        DuplicateContentError,
        "rejected",
        reads="Duplicate status message",
    ),
    case(
        "photo-too-large",
        "https://github.com/facebookarchive/php-graph-sdk/issues/711",
        error(
            100,
            "Invalid parameter",
            1366046,
            is_transient=False,
            error_user_title="Can't Read Files",
            error_user_msg="Your photos couldn't be uploaded. Photos should be less than 4 MB and "
            "saved as JPG, PNG, GIF or TIFF files.",
        ),
        ContentRejectedError,
        "rejected",
        reads="less than 4 MB",
        during="prepare",
    ),
    case(
        "link-to-facebook",
        POSTIZ,
        error(200, "(#200) Links to Facebook cannot be shared.", 1609008),
        ContentRejectedError,
        "rejected",
        reads="Links to Facebook",
        status=403,
    ),
    case(
        "invalid-link",
        ERRORS,
        error(1500, "The url you supplied is invalid"),
        ContentRejectedError,
        "rejected",
        reads="url you supplied",
    ),
    case(
        "aspect-ratio",
        REELS,
        error(
            1363040,
            "The video you tried to upload has an aspect ratio that isn't supported on Facebook.",
        ),
        ContentRejectedError,
        "rejected",
        reads="aspect ratio",
    ),
    case(
        "video-format",
        VIDEOS,
        error(
            352,
            "Video format not supported",
            1363024,
            error_user_msg="The video file you selected is in a format that we don't support.",
        ),
        ContentRejectedError,
        "rejected",
        reads="format that we don't support",
        during="prepare",
    ),
    # --- Uploads ---
    case(
        "other-offset",
        "https://github.com/facebookarchive/php-graph-sdk/issues/821",
        error(
            6001,
            TRY_AGAIN,
            1363037,
            error_data={"start_offset": 535822336, "end_offset": 541065216},
            is_transient=False,
            error_user_title="Error Uploading Video",
            error_user_msg="There was a problem uploading your video. Please try uploading it "
            "again.",
        ),
        UploadLostError,
        "upload_restarted",
        reads="problem uploading",
        during="prepare",
    ),
    case(
        "upload-time-out",
        "https://github.com/huandu/facebook/issues/72",
        error(
            2,
            "Service temporarily unavailable",
            1363030,
            is_transient=True,
            error_user_title="Video Upload Time Out",
            error_user_msg="Your video upload timed out before it could be completed.",
        ),
        UploadLostError,
        "upload_restarted",
        reads="timed out",
        status=500,
        during="prepare",
    ),
    case(
        "partial-request",
        REELS,
        {
            "debug_info": {
                "retriable": False,
                "type": "PartialRequestError",
                "message": "Partial request (did not match length of file)",
            }
        },
        UploadLostError,
        "upload_restarted",
        reads="Partial request",
        during="prepare",
    ),
    case(
        "host-could-not-process",
        REELS,
        {
            "debug_info": {
                "retriable": True,
                "type": "ProcessingFailedError",
                "message": "Request processing failed",
            }
        },
        NoResponseError,
        "retried",
        reads="processing failed",
        during="prepare",
    ),
    case(
        "file-not-fetched",
        VIDEOS,
        error(389, "Unable to fetch video file from URL."),
        MediaNotReadyError,
        "retried",
        reads="Unable to fetch",
        during="prepare",
    ),
    # --- No verdict, and unknown reasons ---
    case(
        "made-all-the-same",
        "https://github.com/arsduo/koala/issues/699",
        error(2, "An unexpected error has occurred. Please retry your request later."),
        NoResponseError,
        "looked_up",
        reads="retry your request later",
        status=500,
    ),
    case(
        "unknown-error",
        "https://github.com/facebookarchive/php-graph-sdk/issues/736",
        error(1, "An unknown error has occurred."),
        NoResponseError,
        "looked_up",
        reads="unknown error",
        status=500,
    ),
    case(
        "too-much-data",
        "https://github.com/singer-io/tap-facebook/issues/65",
        {
            "error": {
                "code": 1,
                "message": "Please reduce the amount of data you're asking for, then retry your "
                "request",
            }
        },
        NoResponseError,
        "retried",
        reads="reduce the amount of data",
        status=500,
        during="prepare",
    ),
    case(
        "object-without-a-subcode",
        "https://github.com/strohne/Facepager/issues/174",
        error(
            100,
            "(#100) Object does not exist, cannot be loaded due to missing permission or "
            "reviewable feature, or does not support this operation.",
        ),
        PlatformRefusedError,
        "retried",
        reads="Object does not exist",
    ),
    case(
        "object-not-found",
        "https://github.com/restfb/restfb/issues/1075",
        error(
            100,
            "Unsupported get request. Object with ID 'me' does not exist, cannot be loaded due to "
            "missing permissions, or does not support this operation.",
            33,
        ),
        PlatformRefusedError,
        "retried",
        reads="does not exist",
    ),
    case(
        "no-user-id",
        "https://github.com/joelbutcher/laravel-facebook-graph/issues/25",
        error(100, "(#100) 0 does not resolve to a valid user ID"),
        PlatformRefusedError,
        "retried",
        reads="does not resolve",
    ),
    case(
        "edge-in-html",
        "https://developers.facebook.com/docs/graph-api/guides/error-handling",
        "<html><title>Error</title><body>Sorry, something went wrong.</body></html>",
        PlatformRefusedError,
        "looked_up",
        reads="403",
        status=403,
    ),
)
