"""command-line.md: the commands of `strategy-ledger`, from what its own --help says."""

from importlib import import_module
from importlib.util import find_spec

from _generator.markdown import fence, page

INTRODUCTION = """\
`strategy-ledger`, also installed as `sledger`. What prints from a ledger never creates or changes a file.
"""


def files() -> dict[str, str]:
    """Return the page; none while there is no command line."""
    if find_spec("ledger_cli") is None or find_spec("ledger_cli.main") is None:
        return {}
    import click

    main = import_module("ledger_cli.main").main
    assert isinstance(main, click.Group), "the command line is a click group"
    context = click.Context(main, info_name="strategy-ledger", max_content_width=88, terminal_width=88)
    parts = [fence("text", main.get_help(context))]
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        assert command is not None, name
        inner = click.Context(
            command, info_name=name, parent=context, max_content_width=88, terminal_width=88
        )
        parts += [f"## {name}", fence("text", command.get_help(inner))]
    return {"command-line.md": page("Command line", INTRODUCTION, *parts)}
