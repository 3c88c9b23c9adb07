import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.config.durations import format_duration, meant_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("500ms", 0.5), ("5s", 5.0), ("30m", 1800.0), ("1h", 3600.0), ("2d", 172800.0), ("0s", 0.0), ("007s", 7.0)],
)
def test_a_whole_number_and_a_unit_is_a_duration(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("5 sec", "5s"), ("5", "5s"), ("1 min", "1m"), ("1.5h", "90m"), ("5 S", "5s"), ("5S", "5s"), ("90 minutes", "90m"),
        ("1h30m", "90m"), ("1h 30m", "90m"), ("1 hour 30 min", "90m"), ("PT5M", "5m"), ("０.５ｓ", "500ms"), ("５秒", "5s"),
        ("30分钟", "30m"), ("2 天", "2d"), ("1小时30分", "90m"), (" 5s ", "5s"), ("0.0005s", None),
        ("soon", None), ("", None), ("-5s", None), ("5x", None), ("5s later", None), ("0 sec", None), ("1,5h", None),
        ("1e3s", None), ("1" * 40, None),
    ],
)  # fmt: skip
def test_what_is_no_duration_gets_the_one_that_was_meant(text: str, meant: str | None) -> None:
    assert parse_duration(text) is None
    assert meant_duration(text) == meant


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.5, "500ms"), (5, "5s"), (60, "1m"), (90, "90s"), (5400, "90m"), (3600, "1h"), (86400, "1d"), (90000, "25h"), (0, "0s")],
)
def test_a_duration_is_written_in_its_largest_exact_unit(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@given(st.integers(0, 10**9), st.sampled_from(["ms", "s", "m", "h", "d"]))
def test_writing_a_duration_loses_nothing(number: int, unit: str) -> None:
    seconds = parse_duration(f"{number % 100_000}{unit}")
    assert seconds is not None
    assert parse_duration(format_duration(seconds)) == seconds
