"""What a browser may be made to ask of the embedded edition: the gateway's rules, without a login.

Nobody logs in here, so whatever reaches the port is obeyed: a page of another site, open in the
same browser, could have it launch, cancel and delete. deploy/gateway/site.caddyfile has the same
rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# With any port: by `ssh -L` it is another one than ours.
_LOOPBACK = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:[0-9]{1,5})?")
_JSON = re.compile(r"application/json\s*(;.*)?", re.IGNORECASE)
_READING = ("GET", "HEAD")
_HEADERS = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Guard:
    """ASGI middleware that refuses, with the reason, what no page of ours or script would send."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refused = why_refused(scope)
        if refused is None:
            await self._app(scope, receive, _with_headers(send))
        elif scope["type"] == "websocket":
            # Before it is accepted: the server answers with 403.
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": refused[1]})
        else:
            answer = PlainTextResponse(f"{refused[1]}\n", refused[0])
            await answer(scope, receive, _with_headers(send))


def why_refused(scope: Scope) -> tuple[HTTPStatus, str] | None:
    """The status and the reason for which a request is refused, or None."""
    headers = Headers(scope=scope)
    method = "GET" if scope["type"] == "websocket" else scope["method"]
    hosts = headers.getlist("host")
    if len(hosts) != 1 or not _LOOPBACK.fullmatch(hosts[0]):
        # A page whose name was made to lead here is none of ours.
        return HTTPStatus.MISDIRECTED_REQUEST, "Refused: open it as 127.0.0.1 or localhost"
    if method not in (*_READING, "POST"):
        return HTTPStatus.METHOD_NOT_ALLOWED, "Nothing here is asked for by this method"
    # A WebSocket can carry anything later.
    if scope["type"] == "websocket" or method not in _READING:
        if not _all_in(headers.getlist("origin"), f"http://{hosts[0]}"):
            return HTTPStatus.FORBIDDEN, "Refused: a page of another site asks (its Origin)"
        if not _all_in(headers.getlist("sec-fetch-site"), "same-origin", "none"):
            return HTTPStatus.FORBIDDEN, "Refused: a page of another site asks (its Sec-Fetch-Site)"
    # What a form can send without asking first is not JSON.
    if method == "POST" and not _JSON.fullmatch(headers.get("content-type", "").strip()):
        return HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Refused: send JSON, as application/json"
    # Dagster would execute it, a mutation too, for any image's address.
    if scope["type"] == "http" and method in _READING and scope["query_string"]:
        path = f"{scope['path'].rstrip('/')}/"
        if path.startswith("/graphql/"):
            return HTTPStatus.METHOD_NOT_ALLOWED, "Refused: send GraphQL by POST"
    return None


def _all_in(values: Iterable[str], *allowed: str) -> bool:
    return all(value in allowed for value in values)


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(_HEADERS)
        await send(message)

    return sending
