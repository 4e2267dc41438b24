"""Groups of commands: an unknown name is met with the nearest, and a group may do something by itself."""

from __future__ import annotations

import click

from cardoon.model.errors import nearest


class Group(click.Group):
    """A group that names the nearest command where there is none of a name."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with the nearest command when there is none of that name."""
        if not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            near = nearest(args[0], self.list_commands(ctx))
            raise click.UsageError(f"no command {args[0]!r}{near}", ctx)
        return super().resolve_command(ctx, args)


class ListingGroup(Group):
    """A group whose command `list` runs when none is named, so that `cardoon queues` lists."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does, with `list` put before words that name no command."""
        is_help = {"-h", "--help"} & set(args)
        if not is_help and (not args or args[0].startswith("-")):
            args = ["list", *args]
        return super().parse_args(ctx, args)
