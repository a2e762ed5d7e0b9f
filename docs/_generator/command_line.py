"""command-line.md: the commands of `strategy-ledger`, from their definitions.

Not from the text of `--help`, whose form is click's and may change with any release of it.
"""

import inspect

import click

from _generator.markdown import code, fence, page, prose, table
from ledger_cli.main import main

INTRODUCTION = """\
`strategy-ledger`, also installed as `sledger`. What prints from a ledger never creates, changes or locks a file.
"""


def files() -> dict[str, str]:
    """Return the page."""
    assert isinstance(main, click.Group), "the command line is a group of commands"
    commands = {name: main.commands[name] for name in main.list_commands(click.Context(main))}
    parts = [
        _text(main.help),
        table(("command", "what it does"), [(f"[`{name}`](#{name})", _summary(one)) for name, one in commands.items()]),
        fence("text", inspect.cleandoc((main.epilog or "").replace("\b", ""))) if main.epilog else "",
        *(_command(name, command) for name, command in commands.items()),
    ]
    return {"command-line.md": page("Command line", INTRODUCTION, *parts)}


def _summary(command: click.Command) -> str:
    return prose(" ".join((command.help or "").split("\n\n")[0].split()))


def _text(help_text: str | None) -> str:
    """Return a help text as paragraphs; click's mark for lines that are not to be joined becomes a block."""
    shown = []
    for paragraph in inspect.cleandoc(help_text or "").split("\n\n"):
        if paragraph.lstrip().startswith("\b"):
            shown.append(fence("text", paragraph.replace("\b", "").strip("\n")))
        else:
            shown.append(prose(paragraph))
    return "\n\n".join(shown)


def _command(name: str, command: click.Command) -> str:
    arguments = [one for one in command.params if isinstance(one, click.Argument)]
    usage = " ".join(("strategy-ledger", name, "[OPTIONS]", *(_argument(argument) for argument in arguments)))
    options = [(code(_shown(one)), _option_help(one)) for one in command.params if isinstance(one, click.Option)]
    parts = [f"## {name}", fence("text", usage), _text(command.help)]
    if options:
        parts.append(table(("option", ""), options))
    return "\n\n".join(parts)


def _argument(argument: click.Argument) -> str:
    name = (argument.metavar or argument.name or "").upper()
    if argument.nargs != 1:
        name += "..."
    return name if argument.required else f"[{name.strip('[]')}]"


def _shown(option: click.Option) -> str:
    names = ", ".join((*option.opts, *option.secondary_opts))
    if option.is_flag:
        return names
    if isinstance(option.type, click.Choice):
        return f"{names} {'|'.join(str(choice) for choice in option.type.choices)}"
    return f"{names} {(option.metavar or option.type.name).upper()}"


def _option_help(option: click.Option) -> str:
    text = prose(option.help)
    if option.show_default and option.default is not None and not option.is_flag:
        text += f" Default: {code(option.default)}."
    return text
