"""What the command line says of itself: whole sentences, every option explained, and a usage that fits a screen."""

from collections.abc import Iterator

import click
from click.testing import CliRunner

from cli.__main__ import main

USAGE_LENGTH_MAX = 400


def test_every_command_says_what_it_does_and_what_each_option_is_for() -> None:
    top = click.Context(main, info_name="python -m cli", terminal_width=80)
    for context in commands(top):
        said, where = context.command.get_help(context), context.command_path
        assert "..." not in said.partition("Commands:")[2], f"{where} is cut off"
        assert len(context.command.get_usage(context)) < USAGE_LENGTH_MAX, where
        assert context.command.help, where
        for option in context.command.params:
            assert not isinstance(option, click.Option) or option.help, f"{where} {option.name}"


def test_a_misspelt_command_is_answered_with_the_one_that_is_meant() -> None:
    assert "Did you mean 'key'?" in CliRunner().invoke(main, ["kye"]).stderr
    assert "No such command 'nothing'." in CliRunner().invoke(main, ["nothing"]).stderr


def commands(context: click.Context) -> Iterator[click.Context]:
    """A command and all below it."""
    yield context
    if isinstance(context.command, click.Group):
        for name in context.command.list_commands(context):
            command = context.command.get_command(context, name)
            assert command is not None
            yield from commands(click.Context(command, parent=context, info_name=name, terminal_width=80))
