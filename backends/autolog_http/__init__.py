"""The HTTP backend: runs are delivered to an MLflow server, by its own protocol."""

from __future__ import annotations
