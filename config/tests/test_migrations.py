"""Migrations of tables in use hold nobody up. `python -m benchmarks.migrations` measures it."""

from __future__ import annotations

import pytest
from django.db import connection, migrations
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.migration import Migration
from django.db.models import ForeignKey

from config.run.release_before import MIGRATIONS
from publishing.models import PublishJob
from socialpublishing.migrating import AddColumn, AddForeignKeyWithoutLock, AddIndexWithoutLock


@pytest.fixture(scope="module")
def loader():
    return MigrationLoader(None)


@pytest.fixture(scope="module")
def tables_in_use(loader):
    """The models of the release before: their tables have rows, and are written meanwhile."""
    state = loader.project_state([*MIGRATIONS.items()])
    return {(app, model) for app, model in state.models if app in MIGRATIONS}


def since_release(loader) -> list[Migration]:
    return [
        migration
        for (app, name), migration in sorted(loader.disk_migrations.items())
        if app in MIGRATIONS and name > MIGRATIONS[app]
    ]


def test_indexes_are_built_without_a_lock(loader, tables_in_use):
    for migration in since_release(loader):
        for each in migration.operations:
            if isinstance(each, migrations.AddIndex | migrations.AddConstraint):
                is_in_use = (migration.app_label, each.model_name_lower) in tables_in_use
                if is_in_use:
                    assert isinstance(each, AddIndexWithoutLock), f"{migration}: {each.describe()}"
            if isinstance(each, migrations.AddField) and (
                isinstance(each.field, ForeignKey) or each.field.db_index or each.field.unique
            ):
                key = (migration.app_label, each.model_name_lower)
                assert key not in tables_in_use or (
                    isinstance(each, AddForeignKeyWithoutLock) and not each.field.db_index
                ), f"{migration}: {each.describe()}"


def test_no_migration_locks_two_tables_in_use(loader, tables_in_use):
    """In one transaction: requests that lock them in the other order would deadlock with it."""
    for migration in since_release(loader):
        locked = {
            each.model_name_lower
            for each in migration.operations
            if isinstance(each, migrations.AddField) and not isinstance(each, AddColumn)
            if (migration.app_label, each.model_name_lower) in tables_in_use
        }
        assert len(locked) <= 1, migration


@pytest.mark.django_db(transaction=True)
def test_an_index_is_built_again_after_an_interruption():
    name = "job_of_batch"
    index = next(each for each in PublishJob._meta.indexes if each.name == name)
    operation = AddIndexWithoutLock("publishjob", index)
    state = MigrationLoader(connection).project_state()
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # As an interrupted CREATE INDEX CONCURRENTLY leaves it.
            interrupted = (
                "UPDATE pg_index SET indisvalid = false WHERE indexrelid = to_regclass(%s)"
            )
            cursor.execute(interrupted, [name])
    for _ in range(2):
        with connection.schema_editor(atomic=False) as editor:
            operation.database_forwards("publishing", editor, state, state)
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, PublishJob._meta.db_table)
        assert name in found
        if connection.vendor == "postgresql":
            cursor.execute("SELECT indisvalid FROM pg_index WHERE NOT indisvalid")
            assert cursor.fetchall() == []
