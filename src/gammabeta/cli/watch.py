"""``gammabeta watch``"""

import errno
import os
import socket
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from gammabeta.errors import DataError, UsageError
from gammabeta.report.names import DATABASE_NAME, HISTORY_NAME, MODEL_NAME, PLAN_NAME, RECIPE_NAME, SEARCH_NAME

if TYPE_CHECKING:
    from gammabeta.cli.serve import Runs

HERE = "127.0.0.1"
NEXT = 20
"""Ports after a taken one that are tried, to name a free one."""

NICE = 10
"""At the highest, 19, a page would not come at all while a run keeps every core busy."""

OF_A_RUN = (PLAN_NAME, HISTORY_NAME, MODEL_NAME, RECIPE_NAME, SEARCH_NAME, DATABASE_NAME)
"""Any of them makes a folder one of a run, also of a recipe or a search that has not come to its network yet."""


def watch_command(typed: Sequence[Path], port: int, browser: bool) -> None:
    """Serve the pages of runs on this machine, until Ctrl-C."""
    refuse_where_missing()
    refuse_port(port)
    places = [place_of(path) for path in typed]
    listener = listening(port)
    port = listener.getsockname()[1]
    # the accelerator is the run's
    os.environ["JAX_PLATFORMS"] = "cpu"
    address = f"http://{HERE}:{port}/"
    print(f"watching {', '.join(map(str, typed))} at {address}  (Ctrl-C ends it)", flush=True)
    for place in places:
        if not place.exists():
            print(f"{place} is not there yet; its page waits for it.", file=sys.stderr)
    if browser:
        import webbrowser

        # of its own: a browser in the terminal returns when it is closed
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
    serve(places, listener)


def serve(places: Sequence[Path], listener: socket.socket) -> None:
    """Answer until the process is told to end."""
    import uvicorn

    from gammabeta.cli.serve import application

    port = listener.getsockname()[1]
    names = {f"{host}:{port}" for host in (HERE, "localhost")} | ({HERE, "localhost"} if port == 80 else set())
    server: uvicorn.Server
    app = application(
        lambda: runs_of(places), ", ".join(map(str, places)), frozenset(names), lambda: server.should_exit
    )
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            http="h11",
            ws="none",
            lifespan="off",
            log_level="critical",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=3,
        )
    )
    # the cores are the run's too: this process takes what is left of them
    with suppress(AttributeError, OSError):
        os.nice(NICE)
    # Ctrl-C is how it ends
    with suppress(KeyboardInterrupt):
        server.run(sockets=[listener])


def runs_of(places: Sequence[Path]) -> "Runs":
    """The runs that were given, and those that lie now in folders that were given."""
    from gammabeta.cli.serve import Runs

    found = {place: [] if is_run(place) else runs_in(place) for place in places}
    every = [run for place, inside in found.items() for run in inside or [place]]
    return Runs(named(every), len(places) > 1 or bool(found[places[0]]))


def named(paths: Sequence[Path]) -> dict[str, Path]:
    """Folders by the shortest ends of their paths that tell them apart."""
    whole = list(dict.fromkeys(path.resolve() for path in paths))
    for size in range(1, max(len(path.parts) for path in whole) + 1):
        names = ["/".join(path.parts[-size:]) for path in whole]
        if len(set(names)) == len(whole):
            break
    given = {path.resolve(): path for path in paths}
    return {name: given[path] for name, path in zip(names, whole, strict=True)}


def is_run(folder: Path) -> bool:
    return any((folder / name).is_file() for name in OF_A_RUN)


def runs_in(folder: Path) -> list[Path]:
    """The runs that lie in a folder, by their names."""
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir() and is_run(path))
    except OSError:
        return []


def place_of(path: Path) -> Path:
    """A run folder, a folder of runs, or one where a run will be; raises where it is something else."""
    if path.is_file():
        if is_run(path.parent):
            return path.parent
        raise DataError(f"{path}: found a file, expected the folder of a run, or one that holds runs.")
    if path.is_dir() and not is_run(path) and not runs_in(path) and any(path.iterdir()):
        raise DataError(
            f"{path}: found neither a run (no {PLAN_NAME}, no {HISTORY_NAME}) nor folders of runs in it, expected the "
            f"folder that fit names after -o, or one above it."
        )
    return path


def refuse_where_missing() -> None:
    """Refuse before any work where the packages of the extra are not here."""
    missing = [name for name in ("starlette", "uvicorn") if find_spec(name) is None]
    if missing:
        raise UsageError(
            f"watch: {' and '.join(missing)} serve its pages and are not here; pip install 'gammabeta[watch]'."
        )


def refuse_port(port: int) -> None:
    if not 0 <= port < 65536:
        raise UsageError(f"--port {port}: expected a number from 1 to 65535, or 0 for any that is free.")


def listening(port: int) -> socket.socket:
    """A socket on this machine only; raises where the port is taken, with a free one."""
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if os.name == "posix":
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((HERE, port))
        made.listen(64)
    except OSError as error:
        made.close()
        if error.errno == errno.EACCES:
            raise UsageError(
                f"--port {port}: not allowed to listen there; take one above 1023, such as 8080."
            ) from None
        if error.errno != errno.EADDRINUSE:
            raise UsageError(f"--port {port}: cannot listen there, {error.strerror}; choose another port.") from None
        free = next((other for other in range(port + 1, min(port + NEXT, 65536)) if is_free(other)), 0)
        raise UsageError(
            f"--port {port}: in use by another program, perhaps another watch; take --port {free}, which is free."
        ) from None
    return made


def is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tried:
        try:
            tried.bind((HERE, port))
        except OSError:
            return False
    return True
