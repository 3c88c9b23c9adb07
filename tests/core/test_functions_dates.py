from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.functions import check_date_pattern, check_parse_pattern
from bus.types import DATE

from tests.core.calling import SHANGHAI, call, outcome, refusal
from tests.core.expressing import AN_EVENT, CONTEXT, program, run

BERLIN = ZoneInfo("Europe/Berlin")
MOMENT = datetime(2026, 3, 1, 16, 5, 9, 123456, tzinfo=UTC)  # 00:05:09 of the 2nd in Shanghai
DAY = date(2026, 3, 1)
DAYS = st.dates(min_value=date(1977, 1, 1), max_value=date(2076, 12, 31))
MOMENTS = st.datetimes(
    min_value=datetime(1977, 1, 2), max_value=datetime(2076, 12, 30), timezones=st.sampled_from([UTC, SHANGHAI, BERLIN])  # noqa: DTZ001 - hypothesis adds the zone
)


# ----------------------------------------------------------------------------------------- writing


@pytest.mark.parametrize(
    ("value", "pattern", "written"),
    [
        (DAY, "yyyy-MM-dd", "2026-03-01"),
        (DAY, "yyyy-MM-dd HH:mm:ss", "2026-03-01 00:00:00"),
        (DAY, "yyyyMMdd", "20260301"),
        (DAY, "yy/M".replace("M", "MM"), "26/03"),
        (DAY, "yyyy年MM月dd日", "2026年03月01日"),
        (DAY, "yyyy", "2026"),
        (date(800, 12, 25), "yyyy-MM-dd", "0800-12-25"),
        (DAY, "XXX", "+08:00"),
        (MOMENT, "yyyy-MM-dd HH:mm:ss", "2026-03-02 00:05:09"),
        (MOMENT, "yyyy-MM-ddTHH:mm:ss.SSSXXX", "2026-03-02T00:05:09.123+08:00"),
        (MOMENT, "yyyy-MM-dd'T'HH:mm:ss", "2026-03-02T00:05:09"),
        (MOMENT, "HH'h'mm''ss'%d'", "00h05'09%d"),
        (MOMENT, "yyyy/MM/yyyyMMdd", "2026/03/20260302"),
        (MOMENT.replace(tzinfo=None), "HH:mm", "16:05"),
        ("2026-03-01", "dd.MM.yyyy", "01.03.2026"),
        ("2026-03-01T16:05:09Z", "dd.MM. HH:mm", "02.03. 00:05"),
        (datetime(2026, 3, 1, 23, 59, 59, 999999, tzinfo=SHANGHAI), "ss.SSS", "59.999"),
    ],
)
def test_a_date_is_written_by_its_pattern_in_the_targets_zone(value: Any, pattern: str, written: str) -> None:
    assert call("date", value, pattern) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (DAY, "2026-03-01"),
        (MOMENT, "2026-03-02T00:05:09.123456+08:00"),
        ("20260301", "2026-03-01"),
        ("  2026-03-01 ", "2026-03-01"),
        ("00000000", None),
        ("", None),
    ],
)
def test_a_date_without_a_pattern_is_iso_8601(value: Any, written: str | None) -> None:
    assert call("date", value) == written


@pytest.mark.parametrize("pattern", ["yyyy-MM-dd", "dd.MM.yy HH:mm:ss.SSS", "yyyy年", "yyyy-MM-dd'T'HH:mmXXX"])
@pytest.mark.parametrize("day", [DAY, date(800, 12, 25), None])
def test_a_date_of_the_schema_is_written_as_the_function_writes_it(pattern: str, day: date | None) -> None:
    made = program(f'date(x, "{pattern}")', {"x": DATE}, nullable=True).compiled()
    assert made(day, AN_EVENT, CONTEXT) == call("date", day, pattern)


def test_what_only_a_neighbouring_type_calls_a_date_is_written_as_what_it_is() -> None:
    assert run('date(x, "yyyyMMdd")', types={"x": DATE}, x="2026-03-01") == "20260301"
    assert run('date(x, "yyyyMMddHH")', types={"x": DATE}, x=MOMENT) == "2026030200"


@pytest.mark.parametrize(
    ("zone", "written"),
    [
        (ZoneInfo("UTC"), "Z"),
        (ZoneInfo("America/St_Johns"), "-03:30"),
        (ZoneInfo("Asia/Kathmandu"), "+05:45"),
    ],
)
def test_the_offset_of_any_zone_is_written(zone: ZoneInfo, written: str) -> None:
    assert call("date", MOMENT, "XXX", here=zone) == written
    assert call("date", date(1890, 1, 1), "XXX", here=SHANGHAI) == "+08:06"  # local mean time: 08:05:43


def test_a_time_that_leaves_the_calendar_in_the_targets_zone_is_refused() -> None:
    assert refusal("date", datetime.max.replace(tzinfo=UTC), "yyyy").code == "date-out-of-range"
    assert call("date", datetime.max.replace(tzinfo=UTC), "yyyy", here=ZoneInfo("UTC")) == "9999"


@pytest.mark.parametrize("value", [20260301, True, ["2026-03-01"]])
@pytest.mark.parametrize(("function", "rest"), [("date", ()), ("add_days", (1,)), ("days_between", (DAY,))])
def test_what_is_no_date_is_refused(function: str, rest: tuple[Any, ...], value: Any) -> None:
    error = refusal(function, value, *rest)
    assert error.code == "function-needs-date"
    assert "parse_date" in error.hint


def test_a_text_that_is_no_iso_date_is_told_to_be_parsed() -> None:
    error = refusal("date", "01.03.2026", "yyyy-MM-dd")
    assert error.code == "date-not-iso"
    assert "parse_date" in error.hint


# ---------------------------------------------------------------------------------- wrong patterns


@pytest.mark.parametrize(
    ("pattern", "right"),
    [
        ("%Y-%m-%d", "yyyy-MM-dd"),
        ("%Y-%m-%dT%H:%M:%S%z", "yyyy-MM-ddTHH:mm:ssXXX"),
        ("%d.%m.%y", "dd.MM.yy"),
        ("%F %T", "yyyy-MM-dd HH:mm:ss"),
        ("100%", "100"),
        ("YYYY-MM-DD", "yyyy-MM-dd"),
        ("YYYY-MM-DD HH24:MI:SS", "yyyy-MM-dd HH:mm:ss"),
        ("yyyymmddhh24miss", "yyyyMMddHHmmss"),
        ("yyyy-mm-dd", "yyyy-MM-dd"),
        ("dd.mm.yyyy", "dd.MM.yyyy"),
        ("yyyymmdd", "yyyyMMdd"),
        ("yyyy-MM-dd hh:mm:ss", "yyyy-MM-dd HH:mm:ss"),
        ("YYYY-MM-DD HH:MM:SS", "yyyy-MM-dd HH:mm:ss"),
        ("HH:MM", "HH:mm"),
        ("yyyyMMddHHMMss", "yyyyMMddHHmmss"),
        ("yyyy-M-d H:m:s", "yyyy-MM-dd HH:mm:ss"),
        ("yyyy-MM-ddTHH:mm:ssZ", "yyyy-MM-ddTHH:mm:ssXXX"),
        ("yyyy-MM-dd'T'HH:mm:ss'Z'", "yyyy-MM-dd'T'HH:mm:ssXXX"),
        ("HH:mm:ss.SSSSSS", "HH:mm:ss.SSS"),
        ("HH:mm:ss.fff zzz", "HH:mm:ss.SSS XXX"),
        ("yyyy'MM", "yyyyMM"),
    ],
)
@pytest.mark.parametrize("function", ["date", "parse_date"])
def test_a_pattern_of_another_notation_is_refused_with_the_right_one(
    function: str, pattern: str, right: str
) -> None:
    error = refusal(function, "2026-03-01", pattern)
    assert error.code == ("date-pattern-percent" if "%" in pattern else "date-pattern-letters")
    assert f'"{right}"' in error.hint
    found = check_date_pattern(pattern)
    assert found is not None
    assert found.code == error.code


@pytest.mark.parametrize("right", ["yyyy-MM-dd HH:mm:ss.SSSXXX", "HH:mm dd.MM.yyyy", "mm:ss", "yyMMddHHmm", "dd/MM"])
def test_a_right_pattern_is_not_corrected(right: str) -> None:
    assert check_date_pattern(right) is None


@pytest.mark.parametrize("letters", ["EEE", "MMM", "a", "QQ", "w", "yyyyy", "dddd", "TT", "ssss", "%q", "G"])
def test_letters_that_mean_nothing_are_refused(letters: str) -> None:
    error = refusal("date", DAY, f"yyyy {letters}")
    assert error.code == "date-pattern-unknown"
    assert f": {letters} " in str(error)


@pytest.mark.parametrize("pattern", ["", "---", "'yyyy'", "2026"])
def test_a_pattern_without_a_field_is_refused(pattern: str) -> None:
    assert refusal("date", DAY, pattern).code == "date-pattern-empty"


@pytest.mark.parametrize(
    ("pattern", "code"),
    [
        ("MM-dd", "date-pattern-no-year"),
        ("HH:mm", "date-pattern-no-year"),
        ("yyyy-MM-dd yyyy", "date-pattern-twice"),
        ("yyyy yy", "date-pattern-twice"),
    ],
)
def test_a_pattern_to_read_by_needs_a_year_and_no_field_twice(pattern: str, code: str) -> None:
    assert refusal("parse_date", "2026", pattern).code == code
    error = check_parse_pattern(pattern)
    assert error is not None
    assert error.code == code
    assert check_date_pattern(pattern) is None


# ----------------------------------------------------------------------------------------- reading


@pytest.mark.parametrize(
    ("text", "pattern", "read"),
    [
        ("20260301", "yyyyMMdd", DAY),
        ("01.03.2026", "dd.MM.yyyy", DAY),
        (" 260301 ", "yyMMdd", DAY),
        ("770301", "yyMMdd", date(1977, 3, 1)),
        ("2026/3/1", "yyyy/MM/dd", DAY),
        ("2026年3月1日", "yyyy年MM月dd日", DAY),
        ("202603", "yyyyMM", DAY),
        ("2026", "yyyy", date(2026, 1, 1)),
        ("29.02.2028", "dd.MM.yyyy", date(2028, 2, 29)),
        ("2026-03-01+08:00", "yyyy-MM-ddXXX", DAY),
        ("2026-03-01 08:30", "yyyy-MM-dd HH:mm", datetime(2026, 3, 1, 8, 30, tzinfo=SHANGHAI)),
        ("2026/3/1 8:05", "yyyy/MM/dd HH:mm", datetime(2026, 3, 1, 8, 5, tzinfo=SHANGHAI)),
        ("20260301083000123", "yyyyMMddHHmmssSSS", datetime(2026, 3, 1, 8, 30, 0, 123000, tzinfo=SHANGHAI)),
        ("2026-03-01 24:00", "yyyy-MM-dd HH:mm", datetime(2026, 3, 2, tzinfo=SHANGHAI)),
        ("2026-03-01T08:30:00Z", "yyyy-MM-ddTHH:mm:ssXXX", datetime(2026, 3, 1, 8, 30, tzinfo=UTC)),
        ("2026-03-01T08:30:00-0330", "yyyy-MM-dd'T'HH:mm:ssXXX", datetime(2026, 3, 1, 12, 0, tzinfo=UTC)),
        ("08:30 01/03/2026", "HH:mm dd/MM/yyyy", datetime(2026, 3, 1, 8, 30, tzinfo=SHANGHAI)),
    ],
)
def test_a_date_is_read_by_its_pattern(text: str, pattern: str, read: date) -> None:
    got = call("parse_date", text, pattern)
    assert got == read
    assert type(got) is type(read)


@pytest.mark.parametrize(
    ("fraction", "microsecond"),
    [("1", 100000), ("12", 120000), ("123", 123000), ("1234567", 123456), ("123456789", 123456), ("000000001", 0)],
)
def test_one_to_nine_digits_of_a_fraction_are_read(fraction: str, microsecond: int) -> None:
    text = f"2026-03-01 08:30:00.{fraction}"
    assert call("parse_date", text, "yyyy-MM-dd HH:mm:ss.SSS").microsecond == microsecond
    assert call("parse_date", text).microsecond == microsecond


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("2026-13-01", "yyyy-MM-dd"),
        ("2026-02-30", "yyyy-MM-dd"),
        ("20260301", "yyyy-MM-dd"),
        ("2026-03-01x", "yyyy-MM-dd"),
        ("2026-03-01 25:00", "yyyy-MM-dd HH:mm"),
        ("2026-03-01 24:01", "yyyy-MM-dd HH:mm"),
        ("2026-03-01 23:59:60", "yyyy-MM-dd HH:mm:ss"),
        ("2026-03-01 08:30:00.1234567890", "yyyy-MM-dd HH:mm:ss.SSS"),
        ("202631", "yyyyMMdd"),
        ("２０２６-03-01", "yyyy-MM-dd"),
        ("2026-03-01+25:00", "yyyy-MM-ddXXX"),
        ("2026-03-01 00:00+25:00", "yyyy-MM-dd HH:mmXXX"),
        ("9999-12-31 24:00", "yyyy-MM-dd HH:mm"),
        ("-", "yyyy-MM-dd"),
    ],
)
def test_a_date_that_does_not_fit_or_exist_is_refused_with_value_and_pattern(text: str, pattern: str) -> None:
    error = refusal("parse_date", text, pattern)
    assert error.code == "date-unreadable"
    assert text in str(error)
    assert pattern in str(error)


@pytest.mark.parametrize(
    "nothing",
    ["", "   ", "00000000", "0000-00-00", "0000-00-00 00:00:00", "0000-00-00T00:00:00Z", "0", "0000年00月00日", "00.00.0000"],
)
def test_an_empty_date_or_one_of_zeros_is_null(nothing: str) -> None:
    assert call("parse_date", nothing) is None
    assert call("parse_date", nothing, "yyyyMMdd") is None
    assert call("add_days", nothing, 1) is None
    assert call("days_between", nothing, "2026-03-01") is None
    assert call("days_between", "2026-03-01", nothing) is None


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type] # year to microsecond


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("2026-03-01", DAY),
        ("20260301", DAY),
        ("2025-01-19+05:30", date(2025, 1, 19)),
        ("2025-01-19Z", date(2025, 1, 19)),
        ("2026-03-01T08:30:00Z", utc(2026, 3, 1, 8, 30)),
        ("2026-03-01T08:30Z", utc(2026, 3, 1, 8, 30)),
        ("2026-03-01T08Z", utc(2026, 3, 1, 8)),
        ("20260301T083000Z", utc(2026, 3, 1, 8, 30)),
        ("20260301T0830+0800", utc(2026, 3, 1, 0, 30)),
        ("2026-03-01 08:30:00+8", utc(2026, 3, 1, 0, 30)),
        ("2026-03-01 08:30:00.5 +08:00", utc(2026, 3, 1, 0, 30, 0, 500000)),
        ("2026-03-01T08:30:00,25-03:30", utc(2026, 3, 1, 12, 0, 0, 250000)),
        ("2026-03-01T24:00:00Z", utc(2026, 3, 2)),
        ("2026-03-01T08:30:00", utc(2026, 3, 1, 0, 30)),
    ],
)
def test_iso_8601_is_read_basic_and_extended(text: str, read: date) -> None:
    got = call("parse_date", text)
    assert got == read
    assert type(got) is type(read)
    assert not isinstance(got, datetime) or got.tzinfo is not None


@pytest.mark.parametrize(
    "text",
    ["2026-3-1", "01.03.2026", "2026-0301", "20260301083000", "2026-03-01T", "2026-03-01T25:00", "2026-02-30",
     "2026-03-01T08:30:00+99:00", "2026", "tomorrow", "2026-03-01\n2026-03-02", "２０２６-03-01", "-"],
)  # fmt: skip
def test_what_is_not_iso_8601_is_told_to_be_given_a_pattern(text: str) -> None:
    error = refusal("parse_date", text)
    assert error.code == "date-not-iso"
    assert "dd.MM.yyyy" in error.hint


def test_a_time_without_a_zone_is_one_of_the_zone_given_or_else_of_the_system() -> None:
    text, pattern = "2026-07-01 12:00", "yyyy-MM-dd HH:mm"
    assert call("parse_date", text, pattern) == utc(2026, 7, 1, 4)
    assert call("parse_date", text, pattern, "Europe/Berlin") == utc(2026, 7, 1, 10)
    assert call("parse_date", text, zone="UTC") == utc(2026, 7, 1, 12)
    assert call("parse_date", text + "Z", pattern + "XXX", "Europe/Berlin") == utc(2026, 7, 1, 12)


@pytest.mark.parametrize("zone", ["Europe/Atlantis", "", "../etc/passwd", "/etc/localtime", "Asia", "+08:00", "a\0b"])
def test_an_unknown_zone_is_refused(zone: str) -> None:
    assert refusal("parse_date", "2026-03-01", "yyyy-MM-dd", zone).code == "unknown-zone"


def test_a_date_that_is_one_already_stays_as_it_is() -> None:
    assert call("parse_date", DAY, "yyyyMMdd") is DAY
    assert call("parse_date", MOMENT) is MOMENT


def test_a_time_that_clocks_show_twice_is_equal_to_the_same_moment_elsewhere() -> None:
    read = call("parse_date", "2026-10-25 02:30", "yyyy-MM-dd HH:mm", here=BERLIN)
    assert read == utc(2026, 10, 25, 0, 30)
    assert call("add_days", utc(2026, 10, 24, 0, 30), 1, here=BERLIN) == utc(2026, 10, 25, 0, 30)


# ------------------------------------------------------------------------------------ round trips


@given(DAYS, st.sampled_from(["yyyy-MM-dd", "yyyyMMdd", "dd.MM.yy", "yyMMdd", "MM/dd/yyyy", "yyyy年MM月dd日"]))
def test_a_date_written_and_read_by_one_pattern_is_the_same(day: date, pattern: str) -> None:
    assert call("parse_date", call("date", day, pattern), pattern) == day
    assert call("parse_date", call("date", day)) == day


@given(
    MOMENTS,
    st.sampled_from(["yyyy-MM-ddTHH:mm:ss.SSSXXX", "yyyyMMddHHmmssSSSXXX", "dd.MM.yy XXX HH'h'mm'm'ss.SSS"]),
    st.sampled_from([SHANGHAI, BERLIN, ZoneInfo("UTC")]),
)
def test_a_moment_written_and_read_by_one_pattern_is_the_same_millisecond(
    moment: datetime, pattern: str, zone: ZoneInfo
) -> None:
    written = call("date", moment, pattern, here=zone)
    instant = moment.astimezone(UTC)  # else Python calls a time that clocks show twice unequal to all others
    assert call("parse_date", written, pattern) == instant.replace(microsecond=instant.microsecond // 1000 * 1000)
    assert call("parse_date", call("date", moment, here=zone)) == instant


@given(st.text(max_size=30))
def test_any_text_is_read_as_a_date_or_refused(text: str) -> None:
    for arguments in ((text,), (text, "yyyy-MM-dd HH:mm:ss.SSSXXX")):
        error = outcome("parse_date", *arguments)
        assert error is None or error.code in {"date-not-iso", "date-unreadable"}


# ------------------------------------------------------------------------------------ computing


@pytest.mark.parametrize(
    ("day", "days", "later"),
    [
        (DAY, 1, date(2026, 3, 2)),
        (DAY, -1, date(2026, 2, 28)),
        ("2028-02-28", 1, date(2028, 2, 29)),
        (MOMENT, 30, MOMENT + timedelta(days=30)),
        ("2026-03-01T08:30:00Z", 0, utc(2026, 3, 1, 8, 30)),
    ],
)
def test_days_are_added_to_dates_and_moments(day: Any, days: int, later: date) -> None:
    got = call("add_days", day, days)
    assert got == later
    assert type(got) is type(later)


def test_a_moment_keeps_its_time_of_day_when_the_clocks_change() -> None:
    noon = datetime(2026, 3, 28, 11, 0, tzinfo=UTC)  # 12:00 in Berlin, the day before summer time
    assert call("date", call("add_days", noon, 1, here=BERLIN), "HH:mm", here=BERLIN) == "12:00"


@pytest.mark.parametrize("days", [10**7, -(10**7), 10**30])
def test_a_day_outside_the_calendar_is_refused(days: int) -> None:
    assert refusal("add_days", DAY, days).code == "date-out-of-range"


def test_half_a_day_is_refused() -> None:
    assert refusal("add_days", DAY, "1").code == "function-needs-number"


@pytest.mark.parametrize(
    ("first", "second", "days"),
    [
        ("2026-02-28", "2026-03-01", 1),
        (date(2026, 3, 1), date(2026, 2, 28), -1),
        (DAY, MOMENT, 1),
        (MOMENT, MOMENT + timedelta(hours=23), 0),
        (MOMENT, MOMENT + timedelta(hours=24), 1),
        (datetime(2026, 3, 1, 23, 0, tzinfo=timezone(timedelta(hours=-8))), date(2026, 3, 1), -1),
    ],
)
def test_days_between_counts_calendar_days_of_the_zone(first: Any, second: Any, days: int) -> None:
    assert call("days_between", first, second) == days


@given(DAYS, st.integers(-3000, 3000))
def test_adding_days_and_counting_them_agree(day: date, days: int) -> None:
    assert call("days_between", day, call("add_days", day, days)) == days
    moment = datetime.combine(day, time(1, 30), BERLIN)
    assert call("days_between", moment, call("add_days", moment, days, here=BERLIN), here=BERLIN) == days
