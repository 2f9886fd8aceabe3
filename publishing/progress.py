"""The one owner of `PublishJob.progress`: the JSON in which a job keeps how far it has come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from socialpublishing.platforms.progress import Progress, Stage


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Why the platform refused a publish request."""

    code: str
    message: str


@dataclass(frozen=True, kw_only=True)
class JobProgress:
    """What of a job's progress survives its steps.

    `platform` goes to the platform's client and comes back from it. `absent_lookups` counts the
    lookups since the last publish request that did not find the post. `refusal` is of a request
    that was made while an earlier one was in doubt; `doubt` is a refusal whose reason we do not
    know, which left the outcome of its own request unknown. In seconds since 1970: `refused_since`,
    when the first request began that was refused for such a reason, but by a status that means
    that nothing was created; `next_id_read`, when late_ids.py reads the id of the post again.
    """

    platform: Progress = field(default_factory=Progress)
    absent_lookups: int = 0
    refusal: Refusal | None = None
    doubt: Refusal | None = None
    refused_since: float | None = None
    next_id_read: float | None = None

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> JobProgress:
        return cls(
            platform=Progress(
                stage=Stage(stored.get("stage", Stage.PREPARING)),
                handle=stored.get("handle", {}),
                posted=tuple(stored.get("posted", ())),
                remote_id=stored.get("remote_id", ""),
                awaits_id=stored.get("awaits_id", False),
                processed_s=stored.get("processed_s", 0),
            ),
            absent_lookups=stored.get("absent", 0),
            refusal=_refusal(stored.get("refusal")),
            doubt=_refusal(stored.get("doubt")),
            refused_since=stored.get("refused_since"),
            next_id_read=stored.get("next_id_read"),
        )

    def to_json(self) -> dict[str, Any]:
        platform = self.platform
        has_begun = platform.stage != Stage.PREPARING or platform.handle
        values = {
            "stage": platform.stage if has_begun else "",
            "handle": dict(platform.handle),
            # The post is public; what is still read are details.
            "remote_id": platform.remote_id,
            "awaits_id": platform.awaits_id,
            "processed_s": platform.processed_s,
            "posted": list(platform.posted),
            "absent": self.absent_lookups,
            "refusal": self.refusal and vars(self.refusal),
            "doubt": self.doubt and vars(self.doubt),
            "refused_since": self.refused_since,
            "next_id_read": self.next_id_read,
        }
        return {name: value for name, value in values.items() if value}

    def restarted(self) -> JobProgress:
        """For another try from the start. The parts that are public stay public."""
        return JobProgress(platform=Progress(posted=self.platform.posted))

    def without_refusal(self) -> JobProgress:
        """For a retry by hand: what the platform refused last does not count against it."""
        return replace(self, absent_lookups=0, refusal=None, doubt=None)

    def with_absent_lookup(self) -> JobProgress:
        return replace(self, absent_lookups=self.absent_lookups + 1)

    def with_part(self, part_id: str, *, post_url: str) -> JobProgress:
        """One more part of the post is public, and the next one can be published."""
        part = self.platform.with_part(part_id, post_url=post_url)
        return JobProgress(platform=replace(part, stage=Stage.READY))


def _refusal(stored: Mapping[str, str] | None) -> Refusal | None:
    return Refusal(**stored) if stored else None
