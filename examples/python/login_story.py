"""An example of a Python client: gRPC with a bearer token.

The client sets a temporary password as an IVR platform does. Then it acts as a subscriber: it logs
in, changes the password as required, logs in with the permanent password and logs out. The example
fails if any step has an unexpected result.
"""

import argparse
import json
import secrets
import string
from contextlib import contextmanager
from pathlib import Path

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from aikagi.authentication.v1 import session_pb2
from aikagi.edge.v1 import subscriber_service_pb2 as edge
from aikagi.edge.v1.subscriber_service_pb2_grpc import SubscriberServiceStub
from aikagi.issuance.v1 import call_service_pb2 as issuance
from aikagi.issuance.v1.call_service_pb2_grpc import CallServiceStub
from aikagi.units.v1 import directory_service_pb2 as directory
from aikagi.units.v1 import unit_pb2
from aikagi.units.v1.directory_service_pb2_grpc import DirectoryServiceStub

DEADLINE = 10  # seconds


class System:
    """The running system that state.json describes."""

    def __init__(self, path):
        self.state = json.loads(Path(path).read_text())
        self.authority = Path(self.state["authority"]).read_bytes()

    def public(self):
        """A channel to the edge's public port, over TLS."""
        credentials = grpc.ssl_channel_credentials(self.authority)
        return grpc.secure_channel(address(self.state["public"]), credentials)

    def private_as(self, name):
        """A channel to the gateway's private port, over mutual TLS as an outside workload."""
        files = self.state["identities"][name]
        credentials = grpc.ssl_channel_credentials(
            self.authority,
            private_key=Path(files["key"]).read_bytes(),
            certificate_chain=Path(files["certificate"]).read_bytes(),
        )
        return grpc.secure_channel(address(self.state["private"]), credentials)


def address(urls):
    """The host:port of the first URL."""
    return urls[0].removeprefix("https://")


def reason(error):
    """The reason of a refused RPC, from its google.rpc.ErrorInfo."""
    status = rpc_status.from_call(error)
    for detail in status.details if status else []:
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info) and info.domain == "aikagi":
            return info.reason
    return None


@contextmanager
def refused(expected):
    """Requires that the RPC in this block is refused with this reason."""
    try:
        yield
    except grpc.RpcError as error:
        actual = reason(error)
        if actual != expected:
            raise SystemExit(f"expected {expected}, got {actual}: {error.details()}") from error
        print(f"  {expected}: {error.details()}")
    else:
        raise SystemExit(f"expected {expected}, but the RPC succeeded")


def expect(what, expected, actual):
    """Fails the example unless `actual` equals `expected`."""
    if actual != expected:
        raise SystemExit(f"{what}: expected {expected}, got {actual}")


def bearer(token):
    """The metadata of an RPC in a session."""
    return [("authorization", f"Bearer {token}")]


def digits(count):
    """Returns `count` random digits."""
    return "".join(secrets.choice(string.digits) for _ in range(count))


def line_to_use(system, number):
    """Returns a line's contract number and unit. Adds a line if no number is given."""
    with system.private_as("operator") as channel:
        lines = DirectoryServiceStub(channel)
        while number is None:
            try:
                new = directory.NewNumber(number=f"050{digits(8)}", subscribed=True)
                lines.AddLine(directory.AddLineRequest(contract_number=new), timeout=DEADLINE)
                number = new.number
            except grpc.RpcError as error:
                if reason(error) != "NUMBER_TAKEN":
                    raise
        line = lines.GetLine(directory.GetLineRequest(number=number), timeout=DEADLINE).line
    return number, line.unit or unit_pb2.AUTH_UNIT_LINE


def main():
    """Runs the example."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument(
        "--state", default="target/up/state.json", help="the file that describes the system"
    )
    arguments.add_argument("--number", help="the contract number of a line (default: adds a line)")
    arguments = arguments.parse_args()
    system = System(arguments.state)
    number, unit = line_to_use(system, arguments.number)
    temporary, permanent = digits(8), f"Py{digits(8)}"

    print("sets a temporary password, as an IVR platform")
    with system.private_as("ivr") as channel:
        CallServiceStub(channel).SetTemporaryPassword(
            issuance.SetTemporaryPasswordRequest(
                caller_number=number,
                unit=unit,
                target_number=number,
                temporary_password=temporary,
            ),
            timeout=DEADLINE,
        )

    with system.public() as channel:
        site = SubscriberServiceStub(channel)

        def login(password):
            return site.Login(edge.LoginRequest(number=number, password=password), timeout=DEADLINE)

        def session(token):
            request = edge.GetSessionRequest()
            return site.GetSession(request, metadata=bearer(token), timeout=DEADLINE).session

        print("logs in with it; the session requires a change of password")
        opened = login(temporary)
        required = session_pb2.MUST_CHANGE_REASON_TEMPORARY
        expect("must_change_reason", required, opened.session.must_change_reason)

        print("changes the password")
        changed = site.ChangePassword(
            edge.ChangePasswordRequest(
                current_password=temporary,
                new_password=permanent,
                new_password_confirmation=permanent,
                revision=opened.session.revision,
            ),
            metadata=bearer(opened.session_token),
            timeout=DEADLINE,
        )
        expect("must_change_reason", 0, changed.session.must_change_reason)
        with refused("SESSION_ENDED"):
            session(opened.session_token)

        print("logs in with the permanent password")
        opened = login(permanent)
        seen = session(opened.session_token)
        expect("account_number", number, seen.account_number)
        expect("must_change_reason", 0, seen.must_change_reason)

        print("tries a wrong password")
        with refused("LOGIN_REFUSED"):
            login(f"{permanent}x")

        print("logs out")
        token = bearer(opened.session_token)
        site.Logout(edge.LogoutRequest(), metadata=token, timeout=DEADLINE)
        with refused("SESSION_ENDED"):
            session(opened.session_token)
    print("the Python client logged in and out")


if __name__ == "__main__":
    main()
