"""The way from the cookie to the number, through Envoy and Aikagi, to a settings back end.

The example starts `back_end.py` and an Envoy with `envoy.yaml`. It logs in as a browser does, and
opens the settings of a number. It fails if any step has an unexpected result. With `--serve` it
only starts both, until Ctrl-C.
"""

import argparse
import http.client
import signal
import socket
import ssl
import stat
import struct
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

from login_story import DEADLINE, System, address, digits, expect

from aikagi.edge.v1 import subscriber_service_pb2 as edge
from aikagi.issuance.v1 import call_service_pb2 as issuance
from aikagi.issuance.v1.call_service_pb2_grpc import CallServiceStub
from aikagi.units.v1 import directory_service_pb2 as directory
from aikagi.units.v1 import unit_pb2
from aikagi.units.v1.directory_service_pb2_grpc import DirectoryServiceStub

HERE = Path(__file__).parent
ENVOY = Path(sys.executable).with_name("envoy")
# Envoy refuses a part of its configuration that a later version will not accept.
STRICT = (
    "{layered_runtime: {layers: [{name: strict, static_layer: "
    "{envoy.features.fail_on_any_deprecated_feature: true}}]}}"
)
STOP = 10  # seconds
PAUSE = 0.05  # seconds
FORM = "application/x-www-form-urlencoded"
VOICE_WARP = "/services/voice-warp"


class Front:
    """A running Envoy with the back end behind it."""

    def __init__(self, system, directory, port, check=None):
        """Prepares both. `check` replaces the port of the access check."""
        self.port = port
        self.authority = system.authority
        self.socket = directory / "settings.sock"
        self.processes = []
        public, private = (
            int(address(system.state[name]).split(":")[1]) for name in ("public", "private")
        )
        text = (HERE / "envoy.yaml").read_text()
        for written, actual in (
            ("port_value: 9443", f"port_value: {port}"),
            ("port_value: 8443", f"port_value: {public}"),
            ("port_value: 8444", f"port_value: {check or private}"),
            ("target/up/certificates", str(Path(system.state["authority"]).parent.resolve())),
            ("target/up/settings.sock", str(self.socket)),
        ):
            if written not in text:
                raise SystemExit(f"envoy.yaml does not contain {written}")
            text = text.replace(written, actual)
        self.config = directory / "envoy.yaml"
        self.config.write_text(text)

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def start(self):
        """Checks the configuration against Envoy's schema, and starts both programs."""
        envoy = [ENVOY, "-c", self.config, "--config-yaml", STRICT, "-l", "error"]
        subprocess.run([*envoy, "--mode", "validate"], check=True)
        self.processes.append(subprocess.Popen([sys.executable, HERE / "back_end.py", self.socket]))
        self.processes.append(subprocess.Popen([*envoy, "--disable-hot-restart"]))
        end = time.monotonic() + DEADLINE
        while not (self.socket.is_socket() and listens(self.port)):
            if time.monotonic() > end or any(
                started.poll() is not None for started in self.processes
            ):
                raise SystemExit("Envoy or the back end did not start")
            time.sleep(PAUSE)

    def __exit__(self, *_error):
        for started in self.processes:
            started.terminate()
        for started in self.processes:
            started.wait(STOP)

    def request(self, method, path, body=None, headers=None):
        """Sends a request, and returns the response with its body."""
        context = ssl.create_default_context(cadata=self.authority.decode())
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.port, timeout=DEADLINE, context=context
        )
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response, response.read()
        finally:
            connection.close()


class Browser:
    """A browser that sends the session's cookie to the site's host."""

    def __init__(self, front):
        self.front = front
        self.cookie = None

    def open(self, path, body=None, **headers):
        """Opens a page, or sends a form. Returns the status, the reason of a refusal, the text."""
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookie:
            headers["cookie"] = self.cookie
        response, text = self.front.request("POST" if body else "GET", path, body, headers)
        return response.status, response.getheader("x-aikagi-reason"), text.decode()

    def save(self, path, setting, origin=None):
        """Sends the form of a page."""
        own = f"https://127.0.0.1:{self.front.port}"
        return self.open(
            path, urlencode({"setting": setting}), origin=origin or own, content_type=FORM
        )

    def call(self, method, request, kind):
        """Sends an RPC of the site by gRPC-Web, and keeps the cookie of the response."""
        message = request.SerializeToString()
        headers = {"content-type": "application/grpc-web+proto", "x-grpc-web": "1"}
        if self.cookie:
            headers["cookie"] = self.cookie
        path = f"/aikagi.edge.v1.SubscriberService/{method}"
        body = struct.pack(">BI", 0, len(message)) + message
        response, body = self.front.request("POST", path, body, headers)
        received = dict(frames(body))
        is_fine = b"grpc-status:0" in received.get(0x80, b"").split(b"\r\n")
        expect(f"{method} succeeded", (200, True), (response.status, is_fine))
        for cookie in response.headers.get_all("set-cookie", []):
            if cookie.startswith("__Host-aikagi="):
                self.cookie = cookie.split(";")[0]
        return kind.FromString(received.get(0, b""))


def frames(body):
    """The frames of a gRPC-Web response, each with its flags. The flag 0x80 marks the trailers."""
    while body:
        flags, length = struct.unpack(">BI", body[:5])
        yield flags, body[5 : 5 + length]
        body = body[5 + length :]


def listens(port):
    """True if a program listens on the loopback port."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def started(system, port=None, check=None):
    """An Envoy on a free port, with the back end behind it."""
    with (
        tempfile.TemporaryDirectory() as directory,
        Front(system, Path(directory), port or free_port(), check) as front,
    ):
        yield front


def free_port():
    """A loopback port that no program uses."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


def add_line(system):
    """Adds a line with two accounts. Sets a temporary password for the contract number."""
    numbers = [f"050{digits(8)}" for _ in range(2)]
    contract, additional = (
        directory.NewNumber(number=number, subscribed=True) for number in numbers
    )
    with system.private_as("operator") as channel:
        request = directory.AddLineRequest(
            contract_number=contract, additional_numbers=[additional]
        )
        DirectoryServiceStub(channel).AddLine(request, timeout=DEADLINE)
    temporary = digits(8)
    with system.private_as("ivr") as channel:
        CallServiceStub(channel).SetTemporaryPassword(
            issuance.SetTemporaryPasswordRequest(
                caller_number=numbers[0],
                unit=unit_pb2.AUTH_UNIT_NUMBER,
                target_number=numbers[0],
                temporary_password=temporary,
            ),
            timeout=DEADLINE,
        )
    return numbers, temporary


def play(system):
    """Plays the story."""
    (own, other), temporary = add_line(system)
    page = f"{VOICE_WARP}?number={own}"
    with started(system) as front:
        browser = Browser(front)

        def refused(what, status, reason, path=page, **headers):
            actual = browser.open(path, **headers)
            expect(what, (status, reason), actual[:2])
            print(f"  {status} {reason}: {what}")

        print("only the user of the back end can open its socket")
        expect("the mode", 0o600, stat.S_IMODE(front.socket.stat().st_mode))

        print("opens the settings of a number before the login: Envoy leads to the site")
        refused("no cookie", 303, "SESSION_REQUIRED")
        response, _text = front.request("GET", page)
        expect("the location", "/account", response.getheader("location"))

        print("logs in through Envoy; the session requires a change of password")
        login = edge.LoginRequest(number=own, password=temporary)
        opened = browser.call("Login", login, edge.LoginResponse)
        expect("the token in the body", "", opened.session_token)
        refused("the password must be changed first", 403, "PASSWORD_CHANGE_REQUIRED")
        permanent = f"Py{digits(8)}"
        change = edge.ChangePasswordRequest(
            current_password=temporary,
            new_password=permanent,
            new_password_confirmation=permanent,
            revision=opened.session.revision,
        )
        browser.call("ChangePassword", change, edge.ChangePasswordResponse)

        print("opens the settings of a number in scope")
        status, _reason, text = browser.open(page)
        expect("the status", 200, status)
        expect("the number and the account", 2, text.count(f"<b>{own}</b>"))

        print("tries everything else")
        theirs = f"{VOICE_WARP}?number={other}"
        refused("another number", 403, "OUT_OF_SCOPE", theirs)
        refused(
            "another number, and the own one in a header",
            403,
            "OUT_OF_SCOPE",
            theirs,
            x_aikagi_number=own,
        )
        refused("another number before the own one", 403, "OUT_OF_SCOPE", f"{theirs}&number={own}")
        refused("no number", 400, "INVALID_FIELD", VOICE_WARP)
        refused(
            "the own number only in a header", 400, "INVALID_FIELD", VOICE_WARP, x_aikagi_number=own
        )
        refused("an unknown service", 404, None, f"/services/other?number={own}")
        _status, _reason, text = browser.open(page, x_aikagi_account=other, x_aikagi_number=other)
        expect("an account and a number in the client's headers", 2, text.count(f"<b>{own}</b>"))
        _status, _reason, text = browser.open(f"{page}&number={other}")
        expect("another number after the own one", 2, text.count(f"<b>{own}</b>"))

        print("saves a setting")
        expect("the form", 200, browser.save(page, "0312345678")[0])
        expect(
            "the form of another site",
            403,
            browser.save(page, "0399999999", "https://other.example")[0],
        )
        expect("the form of another number", 403, browser.save(theirs, "0399999999")[0])
        _status, _reason, text = browser.open(page)
        expect("the saved setting", 1, text.count('value="0312345678"'))

        print("logs out")
        cookie = browser.cookie
        browser.call("Logout", edge.LogoutRequest(), edge.LogoutResponse)
        browser.cookie = cookie
        refused("the session has ended", 303, "SESSION_ENDED")

    print("without a response from the check, Envoy lets nothing pass")
    with started(system, check=free_port()) as front:
        expect("the status", 503, front.request("GET", page)[0].status)
    print("the settings back end got only requests that Aikagi allowed")


def main():
    """Runs the example."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument(
        "--state", default="target/up/state.json", help="the file that describes the system"
    )
    arguments.add_argument(
        "--serve", action="store_true", help="start Envoy at port 9443, until Ctrl-C"
    )
    arguments = arguments.parse_args()
    system = System(arguments.state)
    if not arguments.serve:
        play(system)
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with started(system, port=9443) as front:
        print(f"the site and the settings: https://localhost:{front.port}", flush=True)
        try:
            signal.pause()
        except KeyboardInterrupt:
            print("stops")


if __name__ == "__main__":
    main()
