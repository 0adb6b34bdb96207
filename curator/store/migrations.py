"""Named migrations, each in one transaction with the record that it was applied."""

from collections.abc import Iterable
from datetime import UTC, datetime

from sqlalchemy import Connection, text

from curator.errors import CuratorError

FIRST = """
CREATE TABLE image (
    id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, size BIGINT NOT NULL, mtime_ns BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'ready', 'broken', 'ignored', 'gone')),
    reason TEXT, message TEXT, content_hash TEXT, width INTEGER, height INTEGER, scan INTEGER NOT NULL);
CREATE INDEX image_state_path ON image (state, path);
CREATE INDEX image_content_hash ON image (content_hash);
CREATE TABLE label_event (
    id INTEGER PRIMARY KEY, image_id INTEGER NOT NULL REFERENCES image (id), label TEXT,
    annotator TEXT NOT NULL, source TEXT NOT NULL, content_hash TEXT, created_at TEXT NOT NULL);
CREATE INDEX label_event_image ON label_event (image_id);
CREATE TRIGGER label_event_no_update BEFORE UPDATE ON label_event
    BEGIN SELECT RAISE(ABORT, 'the label log is append-only'); END;
CREATE TRIGGER label_event_no_delete BEFORE DELETE ON label_event
    BEGIN SELECT RAISE(ABORT, 'the label log is append-only'); END;
CREATE VIEW current_label AS
    SELECT image_id, label, annotator, source, content_hash, created_at FROM label_event
    WHERE id IN (SELECT max(id) FROM label_event GROUP BY image_id) AND label IS NOT NULL;
CREATE TABLE encoder (
    id INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL UNIQUE, spec JSON NOT NULL, dim INTEGER NOT NULL,
    created_at TEXT NOT NULL);
CREATE TABLE segment (
    encoder_id INTEGER NOT NULL REFERENCES encoder (id), first_row BIGINT NOT NULL,
    row_count INTEGER NOT NULL,
    sha256 TEXT NOT NULL, PRIMARY KEY (encoder_id, first_row));
CREATE TABLE vector (
    encoder_id INTEGER NOT NULL REFERENCES encoder (id), content_hash TEXT NOT NULL, row BIGINT NOT NULL,
    PRIMARY KEY (encoder_id, content_hash));
CREATE TABLE run (
    id INTEGER PRIMARY KEY, verb TEXT NOT NULL, state TEXT NOT NULL, parameters JSON NOT NULL, outcome JSON,
    versions JSON NOT NULL, started_at TEXT NOT NULL, finished_at TEXT);
CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""

AUDIT_SAMPLES = """
CREATE TABLE audit_sample (id INTEGER PRIMARY KEY, last_event BIGINT NOT NULL, created_at TEXT NOT NULL);
CREATE TABLE audit_draw (
    sample_id INTEGER NOT NULL REFERENCES audit_sample (id), rank INTEGER NOT NULL,
    image_id INTEGER NOT NULL REFERENCES image (id), content_hash TEXT NOT NULL, label TEXT NOT NULL,
    stratum INTEGER NOT NULL, stratum_size BIGINT NOT NULL, stratum_mean REAL NOT NULL,
    inclusion REAL NOT NULL, error_probability REAL NOT NULL, PRIMARY KEY (sample_id, rank));
"""

MIGRATIONS: tuple[tuple[str, str], ...] = (("0001_first", FIRST), ("0002_audit_samples", AUDIT_SAMPLES))

_LEDGER = "CREATE TABLE IF NOT EXISTS migration (name TEXT PRIMARY KEY, applied_at TEXT NOT NULL)"


def statements(script: str) -> Iterable[str]:
    """Split a migration into single statements; a trigger's body ends with `END;`."""
    pending: list[str] = []
    for line in script.strip().splitlines():
        pending.append(line)
        inside_trigger = pending[0].startswith("CREATE TRIGGER") and not line.rstrip().endswith("END;")
        if line.rstrip().endswith(";") and not inside_trigger:
            yield "\n".join(pending)
            pending = []


def applied(connection: Connection) -> list[str]:
    """Names of the migrations that a database has had, in order."""
    connection.execute(text(_LEDGER))
    return [row.name for row in connection.execute(text("SELECT name FROM migration ORDER BY name"))]


def migrate(connection: Connection) -> list[str]:
    """Apply what is missing, within the caller's transaction; refuse a database from the future."""
    done = applied(connection)
    known = [name for name, _ in MIGRATIONS]
    unknown = [name for name in done if name not in known]
    if unknown:
        raise CuratorError(
            f"this workspace was made by a newer curator (it has the migration {unknown[0]!r}): "
            "upgrade with `pip install --upgrade curator`"
        )
    missing = [(name, script) for name, script in MIGRATIONS if name not in done]
    for name, script in missing:
        for statement in statements(script):
            connection.exec_driver_sql(statement)
        connection.execute(
            text("INSERT INTO migration VALUES (:name, :now)"),
            {"name": name, "now": datetime.now(UTC).isoformat(timespec="seconds")},
        )
    return [name for name, _ in missing]
