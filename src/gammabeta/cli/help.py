"""How ``--help`` looks: DATA and not {DATA}, and no type beside what takes no value."""

from collections.abc import Callable
from typing import Any, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup

Typed = TypeVar("Typed", bound=Callable[..., Any])


class Command(TyperCommand):
    """A command."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return [piece.replace("{", "").replace("}", "") for piece in super().collect_usage_pieces(ctx)]

    def get_help_option(self, ctx: Any) -> Any:
        return without_type(super().get_help_option(ctx))


class Group(TyperGroup):
    """All commands together."""

    def get_help_option(self, ctx: Any) -> Any:
        return without_type(super().get_help_option(ctx))


class App(typer.Typer):
    """Commands that are such by themselves."""

    def command(self, name: str | None = None, **options: Any) -> Callable[[Typed], Typed]:
        return super().command(name, **{"cls": Command, **options})


def without_type(option: Any) -> Any:
    """An option that takes no value, shown as such."""
    if option is not None:
        option.metavar = ""
    return option
