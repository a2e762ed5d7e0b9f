"""`strategy-ledger web`: a ledger file in a browser, for this machine alone, read-only."""

import socket
from contextlib import suppress
from importlib.util import find_spec

import click

from ledger_cli import sqlite_files
from ledger_cli.failures import Unreadable
from ledger_cli.masking import mask_url
from ledger_cli.reading import say
from ledger_cli.settings import Settings
from ledger_cli.writing import one_path, path_argument

LOOPBACK = "127.0.0.1"
"""Where it is served: no other machine reaches it."""


@click.command(short_help="The file in a browser, on this machine alone.")
@path_argument
@click.option(
    "--port", metavar="N", type=click.IntRange(0, 65_535), default=0, show_default=True, help="0 is any that is free."
)
@click.option("--open", "opens", is_flag=True, help="Open it in this machine's browser.")
def web(paths: tuple[str, ...], port: int, opens: bool) -> None:
    """Serve a ledger file to a browser on this machine, to look around in: views, tables, and queries ready to use.

    PATH is a ledger file. The address that is printed holds a secret, without which nothing is answered. Every page is
    read anew, also beside a running bot; nothing can be written, and the file cannot be downloaded. Where
    there are more than 1,000 rows the page says so. Ctrl-C ends it.

    It needs Datasette: pip install "strategy-ledger[web]".
    """
    settings = Settings()
    path = one_path(paths, settings)
    file = sqlite_files.file_of(path)
    if find_spec("datasette") is None:
        raise Unreadable('the explorer needs Datasette: pip install "strategy-ledger[web]"', "MISSING_EXTRA")
    sqlite_files.read(file, lambda connection: connection.execute("SELECT 1 FROM journal LIMIT 1").fetchone())
    with _listening(port) as listening:
        import uvicorn

        from ledger_cli.doorkeeper import Doorkeeper
        from ledger_cli.explorer import NAME, ROWS_MAX, explorer_of
        from ledger_cli.whole_answers import WholeAnswers

        datasette, database = explorer_of(file, mask_url(path))
        door = Doorkeeper(WholeAnswers(datasette.app(), ROWS_MAX), listening.getsockname()[1], f"/{NAME}")
        server = uvicorn.Server(
            uvicorn.Config(door, lifespan="on", log_level="warning", access_log=False, server_header=False)
        )
        click.echo(door.address)
        say("open this address in a browser on this machine; Ctrl-C ends it")
        if opens:
            click.launch(door.address)
        try:
            with suppress(KeyboardInterrupt):  # the way to end it
                server.run(sockets=[listening])
        finally:
            datasette.executor.submit(database.close).result()
            datasette.executor.shutdown()


def _listening(port: int) -> socket.socket:
    """Return a socket that listens on this machine alone."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((LOOPBACK, port))
        listening.listen()
    except OSError as error:
        listening.close()
        raise Unreadable(f"port {port} cannot be listened on: {error.strerror}", "PORT_TAKEN") from error
    return listening
