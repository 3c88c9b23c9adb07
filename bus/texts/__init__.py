"""Every sentence a person reads, in English and Chinese, looked up by code.

Codes are stable and published; sentences may be reworded. Each area keeps its table, called TEXTS,
in one file beside this one; a test proves that no code lacks a language and that both languages
name the same fields.

>>> say("unavailable", what="the broker", reason="refused")
'the broker does not answer: refused'
"""

from bus.texts import adapters as _adapters
from bus.texts import bench as _bench
from bus.texts import commands as _commands
from bus.texts import documents as _documents
from bus.texts import events as _events
from bus.texts import expressions as _expressions
from bus.texts import files as _files
from bus.texts import functions as _functions
from bus.texts import keys as _keys
from bus.texts import lint as _lint
from bus.texts import rabbitmq as _rabbitmq
from bus.texts import running as _running
from bus.texts import status as _status
from bus.texts import system as _system
from bus.texts import topology as _topology
from bus.texts import transports as _transports
from bus.texts import wire as _wire
from bus.texts.text import Text

__all__ = ["LANGUAGES", "TEXTS", "Text", "choose_language", "hint", "language", "say"]

LANGUAGES = ("en", "zh")
_AREAS = (
    _adapters, _bench, _commands, _documents, _events, _expressions,
    _files, _functions, _keys, _lint, _rabbitmq, _running, _status, _system, _topology, _transports, _wire,
)
TEXTS: dict[str, Text] = {code: text for area in _AREAS for code, text in area.TEXTS.items()}

_language = "en"


def language() -> str:
    """Return the language sentences are written in: `en` or `zh`."""
    return _language


def choose_language(*wishes: str | None) -> str:
    """Write from now on in the first wish that names a language, e.g. `zh_CN.UTF-8`; else English."""
    global _language  # noqa: PLW0603 - one process talks to one person; set once at start
    _language = "en"
    for wish in wishes:
        if wish and wish[:2].lower() in LANGUAGES:
            _language = wish[:2].lower()
            break
    return _language


def say(code: str, /, **fields: object) -> str:
    """Return the sentence for `code` in the chosen language.

    Raises:
        KeyError: the code, or a field its sentence needs, is missing: a defect of ours.
    """
    text = TEXTS[code]
    return (text.zh if _language == "zh" else text.en).format(**fields)


def hint(code: str, /, **fields: object) -> str:
    """Return the remedy for `code`, or "" where there is none or its fields were not given."""
    text = TEXTS[code]
    remedy = text.hint_zh if _language == "zh" else text.hint_en
    try:
        return remedy.format(**fields)
    except KeyError:
        return ""
