"""The login story as a Python client plays it: gRPC with a bearer token.

A temporary password is set as an IVR platform sets it, then a subscriber logs in with it, has to
change it, logs in with the permanent one, and logs out. Anything else than that is an error.
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
    """The running system, as its state.json describes it."""

    def __init__(self, path):
        self.state = json.loads(Path(path).read_text())
        self.authority = Path(self.state["authority"]).read_bytes()

    def public(self):
        """The gateway's public port: TLS."""
        credentials = grpc.ssl_channel_credentials(self.authority)
        return grpc.secure_channel(address(self.state["public"]), credentials)

    def private_as(self, name):
        """The gateway's private port: mutual TLS, as one of the workloads outside."""
        files = self.state["identities"][name]
        credentials = grpc.ssl_channel_credentials(
            self.authority,
            private_key=Path(files["key"]).read_bytes(),
            certificate_chain=Path(files["certificate"]).read_bytes(),
        )
        return grpc.secure_channel(address(self.state["private"]), credentials)


def address(urls):
    """host:port of the first of these URLs."""
    return urls[0].removeprefix("https://")


def reason(error):
    """Why a call was refused: the reason of its google.rpc.ErrorInfo."""
    status = rpc_status.from_call(error)
    for detail in status.details if status else []:
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info) and info.domain == "aikagi":
            return info.reason
    return None


@contextmanager
def refused(expected):
    """What is called in this block has to be refused for this reason."""
    try:
        yield
    except grpc.RpcError as error:
        came = reason(error)
        if came != expected:
            raise SystemExit(f"expected {expected}, came {came}: {error.details()}") from error
        print(f"  {expected}: {error.details()}")
    else:
        raise SystemExit(f"expected {expected}, came an answer")


def expect(what, expected, came):
    """What came has to be what was expected."""
    if came != expected:
        raise SystemExit(f"{what}: expected {expected}, came {came}")


def bearer(token):
    """The metadata of a session's calls."""
    return [("authorization", f"Bearer {token}")]


def digits(count):
    """So many digits by chance."""
    return "".join(secrets.choice(string.digits) for _ in range(count))


def line_to_use(system, number):
    """The contract number of a line and the unit to set its password under; adds a line if there is none."""
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
    """Plays the story."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--state", default="target/up/state.json", help="where the system is")
    arguments.add_argument("--number", help="the contract number of a line; by default one is added")
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

        print("logs in with it; the session demands a change")
        opened = login(temporary)
        demanded = session_pb2.MUST_CHANGE_REASON_TEMPORARY
        expect("the session", demanded, opened.session.must_change_reason)

        print("changes it")
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
        expect("the session", 0, changed.session.must_change_reason)
        with refused("SESSION_ENDED"):
            session(opened.session_token)

        print("logs in with the permanent password")
        opened = login(permanent)
        seen = session(opened.session_token)
        expect("the account", number, seen.account_number)
        expect("the session", 0, seen.must_change_reason)

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
