# cython: language_level=3, boundscheck=False, wraparound=False, binding=True
"""Reads an event's JSON for its type, with typed values in one pass, in C by way of Cython.

It knows ordinary forms only and says None for any other: `bus.validate` then reads the body in Python, which alone says
what is valid. A property test holds what is read here to it.

Pointers go through octets that came from outside, so each step says first that it stays within what is there.
"""

import re
from decimal import Decimal
from sys import intern

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.datetime cimport date_new, import_datetime
from cpython.long cimport PyLong_FromLongLong
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF, Py_XDECREF
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.string cimport memchr, memcmp, memcpy

from bus import types
from bus.codecs.json_format import decode_ordinary
from bus.plain import parse_iso_datetime

cdef extern from "Python.h":
    str PyUnicode_New(Py_ssize_t size, Py_UCS4 largest)
    void* PyUnicode_DATA(object text)
    int PyDict_SetItem(object made, object name, object value) except -1

ctypedef const unsigned char* octets

cdef enum:
    TEXT
    INTEGER
    DECIMAL
    BOOLEAN
    DATE
    DATETIME
    ANY
    LIST
    RECORD
    MOST = 64  # fields of a record: a bit for each
    DEEPEST = 32  # lists and records in one another
    DIGITS = 18  # of an integer
    LENGTH = 28  # of a number with a fraction, which is then in range
    REMEMBERED = 1024  # numbers with a fraction
    SHORT = 16  # octets of one that is remembered

cdef struct Cursor:
    octets at  # NULL once something was not ordinary
    octets end
    int depth

cdef struct Field:
    octets quoted  # its name as it stands in a body
    Py_ssize_t size
    PyObject* name
    PyObject* type
    Py_ssize_t next  # the field that stood behind it the last time

cdef struct Number:
    unsigned char written[SHORT]
    Py_ssize_t size
    PyObject* value


cdef class Type:
    """What a value must be."""

    cdef int kind
    cdef Type item  # of a list
    # Of a record:
    cdef Field fields[MOST]
    cdef Py_ssize_t count
    cdef Py_ssize_t first  # the field that stood first the last time
    cdef unsigned long long required
    cdef list held  # what the fields point to

    def __cinit__(self, int kind):
        self.kind, self.held = kind, []


cdef Type anything = Type(ANY), undeclared = Type(RECORD)
cdef dict scalars = {
    types.TEXT: Type(TEXT), types.INTEGER: Type(INTEGER), types.DECIMAL: Type(DECIMAL), types.BOOLEAN: Type(BOOLEAN),
    types.DATE: Type(DATE), types.DATETIME: Type(DATETIME), types.ANY: anything,
}
cdef Number numbers[REMEMBERED]
cdef int[13] days = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
cdef object is_written_as_it_is = re.compile(r'[^\x00-\x1F"\\\uD800-\uDFFF]*').fullmatch
cdef object a_decimal = Decimal, decode = decode_ordinary, moment_of = parse_iso_datetime
import_datetime()


# --------------------------------------------------------------------------------------------- types


cdef Type type_of(declared, int depth):
    """None of a type that is not read here."""
    cdef Type type_, inner
    if isinstance(declared, types.Scalar):
        return scalars.get(declared)
    if depth == DEEPEST:
        return None
    if isinstance(declared, types.ListOf):
        type_ = Type(LIST)
        type_.item = type_of(declared.item, depth + 1)
        return None if type_.item is None else type_
    type_ = Type(RECORD)
    for name, field in declared.fields.items():
        inner = type_of(field.type, depth + 1)
        if inner is None or type_.count == MOST or type(name) is not str or not is_written_as_it_is(name):
            return None
        add(type_, intern(name), b'"%b"' % name.encode(), inner, field.required)
    return type_


cdef add(Type record_, str name, bytes quoted, Type inner, bint required):
    cdef Field* field = &record_.fields[record_.count]
    record_.held += (name, quoted, inner)
    field.name, field.type = <PyObject*>name, <PyObject*>inner
    field.quoted, field.size = <octets>PyBytes_AS_STRING(quoted), PyBytes_GET_SIZE(quoted)
    field.next = record_.count + 1
    record_.required |= <unsigned long long>required << record_.count
    record_.count += 1


# -------------------------------------------------------------------------------------------- tokens


cdef inline object leave(Cursor* cursor):
    """Say that something is not ordinary."""
    cursor.at = NULL
    return None


cdef inline int octet(octets at, octets end) noexcept:
    """What stands there; -1 at the end."""
    return at[0] if at < end else -1


cdef inline bint is_digit(int octet_) noexcept:
    return c"0" <= octet_ <= c"9"


cdef inline octets past_blanks(octets at, octets end) noexcept:
    while at < end and (at[0] == c" " or at[0] == c"\n" or at[0] == c"\r" or at[0] == c"\t"):
        at += 1
    return at


cdef inline bint past(Cursor* cursor, char sign) noexcept:
    """Go past a sign and the blanks around it, if it stands there."""
    cursor.at = past_blanks(cursor.at, cursor.end)
    if octet(cursor.at, cursor.end) != sign:
        return False
    cursor.at = past_blanks(cursor.at + 1, cursor.end)
    return True


cdef inline object word(Cursor* cursor, const char* letters, Py_ssize_t size, object meant):
    if cursor.end - cursor.at < size or memcmp(cursor.at, letters, size) != 0:
        return leave(cursor)
    cursor.at += size
    return meant


cdef inline str ascii(octets at, Py_ssize_t size):
    """A text of two characters or more; Python keeps those of one."""
    cdef str made = PyUnicode_New(size, 0x7F)
    memcpy(PyUnicode_DATA(made), at, size)
    return made


cdef object text(Cursor* cursor):
    cdef octets begin, at, end = cursor.end
    cdef unsigned char bits = 0
    if octet(cursor.at, end) != c'"':
        return leave(cursor)
    begin = at = cursor.at + 1
    while at < end and at[0] != c'"':
        if at[0] < c" " or at[0] == c"\\":
            return escaped(cursor)
        bits |= at[0]
        at += 1
    if at == end:
        return leave(cursor)
    cursor.at = at + 1
    if bits > 0x7F or at - begin < 2:
        return PyUnicode_DecodeUTF8(<const char*>begin, at - begin, NULL)
    return ascii(begin, at - begin)


cdef object escaped(Cursor* cursor):
    """A text by the decoder that Python has for whole bodies."""
    cdef octets begin = cursor.at, at = begin + 1, end = cursor.end
    while at < end and at[0] != c'"':
        at += 2 if at[0] == c"\\" and end - at > 1 else 1
    if at == end:
        return leave(cursor)
    cursor.at = at + 1
    return decode(PyBytes_FromStringAndSize(<const char*>begin, cursor.at - begin))


cdef object undeclared_name(Cursor* cursor):
    """A name without escapes; with some it could be one that is declared."""
    cdef octets begin = cursor.at
    name = text(cursor)
    if cursor.at is NULL or memchr(begin, c"\\", cursor.at - begin) is not NULL:
        return leave(cursor)
    return name


cdef object number(Cursor* cursor, bint whole):
    cdef octets begin = cursor.at, at = begin, end = cursor.end
    cdef unsigned long long value = 0
    cdef bint negative = octet(at, end) == c"-"
    at += negative
    while is_digit(octet(at, end)):
        value = value * 10 + at[0] - c"0"
        at += 1
    cursor.at = at
    at = begin + negative
    if at == cursor.at or (at[0] == c"0" and cursor.at - at > 1):
        return leave(cursor)
    if octet(cursor.at, end) != c".":
        if cursor.at - at > DIGITS or (negative and value == 0):
            return leave(cursor)
        return PyLong_FromLongLong(-<long long>value if negative else <long long>value)
    at = cursor.at + 1
    cursor.at = at
    while is_digit(octet(cursor.at, end)):
        cursor.at += 1
    if whole or cursor.at == at or cursor.at - begin > LENGTH:
        return leave(cursor)
    return fraction(begin, cursor.at - begin)


cdef object fraction(octets at, Py_ssize_t size):
    """A number with a fraction: quantities and prices come again, and to remember one is quicker than to make it."""
    cdef Py_ssize_t n
    cdef unsigned int place = 0
    cdef Number* known
    cdef PyObject* before
    if size > SHORT:
        return a_decimal(ascii(at, size))
    for n in range(size):
        place = place * 31 + at[n]
    known = &numbers[place % REMEMBERED]
    if known.size == size and memcmp(known.written, at, size) == 0:
        return <object>known.value
    made = a_decimal(ascii(at, size))
    before = known.value
    memcpy(known.written, at, size)
    known.size, known.value = size, <PyObject*>made
    Py_INCREF(made)
    Py_XDECREF(before)
    return made


cdef inline int two_digits(octets at) noexcept:
    """What they say; what is no digits is far below zero."""
    return at[0] * 10 + at[1] - c"0" * 11 if is_digit(at[0]) and is_digit(at[1]) else -10_000


cdef inline bint is_leap(int year) noexcept:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


cdef object day(Cursor* cursor):
    cdef octets at = cursor.at
    cdef int year, month, day_
    if cursor.end - at < 12 or at[0] != c'"' or at[5] != c"-" or at[8] != c"-" or at[11] != c'"':
        return leave(cursor)
    year, month, day_ = two_digits(at + 1) * 100 + two_digits(at + 3), two_digits(at + 6), two_digits(at + 9)
    if year < 1 or not 1 <= month <= 12 or not 1 <= day_ <= days[month] + (month == 2 and is_leap(year)):
        return leave(cursor)
    cursor.at += 12
    return date_new(year, month, day_)


cdef object moment(Cursor* cursor, zone):
    written = text(cursor)
    if cursor.at is NULL:
        return None
    made = moment_of(written, zone)
    return leave(cursor) if made is None else made


# -------------------------------------------------------------------------------------------- values


cdef object value(Type type_, bint required, Cursor* cursor, zone):
    """The value that begins at the cursor, which then is behind it."""
    cdef int first = octet(cursor.at, cursor.end), kind = type_.kind
    if first == c"n" and not required:
        return word(cursor, "null", 4, None)
    if kind == TEXT:
        return text(cursor)
    if kind == INTEGER or kind == DECIMAL:
        return number(cursor, kind == INTEGER)
    if kind == DATE:
        return day(cursor)
    if kind == DATETIME:
        return moment(cursor, zone)
    if kind == LIST:
        return items(type_.item, True, cursor, zone)
    if kind == RECORD:
        return record(type_, cursor, zone)
    if first == c"t":
        return word(cursor, "true", 4, True)
    if first == c"f":
        return word(cursor, "false", 5, False)
    if kind == BOOLEAN:
        return leave(cursor)
    if first == c'"':
        return text(cursor)
    if first == c"[":
        return items(anything, False, cursor, zone)
    if first == c"{":
        return record(undeclared, cursor, zone)
    return number(cursor, False)


cdef object items(Type item, bint required, Cursor* cursor, zone):
    cdef list made = []
    if cursor.depth == DEEPEST or not past(cursor, c"["):
        return leave(cursor)
    cursor.depth += 1
    if not past(cursor, c"]"):
        while True:
            held = value(item, required, cursor, zone)
            if cursor.at is NULL:
                return None
            made.append(held)
            if not past(cursor, c","):
                break
        if not past(cursor, c"]"):
            return leave(cursor)
    cursor.depth -= 1
    return made


cdef inline bint stands(Field* field, octets at, octets end) noexcept:
    return end - at >= field.size and memcmp(at, field.quoted, field.size) == 0


cdef inline Py_ssize_t found(Type record_, Py_ssize_t likely, octets at, octets end) noexcept:
    """The field whose name stands there, -1 where it is none of the record's."""
    cdef Py_ssize_t n
    if likely < record_.count and stands(&record_.fields[likely], at, end):
        return likely
    for n in range(record_.count):
        if stands(&record_.fields[n], at, end):
            return n
    return -1


cdef object record(Type type_, Cursor* cursor, zone):
    cdef dict made = {}
    cdef Py_ssize_t n
    cdef Py_ssize_t* likely = &type_.first
    cdef unsigned long long seen = 0
    cdef Field* field
    cdef Type inner
    cdef bint required
    if cursor.depth == DEEPEST or not past(cursor, c"{"):
        return leave(cursor)
    cursor.depth += 1
    if not past(cursor, c"}"):
        while True:
            n = found(type_, likely[0], cursor.at, cursor.end)
            if n < 0:
                name, inner, required = undeclared_name(cursor), anything, False
                if cursor.at is NULL:
                    return None
            else:
                field = &type_.fields[n]
                name, inner, required = <object>field.name, <Type>field.type, type_.required >> n & 1
                cursor.at += field.size
                likely[0] = n
                likely = &field.next
                seen |= 1ULL << n
            if not past(cursor, c":"):
                return leave(cursor)
            held = value(inner, required, cursor, zone)
            if cursor.at is NULL:
                return None
            PyDict_SetItem(made, name, held)
            if not past(cursor, c","):
                break
        if not past(cursor, c"}"):
            return leave(cursor)
    if type_.required & ~seen:
        return leave(cursor)
    cursor.depth -= 1
    return made


cdef class Reader:
    """Reads the bodies of one type of event."""

    cdef Type _type

    def __cinit__(self, Type type_ not None):
        self._type = type_

    def read(self, body, zone):
        """The data of an ordinary body, None of any other."""
        cdef Cursor cursor
        if type(body) is not bytes:
            return None
        cursor.at, cursor.depth = <octets>PyBytes_AS_STRING(body), 0
        cursor.end = cursor.at + PyBytes_GET_SIZE(body)
        try:
            data = record(self._type, &cursor, zone)
        except Exception:  # Python meets it again
            return None
        return data if cursor.at == cursor.end else None


def ordinary_reader(data, /):
    """The `read` of a Reader of such data; None where it holds what is not read here."""
    type_ = type_of(data, 0)
    return None if type_ is None else Reader(type_).read
