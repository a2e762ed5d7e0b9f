"""Who may ask a server on this machine: only whoever was given its secret, and only to read.

A ledger file is for its owner alone, but every user of a machine reaches its loopback address, and so does every page
in a browser. So the address that is printed holds a secret, which becomes a cookie of that browser; a request to
another name than this machine's is refused, which a page that has its name point here would send.
"""

import hmac
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
"""A web application, as ASGI defines it."""

ENTRANCE = "/-/enter"
"""The path that takes the secret."""

_HEADERS = (
    (b"x-frame-options", b"DENY"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


class Doorkeeper:
    """Lets through to an application who has the secret and only reads; answers everybody else itself."""

    def __init__(self, application: Application, port: int, front: str = "/") -> None:
        self._application = application
        self._front = front.encode()
        self._hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        self._cookie = f"strategy-ledger-{port}"  # cookies are those of a host, whatever its port
        self.secret = secrets.token_urlsafe(24)
        self.address = f"http://127.0.0.1:{port}{ENTRANCE}?secret={self.secret}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass it on."""
        if scope["type"] == "lifespan":
            await self._application(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if headers.get(b"host") not in self._hosts:
            await answer(send, 421, "this server answers to its own address only")
        elif scope["method"] not in ("GET", "HEAD"):
            await answer(send, 405, "the explorer writes nothing: it takes GET alone")
        elif scope["path"] == ENTRANCE and self._is_secret(_asked(scope)):
            cookie = f"{self._cookie}={self.secret}; HttpOnly; SameSite=Strict; Path=/"
            await answer(send, 303, "", (b"location", self._front), (b"set-cookie", cookie.encode()))
        elif self._is_secret(self._shown(headers)):
            await self._application(scope, receive, _guarded(send))
        else:
            await answer(send, 403, "open the whole address that strategy-ledger web printed: it holds a secret")

    def _shown(self, headers: MutableMapping[bytes, str]) -> str:
        """Return the secret that a request brings: in its cookie, or as a program does."""
        scheme, _, token = headers.get(b"authorization", "").partition(" ")
        if scheme == "Bearer":
            return token
        try:
            cookie = SimpleCookie(headers.get(b"cookie", "")).get(self._cookie)
        except CookieError:
            return ""
        return "" if cookie is None else str(cookie.value)

    def _is_secret(self, text: str) -> bool:
        return hmac.compare_digest(text.encode(), self.secret.encode())


def _asked(scope: Scope) -> str:
    query: bytes = scope["query_string"]
    return parse_qs(query.decode("latin-1")).get("secret", [""])[0]


def _guarded(send: Send) -> Send:
    """Return a `send` that adds what keeps other pages from framing or reading an answer."""

    async def guarded(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", []), *_HEADERS]}
        await send(message)

    return guarded


async def answer(send: Send, status: int, sentence: str, *headers: tuple[bytes, bytes]) -> None:
    """Answer a request with a sentence."""
    body = f"{sentence}\n".encode()
    kind = (b"content-type", b"text/plain; charset=utf-8")
    await send({"type": "http.response.start", "status": status, "headers": [kind, *headers, *_HEADERS]})
    await send({"type": "http.response.body", "body": body})
