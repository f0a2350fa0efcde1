"""Finding plugins and backends, and loading each when it is needed."""
