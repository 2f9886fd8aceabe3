"""The release before this one, which runs beside it during an upgrade."""

COMMIT = "611d0d69d54d6d8c1f6aebb9c502b776bc9966af"
# Its last migrations.
MIGRATIONS = {
    "connections": "0003_timezone",
    "publishing": "0004_unclear_since",
    "insights": "0001_initial",
}
