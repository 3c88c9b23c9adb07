"""Whatever is typed: lint ends, names places that exist, and has a sentence and a remedy for each."""

from hypothesis import given, settings
from hypothesis import strategies as st

from bus.texts import choose_language

from tests.core.linting import lint
from tests.core.test_config_schema import SAMPLE

TYPED = (
    "=", "&&", "!", "?", ":", ": ", " #", '"', "'", "[", "]", "{", "}", "(", ")", ",", "，", "（", "“", "\t", "  ", "-", "- ", "*a", "&b",
    "0012", "NO", "null", "for", "if", "let", "when", "data", ".", 'f"{', "${X}", "${", "%", "@", "|", ">", "\n", "\n\n", "金额", "\u3000",
    "lookup(", "and", "not",
)
SLIPS = st.lists(
    st.tuples(st.integers(0, len(SAMPLE)), st.integers(0, 12), st.sampled_from(("", *TYPED))), min_size=1, max_size=4
)
SILENT = {"lookup-more"}  # says how many more there are, which has no remedy of its own


@settings(max_examples=150)
@given(SLIPS)
def test_any_slip_is_told_with_place_sentence_and_remedy(slips: list[tuple[int, int, str]]) -> None:
    text = SAMPLE
    for at, gone, typed in slips:
        text = text[:at] + typed + text[at + gone :]
    lines = text.split("\n")
    for finding in lint(text).findings:
        place = finding.place
        assert 1 <= place.line <= len(lines), finding
        assert place.column >= 1, finding
        assert place.width >= 1, finding
        for language in ("en", "zh"):
            choose_language(language)
            assert finding.message
            assert finding.hint or finding.code in SILENT, finding.code
        choose_language("en")
