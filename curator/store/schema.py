"""The tables of the workspace's database, as the code reads and writes them; `migrations` makes them."""

from sqlalchemy import JSON, BigInteger, Column, Float, ForeignKey, Integer, MetaData, Table, Text

metadata = MetaData()

# One row per path ever seen. state: pending (not read yet), ready, broken (reason says why), ignored, gone.
image = Table(
    "image",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("path", Text, nullable=False, unique=True),
    Column("size", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("message", Text),
    Column("content_hash", Text),
    Column("width", Integer),
    Column("height", Integer),
    Column("scan", Integer, nullable=False),
)

# Append-only: who said what, when and from where. A null label withdraws, or takes back the event that
# `undoes` names; what was said at once has the same `batch`. Triggers refuse UPDATE and DELETE.
label_event = Table(
    "label_event",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("image_id", ForeignKey("image.id"), nullable=False),
    Column("label", Text),
    Column("annotator", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("content_hash", Text),
    Column("created_at", Text, nullable=False),
    Column("batch", BigInteger),
    Column("undoes", ForeignKey("label_event.id")),
)

# Which images were handed out to whom to be labelled. after_event: the last label_event when they were.
assignment = Table(
    "assignment",
    metadata,
    Column("image_id", ForeignKey("image.id"), primary_key=True),
    Column("annotator", Text, primary_key=True),
    Column("after_event", BigInteger, nullable=False),
    Column("expires_at", Text, nullable=False),
)

encoder = Table(
    "encoder",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("fingerprint", Text, nullable=False, unique=True),
    Column("spec", JSON, nullable=False),
    Column("dim", Integer, nullable=False),
    Column("created_at", Text, nullable=False),
)

# One row per committed stretch of an encoder's vector file, with the checksum of its bytes.
segment = Table(
    "segment",
    metadata,
    Column("encoder_id", ForeignKey("encoder.id"), primary_key=True),
    Column("first_row", BigInteger, primary_key=True),
    Column("row_count", Integer, nullable=False),
    Column("sha256", Text, nullable=False),
)

vector = Table(
    "vector",
    metadata,
    Column("encoder_id", ForeignKey("encoder.id"), primary_key=True),
    Column("content_hash", Text, primary_key=True),
    Column("row", BigInteger, nullable=False),
)

# Samples of labels drawn for people to check. last_event: the last label_event when the sample was drawn.
audit_sample = Table(
    "audit_sample",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("last_event", BigInteger, nullable=False),
    Column("created_at", Text, nullable=False),
)

audit_draw = Table(
    "audit_draw",
    metadata,
    Column("sample_id", ForeignKey("audit_sample.id"), primary_key=True),
    Column("rank", Integer, primary_key=True),
    Column("image_id", ForeignKey("image.id"), nullable=False),
    Column("content_hash", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("stratum", Integer, nullable=False),
    Column("stratum_size", BigInteger, nullable=False),
    Column("stratum_mean", Float, nullable=False),
    Column("inclusion", Float, nullable=False),
    Column("error_probability", Float, nullable=False),
)

run = Table(
    "run",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("verb", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("parameters", JSON, nullable=False),
    Column("outcome", JSON),
    Column("versions", JSON, nullable=False),
    Column("started_at", Text, nullable=False),
    Column("finished_at", Text),
)

setting = Table(
    "setting",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
