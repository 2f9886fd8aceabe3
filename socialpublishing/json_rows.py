"""Many rows as one JSON parameter of an SQL statement.

The statement is then the same for any number of rows: neither the database's driver nor a prepared
statement has to parse it again.
"""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from django.db import connection, models, transaction

from socialpublishing import prepared

Row = Mapping[str, Any]


def insert(model: type[models.Model], rows: Sequence[Row]) -> None:
    """Insert `rows`, which have the same fields, in one statement. Nothing is read back."""
    insert_together([(model, rows)])


def insert_together(tables: Iterable[tuple[type[models.Model], Sequence[Row]]]) -> None:
    """As `insert`, for several tables: all rows are stored, or none."""
    filled = [(model, rows) for model, rows in tables if rows]
    inserts = [_insert_sql(model, tuple(rows[0])) for model, rows in filled]
    parameters = [json_rows(rows) for _, rows in filled]
    if not filled:
        return
    with prepared.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_joined(tuple(inserts)), parameters)
            return
        with transaction.atomic():
            for sql, parameter in zip(inserts, parameters, strict=True):
                cursor.execute(sql, [parameter])


@cache
def _joined(inserts: Sequence[str]) -> str:
    """One statement of PostgreSQL: a transaction of its own, in one round trip."""
    *others, last = inserts
    parts = ", ".join(f"part_{number} AS ({each})" for number, each in enumerate(others))
    return f"WITH {parts} {last}" if parts else last


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


def row_of(instance: models.Model) -> dict[str, Any]:
    """All fields of `instance`, to insert it."""
    values = vars(instance)
    return {name: values[name] for name in _names(type(instance))}


@cache
def _names(model: type[models.Model]) -> Sequence[str]:
    return [field.attname for field in model._meta.concrete_fields]


def column(model: type[models.Model], name: str) -> str:
    """The quoted column of a field."""
    return connection.ops.quote_name(_field(model, name).column)


def _field(model: type[models.Model], name: str) -> Any:
    return model._meta.get_field(name)


def json_rows(rows: Sequence[Row]) -> str:
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
