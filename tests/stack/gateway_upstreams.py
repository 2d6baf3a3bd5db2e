"""What is behind a gateway under test: servers that say what reached them, and a sign-on.

Run inside a container: `python gateway_upstreams.py`. It needs the standard library alone.
"""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORTS = {"webserver": 8001, "viewer": 8002, "reports": 8003, "metrics": 8004}
SSO_PORT = 8005
# Whoever has this cookie is known to the sign-on, as somebody of these groups.
SESSIONS = {
    "ada": "staff, assay-admin",
    "vic": "assay-viewer",
    "sly": "not-assay-admin,assay-admins,not-assay-viewer,assay-viewers",
    "mute": None,
}


class Echo(BaseHTTPRequestHandler):
    """Answers any request with what it was, and says who answered."""

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.dumps(
            {
                "server": {port: name for name, port in PORTS.items()}[self.server.server_port],
                "path": self.path,
                "headers": {name.lower(): value for name, value in self.headers.items()},
                "body": self.rfile.read(length).decode(),
            }
        ).encode()
        if "websocket" in (self.headers.get("Upgrade") or "").lower():
            self.send_response(101)
            self.send_header("Connection", "Upgrade")
            self.send_header("Upgrade", "websocket")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Access-Control-Allow-Origin", "*")
        self.send_header("Set-Cookie", "upstream=1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = answer

    def log_message(self, *_words: object) -> None:
        pass


class SignOn(BaseHTTPRequestHandler):
    """A single sign-on: 202 with name and groups for a known cookie, else its login page."""

    def do_GET(self) -> None:
        who = (self.headers.get("Cookie") or "").removeprefix("session=")
        if self.path == "/oauth2/start":
            self.send_response(200)
        elif self.path.startswith("/oauth2/callback"):
            self.send_response(302)
            self.send_header("Set-Cookie", "session=SECRET")
            self.send_header("Location", "/?ticket=SECRET")
        elif self.path == "/oauth2/auth" and who in SESSIONS:
            self.send_response(202)
            self.send_header("X-Auth-Request-User", who)
            if SESSIONS[who] is not None:
                self.send_header("X-Auth-Request-Groups", str(SESSIONS[who]))
        else:
            self.send_response(302)
            self.send_header("Location", "/oauth2/start")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_words: object) -> None:
        pass


if __name__ == "__main__":
    servers = [ThreadingHTTPServer(("0.0.0.0", port), Echo) for port in PORTS.values()]
    servers.append(ThreadingHTTPServer(("0.0.0.0", SSO_PORT), SignOn))
    for server in servers:
        threading.Thread(target=server.serve_forever).start()
