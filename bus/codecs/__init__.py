"""Bytes in, values out, and back: JSON, XML, CSV, fixed widths and text. Pure; no file is touched.

Every fault is a DocumentError that names place and reason, never content.
"""

from bus.codecs.element import Element, answer_of, plain
from bus.codecs.formats import CONTENT_TYPES, FORMATS, SOURCE_FORMATS, parse_written, read, row_line, write
from bus.codecs.json_format import read_json_fast, write_json_fast
from bus.codecs.paths import MISSING, lookup_path, missing_at

__all__ = [
    "CONTENT_TYPES",
    "FORMATS",
    "MISSING",
    "SOURCE_FORMATS",
    "Element",
    "answer_of",
    "lookup_path",
    "missing_at",
    "parse_written",
    "plain",
    "read",
    "read_json_fast",
    "row_line",
    "write",
    "write_json_fast",
]
