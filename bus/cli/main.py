"""The command `bus`. Exit 0 fine, 1 findings or failed tests, 2 usage or configuration, 3 unreachable."""

import os
import sys
from collections.abc import Callable
from typing import Any

import click
import typer

from bus import __version__
from bus.cli.output import note, paint
from bus.errors import BusError, ConfigurationError, Unavailable, UsageError
from bus.texts import choose_language, say

choose_language(os.environ.get("BUS_LANG"), os.environ.get("LC_ALL"), os.environ.get("LC_MESSAGES"), os.environ.get("LANG"))

from bus.cli import bench, dead, demo, doctor, explain, lint, messages, run, topology  # noqa: E402 - their help is in the language chosen above

app = typer.Typer(
    name="bus", no_args_is_help=True, add_completion=False, rich_markup_mode=None, help=say("help-bus"),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _version(value: bool) -> None:  # noqa: FBT001 - typer's callback shape
    if value:
        sys.stdout.write(f"bus {__version__}\n")
        raise typer.Exit


@app.callback()
def options(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help=say("help-version")),  # noqa: FBT001, FBT003, ARG001 - typer reads the signature
    debug: bool = typer.Option(False, "--debug", help=say("help-debug")),  # noqa: FBT001, FBT003, ARG001 - typer reads the signature
) -> None:
    """Options of every command."""


for command in (
    run.run, demo.demo, doctor.doctor, lint.lint, lint.test, explain.explain,
    messages.publish, messages.consume, messages.schema,
):
    app.command(help=say(f"help-{command.__name__}"))(command)
app.add_typer(dead.app, name="dead", help=say("help-dead"))
app.add_typer(topology.app, name="topology", help=say("help-topology"))
app.add_typer(bench.app, name="bench", help=say("help-bench"))


def main(arguments: list[str] | None = None) -> None:
    """Run one command and leave with its exit code; a person never sees a traceback without --debug."""
    arguments = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"]
    sys.exit(_guarded(lambda: app(arguments, standalone_mode=False), debug=debug))


def _guarded(command: Callable[[], Any], *, debug: bool) -> int:
    try:
        result = command()
    except (click.exceptions.Exit, typer.Exit) as leaving:
        return int(leaving.exit_code)
    except click.exceptions.NoArgsIsHelpError as shown:
        sys.stdout.write(shown.format_message() + "\n")
        return 0
    except click.ClickException as error:
        _complain(_usage(error), "")
        return 2
    except (click.Abort, KeyboardInterrupt):
        note(say("interrupted"))
        return 130
    except BrokenPipeError:  # `bus lint | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except BusError as error:
        if debug:
            raise
        return _show_error(error)
    except Exception as error:
        if debug:
            raise
        _complain(say("defect", kind=type(error).__name__), say("defect-hint"))
        return 2
    return int(result or 0)


def _show_error(error: BusError) -> int:
    if isinstance(error, ConfigurationError) and error.findings:
        from bus.cli.findings import show_findings  # noqa: PLC0415 - only when there are some

        show_findings(error.findings, sys.stderr)
    _complain(str(error), error.hint)
    return 3 if isinstance(error, Unavailable) else 2 if isinstance(error, UsageError | ConfigurationError) else 1


def _complain(message: str, hint: str) -> None:
    note(paint(say("error"), "red", sys.stderr) + message)
    if hint:
        note("  " + hint)


def _usage(error: click.ClickException) -> str:
    """A fault of the command line, in the chosen language."""
    if isinstance(error, click.NoSuchOption):
        return say("usage-option", option=error.option_name)
    if isinstance(error, click.MissingParameter):
        parameter = error.param.human_readable_name if error.param is not None else ""
        return say("usage-missing", parameter=parameter)
    if isinstance(error, click.BadParameter):
        parameter = error.param.human_readable_name if error.param is not None else ""
        return say("usage-value", parameter=parameter, reason=error.message)
    code = "usage-command" if "No such command" in error.message else "usage-other"
    return say(code, reason=error.message, known=", ".join(sorted(c.name or "" for c in app.registered_commands)))

