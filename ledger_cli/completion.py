"""`strategy-ledger completion`: what makes a shell complete commands, options, and the ids of what is open."""

import click

_SHELLS = ("bash", "zsh", "fish")


_WHERE = """\b
Where each shell looks for it:
  bash  ~/.local/share/bash-completion/completions/strategy-ledger
  zsh   _strategy-ledger in a folder of $fpath
  fish  ~/.config/fish/completions/strategy-ledger.fish
"""


@click.command(short_help="Make a shell complete commands and ids.", epilog=_WHERE)
@click.argument("shell", type=click.Choice(_SHELLS))
def completion(shell: str) -> None:
    """Print the script that makes SHELL complete commands, options, files, and the ids of what is open."""
    from click.shell_completion import get_completion_class

    root = click.get_current_context().find_root()
    name = root.info_name or "strategy-ledger"
    kind = get_completion_class(shell)
    assert kind is not None, "click knows the shell"
    variable = f"_{name.replace('-', '_').replace('.', '_')}_COMPLETE".upper()
    made = kind(root.command, {}, name, variable)
    click.echo(made.source_template % made.source_vars())
