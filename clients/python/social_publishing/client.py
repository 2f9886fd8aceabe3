"""A client of the Social Publishing Service, version 1.0.0.

Written by `./run manage openapi --client`.
Long because the API has many operations.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal
from urllib.parse import quote

from . import types as t
from .transport import Transport


class Client(Transport):
    def initiate_oauth_connection(
        self, platform: str, *, login: str | None = None, return_to: str | None = None
    ) -> t.InitiateOAuthResponse:
        """Start to connect an account.

        Redirects the browser to the platform's consent page. With `redirect=false` it
        returns the page's address instead, for callers without a browser and for the
        API page.
        """
        result: t.InitiateOAuthResponse = self._call(
            "GET",
            f"/api/v1/connections/connect/{quote(platform, safe='')}",
            query={"login": login, "redirect": False, "return_to": return_to},
        )
        return result

    def confirm_connection(self, body: t.ConfirmRequest) -> t.SocialConnectionResponse:
        """Finish a connect that was started with redirect=false.

        Takes the `attempt_id` and the `completion_code` that the platform's callback
        returned. Only the user who started the connect can finish it.
        """
        result: t.SocialConnectionResponse = self._call(
            "POST", "/api/v1/connections/confirm", body=body
        )
        return result

    def list_connections(
        self,
    ) -> list[t.SocialConnectionResponse]:
        """The caller's connections.

        All connections of the caller, also those that must be connected again.
        """
        result: list[t.SocialConnectionResponse] = self._call("GET", "/api/v1/connections")
        return result

    def get_connection(self, connection_id: str) -> t.SocialConnectionResponse:
        """One connection.

        A connection with the status `needs_reauth` publishes nothing until its owner
        connects the account again.
        """
        result: t.SocialConnectionResponse = self._call(
            "GET", f"/api/v1/connections/{quote(connection_id, safe='')}"
        )
        return result

    def change_connection(
        self, connection_id: str, body: t.PatchedChangeConnection
    ) -> t.SocialConnectionResponse:
        """Set the time zone of the account's audience.

        `GET /insights/{platform}/best-times` returns its hours in it.
        """
        result: t.SocialConnectionResponse = self._call(
            "PATCH", f"/api/v1/connections/{quote(connection_id, safe='')}", body=body
        )
        return result

    def disconnect_account(self, connection_id: str) -> t.StatusResponse:
        """Disconnect an account.

        Revokes the token at the platform where that is possible, deletes it here, and
        cancels the connection's open jobs. Published posts stay.
        """
        result: t.StatusResponse = self._call(
            "DELETE", f"/api/v1/connections/{quote(connection_id, safe='')}"
        )
        return result

    def get_posting_options(
        self, connection_id: str, *, destination_id: str | None = None
    ) -> t.PostingOptions:
        """What the account may choose for a post now.

        Read from the platform, at most a minute old: whether the account can post, the
        values of its options, its destinations and limits. For a form that is drawn
        now.
        """
        result: t.PostingOptions = self._call(
            "GET",
            f"/api/v1/connections/{quote(connection_id, safe='')}/posting-options",
            query={"destination_id": destination_id},
        )
        return result

    def refresh_connection(self, connection_id: str) -> t.SocialConnectionResponse:
        """Refresh the token and the list of destinations.

        The service refreshes tokens by itself before they expire. Use this after the
        owner has changed something at the platform, such as a new page.
        """
        result: t.SocialConnectionResponse = self._call(
            "POST", f"/api/v1/connections/{quote(connection_id, safe='')}/refresh"
        )
        return result

    def list_destinations(self, connection_id: str) -> list[t.Destination]:
        """Where the connection can post.

        Pages, organizations or boards of the account. A post names one by an option of
        its platform: `destination_option` of `GET /api/v1/platforms`.
        """
        result: list[t.Destination] = self._call(
            "GET", f"/api/v1/connections/{quote(connection_id, safe='')}/destinations"
        )
        return result

    def create_destination(self, connection_id: str, body: t.CreateDestination) -> t.Destination:
        """Create a board to post to.

        For platforms that have boards (Pinterest); for others the response is 400
        `boards_not_supported`.
        """
        result: t.Destination = self._call(
            "POST", f"/api/v1/connections/{quote(connection_id, safe='')}/destinations", body=body
        )
        return result

    def choose_default_destination(
        self, connection_id: str, body: t.ChooseDestination
    ) -> t.Destination:
        """Choose the destination of posts that name none.

        Posts that name no destination go to this one.
        """
        result: t.Destination = self._call(
            "PUT",
            f"/api/v1/connections/{quote(connection_id, safe='')}/destinations/default",
            body=body,
        )
        return result

    def forget_default_destination(self, connection_id: str) -> None:
        """Have no default destination.

        Posts that name no destination then go to the account itself. If it takes no
        posts, each post has to name a destination.
        """
        self._call(
            "DELETE", f"/api/v1/connections/{quote(connection_id, safe='')}/destinations/default"
        )

    def list_sections(self, connection_id: str, destination_id: str) -> list[t.Section]:
        """The sections of a board.

        Read from the platform now. For platforms without boards the response is 400
        `boards_not_supported`.
        """
        result: list[t.Section] = self._call(
            "GET",
            f"/api/v1/connections/{quote(connection_id, safe='')}/destinations/{quote(destination_id, safe='')}/sections",
        )
        return result

    def create_section(
        self, connection_id: str, destination_id: str, body: t.CreateSection
    ) -> t.Section:
        """Create a section of a board.

        Creates it at the platform. Its id is the `board_section_id` of a post's
        options.
        """
        result: t.Section = self._call(
            "POST",
            f"/api/v1/connections/{quote(connection_id, safe='')}/destinations/{quote(destination_id, safe='')}/sections",
            body=body,
        )
        return result

    def publish_content_now(
        self,
        body: t.PublishRequest,
        *,
        idempotency_key: str | None = None,
        prefer: str | None = None,
    ) -> t.PublishJobResponse:
        """Publish now.

        Checks the post and returns a job at once; then the post is published. With
        `Prefer: wait=N` the response comes when the job has ended, or after N seconds.
        """
        result: t.PublishJobResponse = self._call(
            "POST",
            "/api/v1/publishing/publish",
            body=body,
            headers={"Idempotency-Key": idempotency_key, "Prefer": prefer},
        )
        return result

    def schedule_content(
        self, body: t.ScheduleRequest, *, idempotency_key: str | None = None
    ) -> t.PublishJobResponse:
        """Publish at a time.

        As `publish`, at `schedule_time`: in the future, at most a year ahead, with an
        offset from UTC.
        """
        result: t.PublishJobResponse = self._call(
            "POST",
            "/api/v1/publishing/schedule",
            body=body,
            headers={"Idempotency-Key": idempotency_key},
        )
        return result

    def validate_content(self, body: t.ValidationRequest) -> t.Validation:
        """Would the platforms accept this post.

        Returns all violations at once. Nothing is stored, and nothing is sent. With
        `targets` it takes the body of a batch, and each has a verdict of its own, also
        where its connection is unknown.
        """
        result: t.Validation = self._call("POST", "/api/v1/publishing/validate", body=body)
        return result

    def publish_to_many(
        self, body: t.BatchRequest, *, idempotency_key: str | None = None
    ) -> t.BatchResponse:
        """Publish to many accounts.

        All posts are accepted, or none. Then each goes out by itself.
        """
        result: t.BatchResponse = self._call(
            "POST",
            "/api/v1/publishing/batches",
            body=body,
            headers={"Idempotency-Key": idempotency_key},
        )
        return result

    def get_batch(self, batch_id: str) -> t.BatchResponse:
        """A batch with its jobs.

        Its status is that of its jobs: `scheduled`, `publishing`, `published`,
        `partly_published`, `failed` or `cancelled`.
        """
        result: t.BatchResponse = self._call(
            "GET", f"/api/v1/publishing/batches/{quote(batch_id, safe='')}"
        )
        return result

    def cancel_batch(self, batch_id: str) -> t.BatchResponse:
        """Cancel the posts of a batch that are not published yet.

        Posts that are being published, or have ended, stay as they are: see the status
        of each job.
        """
        result: t.BatchResponse = self._call(
            "POST", f"/api/v1/publishing/batches/{quote(batch_id, safe='')}/cancel"
        )
        return result

    def list_publish_jobs(
        self,
        *,
        batch_id: str | None = None,
        connection_id: str | None = None,
        cursor: str | None = None,
        due_from: str | None = None,
        due_to: str | None = None,
        error_code: str | None = None,
        external_reference: str | None = None,
        from_: str | None = None,
        limit: int | None = None,
        order: Literal["-created", "due"] | None = None,
        platform: Literal["facebook", "instagram", "linkedin", "pinterest", "tiktok", "twitter"]
        | None = None,
        status: Literal[
            "Cancelled",
            "ContentRejected",
            "Failed",
            "Pending",
            "Processing",
            "Published",
            "Scheduled",
            "Unconfirmed",
        ]
        | None = None,
        to: str | None = None,
        updated_after: str | None = None,
        waiting_for: Literal["operator", "outcome", "owner", "platform", "rate_limit", "retry"]
        | None = None,
        who_acts: Literal["operator", "owner", "user"] | None = None,
    ) -> list[t.PublishJobDetail]:
        """The caller's jobs, newest first or by due time.

        A plain array; the `Link` header has the address of the next page.
        """
        result: list[t.PublishJobDetail] = self._call(
            "GET",
            "/api/v1/publishing/jobs",
            query={
                "batch_id": batch_id,
                "connection_id": connection_id,
                "cursor": cursor,
                "due_from": due_from,
                "due_to": due_to,
                "error_code": error_code,
                "external_reference": external_reference,
                "from": from_,
                "limit": limit,
                "order": order,
                "platform": platform,
                "status": status,
                "to": to,
                "updated_after": updated_after,
                "waiting_for": waiting_for,
                "who_acts": who_acts,
            },
        )
        return result

    def iterate_publish_jobs(
        self,
        *,
        batch_id: str | None = None,
        connection_id: str | None = None,
        due_from: str | None = None,
        due_to: str | None = None,
        error_code: str | None = None,
        external_reference: str | None = None,
        from_: str | None = None,
        limit: int | None = None,
        order: Literal["-created", "due"] | None = None,
        platform: Literal["facebook", "instagram", "linkedin", "pinterest", "tiktok", "twitter"]
        | None = None,
        status: Literal[
            "Cancelled",
            "ContentRejected",
            "Failed",
            "Pending",
            "Processing",
            "Published",
            "Scheduled",
            "Unconfirmed",
        ]
        | None = None,
        to: str | None = None,
        updated_after: str | None = None,
        waiting_for: Literal["operator", "outcome", "owner", "platform", "rate_limit", "retry"]
        | None = None,
        who_acts: Literal["operator", "owner", "user"] | None = None,
    ) -> Iterator[t.PublishJobDetail]:
        """As `list_publish_jobs`, over all pages."""
        yield from self._pages(
            "/api/v1/publishing/jobs",
            {
                "batch_id": batch_id,
                "connection_id": connection_id,
                "due_from": due_from,
                "due_to": due_to,
                "error_code": error_code,
                "external_reference": external_reference,
                "from": from_,
                "limit": limit,
                "order": order,
                "platform": platform,
                "status": status,
                "to": to,
                "updated_after": updated_after,
                "waiting_for": waiting_for,
                "who_acts": who_acts,
            },
        )

    def get_publish_job(self, job_id: str) -> t.PublishJobDetail:
        """A job with its content.

        The status of the job, and its text, assets and options.
        """
        result: t.PublishJobDetail = self._call(
            "GET", f"/api/v1/publishing/jobs/{quote(job_id, safe='')}"
        )
        return result

    def change_publish_job(self, job_id: str, body: t.PatchedChangeJob) -> t.PublishJobDetail:
        """Change the time or content of a job before it is published.

        Fields that the request leaves out stay as they are. For a job that is being
        published, or has ended, the response is 409 `already_submitting`.
        """
        result: t.PublishJobDetail = self._call(
            "PATCH", f"/api/v1/publishing/jobs/{quote(job_id, safe='')}", body=body
        )
        return result

    def get_publish_job_status(self, job_id: str) -> t.PublishJobResponse:
        """The status of a job.

        For a job that is not published: the reason, who has to act, and when the
        service tries again.
        """
        result: t.PublishJobResponse = self._call(
            "GET", f"/api/v1/publishing/jobs/{quote(job_id, safe='')}/status"
        )
        return result

    def list_job_events(self, job_id: str) -> list[t.JobEvent]:
        """The history of a job, oldest first.

        Each step of the job: what was tried, when, how long it took, and what the
        platform returned.
        """
        result: list[t.JobEvent] = self._call(
            "GET", f"/api/v1/publishing/jobs/{quote(job_id, safe='')}/events"
        )
        return result

    def cancel_publish_job(self, job_id: str) -> t.PublishJobResponse:
        """Cancel a job before it is published.

        The post is not published. For a job that is being published, or has ended, the
        response is 409 `already_submitting`.
        """
        result: t.PublishJobResponse = self._call(
            "POST", f"/api/v1/publishing/jobs/{quote(job_id, safe='')}/cancel"
        )
        return result

    def take_down_post(self, job_id: str) -> t.PublishJobResponse:
        """Take a published post down at its platform.

        It is deleted soon; `deleted_at` is set when it is. Repeats are harmless. If the
        platform refuses, the job has the warning `take_down_failed`.
        """
        result: t.PublishJobResponse = self._call(
            "DELETE", f"/api/v1/publishing/jobs/{quote(job_id, safe='')}/post"
        )
        return result

    def resolve_publish_job(self, job_id: str, body: t.Resolve) -> t.PublishJobDetail:
        """Resolve a job whose outcome is unknown.

        Records what a person saw at the platform. A retry after `not_published`
        publishes the post.
        """
        result: t.PublishJobDetail = self._call(
            "POST", f"/api/v1/publishing/jobs/{quote(job_id, safe='')}/resolve", body=body
        )
        return result

    def retry_publish_job(self, job_id: str) -> t.PublishJobResponse:
        """Retry a failed or rejected job.

        Starts a failed or rejected job again, with the same content. Others return 409
        `not_retriable`.
        """
        result: t.PublishJobResponse = self._call(
            "POST", f"/api/v1/publishing/jobs/{quote(job_id, safe='')}/retry"
        )
        return result

    def get_trending_hashtags(self, platform: str, body: t.HashtagRequest) -> t.HashtagResponse:
        """Hashtags for keywords.

        From the platform if it offers any, from the account's own posts, and last the
        keywords themselves; each suggestion names its source.
        """
        result: t.HashtagResponse = self._call(
            "POST", f"/api/v1/insights/{quote(platform, safe='')}/hashtags", body=body
        )
        return result

    def get_best_times_to_post(
        self,
        connection_id: str,
        platform: str,
        *,
        basis: Literal["engagement", "reach"] | None = None,
        destination_id: str | None = None,
        timezone: str | None = None,
    ) -> t.BestTimeToPostResponse:
        """The best hours of the week for an account.

        Estimated from the account's own posts. With little data the `confidence` is
        low, or the response is 404 `insights_not_available`.
        """
        result: t.BestTimeToPostResponse = self._call(
            "GET",
            f"/api/v1/insights/{quote(platform, safe='')}/best-times",
            query={
                "basis": basis,
                "connection_id": connection_id,
                "destination_id": destination_id,
                "timezone": timezone,
            },
        )
        return result

    def get_publish_job_metrics(self, job_id: str) -> t.JobMetrics:
        """The metrics of a published post.

        The latest counts, and those at growing ages of the post. Null: the platform
        does not report it.
        """
        result: t.JobMetrics = self._call(
            "GET", f"/api/v1/publishing/jobs/{quote(job_id, safe='')}/metrics"
        )
        return result

    def list_events(
        self,
        *,
        after: str | None = None,
        limit: int | None = None,
        types: str | None = None,
        wait: int | None = None,
    ) -> t.EventPage:
        """What happened to the caller's posts and accounts, oldest first.

        Follow `next` from page to page: no event is left out, none comes twice. With
        `wait`, the response comes as soon as there is an event.
        """
        result: t.EventPage = self._call(
            "GET",
            "/api/v1/events",
            query={"after": after, "limit": limit, "types": types, "wait": wait},
        )
        return result

    def list_webhooks(
        self,
    ) -> list[t.Webhook]:
        """The caller's webhooks, newest first.

        All of them, without their secrets.
        """
        result: list[t.Webhook] = self._call("GET", "/api/v1/webhooks")
        return result

    def create_webhook(self, body: t.NewWebhook) -> t.WebhookWithSecret:
        """Have events sent to an address.

        From now on each event of the caller is sent there by POST, signed as Standard
        Webhooks say. The body is the object that `GET /events` returns.
        """
        result: t.WebhookWithSecret = self._call("POST", "/api/v1/webhooks", body=body)
        return result

    def get_webhook(self, webhook_id: str) -> t.Webhook:
        """One webhook.

        Whether it is paused and why, and since when its receiver fails.
        """
        result: t.Webhook = self._call("GET", f"/api/v1/webhooks/{quote(webhook_id, safe='')}")
        return result

    def change_webhook(self, webhook_id: str, body: t.PatchedChangeWebhook) -> t.Webhook:
        """Change, pause or activate a webhook.

        While it is paused, what waits keeps waiting, and new events are in `GET
        /events` only.
        """
        result: t.Webhook = self._call(
            "PATCH", f"/api/v1/webhooks/{quote(webhook_id, safe='')}", body=body
        )
        return result

    def delete_webhook(self, webhook_id: str) -> None:
        """Delete a webhook.

        With its deliveries, also those that wait.
        """
        self._call("DELETE", f"/api/v1/webhooks/{quote(webhook_id, safe='')}")

    def rotate_webhook_secret(self, webhook_id: str) -> t.WebhookWithSecret:
        """Give a webhook a new secret.

        For 24 hours each event carries two signatures: by the new secret first, then by
        the one before.
        """
        result: t.WebhookWithSecret = self._call(
            "POST", f"/api/v1/webhooks/{quote(webhook_id, safe='')}/rotate-secret"
        )
        return result

    def test_webhook(self, webhook_id: str) -> t.TestResult:
        """Send a test event now.

        An event of the type `webhook.test`, signed like all others, sent once, also to
        a paused webhook. It is neither in the feed nor among the deliveries.
        """
        result: t.TestResult = self._call(
            "POST", f"/api/v1/webhooks/{quote(webhook_id, safe='')}/test"
        )
        return result

    def list_webhook_deliveries(
        self,
        webhook_id: str,
        *,
        cursor: str | None = None,
        limit: int | None = None,
        status: Literal["pending", "delivered", "failed"] | None = None,
    ) -> list[t.Delivery]:
        """What was sent to a webhook, newest first.

        Kept for 30 days, or for as long as their events, if that is shorter.
        """
        result: list[t.Delivery] = self._call(
            "GET",
            f"/api/v1/webhooks/{quote(webhook_id, safe='')}/deliveries",
            query={"cursor": cursor, "limit": limit, "status": status},
        )
        return result

    def iterate_webhook_deliveries(
        self,
        webhook_id: str,
        *,
        limit: int | None = None,
        status: Literal["pending", "delivered", "failed"] | None = None,
    ) -> Iterator[t.Delivery]:
        """As `list_webhook_deliveries`, over all pages."""
        yield from self._pages(
            f"/api/v1/webhooks/{quote(webhook_id, safe='')}/deliveries",
            {"limit": limit, "status": status},
        )

    def redeliver_webhooks(self, delivery_id: str, webhook_id: str) -> t.Delivery:
        """Send an event again.

        With all attempts, and the same id. For an event that has no delivery, read `GET
        /events`.
        """
        result: t.Delivery = self._call(
            "POST",
            f"/api/v1/webhooks/{quote(webhook_id, safe='')}/deliveries/{quote(delivery_id, safe='')}/redeliver",
        )
        return result

    def list_platforms(
        self,
    ) -> list[t.Platform]:
        """What each platform accepts.

        Kinds of post, limits and options as data, each with its source and the date on
        which it was read.
        """
        result: list[t.Platform] = self._call("GET", "/api/v1/platforms")
        return result
