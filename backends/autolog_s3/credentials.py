"""What the files of AWS' own tools say: obstore knows the environment and the machine's roles, but no profiles."""

from __future__ import annotations

import configparser
import contextlib
import importlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

__all__ = ["keys", "preload", "profile"]

_IN_ENVIRONMENT: Final = ("AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE")
_RESOLVED_BY_BOTOCORE: Final = frozenset({"role_arn", "sso_session", "sso_start_url", "credential_process"})


def profile() -> Mapping[str, str]:
    """Give what `~/.aws/config` and `~/.aws/credentials` say of the profile in use; the latter wins."""
    name = os.environ.get("AWS_PROFILE") or "default"
    titles = {"AWS_CONFIG_FILE": name if name == "default" else f"profile {name}", "AWS_SHARED_CREDENTIALS_FILE": name}
    places = {"AWS_CONFIG_FILE": "~/.aws/config", "AWS_SHARED_CREDENTIALS_FILE": "~/.aws/credentials"}
    found: dict[str, str] = {}
    for variable, title in titles.items():
        found |= _section(Path(os.environ.get(variable) or places[variable]).expanduser(), title)
    return found


def _section(path: Path, title: str) -> Mapping[str, str]:
    parser = configparser.RawConfigParser()
    try:
        parser.read(path, encoding="utf-8")
        return dict(parser.items(title))
    except (configparser.Error, OSError, ValueError):
        return {}


def preload() -> None:
    """Import what finding out the keys takes: a fork waits for that, and not for those who are asked."""
    if profile().keys() & _RESOLVED_BY_BOTOCORE:
        with contextlib.suppress(ImportError):
            importlib.import_module("botocore.session")


def keys(said: Mapping[str, str]) -> dict[str, Any]:
    """Give the keys of a profile as obstore takes them; nothing where the environment has some, which win.

    Args:
        said: what the files say of the profile.
    """
    if any(os.environ.get(name) for name in _IN_ENVIRONMENT):
        return {}
    if "aws_access_key_id" in said and "role_arn" not in said:
        names = ("access_key_id", "secret_access_key", "session_token")
        return {name: said[f"aws_{name}"] for name in names if f"aws_{name}" in said}
    return _resolved() if said.keys() & _RESOLVED_BY_BOTOCORE else {}


def _resolved() -> dict[str, Any]:
    """Have AWS' own library find out what a profile stands for: a role, a single sign-on, a program that is asked."""
    from botocore.session import Session  # comes with boto3; only such profiles need it

    found = Session().get_credentials().get_frozen_credentials()
    given = {"access_key_id": found.access_key, "secret_access_key": found.secret_key, "session_token": found.token}
    return {name: value for name, value in given.items() if value}
