"""The index of a store: a cache in SQLite, by which runs are listed and found without their journals being read."""
