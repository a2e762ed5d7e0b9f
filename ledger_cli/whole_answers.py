"""Nothing that a program reads is cut in silence: CSV of a table is the whole table, and a cut answer is refused.

Datasette says on its pages, and in JSON as `truncated`, where a query had more rows than it shows. In CSV and in JSON
that is a bare list there is no place for it, and CSV of a table is its first page unless asked for otherwise.
"""

from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any
from urllib.parse import parse_qs

from ledger_cli.doorkeeper import Application, Receive, Scope, Send, answer

_was_cut: ContextVar[list[bool] | None] = ContextVar("_was_cut", default=None)


def note_cut() -> None:
    """Note that the answer to the present request was cut."""
    noted = _was_cut.get()
    if noted is not None:
        noted.append(True)


class WholeAnswers:
    """Lets answers of an application through, unless they are cut and do not say so."""

    def __init__(self, application: Application, rows_max: int) -> None:
        self._application = application
        self._sentence = (
            f"there are more than {rows_max:,} rows, and this form cannot say so: bound them by LIMIT, "
            "or ask strategy-ledger query --all"
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        asked = scope["query_string"]
        if scope["path"].endswith(".csv") and b"_stream=" not in asked:
            scope = {**scope, "query_string": b"&".join(part for part in (asked, b"_stream=on") if part)}
        is_list = bool(parse_qs(asked.decode("latin-1")).keys() & {"_shape", "_nl"})
        cut: list[bool] = []
        refused = False

        async def sending(message: MutableMapping[str, Any]) -> None:
            nonlocal refused
            if message["type"] == "http.response.start" and cut and not _says_so(message, is_list=is_list):
                refused = True
                await answer(send, 413, self._sentence)
            if not refused:
                await send(message)

        noting = _was_cut.set(cut)
        try:
            await self._application(scope, receive, sending)
        finally:
            _was_cut.reset(noting)


def _says_so(message: MutableMapping[str, Any], *, is_list: bool) -> bool:
    kind = next((value for name, value in message.get("headers", []) if name.lower() == b"content-type"), b"")
    return kind.startswith(b"text/html") or (kind.startswith(b"application/json") and not is_list)
