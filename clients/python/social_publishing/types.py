"""What the API takes and returns.

Written by `./run manage openapi --client`.
Long because the API has many schemas.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict

AiDisclosuresEnum: TypeAlias = Literal["AI_MODIFIED", "SYNTHETIC_PERFORMER"]


AssetTypeEnum: TypeAlias = Literal["image", "gif", "video", "document"]


BasisEnum: TypeAlias = Literal["engagement", "reach"]


BatchResponseStatusEnum: TypeAlias = Literal[
    "scheduled", "publishing", "published", "partly_published", "cancelled", "failed"
]


class BestTimeToPostSuggestion(TypedDict):
    day_of_week: int
    hour_of_day: int
    score: float
    posts: int


class Bounds(TypedDict):
    """
    From `low` to `high`, both allowed; null: no such bound.
    """

    low: float | None
    high: float | None


ChangeWebhookStatusEnum: TypeAlias = Literal["active", "paused"]


class Choice(TypedDict):
    value: Any
    label: str


class ChooseDestination(TypedDict):
    destination_id: str


class CommentLimits(TypedDict):
    max_text: int
    text_unit: str
    max_hashtags: int | None


ConfidenceEnum: TypeAlias = Literal["high", "medium", "low"]


class ConfirmRequest(TypedDict):
    attempt_id: str
    completion_code: str


ConnectionStatus: TypeAlias = Literal["active", "needs_reauth", "revoked"]


class Cost(TypedDict):
    amount: float
    currency: str


class CreateSection(TypedDict):
    name: str


class DataDeletion(TypedDict):
    """
    What the platform shows to the person: where to see the state, and the request's code.
    """

    url: str
    confirmation_code: str


DataDeletionStateStatusEnum: TypeAlias = Literal["received", "done"]


DeliveryStatus: TypeAlias = Literal["pending", "delivered", "failed"]


class Destination(TypedDict):
    id: str
    external_id: str
    name: str
    kind: str
    can_publish: bool
    is_default: bool


Collaborator: TypeAlias = str


class GeneratedAsset(TypedDict):
    url: str
    asset_type: AssetTypeEnum
    mime_type: str
    alt_text: NotRequired[str | None]
    platform_media_id: NotRequired[str | None]
    metadata: NotRequired[dict[str, Any] | None]


GraduationStrategyEnum: TypeAlias = Literal["MANUAL", "SS_PERFORMANCE"]


Keyword: TypeAlias = str


class HashtagRequest(TypedDict):
    keywords: list[Keyword]
    industry: NotRequired[str | None]
    limit: NotRequired[int]
    connection_id: NotRequired[str | None]
    destination_id: NotRequired[str | None]


class InitiateOAuthResponse(TypedDict):
    authorization_url: str
    attempt_id: str


JobStatus: TypeAlias = Literal[
    "Pending",
    "Scheduled",
    "Processing",
    "Published",
    "Failed",
    "ContentRejected",
    "Cancelled",
    "Unconfirmed",
]


class LinkCard(TypedDict):
    title: NotRequired[str]
    description: NotRequired[str]
    picture_url: NotRequired[str]
    link: str


class LinkDetails(TypedDict):
    title: NotRequired[str]
    description: NotRequired[str]
    picture_url: NotRequired[str]


class LinkedInArticle(TypedDict):
    """
    What is left out is read from the page if it has it: LinkedIn does not read it.
    """

    url: str
    title: NotRequired[str]
    description: NotRequired[str]


Option: TypeAlias = str


class LinkedInPoll(TypedDict):
    question: str
    options: list[Option]
    duration_days: int


LinkedInPostType: TypeAlias = Literal["feed", "document", "poll"]


class MediaLimit(TypedDict):
    kind: str
    max_count: int
    mime_types: list[str]
    max_bytes: int
    width: Bounds | None
    height: Bounds | None
    pixels: Bounds | None
    ratio: Bounds | None
    duration_s: Bounds | None
    frame_rate: Bounds | None
    has_alt_text: bool


MetaPostType: TypeAlias = Literal["feed", "reel", "story"]


class NewWebhook(TypedDict):
    url: str
    events: NotRequired[
        list[
            Literal[
                "job.accepted",
                "job.published",
                "job.failed",
                "job.content_rejected",
                "job.unconfirmed",
                "job.waiting_for_owner",
                "job.at_risk",
                "job.cancelled",
                "job.changed",
                "batch.ended",
                "connection.connected",
                "connection.expiring",
                "connection.needs_reauth",
                "connection.restored",
                "connection.disconnected",
                "platform.paused",
                "platform.resumed",
            ]
        ]
        | None
    ]
    description: NotRequired[str]


NullEnum: TypeAlias = None


OutcomeEnum: TypeAlias = Literal["published", "not_published"]


class PatchedChangeConnection(TypedDict):
    timezone: NotRequired[str]


class PatchedChangeWebhook(TypedDict):
    url: NotRequired[str]
    events: NotRequired[
        list[
            Literal[
                "job.accepted",
                "job.published",
                "job.failed",
                "job.content_rejected",
                "job.unconfirmed",
                "job.waiting_for_owner",
                "job.at_risk",
                "job.cancelled",
                "job.changed",
                "batch.ended",
                "connection.connected",
                "connection.expiring",
                "connection.needs_reauth",
                "connection.restored",
                "connection.disconnected",
                "platform.paused",
                "platform.resumed",
            ]
        ]
        | None
    ]
    description: NotRequired[str]
    status: NotRequired[ChangeWebhookStatusEnum]


class PendingConnection(TypedDict):
    """
    A connect that no browser is bound to: POST both to `/connections/confirm`.
    """

    status: str
    attempt_id: str
    completion_code: str
    message: str


class PinterestSlide(TypedDict):
    title: NotRequired[str]
    description: NotRequired[str]
    link: NotRequired[str]


PlainPostType: TypeAlias = Literal["feed"]


class PlatformOption(TypedDict):
    name: str
    description: str
    example: Any


class PostType(TypedDict):
    """
    What one kind of post accepts, according to the page `source` as read on `checked`.
    """

    name: str
    description: str
    max_text: int
    text_unit: str
    needs_text: bool
    min_media: int
    max_media: int
    mixes_kinds: bool
    max_alt_text: int
    max_hashtags: int | None
    max_mentions: int | None
    max_cashtags: int | None
    media: list[MediaLimit]
    options: list[str]
    required_options: list[str]
    source: str
    checked: str


class PostWarning(TypedDict):
    code: str
    message: str


PrivacyEnum: TypeAlias = Literal["public", "protected", "secret"]


PrivacyLevelEnum: TypeAlias = Literal[
    "PUBLIC_TO_EVERYONE", "MUTUAL_FOLLOW_FRIENDS", "FOLLOWER_OF_CREATOR", "SELF_ONLY"
]


class Reading(TypedDict):
    """
    Null: the platform does not report it. `engagement` is the sum of all interactions.
    """

    read_at: str
    impressions: NotRequired[int | None]
    reach: NotRequired[int | None]
    likes: NotRequired[int | None]
    comments: NotRequired[int | None]
    shares: NotRequired[int | None]
    saves: NotRequired[int | None]
    clicks: NotRequired[int | None]
    engagement: int


class Remaining(TypedDict):
    """
    How many more posts the platform accepts until a time; null: it reports no time.
    """

    count: int
    until: str | None


ReplySettingsEnum: TypeAlias = Literal["following", "mentionedUsers", "subscribers", "verified"]


class Resolve(TypedDict):
    """
    What a person saw at the platform, for a job whose outcome is unknown.
    """

    outcome: OutcomeEnum
    remote_id: NotRequired[str]
    post_url: NotRequired[str]
    reason: NotRequired[str]


class Risk(TypedDict):
    code: str
    message: str
    who_acts: str | None


class Section(TypedDict):
    """
    `id` is the platform's: the value of `board_section_id` in a post's options.
    """

    id: str
    name: str


class SignedRequest(TypedDict):
    signed_request: str


class SocialConnectionResponse(TypedDict):
    id: str
    user_id: str
    platform: str
    external_user_id: str
    external_display_name: str | None
    kind: str
    status: ConnectionStatus
    status_reason: str
    created_at: str
    expires_at: str | None
    scopes: list[str] | None
    missing_scopes: list[str]
    timezone: str


class Source(TypedDict):
    """
    Where a part of the response comes from. A `code` means that the source provided nothing;
    `meaning` then gives the reason.
    """

    name: str
    meaning: str
    read_at: str | None
    stale: bool
    code: str | None


class StatusResponse(TypedDict):
    status: str
    message: NotRequired[str | None]


class TargetWarning(TypedDict):
    code: str
    message: str
    target: int


Country: TypeAlias = str


Locale: TypeAlias = int


class Targeting(TypedDict):
    countries: NotRequired[list[Country]]
    age_min: NotRequired[int]
    locales: NotRequired[list[Locale]]


class TestResult(TypedDict):
    """
    What became of a test event.
    """

    event_id: str
    delivered: bool
    response_status: int | None
    error: str | None
    duration_ms: int


TikTokPostType: TypeAlias = Literal["feed", "draft"]


class TrialParams(TypedDict):
    graduation_strategy: GraduationStrategyEnum


ThreadItem: TypeAlias = str


TaggedUserId: TypeAlias = str


class TwitterPoll(TypedDict):
    options: list[Option]
    duration_minutes: int


TypeEnum: TypeAlias = Literal[
    "job.accepted",
    "job.published",
    "job.failed",
    "job.content_rejected",
    "job.unconfirmed",
    "job.waiting_for_owner",
    "job.at_risk",
    "job.cancelled",
    "job.changed",
    "batch.ended",
    "connection.connected",
    "connection.expiring",
    "connection.needs_reauth",
    "connection.restored",
    "connection.disconnected",
    "platform.paused",
    "platform.resumed",
]


class UserTag(TypedDict):
    username: str
    asset: NotRequired[int]
    x: NotRequired[float]
    y: NotRequired[float]


class Violation(TypedDict):
    """
    One problem: with a `field` of the request, or with a `rule` of the platform.
    """

    target: NotRequired[int]
    field: NotRequired[str]
    code: NotRequired[str]
    rule: NotRequired[str]
    limit: NotRequired[Any]
    actual: NotRequired[Any]
    message: str
    fix: NotRequired[str]


VisibilityEnum: TypeAlias = Literal["PUBLIC", "CONNECTIONS", "LOGGED_IN"]


WaitingForEnum: TypeAlias = Literal[
    "retry", "rate_limit", "platform", "outcome", "owner", "operator"
]


WebhookStatus: TypeAlias = Literal["active", "paused"]


class WebhookWithSecret(TypedDict):
    """
    The only responses with the secret: store it.
    """

    id: str
    url: str
    events: (
        list[
            Literal[
                "job.accepted",
                "job.published",
                "job.failed",
                "job.content_rejected",
                "job.unconfirmed",
                "job.waiting_for_owner",
                "job.at_risk",
                "job.cancelled",
                "job.changed",
                "batch.ended",
                "connection.connected",
                "connection.expiring",
                "connection.needs_reauth",
                "connection.restored",
                "connection.disconnected",
                "platform.paused",
                "platform.resumed",
            ]
        ]
        | None
    )
    description: str
    status: WebhookStatus
    paused_reason: str | None
    paused_at: str | None
    failing_since: str | None
    former_secret_until: str | None
    created_at: str
    secret: str


WhoActsEnum: TypeAlias = Literal["user", "owner", "operator"]


class BestTimeToPostResponse(TypedDict):
    """
    `stale`: a platform failed, and this is its last response, of `generated_at`.
    """

    sources: list[Source]
    generated_at: str | None
    stale: bool
    platform: str
    connection_id: str
    timezone: str
    basis: BasisEnum
    suggested_times: list[BestTimeToPostSuggestion]
    confidence: ConfidenceEnum
    lift: float
    posts_used: int
    missing_posts: int


class CreateDestination(TypedDict):
    """
    A board to create, within the limits that Pinterest documents (POST /v5/boards).
    """

    name: str
    description: NotRequired[str]
    privacy: NotRequired[PrivacyEnum]


class DataDeletionState(TypedDict):
    status: DataDeletionStateStatusEnum
    received_at: str
    done_at: str | None


class Delivery(TypedDict):
    id: str
    event_id: str
    event_type: str
    status: DeliveryStatus
    attempts: int
    created_at: str
    last_attempt_at: str | None
    next_attempt_at: str | None
    response_status: int | None
    error: str | None
    duration_ms: int | None


class ErrorDetail(TypedDict):
    """
    Every error response: a stable code for programs, a sentence for people.
    """

    code: str
    detail: str
    violations: NotRequired[list[Violation]]
    retry_after: NotRequired[int]
    request_id: NotRequired[str]


class Event(TypedDict):
    id: str
    type: TypeEnum
    timestamp: str
    sequence: int
    data: dict[str, Any]


class EventPage(TypedDict):
    events: list[Event]
    next: str


class FacebookOptions(TypedDict):
    post_type: NotRequired[MetaPostType]
    page_id: NotRequired[str]
    link: NotRequired[str]
    link_details: NotRequired[LinkDetails]
    link_cards: NotRequired[list[LinkCard]]
    call_to_action: NotRequired[str]
    video_title: NotRequired[str]
    cover_url: NotRequired[str]
    collaborators: NotRequired[list[Collaborator]]
    place: NotRequired[str]
    targeting: NotRequired[Targeting]
    feed_targeting: NotRequired[Targeting]
    first_comment: NotRequired[str]


FinishedConnect: TypeAlias = SocialConnectionResponse | PendingConnection


class HashtagSuggestion(TypedDict):
    tag: str
    score: float | None
    source: str
    posts: int | None
    confidence: ConfidenceEnum | NullEnum


class InstagramOptions(TypedDict):
    post_type: NotRequired[MetaPostType]
    collaborators: NotRequired[list[Collaborator]]
    location_id: NotRequired[str]
    user_tags: NotRequired[list[UserTag]]
    is_ai_generated: NotRequired[bool]
    thumb_offset: NotRequired[int]
    cover_url: NotRequired[str]
    audio_name: NotRequired[str]
    share_to_feed: NotRequired[bool]
    trial_params: NotRequired[TrialParams]
    first_comment: NotRequired[str]


class InstagramWithFacebookLoginOptions(TypedDict):
    post_type: NotRequired[MetaPostType]
    collaborators: NotRequired[list[Collaborator]]
    location_id: NotRequired[str]
    user_tags: NotRequired[list[UserTag]]
    is_ai_generated: NotRequired[bool]
    thumb_offset: NotRequired[int]
    cover_url: NotRequired[str]
    audio_name: NotRequired[str]
    share_to_feed: NotRequired[bool]
    trial_params: NotRequired[TrialParams]
    first_comment: NotRequired[str]
    instagram_account_id: NotRequired[str]


class JobEvent(TypedDict):
    at: str
    from_status: NotRequired[str]
    to_status: JobStatus
    actor: str
    step: NotRequired[str]
    note: NotRequired[str]
    code: NotRequired[str]
    platform_status: NotRequired[int | None]
    platform_code: NotRequired[str]
    platform_request_id: NotRequired[str]
    duration_ms: NotRequired[int | None]


class JobMetrics(TypedDict):
    """
    The metrics of a published post: the latest, and those at growing ages.
    """

    job_id: str
    platform: str
    published_at: str
    latest: Reading | None
    readings: list[Reading]
    next_read_at: str | None
    error_code: str | None
    error_message: str | None


class LinkedInOptions(TypedDict):
    post_type: NotRequired[LinkedInPostType]
    organization_urn: NotRequired[str]
    visibility: NotRequired[VisibilityEnum]
    disable_reshare: NotRequired[bool]
    title: NotRequired[str]
    thumbnail_url: NotRequired[str]
    article: NotRequired[LinkedInArticle]
    poll: NotRequired[LinkedInPoll]
    first_comment: NotRequired[str]


class PinterestOptions(TypedDict):
    post_type: NotRequired[PlainPostType]
    board_id: NotRequired[str]
    board_section_id: NotRequired[str]
    title: NotRequired[str]
    link: NotRequired[str]
    dominant_color: NotRequired[str]
    cover_image_key_frame_time: NotRequired[int]
    cover_image_url: NotRequired[str]
    slides: NotRequired[list[PinterestSlide]]
    ai_disclosures: NotRequired[list[AiDisclosuresEnum]]


class Platform(TypedDict):
    """
    What a platform accepts.
    """

    name: str
    label: str
    is_offered: bool
    logins: list[str]
    default_login: str | None
    destination_option: str | None
    posts_as_account: bool
    post_types: list[PostType]
    options: list[PlatformOption]
    first_comment: CommentLimits | None
    no_take_down: str | None


class PostingOptions(TypedDict):
    """
    What the account may choose for a post, as the platform reported it at `read_at`.
    """

    can_post: bool
    reason: str | None
    display_name: str
    avatar_url: str | None
    choices: dict[str, list[Choice]]
    disabled: list[str]
    max_duration_s: int | None
    remaining: Remaining | None
    read_at: str


class PublishJobDetail(TypedDict):
    """
    A job with its content.
    """

    job_id: str
    status: JobStatus
    platform: str
    user_id: str
    connection_id: str | None
    batch_id: str | None
    account_name: str
    created_at: str
    scheduled_at: str | None
    published_at: str | None
    deleted_at: str | None
    next_attempt_at: str | None
    will_publish_at: str | None
    error_code: str | None
    error_message: str | None
    post_url: str | None
    waiting_for: WaitingForEnum | NullEnum
    waits_until: str | None
    who_acts: WhoActsEnum | NullEnum
    warnings: list[PostWarning]
    at_risk: list[Risk]
    external_reference: str | None
    metadata: dict[str, Any] | None
    text_content: str
    assets: list[GeneratedAsset]
    platform_specific_options: dict[str, Any]
    attempts: int
    remote_id: str
    updated_at: str


class PublishJobResponse(TypedDict):
    """
    A job without its content; `job_as_data` makes the JSON, this describes it.
    """

    job_id: str
    status: JobStatus
    platform: str
    user_id: str
    connection_id: str | None
    batch_id: str | None
    account_name: str
    created_at: str
    scheduled_at: str | None
    published_at: str | None
    deleted_at: str | None
    next_attempt_at: str | None
    will_publish_at: str | None
    error_code: str | None
    error_message: str | None
    post_url: str | None
    waiting_for: WaitingForEnum | NullEnum
    waits_until: str | None
    who_acts: WhoActsEnum | NullEnum
    warnings: list[PostWarning]
    at_risk: list[Risk]
    external_reference: str | None
    metadata: dict[str, Any] | None


class TargetVerdict(TypedDict):
    """
    What the platform would refuse; empty if it would accept the post.
    """

    is_valid: bool
    violations: list[Violation]
    warnings: list[PostWarning]
    estimated_cost: Cost | None
    will_publish_at: str | None
    target: int


class TikTokOptions(TypedDict):
    post_type: NotRequired[TikTokPostType]
    privacy_level: NotRequired[PrivacyLevelEnum]
    disable_comment: NotRequired[bool]
    disable_duet: NotRequired[bool]
    disable_stitch: NotRequired[bool]
    brand_content_toggle: NotRequired[bool]
    brand_organic_toggle: NotRequired[bool]
    music_usage_confirmed: NotRequired[bool]
    is_aigc: NotRequired[bool]
    video_cover_timestamp_ms: NotRequired[int]
    title: NotRequired[str]
    auto_add_music: NotRequired[bool]
    photo_cover_index: NotRequired[int]


class TwitterOptions(TypedDict):
    post_type: NotRequired[PlainPostType]
    thread: NotRequired[list[ThreadItem]]
    poll: NotRequired[TwitterPoll]
    reply_settings: NotRequired[ReplySettingsEnum]
    made_with_ai: NotRequired[bool]
    paid_partnership: NotRequired[bool]
    tagged_user_ids: NotRequired[list[TaggedUserId]]
    first_comment: NotRequired[str]


class ValidateRequest(TypedDict):
    """
    One post for one account.
    """

    connection_id: str
    text_content: NotRequired[str | None]
    assets: NotRequired[list[GeneratedAsset]]
    platform_specific_options: NotRequired[
        FacebookOptions
        | InstagramOptions
        | InstagramWithFacebookLoginOptions
        | LinkedInOptions
        | PinterestOptions
        | TikTokOptions
        | TwitterOptions
        | None
    ]
    late_grace_seconds: NotRequired[int | None]
    external_reference: NotRequired[str | None]
    metadata: NotRequired[dict[str, Any] | None]
    schedule_time: NotRequired[str | None]


class Verdict(TypedDict):
    """
    What the platform would refuse; empty if it would accept the post.
    """

    is_valid: bool
    violations: list[Violation]
    warnings: list[PostWarning]
    estimated_cost: Cost | None
    will_publish_at: str | None


class Webhook(TypedDict):
    id: str
    url: str
    events: (
        list[
            Literal[
                "job.accepted",
                "job.published",
                "job.failed",
                "job.content_rejected",
                "job.unconfirmed",
                "job.waiting_for_owner",
                "job.at_risk",
                "job.cancelled",
                "job.changed",
                "batch.ended",
                "connection.connected",
                "connection.expiring",
                "connection.needs_reauth",
                "connection.restored",
                "connection.disconnected",
                "platform.paused",
                "platform.resumed",
            ]
        ]
        | None
    )
    description: str
    status: WebhookStatus
    paused_reason: str | None
    paused_at: str | None
    failing_since: str | None
    former_secret_until: str | None
    created_at: str


class BatchResponse(TypedDict):
    """
    `batch_as_data` makes the JSON, this describes it.
    """

    batch_id: str
    status: BatchResponseStatusEnum
    user_id: str
    created_at: str
    ended_at: str | None
    external_reference: str | None
    metadata: dict[str, Any] | None
    jobs: list[PublishJobResponse]


class BatchTarget(TypedDict):
    """
    An account, and what differs for it: it replaces the shared value as a whole.
    """

    connection_id: str
    text_content: NotRequired[str | None]
    assets: NotRequired[list[GeneratedAsset] | None]
    platform_specific_options: NotRequired[
        FacebookOptions
        | InstagramOptions
        | InstagramWithFacebookLoginOptions
        | LinkedInOptions
        | PinterestOptions
        | TikTokOptions
        | TwitterOptions
        | None
    ]
    schedule_time: NotRequired[str | None]


class HashtagResponse(TypedDict):
    """
    `stale`: a platform failed, and this is its last response, of `generated_at`.
    """

    sources: list[Source]
    generated_at: str | None
    stale: bool
    suggestions: list[HashtagSuggestion]


class ManyVerdicts(TypedDict):
    """
    The verdicts on all targets, and what they have together.
    """

    is_valid: bool
    violations: list[Violation]
    warnings: list[TargetWarning]
    targets: list[TargetVerdict]


class PatchedChangeJob(TypedDict):
    """
    What is left out stays as it is. `schedule_time` null: as soon as possible.
    """

    schedule_time: NotRequired[str | None]
    text_content: NotRequired[str | None]
    assets: NotRequired[list[GeneratedAsset]]
    platform_specific_options: NotRequired[
        FacebookOptions
        | InstagramOptions
        | InstagramWithFacebookLoginOptions
        | LinkedInOptions
        | PinterestOptions
        | TikTokOptions
        | TwitterOptions
        | None
    ]
    late_grace_seconds: NotRequired[int | None]
    external_reference: NotRequired[str | None]
    metadata: NotRequired[dict[str, Any] | None]


class PublishRequest(TypedDict):
    connection_id: str
    text_content: NotRequired[str | None]
    assets: NotRequired[list[GeneratedAsset]]
    platform_specific_options: NotRequired[
        FacebookOptions
        | InstagramOptions
        | InstagramWithFacebookLoginOptions
        | LinkedInOptions
        | PinterestOptions
        | TikTokOptions
        | TwitterOptions
        | None
    ]
    late_grace_seconds: NotRequired[int | None]
    external_reference: NotRequired[str | None]
    metadata: NotRequired[dict[str, Any] | None]


class ScheduleRequest(TypedDict):
    connection_id: str
    text_content: NotRequired[str | None]
    assets: NotRequired[list[GeneratedAsset]]
    platform_specific_options: NotRequired[
        FacebookOptions
        | InstagramOptions
        | InstagramWithFacebookLoginOptions
        | LinkedInOptions
        | PinterestOptions
        | TikTokOptions
        | TwitterOptions
        | None
    ]
    late_grace_seconds: NotRequired[int | None]
    external_reference: NotRequired[str | None]
    metadata: NotRequired[dict[str, Any] | None]
    schedule_time: str


Validation: TypeAlias = Verdict | ManyVerdicts


class BatchRequest(TypedDict):
    """
    Posts for 1 to 50 accounts, accepted together or not at all.
    """

    text_content: NotRequired[str | None]
    assets: NotRequired[list[GeneratedAsset]]
    schedule_time: NotRequired[str | None]
    targets: list[BatchTarget]
    external_reference: NotRequired[str | None]
    metadata: NotRequired[dict[str, Any] | None]


ValidationRequest: TypeAlias = ValidateRequest | BatchRequest
