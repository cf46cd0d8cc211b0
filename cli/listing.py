"""Groups of commands whose list shows the whole first sentence of each command's help."""

from typing import Final

import click

_WHOLE: Final = 1_000


class Listed(click.Group):
    """A group that wraps its commands' help, where click would cut it off."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List them, each with the first sentence of its help."""
        known = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        told = [(name, command.get_short_help_str(_WHOLE)) for name, command in known if command is not None]
        with formatter.section("Commands"):
            formatter.write_dl(told)
