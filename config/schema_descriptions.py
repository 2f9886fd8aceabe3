"""Descriptions of operations whose views have no `description` of their own, by operation id."""

from __future__ import annotations

from collections.abc import Mapping

DESCRIPTIONS: Mapping[str, str] = {
    # Connections
    "initiate_oauth_connection_connect__platform__get": """
        Redirects the browser to the platform's consent page. With `redirect=false` it returns the
        page's address instead, for callers without a browser and for the API page.""",
    "confirm_connection_confirm_post": """
        Takes the `attempt_id` and the `completion_code` that the platform's callback returned.
        Only the user who started the connect can finish it.""",
    "handle_oauth_callback_connect__platform__callback_get": """
        The platform sends the browser here; callers do not use it. If the connect was started
        with `return_to`, the browser is sent on to that address.""",
    "list_connections_get": """
        All connections of the caller, also those that must be connected again.""",
    "get_connection__connection_id__get": """
        A connection with the status `needs_reauth` publishes nothing until its owner connects the
        account again.""",
    "disconnect_account__connection_id__delete": """
        Revokes the token at the platform where that is possible, deletes it here, and cancels the
        connection's open jobs. Published posts stay.""",
    "refresh_connection__connection_id__refresh_post": """
        The service refreshes tokens by itself before they expire. Use this after the owner has
        changed something at the platform, such as a new page.""",
    "list_destinations__connection_id__destinations_get": """
        Pages, organizations or boards of the account. A post names one by an option of its
        platform: `destination_option` of `GET /api/v1/platforms`.""",
    "choose_default_destination__connection_id__destinations_default_put": """
        Posts that name no destination go to this one.""",
    "list_sections__connection_id__destinations__destination_id__sections_get": """
        Read from the platform now. For platforms without boards the response is 400
        `boards_not_supported`.""",
    "create_section__connection_id__destinations__destination_id__sections_post": """
        Creates it at the platform. Its id is the `board_section_id` of a post's options.""",
    # Publishing
    "publish_content_now_publish_post": """
        Checks the post and returns a job at once; then the post is published. With `Prefer:
        wait=N` the response comes when the job has ended, or after N seconds.""",
    "schedule_content_schedule_post": """
        As `publish`, at `schedule_time`: in the future, at most a year ahead, with an offset from
        UTC.""",
    "list_publish_jobs_jobs_get": """
        A plain array; the `Link` header has the address of the next page.""",
    "get_publish_job_status_jobs__job_id__status_get": """
        For a job that is not published: the reason, who has to act, and when the service tries
        again.""",
    "get_publish_job_jobs__job_id__get": """
        The status of the job, and its text, assets and options.""",
    "list_job_events_jobs__job_id__events_get": """
        Each step of the job: what was tried, when, how long it took, and what the platform
        returned.""",
    "change_publish_job_jobs__job_id__patch": """
        Fields that the request leaves out stay as they are. For a job that is being published, or
        has ended, the response is 409 `already_submitting`.""",
    "cancel_publish_job_jobs__job_id__cancel_post": """
        The post is not published. For a job that is being published, or has ended, the response
        is 409 `already_submitting`.""",
    "retry_publish_job_jobs__job_id__retry_post": """
        Starts a failed or rejected job again, with the same content. Others return 409
        `not_retriable`.""",
    "get_batch_batches__batch_id__get": """
        Its status is that of its jobs: `scheduled`, `publishing`, `published`, `partly_published`,
        `failed` or `cancelled`.""",
    "list_platforms_platforms_get": """
        Kinds of post, limits and options as data, each with its source and the date on which it
        was read.""",
    # Insights
    "get_best_times_to_post_insights__platform__best_times_get": """
        Estimated from the account's own posts. With little data the `confidence` is low, or the
        response is 404 `insights_not_available`.""",
    "get_publish_job_metrics_jobs__job_id__metrics_get": """
        The latest counts, and those at growing ages of the post. Null: the platform does not
        report it.""",
}


def description_of(operation_id: str) -> str:
    """On one line; empty if there is none."""
    return " ".join(DESCRIPTIONS.get(operation_id, "").split())
