"""A client of the Social Publishing Service, version 1.0.0.

Written by `./run manage openapi --client`.
Long because the API has many operations.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal
from urllib.parse import quote

from . import types
from .transport import Transport


class Client(Transport):
    def initiate_oauth_connection(
        self, platform: str, *, login: str | None = None, return_to: str | None = None
    ) -> types.InitiateOAuthResponse:
        """Start to connect an account.

        Redirects the browser to the platform's consent page. With `redirect=false` it
        returns the page's address instead, for callers without a browser and for the
        API page.
        """
        result: types.InitiateOAuthResponse = self._call(
            "GET",
            f"/api/v1/connections/connect/{quote(platform, safe='')}",
            query={"login": login, "redirect": False, "return_to": return_to},
        )
        return result

    def confirm_connection(self, body: types.ConfirmRequest) -> types.SocialConnectionResponse:
        """Finish a connect that was started with redirect=false.

        Takes the `attempt_id` and the `completion_code` that the platform's callback
        returned. Only the user who started the connect can finish it.
        """
        result: types.SocialConnectionResponse = self._call(
            "POST", "/api/v1/connections/confirm", body=body
        )
        return result

    def list_connections(
        self,
    ) -> list[types.SocialConnectionResponse]:
        """The caller's connections.

        All connections of the caller, also those that must be connected again.
        """
        result: list[types.SocialConnectionResponse] = self._call("GET", "/api/v1/connections")
        return result

    def get_connection(self, connection_id: str) -> types.SocialConnectionResponse:
        """One connection.

        A connection with the status `needs_reauth` publishes nothing until its owner
        connects the account again.
        """
        result: types.SocialConnectionResponse = self._call(
            "GET", f"/api/v1/connections/{quote(connection_id, safe='')}"
        )
        return result

    def change_connection(
        self, connection_id: str, body: types.PatchedChangeConnection
    ) -> types.SocialConnectionResponse:
        """Set the time zone of the account's audience.

        `GET /insights/{platform}/best-times` returns its hours in it.
        """
        result: types.SocialConnectionResponse = self._call(
            "PATCH", f"/api/v1/connections/{quote(connection_id, safe='')}", body=body
        )
        return result

    def disconnect_account(self, connection_id: str) -> types.StatusResponse:
        """Disconnect an account.

        Revokes the token at the platform where that is possible, deletes it here, and
        cancels the connection's open jobs. Published posts stay.
        """
        result: types.StatusResponse = self._call(
            "DELETE", f"/api/v1/connections/{quote(connection_id, safe='')}"
        )
        return result

    def get_posting_options(
        self, connection_id: str, *, destination_id: str | None = None
    ) -> types.PostingOptions:
        """What the account may choose for a post now.

        Read from the platform, at most a minute old: whether the account can post, the
        values of its options, its destinations and limits. For a form that is drawn
        now.
        """
        result: types.PostingOptions = self._call(
            "GET",
            f"/api/v1/connections/{quote(connection_id, safe='')}/posting-options",
            query={"destination_id": destination_id},
        )
        return result

    def refresh_connection(self, connection_id: str) -> types.SocialConnectionResponse:
        """Refresh the token and the list of destinations.

        The service refreshes tokens by itself before they expire. Use this after the
        owner has changed something at the platform, such as a new page.
        """
        result: types.SocialConnectionResponse = self._call(
            "POST", f"/api/v1/connections/{quote(connection_id, safe='')}/refresh"
        )
        return result

    def list_destinations(self, connection_id: str) -> list[types.Destination]:
        """Where the connection can post.

        Pages, organizations or boards of the account. A post names one by an option of
        its platform: `destination_option` of `GET /api/v1/platforms`.
        """
        result: list[types.Destination] = self._call(
            "GET", f"/api/v1/connections/{quote(connection_id, safe='')}/destinations"
        )
        return result

    def create_destination(
        self, connection_id: str, body: types.CreateDestination
    ) -> types.Destination:
        """Create a board to post to.

        For platforms that have boards (Pinterest); for others the response is 400
        `boards_not_supported`.
        """
        result: types.Destination = self._call(
            "POST", f"/api/v1/connections/{quote(connection_id, safe='')}/destinations", body=body
        )
        return result

    def choose_default_destination(
        self, connection_id: str, body: types.ChooseDestination
    ) -> types.Destination:
        """Choose the destination of posts that name none.

        Posts that name no destination go to this one.
        """
        result: types.Destination = self._call(
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

    def list_sections(self, connection_id: str, destination_id: str) -> list[types.Section]:
        """The sections of a board.

        Read from the platform now. For platforms without boards the response is 400
        `boards_not_supported`.
        """
        result: list[types.Section] = self._call(
            "GET",
            f"/api/v1/connections/{quote(connection_id, safe='')}/destinations/{quote(destination_id, safe='')}/sections",
        )
        return result

    def create_section(
        self, connection_id: str, destination_id: str, body: types.CreateSection
    ) -> types.Section:
        """Create a section of a board.

        Creates it at the platform. Its id is the `board_section_id` of a post's
        options.
        """
        result: types.Section = self._call(
            "POST",
            f"/api/v1/connections/{quote(connection_id, safe='')}/destinations/{quote(destination_id, safe='')}/sections",
            body=body,
        )
        return result

    def publish_content_now(
        self,
        body: types.PublishRequest,
        *,
        idempotency_key: str | None = None,
        prefer: str | None = None,
    ) -> types.PublishJobResponse:
        """Publish now.

        Checks the post and returns a job at once; then the post is published. With
        `Prefer: wait=N` the response comes when the job has ended, or after N seconds.
        """
        result: types.PublishJobResponse = self._call(
            "POST",
            "/api/v1/publishing/publish",
            body=body,
            headers={"Idempotency-Key": idempotency_key, "Prefer": prefer},
        )
        return result

    def schedule_content(
        self, body: types.ScheduleRequest, *, idempotency_key: str | None = None
    ) -> types.PublishJobResponse:
        """Publish at a time.

        As `publish`, at `schedule_time`: in the future, at most a year ahead, with an
        offset from UTC.
        """
        result: types.PublishJobResponse = self._call(
            "POST",
            "/api/v1/publishing/schedule",
            body=body,
            headers={"Idempotency-Key": idempotency_key},
        )
        return result

    def validate_content(self, body: types.PublishRequest) -> types.Violations:
        """Would the platform accept this post.

        Returns all violations at once. Nothing is stored, and nothing is sent.
        """
        result: types.Violations = self._call("POST", "/api/v1/publishing/validate", body=body)
        return result

    def list_publish_jobs(
        self,
        *,
        connection_id: str | None = None,
        cursor: str | None = None,
        from_: str | None = None,
        limit: int | None = None,
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
    ) -> list[types.PublishJobResponse]:
        """The caller's jobs, newest first.

        A plain array; the `Link` header has the address of the next page.
        """
        result: list[types.PublishJobResponse] = self._call(
            "GET",
            "/api/v1/publishing/jobs",
            query={
                "connection_id": connection_id,
                "cursor": cursor,
                "from": from_,
                "limit": limit,
                "platform": platform,
                "status": status,
                "to": to,
            },
        )
        return result

    def iterate_publish_jobs(
        self,
        *,
        connection_id: str | None = None,
        from_: str | None = None,
        limit: int | None = None,
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
    ) -> Iterator[types.PublishJobResponse]:
        """As `list_publish_jobs`, over all pages."""
        yield from self._pages(
            "/api/v1/publishing/jobs",
            {
                "connection_id": connection_id,
                "from": from_,
                "limit": limit,
                "platform": platform,
                "status": status,
                "to": to,
            },
        )

    def get_publish_job(self, job_id: str) -> types.PublishJobDetail:
        """A job with its content.

        The status of the job, and its text, assets and options.
        """
        result: types.PublishJobDetail = self._call(
            "GET", f"/api/v1/publishing/jobs/{quote(job_id, safe='')}"
        )
        return result

    def change_publish_job(
        self, job_id: str, body: types.PatchedChangeJob
    ) -> types.PublishJobDetail:
        """Change the time or content of a job before it is published.

        Fields that the request leaves out stay as they are. For a job that is being
        published, or has ended, the response is 409 `already_submitting`.
        """
        result: types.PublishJobDetail = self._call(
            "PATCH", f"/api/v1/publishing/jobs/{quote(job_id, safe='')}", body=body
        )
        return result

    def get_publish_job_status(self, job_id: str) -> types.PublishJobResponse:
        """The status of a job.

        For a job that is not published: the reason, who has to act, and when the
        service tries again.
        """
        result: types.PublishJobResponse = self._call(
            "GET", f"/api/v1/publishing/jobs/{quote(job_id, safe='')}/status"
        )
        return result

    def list_job_events(self, job_id: str) -> list[types.JobEvent]:
        """The history of a job, oldest first.

        Each step of the job: what was tried, when, how long it took, and what the
        platform returned.
        """
        result: list[types.JobEvent] = self._call(
            "GET", f"/api/v1/publishing/jobs/{quote(job_id, safe='')}/events"
        )
        return result

    def cancel_publish_job(self, job_id: str) -> types.PublishJobResponse:
        """Cancel a job before it is published.

        The post is not published. For a job that is being published, or has ended, the
        response is 409 `already_submitting`.
        """
        result: types.PublishJobResponse = self._call(
            "POST", f"/api/v1/publishing/jobs/{quote(job_id, safe='')}/cancel"
        )
        return result

    def resolve_publish_job(self, job_id: str, body: types.Resolve) -> types.PublishJobDetail:
        """Resolve a job whose outcome is unknown.

        Records what a person saw at the platform. A retry after `not_published`
        publishes the post.
        """
        result: types.PublishJobDetail = self._call(
            "POST", f"/api/v1/publishing/jobs/{quote(job_id, safe='')}/resolve", body=body
        )
        return result

    def retry_publish_job(self, job_id: str) -> types.PublishJobResponse:
        """Retry a failed or rejected job.

        Starts a failed or rejected job again, with the same content. Others return 409
        `not_retriable`.
        """
        result: types.PublishJobResponse = self._call(
            "POST", f"/api/v1/publishing/jobs/{quote(job_id, safe='')}/retry"
        )
        return result

    def get_trending_hashtags(
        self, platform: str, body: types.HashtagRequest
    ) -> types.HashtagResponse:
        """Hashtags for keywords.

        From the platform if it offers any, from the account's own posts, and last the
        keywords themselves; each suggestion names its source.
        """
        result: types.HashtagResponse = self._call(
            "POST", f"/api/v1/insights/{quote(platform, safe='')}/hashtags", body=body
        )
        return result

    def get_best_times_to_post(
        self,
        connection_id: str,
        platform: str,
        *,
        destination_id: str | None = None,
        timezone: str | None = None,
    ) -> types.BestTimeToPostResponse:
        """The best hours of the week for an account.

        Estimated from the account's own posts. With little data the `confidence` is
        low, or the response is 404 `insights_not_available`.
        """
        result: types.BestTimeToPostResponse = self._call(
            "GET",
            f"/api/v1/insights/{quote(platform, safe='')}/best-times",
            query={
                "connection_id": connection_id,
                "destination_id": destination_id,
                "timezone": timezone,
            },
        )
        return result

    def get_publish_job_metrics(self, job_id: str) -> types.JobMetrics:
        """The metrics of a published post.

        The latest counts, and those at growing ages of the post. Null: the platform
        does not report it.
        """
        result: types.JobMetrics = self._call(
            "GET", f"/api/v1/publishing/jobs/{quote(job_id, safe='')}/metrics"
        )
        return result

    def list_platforms(
        self,
    ) -> list[types.Platform]:
        """What each platform accepts.

        Kinds of post, limits and options as data, each with its source and the date on
        which it was read.
        """
        result: list[types.Platform] = self._call("GET", "/api/v1/platforms")
        return result
