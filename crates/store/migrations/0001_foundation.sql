-- Written for PostgreSQL; SQLite takes the same text without the collation (its own is by bytes already). Names, tags
-- and digests are compared and listed by bytes, as the distribution spec wants ("lexical").

CREATE TABLE repositories (
    name       TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    created_at TEXT NOT NULL
);

CREATE TABLE manifests (
    repository    TEXT COLLATE "C" NOT NULL REFERENCES repositories (name),
    digest        TEXT COLLATE "C" NOT NULL,
    media_type    TEXT NOT NULL,
    size          BIGINT NOT NULL,
    subject       TEXT COLLATE "C",
    artifact_type TEXT,
    annotations   TEXT,
    pushed_at     TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (repository, digest)
);
CREATE INDEX manifests_by_subject ON manifests (repository, subject, pushed_at);
CREATE INDEX manifests_by_digest ON manifests (digest);

CREATE TABLE tags (
    repository TEXT COLLATE "C" NOT NULL,
    tag        TEXT COLLATE "C" NOT NULL,
    digest     TEXT COLLATE "C" NOT NULL,
    updated_at TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (repository, tag),
    FOREIGN KEY (repository, digest) REFERENCES manifests (repository, digest) ON DELETE CASCADE
);
CREATE INDEX tags_by_digest ON tags (repository, digest);

-- Which blobs a repository may serve. The bytes are shared by all repositories, the right to read them is not.
CREATE TABLE repository_blobs (
    repository TEXT COLLATE "C" NOT NULL,
    digest     TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (repository, digest)
);
CREATE INDEX repository_blobs_by_digest ON repository_blobs (digest);

-- The uncompressed digest behind a stored layer.
CREATE TABLE layer_blobs (
    blob    TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    diff_id TEXT COLLATE "C" NOT NULL
);

CREATE TABLE layer_records (
    diff_id TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    record  BYTEA NOT NULL,
    PRIMARY KEY (diff_id, version)
);

CREATE TABLE reports (
    image      TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    index_id   TEXT COLLATE "C" NOT NULL,
    scanned_at TEXT COLLATE "C" NOT NULL,
    critical   BIGINT NOT NULL,
    high       BIGINT NOT NULL,
    medium     BIGINT NOT NULL,
    low        BIGINT NOT NULL,
    negligible BIGINT NOT NULL,
    unknown    BIGINT NOT NULL,
    fixable    BIGINT NOT NULL,
    uncovered  BIGINT NOT NULL,
    json       BYTEA NOT NULL
);
CREATE INDEX reports_by_index ON reports (index_id);

CREATE TABLE report_packages (
    image    TEXT COLLATE "C" NOT NULL REFERENCES reports (image) ON DELETE CASCADE,
    position BIGINT NOT NULL,
    kind     TEXT COLLATE "C" NOT NULL,
    name     TEXT COLLATE "C" NOT NULL,
    version  TEXT NOT NULL,
    source   TEXT COLLATE "C",
    purl     TEXT NOT NULL,
    layer    BIGINT NOT NULL,
    PRIMARY KEY (image, position)
);
CREATE INDEX report_packages_by_name ON report_packages (kind, name);
CREATE INDEX report_packages_by_source ON report_packages (kind, source);

CREATE TABLE report_findings (
    image    TEXT COLLATE "C" NOT NULL REFERENCES reports (image) ON DELETE CASCADE,
    position BIGINT NOT NULL,
    id       TEXT COLLATE "C" NOT NULL,
    cve      TEXT COLLATE "C" NOT NULL,
    severity TEXT NOT NULL,
    package  TEXT NOT NULL,
    version  TEXT NOT NULL,
    fixed    TEXT,
    purl     TEXT NOT NULL,
    PRIMARY KEY (image, position)
);
CREATE INDEX report_findings_by_id ON report_findings (id);
CREATE INDEX report_findings_by_cve ON report_findings (cve);

-- Images that have no report yet, and why.
CREATE TABLE pending_images (
    image  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    reason TEXT NOT NULL,
    since  TEXT COLLATE "C" NOT NULL
);
