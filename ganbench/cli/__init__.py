"""The command line: wiring only. Commands are imported when they are called."""

from __future__ import annotations

import codecs
import io
import sys
from importlib import import_module
from typing import NoReturn

import click

from ganbench import __version__
from ganbench.core.errors import GanbenchError, Interrupted, out_of_memory, too_long
from ganbench.core.printable import printable, printable_lines
from ganbench.study.signals import end_at_once

COMMANDS = {
    "run": "Train variants, evaluate them, print the table.",
    "evaluate": "Score saved trials again, by other metrics or counts.",
    "compare": "One table over the trials in results directories.",
    "time": "What one training round costs.",
    "list": "The variants, data sets and metrics there are.",
    "new": "Write a variant of your own, to start from.",
    "check": "Run the conformance checks on variants.",
    "cache": "What is kept because it can be made again, and how to empty it.",
}


class Commands(click.Group):
    """Commands whose modules are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands, in the order of a user's day."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command's module, called after it."""
        if cmd_name not in COMMANDS:
            return None
        return import_module(f"ganbench.cli.{cmd_name}").command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The help's list of commands, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ganbench")
def cli() -> None:
    """Train plug-in GAN variants under one trainer, judge them by one harness.

    \b
    ganbench run infogan acgan      train both, three seeds each, print the table
    ganbench compare results/       one table over runs
    ganbench evaluate results/ --metrics all
    ganbench time infogan           what a training round costs
    """


def main() -> NoReturn:
    """Run the command line and exit: 0 good, 1 a trial failed, 2 a mistake, 130 interrupted."""
    end_at_once()
    speak_any_encoding()
    try:
        code = cli(standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        code = 2
    except click.ClickException as error:
        click.echo(f"ganbench: {printable_lines(error.format_message())}", err=True)
        code = 2
    except GanbenchError as error:
        click.echo(f"ganbench: {printable(str(error))}", err=True)
        code = 2
    except (click.Abort, KeyboardInterrupt) as error:
        if isinstance(error.__cause__ or error, Interrupted):  # click raises Abort from it
            click.echo("ganbench: interrupted", err=True)
            code = 130
        else:
            click.echo("ganbench: the code of a plug-in raised KeyboardInterrupt", err=True)
            code = 2
    except BrokenPipeError:
        sys.stderr.close()
        code = 1
    except (MemoryError, ImportError, OSError, RuntimeError, SystemError) as error:
        said = out_of_memory(error) or too_long(error)
        if not said:
            raise
        click.echo(f"ganbench: {printable(str(said))}", err=True)
        code = 2
    sys.exit(code if isinstance(code, int) else 0)


PLAINLY = {"±": "+-", "—": "-", "↑": "(up)", "↓": "(down)", "×": "x", "…": "...", "−": "-"}
"""What a terminal is shown that has no such character; of the others their number."""


def speak_any_encoding() -> None:
    """Let stdout and stderr take text that their encoding lacks characters for."""
    codecs.register_error("plainly", _plainly)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="plainly")


def _plainly(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    lost = error.object[error.start : error.end]
    plain = (PLAINLY.get(one) or one.encode("ascii", "backslashreplace").decode() for one in lost)
    return "".join(plain), error.end
