"""Writes the help of every command into docs/command-line.md.

    python -m docs.make_command_line

It goes between its markers; a test fails when page and help disagree.
"""

import argparse
import re
from collections.abc import Iterable
from pathlib import Path

from pneumo.__main__ import build_parser

PAGE = Path(__file__).resolve().parent / "command-line.md"
BEGIN, END = "<!-- help -->", "<!-- /help -->"
WIDTH = 100


def describe_commands() -> str:
    """Returns Markdown with the help of each command, the same on any terminal and any Python."""
    (commands,) = (
        action
        for action in build_parser()._actions
        if isinstance(action, argparse._SubParsersAction)
    )
    return "\n\n".join(
        f"## {name}\n\n```text\n{describe(parser)}\n```"
        for name, parser in commands.choices.items()
    )


def describe(parser: argparse.ArgumentParser) -> str:
    """Returns a parser's help, 100 columns wide.

    From Python 3.13 on, argparse breaks the usage line elsewhere and names the value of an option
    with two names once (`-o, --output FILE`). So the usage line is broken here, and the options are
    named as 3.13 does.
    """
    parser.usage = _usage(parser).replace("%", "%%")
    parser.formatter_class = _Formatter
    return parser.format_help().rstrip()


def _usage(parser: argparse.ArgumentParser) -> str:
    groups = {
        action: group
        for group in parser._mutually_exclusive_groups
        for action in group._group_actions
    }
    options: dict[str, None] = {}  # in their order, a group once and not with each of its actions
    positional: dict[str, None] = {}
    for action in parser._actions:
        group = groups.get(action)
        members = [action] if group is None else group._group_actions
        formatter = argparse.HelpFormatter(prog="", width=10_000)  # nothing is broken in there
        formatter.add_usage(None, members, [] if group is None else [group], prefix="")
        part = formatter.format_help().strip()
        (options if action.option_strings else positional)[part] = None
    start = f"usage: {parser.prog} "
    width = WIDTH - len(start)
    lines = [*_fill(options, width), *_fill(positional, width)]
    return f"{parser.prog} " + f"\n{' ' * len(start)}".join(lines)


def _fill(parts: Iterable[str], width: int) -> list[str]:
    """Puts whole parts into lines; one that is wider than a line has a line of its own."""
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + 1 + len(part) <= width:
            lines[-1] += f" {part}"
        else:
            lines.append(part)
    return lines


class _Formatter(argparse.HelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=WIDTH)

    def _format_action_invocation(self, action: argparse.Action) -> str:
        if not action.option_strings or action.nargs == 0:
            return super()._format_action_invocation(action)
        value = self._format_args(action, self._get_default_metavar_for_optional(action))
        return f"{', '.join(action.option_strings)} {value}"


def fill(text: str) -> str:
    """Puts the help between the markers of the page."""
    pattern = re.escape(BEGIN) + ".*?" + re.escape(END)
    written = f"{BEGIN}\n{describe_commands()}\n{END}"
    text, count = re.subn(pattern, lambda _: written, text, flags=re.DOTALL)
    if count != 1:
        raise ValueError(f"{PAGE.name} needs the markers {BEGIN} and {END} once.")
    return text


if __name__ == "__main__":
    PAGE.write_text(fill(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
