# cython: language_level=3, boundscheck=False, wraparound=False, binding=True
"""What is done for every event and every delivery, in C by way of Cython; what is not ordinary is left to Python."""

from datetime import timedelta, timezone

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.datetime cimport datetime_new, import_datetime
from cpython.dict cimport PyDict_Next
from cpython.object cimport PyObject
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

cdef extern from "Python.h":
    const char* PyUnicode_AsUTF8AndSize(object text, Py_ssize_t* size) except NULL
    object PyUnicode_New(Py_ssize_t size, Py_UCS4 largest)
    bint PyUnicode_IS_COMPACT_ASCII(object text)
    unsigned char* PyUnicode_1BYTE_DATA(object text)

import_datetime()
ctypedef const unsigned char* octets

cdef enum:
    BLOCK = 64  # octets that SHA-1 takes at a time
    LENGTH = 8  # … of which the last ones say how long the whole is
    NAMESPACE = 16
    UUID = 36
    LONGEST_ID = 255
    WHOLE = 7  # texts of an envelope
    TIME = 5  # place of the time among them
    SHORTEST = 20  # characters of a time
    MICRO = 6  # digits of a fraction that Python keeps
    NANO = 9  # … and that are read

cdef dict offsets = {0: timezone.utc}  # by minutes
cdef bytes namespace_url = bytes.fromhex("6ba7b8119dad11d180b400c04fd430c8")
cdef octets digits = b"0123456789abcdef"


# ------------------------------------------------------------------------------------- ids of deliveries

cdef inline uint32_t turned(uint32_t word, int left) noexcept:
    return word << left | word >> (32 - left)


cdef void add_block(uint32_t* sums, octets at) noexcept:
    """One block of SHA-1, after FIPS 180-4."""
    cdef uint32_t words[80]
    cdef uint32_t a = sums[0], b = sums[1], c = sums[2], d = sums[3], e = sums[4], mixed
    cdef int n
    for n in range(16):
        words[n] = <uint32_t>at[4 * n] << 24 | at[4 * n + 1] << 16 | at[4 * n + 2] << 8 | at[4 * n + 3]
    for n in range(16, 80):
        words[n] = turned(words[n - 3] ^ words[n - 8] ^ words[n - 14] ^ words[n - 16], 1)
    for n in range(20):
        mixed = turned(a, 5) + (d ^ (b & (c ^ d))) + e + words[n] + 0x5A827999U
        e, d, c, b, a = d, c, turned(b, 30), a, mixed
    for n in range(20, 40):
        mixed = turned(a, 5) + (b ^ c ^ d) + e + words[n] + 0x6ED9EBA1U
        e, d, c, b, a = d, c, turned(b, 30), a, mixed
    for n in range(40, 60):
        mixed = turned(a, 5) + ((b & c) | (d & (b | c))) + e + words[n] + 0x8F1BBCDCU
        e, d, c, b, a = d, c, turned(b, 30), a, mixed
    for n in range(60, 80):
        mixed = turned(a, 5) + (b ^ c ^ d) + e + words[n] + 0xCA62C1D6U
        e, d, c, b, a = d, c, turned(b, 30), a, mixed
    sums[0] += a
    sums[1] += b
    sums[2] += c
    sums[3] += d
    sums[4] += e


def delivery_id(str source, str id_, str route, str system, round_=0):
    """The id of one delivery; see `bus.event`."""
    cdef tuple parts = (source, id_, route, system, round_ if type(round_) is str else str(round_))
    cdef Py_ssize_t size = NAMESPACE + len(parts) - 1, long_, part_size
    cdef const char* part_octets
    cdef str part, made
    cdef bytes whole
    cdef unsigned char* at
    cdef uint32_t sums[5]
    cdef unsigned char byte
    cdef int n
    for part in parts:
        PyUnicode_AsUTF8AndSize(part, &part_size)
        size += part_size
    long_ = (size + LENGTH) // BLOCK * BLOCK + BLOCK
    whole = PyBytes_FromStringAndSize(NULL, long_)
    at = <unsigned char*>PyBytes_AS_STRING(whole)
    memcpy(at, PyBytes_AS_STRING(namespace_url), NAMESPACE)
    at += NAMESPACE
    for part in parts:
        part_octets = PyUnicode_AsUTF8AndSize(part, &part_size)
        memcpy(at, part_octets, part_size)
        at += part_size
        at[0], at = c"\n", at + 1
    at = <unsigned char*>PyBytes_AS_STRING(whole) + size
    at[0] = 0x80  # in the place of the last line's end: one bit, and zeros
    memset(at + 1, 0, long_ - size - 1)
    for n in range(LENGTH):
        (<unsigned char*>PyBytes_AS_STRING(whole))[long_ - 1 - n] = <unsigned char>(<uint64_t>size * 8 >> 8 * n)
    sums[:] = [0x67452301U, 0xEFCDAB89U, 0x98BADCFEU, 0x10325476U, 0xC3D2E1F0U]
    for part_size in range(0, long_, BLOCK):
        add_block(sums, <octets>PyBytes_AS_STRING(whole) + part_size)
    made = PyUnicode_New(UUID, 127)
    at = PyUnicode_1BYTE_DATA(made)
    for n in range(16):
        if n == 4 or n == 6 or n == 8 or n == 10:
            at[0] = c"-"
            at += 1
        byte = <unsigned char>(sums[n // 4] >> (24 - 8 * (n % 4)))
        if n == 6:
            byte = byte & 0x0F | 0x50  # version 5
        elif n == 8:
            byte = byte & 0x3F | 0x80  # variant 10xx
        at[0], at[1] = digits[byte >> 4], digits[byte & 0x0F]
        at += 2
    return made


# --------------------------------------------------------------------------------------- ordinary envelopes

def ordinary_envelope(headers, tuple names, /):
    """The values of a whole envelope that says all an event does: id, source, type, subject, its time, key.

    Args:
        names: of the seven headers; other orders than theirs are not ordinary here.

    Returns:
        None unless they come first, and all texts are of printable ASCII without a blank.
    """
    cdef Py_ssize_t place = 0
    cdef int number = 0
    cdef PyObject* name
    cdef PyObject* value
    cdef PyObject* values[WHOLE]
    while PyDict_Next(headers, &place, &name, &value):
        if not is_plain(<object>value):
            return None
        if number < WHOLE:
            if name != <PyObject*>names[number] and <object>name != names[number]:
                return None
            values[number] = value
        number += 1
    if number < WHOLE or len(<str>values[1]) > LONGEST_ID or <str>values[0] != "1.0":
        return None
    moment = moment_of(PyUnicode_1BYTE_DATA(<object>values[TIME]), len(<str>values[TIME]))
    if moment is None:
        return None
    return <object>values[1], <object>values[2], <object>values[3], <object>values[4], moment, <object>values[6]


cdef inline bint is_plain(object text):
    cdef octets at
    cdef Py_ssize_t n, size
    if type(text) is not str or not PyUnicode_IS_COMPACT_ASCII(text):
        return False
    at, size = PyUnicode_1BYTE_DATA(text), len(<str>text)
    for n in range(size):
        if at[n] <= 0x20 or at[n] >= 0x7F:
            return False
    return size > 0


cdef inline int number_of(octets at, int size) noexcept:
    """The number that so many digits write; -1 where they are none."""
    cdef int number = 0, n
    for n in range(size):
        if not c"0" <= at[n] <= c"9":
            return -1
        number = 10 * number + at[n] - c"0"
    return number


cdef object moment_of(octets at, Py_ssize_t size):
    """The time of a text as RFC 3339 has it; None of any other, and at the ends of the calendar."""
    cdef int year, month, day, hour, minute, second, hours, minutes, micro = 0, kept = 0
    cdef Py_ssize_t place = SHORTEST - 1
    if size < SHORTEST or at[4] != c"-" or at[7] != c"-" or at[10] != c"T" or at[13] != c":" or at[16] != c":":
        return None
    year, month, day = number_of(at, 4), number_of(at + 5, 2), number_of(at + 8, 2)
    hour, minute, second = number_of(at + 11, 2), number_of(at + 14, 2), number_of(at + 17, 2)
    if not (1 < year < 9999 and 1 <= month <= 12 and 1 <= day <= days_of(year, month)):
        return None
    if not (0 <= hour <= 23 and 0 <= minute <= 59 and 0 <= second <= 59):
        return None
    if at[place] == c".":
        place += 1
        while place < size and c"0" <= at[place] <= c"9":
            if kept < MICRO:
                micro = 10 * micro + at[place] - c"0"
            kept += 1
            place += 1
        if not 1 <= kept <= NANO:
            return None
        while kept < MICRO:
            micro, kept = 10 * micro, kept + 1
    if size - place == 1 and at[place] == c"Z":
        return datetime_new(year, month, day, hour, minute, second, micro, offsets[0])
    if size - place != 6 or (at[place] != c"+" and at[place] != c"-") or at[place + 3] != c":":
        return None
    hours, minutes = number_of(at + place + 1, 2), number_of(at + place + 4, 2)
    if not (0 <= hours <= 23 and 0 <= minutes <= 59):
        return None
    minutes += 60 * hours
    return datetime_new(
        year, month, day, hour, minute, second, micro, zone_of(-minutes if at[place] == c"-" else minutes)
    )


cdef object zone_of(int minutes):
    zone = offsets.get(minutes)
    if zone is None:
        zone = offsets[minutes] = timezone(timedelta(minutes=minutes))
    return zone


cdef inline int days_of(int year, int month) noexcept:
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month == 4 or month == 6 or month == 9 or month == 11 else 31
