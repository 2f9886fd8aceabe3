"""Responses of X, from issues of public projects; quoted are X's own words alone."""

from __future__ import annotations

from functools import partial
from typing import Any

from publishing.tests.real_responses import RealResponse
from socialpublishing.errors import (
    AccountBlockedError,
    ContentRejectedError,
    DuplicateContentError,
    InsufficientPermissionsError,
    NoResponseError,
    PlatformConfigurationError,
    PlatformRefusedError,
    RateLimitError,
    TokenExpiredError,
    UploadLostError,
    WhoActs,
)

GITHUB = "https://github.com"
OLD, NEW = "https://api.twitter.com/2/problems/", "https://api.x.com/2/problems/"
SPAM = "To protect our users from spam and other malicious activity, "
AUTOMATED = (
    f"This request looks like it might be automated. {SPAM}we can't complete this action right now."
    " Please try again later."
)
LOCKED = (
    f"{SPAM}this account is temporarily locked. Please log in to https://twitter.com to unlock your"
    " account."
)
SUBSET = (
    "You currently have access to a subset of X API V2 endpoints and limited v1.1 endpoints (e.g."
    " media post, oauth) only. If you need access to this endpoint, you may need a different access"
    " level. You can learn more here: https://developer.x.com/en/portal/product"
)
NO_PROJECT = (
    "When authenticating requests to the Twitter API v2 endpoints, you must use keys and tokens"
    " from a Twitter developer App that is attached to a Project."
)
APP_ONLY = (
    "Authenticating with OAuth 2.0 Application-Only is forbidden for this endpoint.  Supported"
    " authentication types are [OAuth 1.0a User Context, OAuth 2.0 User Context]."
)
NO_WRITE = (
    "Application cannot perform write actions. Contact Twitter Platform Operations through"
    " https://help.twitter.com/forms/platform."
)


def legacy(code: Any, message: str) -> dict[str, Any]:
    return {"errors": [{"code": code, "message": message}]}


def problem(status: int, title: str, detail: str, kind: str = "about:blank") -> dict[str, Any]:
    return {"title": title, "detail": detail, "type": kind, "status": status}


def graph(code: int, message: str) -> dict[str, Any]:
    """From the API of X's own site, whose errors have the code in many places."""
    entry = {
        "message": f"Authorization: {message} ({code})",
        "path": ["create_tweet"],
        "extensions": {"name": "AuthorizationError", "code": code, "kind": "Permissions"},
        "code": code,
    }
    return {"errors": [entry], "data": {}}


def invalid_request(message: str, parameter: str, value: str) -> dict[str, Any]:
    return {
        "errors": [{"parameters": {parameter: [value]}, "message": message}],
        "title": "Invalid Request",
        "detail": "One or more parameters to your request was invalid.",
        "type": f"{OLD}invalid-request",
    }


paused = partial(
    RealResponse, means=PlatformConfigurationError, who_acts=WhoActs.OPERATOR, then="paused"
)
blocked = partial(
    RealResponse,
    status=403,
    means=AccountBlockedError,
    reads="its owner has to sign in",
    who_acts=WhoActs.OWNER,
    then="waits_for_owner",
)
limited = partial(
    RealResponse, means=RateLimitError, who_acts=WhoActs.NOBODY, then="waits_for_limit"
)
rejected = partial(RealResponse, means=ContentRejectedError, who_acts=WhoActs.USER, then="rejected")
duplicate = partial(
    RealResponse,
    status=403,
    means=DuplicateContentError,
    reads="the same post already",
    who_acts=WhoActs.USER,
    then="rejected",
)
unknown = partial(
    RealResponse, means=PlatformRefusedError, who_acts=WhoActs.OPERATOR, then="retried"
)
uploaded_again = partial(
    RealResponse,
    status=400,
    means=UploadLostError,
    reads="uploaded again",
    who_acts=WhoActs.NOBODY,
    then="upload_restarted",
)
unanswered = partial(
    RealResponse,
    means=NoResponseError,
    reads="an error of its own",
    who_acts=WhoActs.NOBODY,
    then="looked_up",
)
expired = partial(
    RealResponse,
    status=401,
    means=TokenExpiredError,
    reads="no longer accepts this account's token",
    who_acts=WhoActs.OWNER,
    then="token_refreshed",
)

RESPONSES = (
    # --- The app: credits, caps, access ----------------------------------------------------------
    paused(
        name="credits",
        source=f"{GITHUB}/tryethernal/ethernal/issues/1324",
        status=402,
        body={
            "account_id": 2039912345678901234,
            "title": "CreditsDepleted",
            "detail": "Your enrolled account [2039912345678901234] does not have any credits to"
            " fulfill this request.",
            "type": f"{NEW}credits",
        },
        reads="Your enrolled account does not have any credits",
    ),
    paused(
        name="credits-while-reading",
        source=f"{GITHUB}/tomato414941/x-agent-manager/issues/85",
        status=402,
        body={"title": "CreditsDepleted", "type": f"{NEW}credits"},
        during="prepare",
        reads="used up",
    ),
    paused(
        name="credits-without-a-body",
        source=f"{GITHUB}/zarazhangrui/follow-builders/issues/42",
        status=402,
        body="",
        reads="used up",
    ),
    paused(
        name="spend-cap",
        source="https://docs.x.com/x-api/getting-started/pricing",
        status=403,
        body=problem(403, "SpendCapReached", "The billing cycle spend cap has been reached."),
        reads="spend cap",
    ),
    paused(
        name="usage-cap-with-room-in-the-rate-limit",
        source=f"{GITHUB}/xdevplatform/xdk/issues/25",
        status=429,
        headers={"x-rate-limit-limit": "40000", "x-rate-limit-remaining": "39999"},
        body={
            "account_id": "1",
            "product_name": "standard-basic",
            "title": "UsageCapExceeded",
            "period": "Monthly",
            "scope": "Product",
            "detail": "Usage cap exceeded: Monthly product cap",
            "type": f"{OLD}usage-capped",
        },
        reads="Monthly product cap",
    ),
    paused(
        name="usage-cap-without-a-type",
        source=f"{GITHUB}/g8rswimmer/go-twitter/issues/108",
        status=429,
        body={"title": "UsageCapExceeded", "detail": "Usage cap exceeded: Monthly product cap"},
        reads="Monthly product cap",
    ),
    paused(
        name="app-without-a-project",
        source=f"{GITHUB}/geduldig/TwitterAPI/issues/226",
        status=403,
        body={
            "client_id": "26924600",
            "detail": NO_PROJECT,
            "registration_url": "https://developer.twitter.com/en/docs/projects/overview",
            "title": "Client Forbidden",
            "required_enrollment": "Appropriate Level of API Access",
            "reason": "client-not-enrolled",
            "type": f"{OLD}client-forbidden",
        },
        reads="attached to a Project",
    ),
    paused(
        name="app-without-a-project-in-an-older-plan",
        source=f"{GITHUB}/xdevplatform/samples/issues/58",
        status=403,
        body={
            "detail": NO_PROJECT,
            "title": "Client Forbidden",
            "required_enrollment": "Standard Basic",
            "reason": "client-not-enrolled",
            "type": f"{OLD}client-forbidden",
        },
        during="prepare",
        reads="attached to a Project",
    ),
    paused(
        name="access-to-a-subset",
        source=f"{GITHUB}/tweepy/tweepy/issues/2137",
        status=403,
        body=legacy(453, SUBSET),
        reads="a different access level",
    ),
    paused(
        name="access-with-the-code-as-text",
        source=f"{GITHUB}/dailybruin/meow/issues/414",
        status=403,
        body=legacy("453", SUBSET),
        reads="a different access level",
    ),
    paused(
        name="essential-access",
        source=f"{GITHUB}/klausi/mastodon-twitter-sync/issues/54",
        status=403,
        body=legacy(
            453, "You currently have Essential access which includes access to Twitter API"
        ),
        reads="Essential access",
    ),
    paused(
        name="app-may-not-write",
        source=f"{GITHUB}/tweepy/tweepy/issues/1663",
        status=403,
        body=legacy(261, NO_WRITE),
        reads="cannot perform write actions",
    ),
    paused(
        name="app-permissions",
        source=f"{GITHUB}/plhery/node-twitter-api-v2/issues/493",
        status=403,
        body=problem(
            403,
            "Forbidden",
            "Your client app is not configured with the appropriate oauth1 app permissions for this"
            " endpoint.",
            f"{OLD}oauth1-permissions",
        ),
        reads="not configured",
    ),
    # --- The account -----------------------------------------------------------------------------
    blocked(
        name="automated",
        source=f"{GITHUB}/sferik/twitter-ruby/issues/692",
        body=legacy(226, AUTOMATED),
    ),
    blocked(
        name="automated-in-the-form-of-the-site",
        source=f"{GITHUB}/trevorhobenshield/twitter-api-client/issues/238",
        body=graph(226, AUTOMATED),
    ),
    blocked(
        name="automated-without-a-code",
        source=f"{GITHUB}/jkomoros/card-web/issues/485",
        body={"errors": [{"message": AUTOMATED}]},
    ),
    blocked(
        name="locked",
        source=f"{GITHUB}/blynkkk/blynk-server/issues/350",
        body=legacy(326, LOCKED),
    ),
    blocked(
        name="locked-while-uploading",
        source=f"{GITHUB}/lucasrangit/twitter-winner/issues/11",
        body=legacy(326, LOCKED),
        during="prepare",
    ),
    blocked(
        name="suspended",
        source=f"{GITHUB}/akrherz/iembot/issues/156",
        body=problem(
            403,
            "Forbidden",
            "The user used for authentication is suspended",
            f"{OLD}user-suspended",
        ),
    ),
    blocked(
        name="suspended-legacy",
        source=f"{GITHUB}/tweepy/tweepy/issues/362",
        body=legacy(64, "Your account is suspended and is not permitted to access this feature."),
    ),
    blocked(
        name="suspended-user",
        source=f"{GITHUB}/nextcloud/integration_twitter/issues/25",
        body=legacy(63, "User has been suspended."),
    ),
    RealResponse(
        name="scope-missing-for-media",
        source=f"{GITHUB}/makerprism/ocaml-social-sdk/pull/25",
        status=403,
        body=problem(403, "Forbidden", "Forbidden"),
        during="prepare",
        means=InsufficientPermissionsError,
        reads="media.write",
        who_acts=WhoActs.OWNER,
        then="failed",
    ),
    # --- Limits ----------------------------------------------------------------------------------
    limited(
        name="rate",
        source="https://docs.x.com/x-api/fundamentals/rate-limits",
        status=429,
        headers={"x-rate-limit-remaining": "0", "x-rate-limit-reset": "4102444800"},
        body=problem(429, "Too Many Requests", "Too Many Requests"),
        reads="asks us to wait",
    ),
    limited(
        name="rate-legacy",
        source="https://docs.x.com/x-api/fundamentals/rate-limits",
        status=429,
        body=legacy(88, "Rate limit exceeded"),
        reads="asks us to wait",
    ),
    limited(
        name="rate-without-a-body",
        source=f"{GITHUB}/10up/autoshare-for-twitter/issues/308",
        status=429,
        body="",
        reads="asks us to wait",
    ),
    limited(
        name="daily",
        source=f"{GITHUB}/tgbot-collection/TeleTweet/issues/3",
        status=403,
        body=legacy(185, "User is over daily status update limit."),
        reads="daily limit",
    ),
    limited(
        name="daily-in-the-form-of-the-site",
        source=f"{GITHUB}/trevorhobenshield/twitter-api-client/issues/238",
        status=403,
        body=graph(
            344,
            "You have reached your daily limit for sending Tweets and messages. Please try again"
            " later.",
        ),
        reads="daily limit",
    ),
    limited(
        name="daily-photos",
        source=f"{GITHUB}/jmathai/twitter-async/issues/185",
        status=403,
        body=legacy(191, "User XXX is over daily photo limit"),
        reads="daily limit",
    ),
    # --- The content -----------------------------------------------------------------------------
    duplicate(
        name="duplicate",
        source=f"{GITHUB}/akrherz/iembot/issues/163",
        body=problem(
            403, "Forbidden", "You are not allowed to create a Tweet with duplicate content."
        ),
    ),
    duplicate(
        name="duplicate-legacy",
        source=f"{GITHUB}/edsu/anon/issues/111",
        body=legacy(187, "Status is a duplicate."),
    ),
    duplicate(
        name="duplicate-in-the-form-of-the-site",
        source=f"{GITHUB}/fa0311/twitter-openapi/issues/32",
        body=graph(187, "Status is a duplicate."),
    ),
    rejected(
        name="too-long",
        source=f"{GITHUB}/edsu/anon/issues/138",
        status=403,
        body=legacy(186, "Status is over 140 characters."),
        reads="over 140 characters",
    ),
    rejected(
        name="too-long-without-a-code",
        source=f"{GITHUB}/ryanmcgrath/twython/issues/467",
        status=403,
        body={"errors": [{"message": "Status is over 140 characters."}]},
        reads="over 140 characters",
    ),
    rejected(
        name="invalid-link",
        source=f"{GITHUB}/gitroomhq/postiz-app",
        status=403,
        body=problem(403, "Forbidden", "The Tweet contains an invalid URL."),
        reads="invalid URL",
    ),
    rejected(
        name="video-longer-than-the-account-may",
        source=f"{GITHUB}/gitroomhq/postiz-app",
        status=403,
        body=problem(
            403, "Forbidden", "You are not allowed to post a video longer than 2 minutes."
        ),
        reads="longer than 2 minutes",
    ),
    # --- Uploads ---------------------------------------------------------------------------------
    uploaded_again(
        name="media-ids",
        source=f"{GITHUB}/plhery/node-twitter-api-v2/issues/375",
        body=invalid_request("Your media IDs are invalid.", "media.media_ids", "1"),
    ),
    uploaded_again(
        name="media-id-legacy",
        source=f"{GITHUB}/fossasia/loklak_wok_android/issues/46",
        body=legacy(324, "Invalid media id 889241623330263044"),
    ),
    uploaded_again(
        name="media-ids-legacy",
        source=f"{GITHUB}/atymic/twitter/issues/114",
        body=legacy(324, "The validation of media ids failed."),
    ),
    uploaded_again(
        name="media-parameter",
        source=f"{GITHUB}/nst/STTwitter/issues/287",
        body=legacy(44, "media_ids parameter is invalid."),
    ),
    # --- Tokens ----------------------------------------------------------------------------------
    expired(
        name="unauthorized",
        source=f"{GITHUB}/xdevplatform/docs/issues/395",
        body=problem(401, "Unauthorized", "Unauthorized"),
    ),
    expired(
        name="token-legacy",
        source=f"{GITHUB}/ttezel/twit/issues/204",
        body=legacy(89, "Invalid or expired token."),
    ),
    # --- What nothing explains -------------------------------------------------------------------
    unknown(
        name="edge",
        source=f"{GITHUB}/iSarabjitDhiman/TweeterPy/issues/105",
        status=403,
        body="<!DOCTYPE html><html><head><title>Attention Required! | Cloudflare</title></head>"
        "<body><h1>Sorry, you have been blocked</h1></body></html>",
        reads="Attention Required!",
    ),
    unknown(
        name="app-only",
        source=f"{GITHUB}/plhery/node-twitter-api-v2/issues/475",
        status=403,
        body=problem(
            403, "Unsupported Authentication", APP_ONLY, f"{OLD}unsupported-authentication"
        ),
        reads="Application-Only is forbidden",
    ),
    unknown(
        name="unknown-authentication",
        source=f"{GITHUB}/justinmerrell/Twitter-AutoPost/issues/1",
        status=403,
        body=problem(
            403,
            "Unsupported Authentication",
            "Authenticating with Unknown is forbidden for this endpoint.",
            f"{OLD}unsupported-authentication",
        ),
        reads="Authenticating with Unknown",
    ),
    unknown(
        name="not-permitted",
        source=f"{GITHUB}/joschan21/contentport/issues/49",
        status=403,
        body=problem(403, "Forbidden", "You are not permitted to perform this action."),
        reads="not permitted",
    ),
    unknown(
        name="credentials",
        source=f"{GITHUB}/abraham/twitteroauth/issues/564",
        status=403,
        body=legacy(220, "Your credentials do not allow access to this resource."),
        reads="Your credentials do not allow",
    ),
    unknown(
        name="page-does-not-exist",
        source=f"{GITHUB}/reneraab/node-twitter-api/issues/45",
        status=404,
        body=legacy(34, "Sorry, that page does not exist"),
        reads="page does not exist",
    ),
    unknown(
        name="empty-not-found",
        source=f"{GITHUB}/xdevplatform/docs/issues/395",
        status=404,
        body="",
        reads="404",
    ),
    unknown(
        name="empty-forbidden-upload",
        source=f"{GITHUB}/plhery/node-twitter-api-v2/issues/167",
        status=403,
        body="",
        during="prepare",
        reads="403",
    ),
    unknown(
        name="missing-parameter",
        source=f"{GITHUB}/rfreebern/simple-twitter-bot/issues/2",
        status=403,
        body=legacy(170, "Missing required parameter: status."),
        reads="Missing required parameter",
    ),
    unknown(
        name="query-parameter",
        source=f"{GITHUB}/redouane59/twittered/issues/118",
        status=400,
        body=invalid_request(
            "The `tweet.fields` query parameter value [tweet.fields=attachments] is not one of"
            " [attachments]",
            "tweet.fields",
            "tweet.fields=attachments",
        ),
        during="prepare",
        reads="tweet.fields",
    ),
    # --- X itself --------------------------------------------------------------------------------
    unanswered(
        name="unavailable",
        source=f"{GITHUB}/akrherz/iembot/issues/171",
        status=503,
        body=problem(503, "Service Unavailable", "Service Unavailable"),
    ),
    unanswered(
        name="over-capacity",
        source=f"{GITHUB}/pybamm-team/BattBot/issues/11",
        status=503,
        body=legacy(130, "Over capacity"),
    ),
    unanswered(
        name="unavailable-while-uploading",
        source=f"{GITHUB}/plhery/node-twitter-api-v2/issues/499",
        status=503,
        body=problem(503, "Service Unavailable", "Service Unavailable"),
        during="prepare",
        then="retried",
    ),
    unanswered(
        name="internal-error",
        source=f"{GITHUB}/ryanmcgrath/twython/issues/242",
        status=500,
        body=legacy(131, "Internal error"),
    ),
)
