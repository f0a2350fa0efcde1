-- What is asked: runs and what they have. A row says what the latest event said; `said` orders events (time, writer, number).
CREATE TABLE IF NOT EXISTS runs (
    run_id        text PRIMARY KEY,
    tree          text NOT NULL REFERENCES runs ON DELETE CASCADE,  -- the top-level run
    parent_run_id text REFERENCES runs ON DELETE CASCADE,
    experiment    text,                      -- NULL, as all that follows, until the run's start has come
    run_name      text,
    status        text,                      -- RUNNING, FINISHED, FAILED, KILLED or LOST
    start_time    timestamptz,
    end_time      timestamptz,
    error_type    text,
    error_message text,
    traceback     text,
    deleted       boolean NOT NULL DEFAULT false,
    session       text,                      -- of a run that was resumed, the last
    said          text COLLATE "C"
);
CREATE TABLE IF NOT EXISTS params (
    run_id text NOT NULL REFERENCES runs ON DELETE CASCADE,
    name   text NOT NULL,
    value  json NOT NULL,                    -- as recorded, to the letter: jsonb has no -0.0, and makes 1e300 an integer
    said   text COLLATE "C" NOT NULL,
    PRIMARY KEY (run_id, name)
);
CREATE TABLE IF NOT EXISTS tags (
    run_id text NOT NULL REFERENCES runs ON DELETE CASCADE,
    name   text NOT NULL,
    value  json,                             -- NULL: the tag was removed
    said   text COLLATE "C" NOT NULL,
    PRIMARY KEY (run_id, name)
);
CREATE TABLE IF NOT EXISTS metrics (         -- the last value of each
    run_id text NOT NULL REFERENCES runs ON DELETE CASCADE,
    name   text NOT NULL,
    step   bigint NOT NULL,
    value  double precision NOT NULL,
    time   timestamptz NOT NULL,
    PRIMARY KEY (run_id, name)
);
CREATE TABLE IF NOT EXISTS points (          -- all values; a point is named by its event and its place there
    run_id text NOT NULL,
    name   text NOT NULL,
    step   bigint NOT NULL,
    value  double precision NOT NULL,
    time   timestamptz NOT NULL,
    writer text NOT NULL,
    seq    bigint NOT NULL,
    place  integer NOT NULL,
    PRIMARY KEY (run_id, name, step, writer, seq, place),
    FOREIGN KEY (run_id, name) REFERENCES metrics ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS runs_by_experiment ON runs (experiment, start_time);
CREATE INDEX IF NOT EXISTS runs_by_name ON runs (run_name);
CREATE INDEX IF NOT EXISTS runs_not_finished ON runs (start_time) WHERE status <> 'FINISHED';
CREATE INDEX IF NOT EXISTS runs_by_parent ON runs (parent_run_id);  -- by which runs are removed, as by the next
CREATE INDEX IF NOT EXISTS runs_by_tree ON runs (tree);

-- What autolog itself reads: the journals, exactly as they were written, and files.
CREATE TABLE IF NOT EXISTS journals (
    tree   text NOT NULL REFERENCES runs ON DELETE CASCADE,
    writer text NOT NULL,
    start  bigint NOT NULL,
    stop   bigint NOT NULL,
    lines  bytea NOT NULL,                   -- gzip
    PRIMARY KEY (tree, writer, start, stop)
);
CREATE TABLE IF NOT EXISTS files (
    tree    text NOT NULL REFERENCES runs ON DELETE CASCADE,
    path    text NOT NULL,                   -- files/<run>/<path of the artifact>, or values/<name>
    sha256  text NOT NULL,
    content bytea NOT NULL,
    PRIMARY KEY (tree, path)
);
