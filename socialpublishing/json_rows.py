"""Many rows as one JSON parameter of an SQL statement.

The statement is then the same for any number of rows: neither the database's driver nor a prepared
statement has to parse it again.
"""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from django.db import connection, models


def insert(model: type[models.Model], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert `rows`, which have the same fields, in one statement. Nothing is read back."""
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(_insert_sql(model, tuple(rows[0])), [json_rows(rows)])


@cache
def _insert_sql(model: type[models.Model], names: Sequence[str]) -> str:
    columns = ", ".join(column(model, name) for name in names)
    source = rows_from_json(model, {name: name for name in names})
    table = connection.ops.quote_name(model._meta.db_table)
    return f"INSERT INTO {table} ({columns}) SELECT {', '.join(names)} FROM ({source}) AS new"  # noqa: S608  our own names only


def rows_from_json(model: type[models.Model], names: Mapping[str, str]) -> str:
    """A SELECT of rows from one parameter. `names`: each column's, and that of its field."""
    if connection.vendor == "postgresql":
        columns = ", ".join(
            f"{name} {_field(model, of).db_type(connection)}" for name, of in names.items()
        )
        return f"SELECT * FROM jsonb_to_recordset(%s::jsonb) AS rows_of_json({columns})"  # noqa: S608  our own names only
    columns = ", ".join(f"value->>'$.{name}' AS {name}" for name in names)
    return f"SELECT {columns} FROM json_each(%s)"  # noqa: S608  our own names only


def column(model: type[models.Model], name: str) -> str:
    """The quoted column of a field."""
    return connection.ops.quote_name(_field(model, name).column)


def _field(model: type[models.Model], name: str) -> Any:
    return model._meta.get_field(name)


def json_rows(rows: Sequence[Mapping[str, Any]]) -> str:
    """The parameter. Values are those of the fields: also times, ids and JSON."""
    # Looked up once: a statement has thousands of values.
    as_time = connection.ops.adapt_datetimefield_value
    is_native = connection.features.has_native_uuid_field

    def plain(value: object) -> str:
        match value:
            case dt.datetime():
                return str(as_time(value))
            case uuid.UUID():
                return str(value) if is_native else value.hex
        raise TypeError(f"{type(value).__name__} is no value of a column")

    return json.dumps(rows, default=plain)
