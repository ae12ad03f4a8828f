"""An example of a settings back end: voice warp, arrival mail and fax mail.

Envoy asks Aikagi about each request. Two headers then tell the back end the number whose settings
are changed, and the account that is logged in. The back end listens on a Unix socket that only its
own user can open. Otherwise a client could send these headers itself.
"""

import html
import re
import socketserver
import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

MAX_FORM = 2000  # bytes
MAX_SETTING = 100  # characters
REQUEST_TIMEOUT = 10  # seconds
NUMBER = re.compile(r"0[0-9]{9,10}")

# The services: the path, the name, and the label of the one setting.
SERVICES = {
    "/services/voice-warp": (
        "ボイスワープ / Voice warp",
        "転送先の電話番号 / Forward calls to",
    ),
    "/services/arrival-mail": (
        "着信お知らせメール / Arrival mail",
        "お知らせ先のメールアドレス / Send notices to",
    ),
    "/services/fax-mail": (
        "FAXお知らせメール / Fax mail",
        "FAXの送付先のメールアドレス / Send faxes to",
    ),
}

PAGE = """<!doctype html>
<html lang="ja">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{name}</title>
<h1>{name}</h1>
<p>電話番号 / Telephone number: <b>{number}</b></p>
<p>ログイン中の電話番号 / Logged in as: <b>{account}</b></p>
{saved}
<form method="post" action="?number={number}">
<p><label>{label}: <input name="setting" value="{setting}" maxlength="{longest}"></label></p>
<p><button>保存する / Save</button></p>
</form>
<p><a href="/account">戻る / Back</a></p>
"""

SAVED = '<p role="status">保存しました / Saved</p>'

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; form-action 'self'; frame-ancestors 'none'",
    # With `no-referrer`, a browser would send `Origin: null` with the form.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


class RefusedError(Exception):
    """A request that is not carried out, with its HTTP status."""

    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


class BackEnd(BaseHTTPRequestHandler):
    """One request of Envoy. Its connection ends with the response."""

    timeout = REQUEST_TIMEOUT

    def do_GET(self):
        """Shows the form of a service."""
        self.respond(lambda service, number: "")

    def do_POST(self):
        """Stores what the form contains."""
        self.respond(self.save)

    def respond(self, change):
        """Makes the change, and responds with the page."""
        try:
            service = urlsplit(self.path).path
            if service not in SERVICES:
                raise RefusedError(HTTPStatus.NOT_FOUND, "There is no such service.")
            if "cookie" in self.headers:
                raise RefusedError(HTTPStatus.INTERNAL_SERVER_ERROR, "Envoy must remove the cookie.")
            # Only the headers that Envoy has set count. The address can contain other numbers.
            number, account = (self.checked(f"x-aikagi-{name}") for name in ("number", "account"))
            saved = change(service, number)
            name, label = SERVICES[service]
            text = PAGE.format(
                name=name,
                label=label,
                number=number,
                account=account,
                saved=saved,
                setting=html.escape(self.server.settings.get((service, number), "")),
                longest=MAX_SETTING,
            )
            self.send(HTTPStatus.OK, "text/html; charset=utf-8", text)
        except RefusedError as refused:
            self.send(refused.status, "text/plain; charset=utf-8", str(refused))

    def checked(self, header):
        """The number in a header of Envoy. Aikagi accepts more forms of a number than this."""
        values = self.headers.get_all(header, [])
        if len(values) != 1 or not NUMBER.fullmatch(values[0]):
            raise RefusedError(HTTPStatus.BAD_REQUEST, "The number must have 10 or 11 digits.")
        return values[0]

    def save(self, service, number):
        """Stores the setting of a number. Only a page of this host can send the form."""
        if self.headers.get_all("origin") != [f"https://{self.headers.get('host')}"]:
            raise RefusedError(HTTPStatus.FORBIDDEN, "The form is from another site.")
        length = self.headers.get("content-length", "")
        if not re.fullmatch(r"[0-9]{1,9}", length) or int(length) > MAX_FORM:
            raise RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The form is too large.")
        try:
            form = parse_qs(self.rfile.read(int(length)).decode(), keep_blank_values=True)
        except ValueError:
            raise RefusedError(HTTPStatus.BAD_REQUEST, "The form is not text.") from None
        values = form.get("setting", [])
        if len(values) != 1 or len(values[0]) > MAX_SETTING:
            raise RefusedError(HTTPStatus.BAD_REQUEST, "The form needs one setting.")
        with self.server.lock:
            self.server.settings[service, number] = values[0]
        return SAVED

    def send(self, status, kind, text):
        """Sends a response."""
        body = text.encode()
        self.send_response(status)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments):
        """Writes no log: an address contains a telephone number."""


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """The server, with the settings of each service and number in its memory."""

    daemon_threads = True

    def __init__(self, path):
        self.settings = {}
        self.lock = threading.Lock()
        Path(path).unlink(missing_ok=True)
        super().__init__(path, BackEnd)

    def server_bind(self):
        """Makes the socket, and sets its mode before anybody can connect."""
        super().server_bind()
        Path(self.server_address).chmod(0o600)


if __name__ == "__main__":
    Server(sys.argv[1]).serve_forever()
