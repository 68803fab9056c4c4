-- What of a layer's record is too long to be kept in one piece: the hashes of millions of paths.

CREATE TABLE layer_parts (
    diff_id  TEXT COLLATE "C" NOT NULL,
    version  BIGINT NOT NULL,
    position BIGINT NOT NULL,
    part     BYTEA NOT NULL,
    PRIMARY KEY (diff_id, version, position)
);
