"""The journal: an append-only JSON Lines file a process, with points in columnar batches."""
