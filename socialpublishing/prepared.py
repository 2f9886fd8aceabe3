"""Statements for what happens many times a second: their SQL is made once, not for each request,
and PostgreSQL keeps their plans for as long as the connection.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection, models

ModelT = TypeVar("ModelT", bound=models.Model)


def cursor() -> Any:
    """A cursor for statements whose text does not depend on their values.

    PostgreSQL keeps their plans, unless DATABASE_PREPARE is off.
    """
    if connection.vendor != "postgresql":
        return connection.cursor()
    from django.db.backends.postgresql.base import ServerBindingCursor

    connection.ensure_connection()
    server_side: Any = ServerBindingCursor
    return connection.make_cursor(server_side(connection.connection))


class Parameter(models.Expression):
    """The place of a value in a PreparedQuery."""

    def __init__(self, name: str, field: models.Field[Any, Any]) -> None:
        super().__init__(output_field=field)
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        return "%s", [self]


class PreparedQuery(Generic[ModelT]):
    """A query with a Parameter for each value that changes, and without related rows."""

    def __init__(self, make: Callable[[], models.QuerySet[ModelT]]) -> None:
        self._make = make

    def rows(self, **values: Any) -> list[ModelT]:
        """The rows for the values of the Parameters, by their names."""
        compiler, sql, parameters = self._compiled
        prepared = [
            each.output_field.get_db_prep_value(values[each.name], connection)
            if isinstance(each, Parameter)
            else each
            for each in parameters
        ]
        with cursor() as opened:
            opened.execute(sql, prepared)
            found = opened.fetchall()
        converters = compiler.get_converters([each[0] for each in compiler.select])
        return [self._instance(row) for row in compiler.apply_converters(found, converters)]

    @cached_property
    def _compiled(self) -> tuple[Any, str, Sequence[Any]]:
        compiler = self._make().query.get_compiler(DEFAULT_DB_ALIAS)
        return compiler, *compiler.as_sql()

    @cached_property
    def _columns(self) -> tuple[type[ModelT], slice, list[str], dict[str, int]]:
        """The model, which part of a row are its fields, their names, and the annotations."""
        compiler, *_ = self._compiled
        first, *_, last = compiler.klass_info["select_fields"]
        fields = slice(first, last + 1)
        names = [each[0].target.attname for each in compiler.select[fields]]
        return compiler.klass_info["model"], fields, names, compiler.annotation_col_map

    def _instance(self, row: Sequence[Any]) -> ModelT:
        model, fields, names, annotations = self._columns
        instance = model.from_db(DEFAULT_DB_ALIAS, names, row[fields])
        for name, position in annotations.items():
            setattr(instance, name, row[position])
        return instance
