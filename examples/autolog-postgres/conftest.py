"""A place of each test's own in the database that `TEST_POSTGRES` names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from urllib.parse import quote
from uuid import uuid4

import psycopg
import pytest


@pytest.fixture
def place() -> Iterator[str]:
    """The URI of a schema of the test's own, which goes with it."""
    if "TEST_POSTGRES" not in os.environ:
        pytest.skip("set TEST_POSTGRES to the URI of a database to try it in")
    database, schema = os.environ["TEST_POSTGRES"], f"autolog_{uuid4().hex}"
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {schema}")
        yield f"{database}?options={quote(f'-csearch_path={schema}')}"
        connection.execute(f"DROP SCHEMA {schema} CASCADE")
