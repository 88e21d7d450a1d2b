"""Databases behind a socket: a closed port, and a server that says nothing, by a driver that connects as others do."""

import socket
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.base import PGDialect

from gammabeta.errors import UsageError
from gammabeta.tune import storage
from gammabeta.tune.storage import opened


class Broken(Exception):
    """What the driver raises."""


class Stalling(PGDialect):
    """PostgreSQL by a driver that waits for the server's first byte: with its time limit, or without any."""

    driver = "stalling"
    supports_statement_cache = True
    patient = False

    @classmethod
    def import_dbapi(cls) -> Any:
        def connect(host: str, port: int, connect_timeout: float, **rest: Any) -> None:
            try:
                with socket.create_connection((host, port), connect_timeout) as server:
                    server.settimeout(None if cls.patient else connect_timeout)
                    server.recv(1)
            except OSError as error:
                raise Broken(str(error)) from None

        names = ("InterfaceError", "DatabaseError", "OperationalError", "ProgrammingError", "IntegrityError")
        kinds = dict.fromkeys((*names, "DataError", "InternalError", "NotSupportedError", "Warning", "Error"), Broken)
        return SimpleNamespace(paramstyle="named", connect=connect, **kinds)

    def create_connect_args(self, url: Any) -> tuple[list[Any], dict[str, Any]]:
        return [], {"host": url.host, "port": url.port}


class Patient(Stalling):
    driver = "patient"
    patient = True
    supports_statement_cache = True


registry.register("postgresql.stalling", __name__, "Stalling")
registry.register("postgresql.patient", __name__, "Patient")


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a server that takes connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        held: list[socket.socket] = []

        def take() -> None:
            try:
                while True:
                    held.append(server.accept()[0])
            except OSError:
                return

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
    thread.join(10)
    for each in held:
        each.close()


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "PATIENCE", 0.2)


def refusal(url: str) -> str:
    with pytest.raises(UsageError) as caught:
        opened(url, "study", {})
    words = str(caught.value)
    assert "\n" not in words
    assert words.startswith("--storage postgresql+")
    assert "the database does not answer (" in words
    assert words.endswith("start it, or correct the URL.")
    return words


def test_a_closed_port_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert "refused" in refusal(f"postgresql+stalling://u:secret@127.0.0.1:{port}/x").lower()


@pytest.mark.parametrize("driver", ["stalling", "patient"])
def test_a_server_that_never_answers_is_given_up_within_its_patience(driver: str, silent: int) -> None:
    # without an end it would never come back
    words = refusal(f"postgresql+{driver}://u:secret@127.0.0.1:{silent}/x")
    assert "secret" not in words
    assert ("timed out" if driver == "stalling" else "no answer within 0.4 s") in words
