"""Statements for what happens many times a second: their SQL is made once, not for each request,
and PostgreSQL keeps their plans for as long as the connection.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection, models
from django.db.models.query import get_related_populators

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
    made = server_side(connection.connection)
    is_logged = connection.queries_logged  # for tests that count statements
    return connection.make_debug_cursor(made) if is_logged else connection.make_cursor(made)


class Parameter(models.Expression):
    """The place of a value in a PreparedQuery."""

    def __init__(self, name: str, field: models.Field[Any, Any]) -> None:
        super().__init__(output_field=field)
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        return "%s", [self]

    def of(self, values: Mapping[str, Any]) -> Any:
        """As the database's driver takes it."""
        return self._prepared(values[self.name])

    def _prepared(self, value: Any) -> Any:
        return self.output_field.get_db_prep_value(value, connection)


class AnyOf(Parameter):
    """The place of any number of values, for the lookup `in`."""

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        if connection.vendor != "postgresql":
            return "(SELECT value FROM json_each(%s))", [self]
        return f"(SELECT unnest(%s::{self.output_field.db_type(connection)}[]))", [self]

    def of(self, values: Mapping[str, Any]) -> Any:
        prepared = [self._prepared(value) for value in values[self.name]]
        return prepared if connection.vendor == "postgresql" else json.dumps(prepared)


def _value(parameter: Any, values: Mapping[str, Any]) -> Any:
    return parameter.of(values) if isinstance(parameter, Parameter) else parameter


class PreparedQuery(Generic[ModelT]):
    """A query with a Parameter for each value that changes."""

    def __init__(self, make: Callable[[], models.QuerySet[ModelT]]) -> None:
        self._make = make

    def rows(self, **values: Any) -> list[ModelT]:
        """The rows for the values of the Parameters, by their names."""
        return [self._instance(row) for row in self.values(**values)]

    def values(self, **values: Any) -> list[Sequence[Any]]:
        """As `rows`, but only what was selected: for a query by `values_list`."""
        compiler, sql, parameters = self._compiled
        with cursor() as opened:
            opened.execute(sql, [_value(each, values) for each in parameters])
            found = opened.fetchall()
        converters = compiler.get_converters([each[0] for each in compiler.select])
        return list(compiler.apply_converters(found, converters)) if converters else found

    @cached_property
    def _compiled(self) -> tuple[Any, str, Sequence[Any]]:
        compiler = self._make().query.get_compiler(DEFAULT_DB_ALIAS)
        return compiler, *compiler.as_sql()

    @cached_property
    def _columns(self) -> tuple[type[ModelT], slice, list[str], dict[str, int], Sequence[Any]]:
        """The model, which part of a row are its fields, their names, annotations, related rows."""
        compiler, *_ = self._compiled
        info = compiler.klass_info
        first, *_, last = info["select_fields"]
        fields = slice(first, last + 1)
        names = [each[0].target.attname for each in compiler.select[fields]]
        related = get_related_populators(info, compiler.select, DEFAULT_DB_ALIAS)  # type: ignore[call-arg]  # the stubs are of a later Django
        return info["model"], fields, names, compiler.annotation_col_map, related

    def _instance(self, row: Sequence[Any]) -> ModelT:
        model, fields, names, annotations, related = self._columns
        instance = model.from_db(DEFAULT_DB_ALIAS, names, row[fields])
        for each in related:
            each.populate(row, instance)
        for name, position in annotations.items():
            setattr(instance, name, row[position])
        return instance
