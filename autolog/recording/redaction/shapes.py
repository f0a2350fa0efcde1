"""Secrets known by their shape, wherever they stand."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["REDACTED", "without_private_keys", "without_shapes"]

REDACTED: Final = "[redacted]"

_SHAPES = re.compile(
    r"""(?:AKIA|ASIA)[A-Z0-9]{16}
      | gh[pousr]_[A-Za-z0-9]{20,} | github_pat_\w{20,} | glpat-[\w-]{20,}
      | (?<![\w-])sk-(?=[\w-]{0,64}\d)[\w-]{16,} | [rs]k_(?:live|test)_[A-Za-z0-9]{16,}
      | hf_[A-Za-z0-9]{30,} | npm_[A-Za-z0-9]{36} | pypi-[\w-]{50,}
      | xox[abeprs]-[A-Za-z0-9-]{14,}
      | AIza[\w-]{35} | ya29\.[\w-]{20,}
      | (?<![\w-])eyJ[\w-]{8,}\.eyJ[\w-]{8,}(?:\.[\w-]*)?""",
    re.VERBOSE,
)
_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----(?:(?!-----)[\w+/=\s\\:,-])*(?:-----END [A-Z ]{0,40}PRIVATE KEY-----)?"
)
_USERINFO = re.compile(
    # what precedes an @ before any path; or a user, a colon and anything that is no port, when the password has a slash
    r"""://(?:[^\s/?\#"'<>]+ | [^\s/?\#:@"'<>\[]*:(?!\d{1,5}[/?\#])[^\s@"'<>]{1,256})@""",
    re.VERBOSE,
)
_SIGNATURE = re.compile(r"""([?&](?:[\w-]{0,32}signature|sig)=)[^&\s"'<>#]+""", re.IGNORECASE)
_AUTHORIZATION = re.compile(
    r"""(authorization\\?["']?[ \t]{0,8}[:=][ \t]{0,8}\\?["']?)
        (?:(?:basic|bearer|token|digest|negotiate)[ \t]{1,8})? [^\s"'\\,;]+
      | (\bbearer[ \t]{1,8})(?=[^\s"']{0,64}\d)[\w.~+/=-]{16,}""",
    re.IGNORECASE | re.VERBOSE,
)

_LOGIN = re.compile(  # `curl -u bob:secret`; neither the numbers of a user and a group, nor a URL
    r"""((?<![\w-])(?:-u|--user|--proxy-user)(?:=|[ \t]{1,8})["']?[^\s:"'/\\]{1,64}:)
        (?!\d+(?![^\s"'])|[/\\])[^\s"']+""",
    re.VERBOSE,
)
_COMMAND = re.compile(  # these commands' short option for a password
    r"""(\b(?:mysql\w{0,32}|mariadb[\w-]{0,32}|sshpass)(?:[ \t]+(?!-p)[^\s|;&]{1,256}){0,16}?[ \t]+-p[ \t]?)
        [^\s"'|;&\[-][^\s"']*""",
    re.VERBOSE,
)


def without_private_keys(text: str) -> str:
    """Take out private keys: the one shape that goes over lines."""
    return _PRIVATE_KEY.sub(REDACTED, text) if "-----BEGIN" in text else text


def without_shapes(text: str) -> str:
    """Take out what is a secret by its shape, but for private keys."""
    text = _SHAPES.sub(REDACTED, text)
    if "://" in text:
        text = _USERINFO.sub(f"://{REDACTED}@", text)
    if "-u" in text or "-user" in text:
        text = _LOGIN.sub(rf"\1{REDACTED}", text)
    if " -p" in text:
        text = _COMMAND.sub(rf"\1{REDACTED}", text)
    text = _SIGNATURE.sub(rf"\1{REDACTED}", text)
    return _AUTHORIZATION.sub(rf"\1\2{REDACTED}", text)
