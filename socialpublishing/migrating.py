"""Migrations of tables that are in use: no statement holds others up for more than a moment.

`manage.py migrate` waits for a lock for about a second, because whoever comes after it waits as
well, and tries again (config/management/commands/migrate.py). So a migration that was interrupted
is run again: one that is not atomic must be able to.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import migrations, transaction
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import ProjectState


def set_lock_timeout(connection: Any, timeout: str) -> None:
    """For this session. SQLite has no such locks."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, false)", [timeout])


@contextmanager
def waiting_as_long_as_it_takes(connection: Any) -> Iterator[None]:
    """For statements that hold up nobody while they wait."""
    before = ""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SHOW lock_timeout")
            [before] = cursor.fetchone()
    set_lock_timeout(connection, "0")
    try:
        yield
    finally:
        set_lock_timeout(connection, before)


class AddIndexWithoutLock(migrations.AddIndex):
    """As AddIndex; on PostgreSQL, rows can be written while the index is built.

    In a migration with `atomic = False`, of such operations only. It can be run again.
    """

    atomic = False

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        connection = schema_editor.connection
        model = to_state.apps.get_model(app_label, self.model_name)
        if not self.allow_migrate_model(connection.alias, model):
            return
        editor: Any = schema_editor
        if connection.vendor != "postgresql":
            with connection.cursor() as cursor:
                names = connection.introspection.get_constraints(cursor, model._meta.db_table)
            if self.index.name not in names:
                editor.add_index(model, self.index)
            return
        with waiting_as_long_as_it_takes(connection):
            match _is_valid(connection, self.index.name):
                case True:
                    return
                case False:  # it was interrupted
                    editor.remove_index(model, self.index, concurrently=True)
            editor.add_index(model, self.index, concurrently=True)


class AddColumn(migrations.AddField):
    """As AddField, for a column that may be null or has `db_default`.

    In a migration with `atomic = False`: the table is locked for this one statement only, not also
    while Django prepares the others. It can be run again.
    """

    atomic = False

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        connection = schema_editor.connection
        model = to_state.apps.get_model(app_label, self.model_name)
        field: Any = model._meta.get_field(self.name)
        with connection.cursor() as cursor:
            found = connection.introspection.get_table_description(cursor, model._meta.db_table)
        if field.column in {each.name for each in found}:
            return
        check = field.db_parameters(connection)["check"]
        if connection.vendor == "postgresql" and check:
            _add_checked_column(schema_editor, model, field, check)
            return
        with transaction.atomic(connection.alias):  # SQLite may have to make the table again
            super().database_forwards(app_label, schema_editor, from_state, to_state)


def _add_checked_column(editor: Any, model: Any, field: Any, check: str) -> None:
    """With its constraint in the same statement, PostgreSQL would read the table under the lock."""
    table, column = map(editor.quote_name, (model._meta.db_table, field.column))
    definition, params = editor.column_sql(model, field)
    name = editor.quote_name(f"{model._meta.db_table}_{field.column}_check")
    with transaction.atomic(editor.connection.alias):
        editor.execute(f"ALTER TABLE {table} ADD COLUMN {column} {definition}", params or None)
        editor.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({check}) NOT VALID")
    with waiting_as_long_as_it_takes(editor.connection):
        editor.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}")


class AddForeignKeyWithoutLock(AddColumn):
    """As AddColumn, for a foreign key; existing rows are checked without a lock."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        connection = schema_editor.connection
        model = to_state.apps.get_model(app_label, self.model_name)
        if not self.allow_migrate_model(connection.alias, model):
            return
        if connection.vendor != "postgresql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        field: Any = model._meta.get_field(self.name)
        editor: Any = schema_editor
        table, column = map(editor.quote_name, (model._meta.db_table, field.column))
        kind = field.db_type(connection)
        editor.execute(f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {column} {kind} NULL")
        constraint = editor._create_fk_sql(model, field, "_fk_%(to_table)s_%(to_column)s")
        name = str(constraint.parts["name"])
        with connection.cursor() as cursor:
            constraints = connection.introspection.get_constraints(cursor, model._meta.db_table)
        if name.strip('"') not in constraints:
            editor.execute(f"{constraint} NOT VALID")
        with waiting_as_long_as_it_takes(connection):
            editor.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}")


class DropIndexWithoutLock(migrations.AlterField):
    """Drop the index of a foreign key: `field` is the field with `db_index=False`.

    Django's AlterField would also make its constraint again, and lock both tables for it.
    """

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        connection = schema_editor.connection
        model = to_state.apps.get_model(app_label, self.model_name)
        if not self.allow_migrate_model(connection.alias, model):
            return
        columns = [model._meta.get_field(self.name).column]
        with connection.cursor() as cursor:
            found = connection.introspection.get_constraints(cursor, model._meta.db_table)
        kept = {each.name for each in model._meta.indexes}
        is_postgres = connection.vendor == "postgresql"
        with waiting_as_long_as_it_takes(connection):
            for name, facts in found.items():
                if facts["index"] and facts["columns"] == columns and name not in kept:
                    how = "CONCURRENTLY " if is_postgres else ""
                    schema_editor.execute(f"DROP INDEX {how}{connection.ops.quote_name(name)}")


def _is_valid(connection: Any, index: str) -> bool | None:
    """None: there is no such index."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)",
            [connection.ops.quote_name(index)],
        )
        row = cursor.fetchone()
    return None if row is None else bool(row[0])
