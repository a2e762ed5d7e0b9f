"""Passwords and keys never reach a screen, a log or a document: they are shown as `***`.

Wherever a URL is shown it goes through `mask_url`; wherever a message is shown, which may quote a URL or what a
driver said about one, it goes through `mask`.
"""

import re
from urllib.parse import quote, unquote

import click

HIDDEN = "***"

_USER_INFO = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*://)(?P<user>[^\s:/?#@'\"]*):(?P<password>[^\s'\"]*)@", re.IGNORECASE
)
_NAMED = re.compile(
    r"(?P<name>\b[\w-]*(?:password|passwd|pwd|passphrase|secret|token|api_?key|chain_?key|credentials?))"
    r"(?P<is>=)(?!\*\*\*)(?P<value>'[^']*'|\"[^\"]*\"|[^\s&;,'\"]+)",
    re.IGNORECASE,
)

_KEPT = "ledger_cli.secrets"  # in the context of the command: what URLs of this run have brought


def mask_url(url: str) -> str:
    """Return a URL as it may be shown, and remember its secrets: no later message will show them either."""
    for found in _USER_INFO.finditer(url):
        _remember(found["password"])
    for found in _NAMED.finditer(url):
        _remember(found["value"].strip("'\""))
    return mask(url)


def mask(text: str) -> str:
    """Return a text without passwords and keys."""
    text = _USER_INFO.sub(rf"\g<scheme>\g<user>:{HIDDEN}@", text)
    text = _NAMED.sub(rf"\g<name>\g<is>{HIDDEN}", text)
    for secret in sorted(_known(), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text


def _remember(secret: str) -> None:
    for form in {secret, unquote(secret), quote(unquote(secret), safe="")}:
        if len(form) > 2 and form != HIDDEN:  # a shorter one stands in every other word
            _known().add(form)


def _known() -> set[str]:
    context = click.get_current_context(silent=True)
    known: set[str] = set() if context is None else context.meta.setdefault(_KEPT, set())
    return known
