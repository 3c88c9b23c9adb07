"""The command `bus`. Exit 0 fine, 1 findings or failed tests, 2 usage or configuration, 3 unreachable."""

import os
import sys
from collections.abc import Callable
from typing import Any

import typer

from bus import __version__
from bus.cli.output import note, paint, speak_any_charset
from bus.errors import BusError, ConfigurationError, Unavailable, UsageError
from bus.nearest import nearest
from bus.texts import choose_language, hint, say

choose_language(*(os.environ.get(name) for name in ("BUS_LANG", "LC_ALL", "LC_MESSAGES", "LANG")))

from bus.cli import bench, dead, demo, doctor, explain, lint, messages, run, status, topology  # noqa: E402 - their help speaks it

# typer brings its own copy of click along since 0.27; these are the errors of whichever it uses.
_click: Any = sys.modules[typer.BadParameter.__module__]

app = typer.Typer(
    name="bus", no_args_is_help=True, add_completion=False, rich_markup_mode=None, help=say("help-bus"),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _version(value: bool) -> None:
    if value:
        sys.stdout.write(f"bus {__version__}\n")
        raise typer.Exit


@app.callback()
def options(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help=say("help-version")),
    debug: bool = typer.Option(False, "--debug", help=say("help-debug")),
) -> None:
    """Options of every command."""


for command in (
    run.run, demo.demo, status.status, doctor.doctor, lint.lint, lint.test, explain.explain,
    messages.publish, messages.consume, messages.schema,
):
    app.command(help=say(f"help-{command.__name__}"))(command)
app.add_typer(dead.app, name="dead", help=say("help-dead"))
app.add_typer(topology.app, name="topology", help=say("help-topology"))
app.add_typer(bench.app, name="bench", help=say("help-bench"))


def main(arguments: list[str] | None = None) -> None:
    """Run one command and leave with its exit code; a person never sees a traceback without --debug."""
    speak_any_charset()
    arguments = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"]
    code = _guarded(lambda: app(arguments, standalone_mode=False), debug=debug)
    _let_go()
    sys.exit(code)


def _guarded(command: Callable[[], Any], *, debug: bool) -> int:
    try:
        result = command()
    except typer.Exit as leaving:
        return int(leaving.exit_code)
    except _click.NoArgsIsHelpError as shown:
        sys.stdout.write(shown.format_message() + "\n")
        return 0
    except _click.ClickException as error:
        _complain(*_usage(error))
        return 2
    except (typer.Abort, KeyboardInterrupt):
        note(say("interrupted"))
        return 130
    except BrokenPipeError:  # `bus lint | head`
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


def _let_go() -> None:
    """Write the last of it; where nobody reads any more, `| head` or a terminal that was closed, let it be."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _show_error(error: BusError) -> int:
    if isinstance(error, ConfigurationError) and error.findings:
        from bus.cli.findings import show_findings

        show_findings(error.findings, sys.stderr)
    _complain(str(error), error.hint)
    return 3 if isinstance(error, Unavailable) else 2 if isinstance(error, UsageError | ConfigurationError) else 1


def _complain(message: str, hint: str) -> None:
    note(paint(say("error"), "red", sys.stderr) + message)
    if hint:
        note("  " + hint)


def _usage(error: Any) -> tuple[str, str]:
    """What is wrong with the command line, and the remedy, in the chosen language."""
    code, fields = "usage-other", {"reason": error.message}
    if isinstance(error, _click.NoSuchOption):
        code, fields = "usage-option", {"option": error.option_name}
    elif isinstance(error, _click.MissingParameter):
        code, fields = "usage-missing", {"parameter": _parameter(error.param)}
    elif isinstance(error, _click.BadParameter):
        reason = error.message.removeprefix("Value error, ")
        code, fields = "usage-value", {"parameter": _parameter(error.param), "reason": reason}
    elif "unexpected extra argument" in error.message:
        command = "bus " + error.ctx.command_path.partition(" ")[2]
        code, fields = "usage-extra", {"arguments": error.message.rpartition("(")[2].rstrip(")"), "command": command}
    elif "No such command" in error.message:
        typed = error.message.partition("'")[2].partition("'")[0]
        known = sorted(error.ctx.command.commands)
        near = nearest(typed, known)
        fields = {"command": typed, "known": ", ".join(known), **({"near": near} if near else {})}
        code = "usage-command"
    return say(code, **fields), hint(code, **fields)


def _parameter(parameter: Any) -> str:
    """`FILE` of an argument, `--output / -o` of an option."""
    names = getattr(parameter, "opts", None) or [""]
    return " / ".join(names) if names[0].startswith("-") else getattr(parameter, "metavar", None) or names[0].upper()
