"""command-line.md: the commands of `strategy-ledger`, from their definitions.

Not from the text of `--help`, whose form is click's and may change with any release of it.
"""

import inspect

import click

from _generator.markdown import code, fence, page, prose, table
from ledger_cli.failures import EXIT_CODES
from ledger_cli.main import SECTIONS, Entry, main
from ledger_cli.settings import KNOWN

INTRODUCTION = """\
`strategy-ledger`, also installed as `sledger`. What prints from a ledger never creates, changes or locks a file.
"""


def files() -> dict[str, str]:
    """Return the page."""
    parts = [
        _text(main.help),
        *(_section(name) for name in SECTIONS),
        "## Exit codes",
        table(("code", ""), [(str(number), prose(meaning)) for number, meaning in EXIT_CODES.items()]),
        "## Settings in the environment and in strategy-ledger.toml",
        table(
            ("in the file", "environment", "", "default"),
            [
                ("" if one.only_environment else code(one.name), code(one.environment), one.meaning, one.default or "")
                for one in KNOWN.values()
            ],
        ),
        *(part for entries in SECTIONS.values() for name, entry in entries.items() for part in _commands(name, entry)),
    ]
    return {"command-line.md": page("Command line", INTRODUCTION, *parts)}


def _section(section: str) -> str:
    rows = [(f"[`{name}`](#{name})", _summary(entry.load())) for name, entry in SECTIONS[section].items()]
    return table((section.lower(), "what it does"), rows)


def _commands(name: str, entry: Entry) -> list[str]:
    """Return a command and, of a group, each of its own."""
    command = entry.load()
    parts = [_command(name, command)]
    if isinstance(command, click.Group):
        parts += [_command(f"{name} {inner}", one) for inner, one in command.commands.items()]
    return parts


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
    more = ("COMMAND",) if isinstance(command, click.Group) else ("[OPTIONS]", *map(_argument, arguments))
    usage = " ".join(("strategy-ledger", name, *more))
    options = [(code(_shown(one)), _option_help(one)) for one in command.params if isinstance(one, click.Option)]
    parts = [f"## {name}", fence("text", usage), _text(command.help)]
    if options:
        parts.append(table(("option", ""), options))
    if command.epilog:
        parts.append(_text(command.epilog))
    return "\n\n".join(parts)


def _argument(argument: click.Argument) -> str:
    if argument.metavar:
        return argument.metavar
    if isinstance(argument.type, click.Choice):
        return "|".join(argument.type.choices)
    name = (argument.name or "").upper()
    return name if argument.required else f"[{name}]"


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
