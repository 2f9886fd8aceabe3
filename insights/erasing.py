"""What leaves with a user, or with one account: metrics and estimates."""

from __future__ import annotations

from insights.models import MetricSchedule, MetricSnapshot, WeekEstimate
from socialpublishing.erasure import Part, Table, erase_tables

TABLES = (
    Table(model=MetricSnapshot, user="job__user_id", connection="job__connection_id"),
    Table(model=MetricSchedule, user="job__user_id", connection="job__connection_id"),
    Table(model=WeekEstimate, user="connection__user_id", connection="connection_id"),
)

PART = Part(tables=TABLES, erase=erase_tables(TABLES), is_derived=True)
