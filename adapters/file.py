"""Files: a folder that a system drops documents into, and a folder that deliveries are put into.

Only the options live here. POSIX only: what keeps both inside their folder needs `O_NOFOLLOW`.
"""

from pydantic import Field

from bus.adapter import (
    AdapterSpec,
    Duration,
    Expression,
    Sink,
    SinkOptions,
    Site,
    Source,
    SourceOptions,
)


class FileSourceOptions(SourceOptions):
    """A folder: each file is one document, and moves to `done/` or, with the reason beside it, `failed/`."""

    folder: str = Field(min_length=1, description="Made when missing; relative to routing.yaml.")
    pattern: str = Field(
        default="*", min_length=1, description="Which names are taken, e.g. PO*.xml; none with a leading dot."
    )
    settle: Duration = Field(
        default=2.0, ge=0, description="A file is taken when size and time have not changed for so long."
    )
    poll: Duration = Field(
        default=5.0, gt=0, description="How often to look where the folder does not tell of changes."
    )


class FileSinkOptions(SinkOptions):
    """A folder: each delivery becomes one file, whole from the moment it is there."""

    folder: str = Field(min_length=1, description="Made when missing; relative to routing.yaml.")
    name: Expression | None = Field(
        default=None, description="Of the file, no folder in it; default: the delivery's id and an extension."
    )


def source(options: FileSourceOptions, site: Site) -> Source:
    """Prepare the reading; nothing is touched yet."""
    from adapters.file_source import FileSource

    return FileSource(options, site)


def sink(options: FileSinkOptions, site: Site) -> Sink:
    """Prepare the writing; nothing is touched yet."""
    from adapters.file_sink import FileSink

    return FileSink(options, site)


SPEC = AdapterSpec(
    name="file",
    source_options=FileSourceOptions,
    source=source,
    sink_options=FileSinkOptions,
    sink=sink,
    batch=100,
)
