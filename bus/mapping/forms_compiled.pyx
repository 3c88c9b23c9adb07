# cython: language_level=3, boundscheck=False, wraparound=False, binding=True
"""Fills in the forms of `bus.mapping.forms`, in C by way of Cython.

It writes ordinary values only and gives None for a document with any other. A property test holds what is written here
to what the generated Python makes.
"""

from decimal import Decimal

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.datetime cimport PyDate_CheckExact, PyDateTime_GET_DAY, PyDateTime_GET_MONTH, PyDateTime_GET_YEAR, import_datetime
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF, Py_XDECREF
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memchr, memcpy, memmove

from bus.codecs import write_json_fast
from bus.mapping import pieces
from bus.mapping.values import xml_attribute, xml_text

cdef extern from "Python.h":
    const char* PyUnicode_AsUTF8AndSize(object text, Py_ssize_t* size) except NULL
    PyObject* PyDict_GetItemWithError(object held, object key) except? NULL
    object PyObject_Vectorcall(object function, PyObject** arguments, size_t count, PyObject* names)
    long long PyLong_AsLongLongAndOverflow(object number, int* overflow) except? -1

ctypedef const unsigned char* octets

cdef enum:
    TEXT
    BLANK
    LOOP
    PROVIDED
    NAMED
    OPTIONAL
    MOST = 1 << 18  # octets of a document, and rounds of its loops: Python counts what goes beyond
    FEW = 1 << 10  # octets that most documents need
    NAMES = 64
    REMEMBERED = 1024  # decimals with their texts
    SHORT = 16  # characters of one that is remembered
    # How a value is written.
    AS_XML = 0
    AS_ATTRIBUTE = 1
    AS_JSON = 2
    # Kinds of octets in a text.
    FINE = 0
    ODD = 1  # not as it is
    MAYBE = 2  # the first octet of U+FFFE and U+FFFF, and of others

cdef struct Shown:
    PyObject* number
    PyObject* text

cdef Shown numbers[REMEMBERED]
cdef unsigned char kinds[3][256]
cdef dict as_what = {xml_text: AS_XML, xml_attribute: AS_ATTRIBUTE, write_json_fast: AS_JSON}
cdef dict kind_of = {
    pieces.Text: TEXT, pieces.Blank: BLANK, pieces.Loop: LOOP, pieces.If: PROVIDED, pieces.Named: NAMED,
    pieces.Optional: OPTIONAL,
}
cdef object a_decimal = Decimal
import_datetime()


class _Unusual(Exception):
    """The document is none that is written here."""


cdef void sort_octets() noexcept:
    """Say of each octet whether it can stand in each kind of text as it is."""
    cdef int n
    for n in range(0x20):
        kinds[AS_XML][n] = kinds[AS_ATTRIBUTE][n] = kinds[AS_JSON][n] = ODD
    kinds[AS_XML][c"\t"] = kinds[AS_XML][c"\n"] = FINE
    for n in b"&<>":
        kinds[AS_XML][n] = kinds[AS_ATTRIBUTE][n] = ODD
    kinds[AS_ATTRIBUTE][c'"'] = kinds[AS_JSON][c'"'] = kinds[AS_JSON][c"\\"] = ODD
    kinds[AS_XML][0xEF] = kinds[AS_ATTRIBUTE][0xEF] = MAYBE


sort_octets()


# ------------------------------------------------------------------------------------------ the form

cdef class Piece:
    """One of a form's pieces, of any kind."""

    cdef int kind
    cdef bytes before, after
    cdef bint optional, parted
    cdef int written
    cdef object write
    cdef tuple attributes, inside
    # The value:
    cdef bint called
    cdef int function, names, slot, places
    cdef tuple fields
    cdef dict column
    # … and where it is kept:
    cdef int item, counter


cdef tuple pieces_of(made):
    return tuple([piece_of(one) for one in made])


cdef Piece piece_of(made):
    cdef Piece piece = Piece()
    piece.kind, piece.item, piece.counter, piece.places = kind_of[type(made)], -1, -1, -1
    piece.before, piece.after = getattr(made, "before", b""), getattr(made, "after", b"")
    piece.optional = getattr(made, "optional", False)
    piece.attributes, piece.inside = pieces_of(getattr(made, "attributes", ())), pieces_of(getattr(made, "inside", ()))
    if piece.kind == TEXT:
        piece.before = made.octets
    elif piece.kind == BLANK:
        piece.write, piece.written = made.write, as_what[made.write]
    elif piece.kind == LOOP:
        piece.item, piece.counter = made.item, made.counter
    elif piece.kind == NAMED:
        piece.item = made.slot
    value = getattr(made, "value", None)
    if isinstance(value, pieces.Call):
        piece.called, piece.function, piece.names = True, value.function, value.names
    elif value is not None:
        piece.slot, piece.fields, piece.column, piece.places = value
    piece.parted = piece.before[:1] not in (b"", b"}", b"]")
    return piece


cdef struct Out:
    char* data
    Py_ssize_t size
    Py_ssize_t room
    Py_ssize_t rounds
    bint with_commas


def filler(made, tuple functions, bint with_commas, /):
    """Return what fills in a form of these pieces."""
    cdef Form form = Form()
    form.pieces, form.functions, form.with_commas = pieces_of(made), functions, with_commas
    return form.fill


cdef class Form:
    """A form, ready to be filled in; see `forms.form_of`."""

    cdef tuple pieces, functions
    cdef bint with_commas

    def fill(self, event, data, ctx, /):
        """The document, or None where Python must make it, or refuse to."""
        cdef PyObject* names[NAMES]
        cdef Out out
        cdef list held = [event, data, ctx, [MOST]]  # what names stand for; the last is what functions count rounds by
        cdef Py_ssize_t n
        for n in range(4):
            names[n] = <PyObject*>held[n]
        out.data, out.size, out.room, out.rounds = <char*>malloc(FEW), 0, FEW, 0
        out.with_commas = self.with_commas
        if out.data is NULL:
            raise MemoryError
        try:
            self.put_all(&out, self.pieces, names, held)
            return PyBytes_FromStringAndSize(out.data, out.size)
        except Exception:  # Python fails at the same place, and says why
            return None
        finally:
            free(out.data)

    cdef int put_all(self, Out* out, tuple pieces, PyObject** names, list held) except -1:
        cdef Piece piece
        for piece in pieces:
            if piece.kind == TEXT:
                part(out, piece)
                put_bytes(out, piece.before)
            elif piece.kind == BLANK:
                self.put_blank(out, piece, names)
            elif piece.kind == LOOP:
                self.put_loop(out, piece, names, held)
            elif piece.kind == PROVIDED:
                if self.value(piece, names) is True:
                    self.put_all(out, piece.inside, names, held)
            elif piece.kind == NAMED:
                value = self.value(piece, names)
                held.append(value)
                names[piece.item] = <PyObject*>value
            else:
                self.put_optional(out, piece, names, held)
        return 0

    cdef int put_blank(self, Out* out, Piece piece, PyObject** names) except -1:
        value = self.value(piece, names)
        if is_empty(value) or (piece.optional and (type(value) is list or type(value) is dict) and not value):
            if piece.optional:
                return 0
            raise _Unusual
        part(out, piece)
        put_bytes(out, piece.before)
        put_value(out, piece, value)
        put_bytes(out, piece.after)
        return 0

    cdef int put_loop(self, Out* out, Piece piece, PyObject** names, list held) except -1:
        cdef Py_ssize_t begin = out.size, number = 0
        cdef object counted
        over = self.value(piece, names)
        if over is not None and type(over) is not list:
            raise _Unusual
        part(out, piece)
        put_bytes(out, piece.before)
        for member in over or ():
            number += 1
            out.rounds += 1
            if out.rounds > MOST:
                raise _Unusual
            names[piece.item] = <PyObject*>member
            if piece.counter >= 0:
                counted = number
                held.append(counted)
                names[piece.counter] = <PyObject*>counted
            self.put_all(out, piece.inside, names, held)
        if piece.optional and not number:
            out.size = begin
            return 0
        put_bytes(out, piece.after)
        return 0

    cdef int put_optional(self, Out* out, Piece piece, PyObject** names, list held) except -1:
        cdef Py_ssize_t begin = out.size, filled
        put_bytes(out, piece.before)
        filled = out.size
        self.put_all(out, piece.attributes, names, held)
        filled = out.size - filled
        put(out, <octets>b">", 1)
        filled -= out.size
        self.put_all(out, piece.inside, names, held)
        filled += out.size
        if filled:
            put_bytes(out, piece.after)
        else:
            out.size = begin
        return 0

    cdef object value(self, Piece piece, PyObject** names):
        cdef PyObject* found
        if piece.called:
            return PyObject_Vectorcall(<object>self.functions[piece.function], names, piece.names, NULL)
        value = <object>names[piece.slot]
        for field in piece.fields:
            if value is None:
                return None
            if type(value) is not dict:
                raise _Unusual
            found = PyDict_GetItemWithError(value, field)
            value = None if found is NULL else <object>found
        if piece.column is not None and value is not None:
            found = PyDict_GetItemWithError(piece.column, value)
            if found is NULL:
                raise _Unusual
            return <object>found
        return value


# -------------------------------------------------------------------------------------------- values

cdef inline bint is_empty(object value):
    """Whether it is null, a text of blanks, or holds nothing."""
    cdef octets at
    cdef Py_ssize_t size
    if type(value) is str:
        at = <octets>PyUnicode_AsUTF8AndSize(value, &size)
        return size == 0 or ((at[0] <= 0x20 or at[0] >= 0x80) and (<str>value).isspace())
    return value is None


cdef int put_value(Out* out, Piece piece, object value) except -1:
    cdef Py_ssize_t size
    cdef octets at
    cdef int beyond = 0
    cdef long long number
    if type(value) is str:
        at = <octets>PyUnicode_AsUTF8AndSize(value, &size)
        if stands(at, size, piece.written):
            if piece.written != AS_JSON:
                return put(out, at, size)
            put(out, <octets>b'"', 1)
            put(out, at, size)
            return put(out, <octets>b'"', 1)
    elif type(value) is int:
        number = PyLong_AsLongLongAndOverflow(value, &beyond)
        if not beyond:
            if number < 0:
                put(out, <octets>b"-", 1)
            return put_digits(out, 0 - <unsigned long long>number if number < 0 else <unsigned long long>number, 1)
    elif PyDate_CheckExact(value):
        return put_day(out, value, b'"' if piece.written == AS_JSON else b"")
    elif type(value) is a_decimal:
        text = shown_number(value)
        at = <octets>PyUnicode_AsUTF8AndSize(text, &size)
        if memchr(at, c"E", size) is NULL:
            return put_number(out, at, size, piece.places)
        if piece.places >= 0:
            raise _Unusual
    made = piece.write(value)
    if type(made) is bytes:
        return put_bytes(out, made)
    at = <octets>PyUnicode_AsUTF8AndSize(made, &size)
    return put(out, at, size)


cdef inline bint stands(octets at, Py_ssize_t size, int written) noexcept:
    """Whether a text can stand as it is, within its quotes."""
    cdef Py_ssize_t n
    cdef unsigned char* kind = kinds[written]
    for n in range(size):
        if kind[at[n]] == FINE:
            continue
        if kind[at[n]] == ODD or (at[n + 1] == 0xBF and at[n + 2] >= 0xBE):  # two more follow that one
            return False
    return True


cdef object shown_number(number):
    """The text of a decimal; the reader of an event gives the same one for the same octets again and again."""
    cdef Shown* known = &numbers[(<size_t><PyObject*>number >> 4) % REMEMBERED]
    cdef PyObject* before = known.number
    cdef PyObject* text_before = known.text
    if before == <PyObject*>number:
        return <object>text_before
    text = str(number)
    if len(<str>text) <= SHORT:
        known.number, known.text = <PyObject*>number, <PyObject*>text
        Py_INCREF(number)
        Py_INCREF(text)
        Py_XDECREF(before)
        Py_XDECREF(text_before)
    return text


cdef int put_digits(Out* out, unsigned long long number, int places) except -1:
    """A number of so many digits at least."""
    cdef unsigned char digits[24]
    cdef int n = 24
    while number or places > 0:
        n, places = n - 1, places - 1
        digits[n], number = <unsigned char>(c"0" + number % 10), number // 10
    return put(out, digits + n, 24 - n)


cdef int put_day(Out* out, object day, bytes quote) except -1:
    put_bytes(out, quote)
    put_digits(out, PyDateTime_GET_YEAR(day), 4)
    put(out, <octets>b"-", 1)
    put_digits(out, PyDateTime_GET_MONTH(day), 2)
    put(out, <octets>b"-", 1)
    put_digits(out, PyDateTime_GET_DAY(day), 2)
    return put_bytes(out, quote)


cdef int put_number(Out* out, octets at, Py_ssize_t size, int places) except -1:
    """A number without an exponent, rounded half up."""
    cdef octets point = <octets>memchr(at, c".", size)
    cdef Py_ssize_t begin = out.size, last
    cdef bint up
    if places < 0 or point is NULL or at + size - point - 1 <= places:
        return put(out, at, size)
    if at[0] == c"-":
        raise _Unusual
    up = point[1 + places] >= c"5"
    put(out, at, point - at + (1 + places if places else 0))
    last = out.size - 1
    while up and last >= begin:
        if out.data[last] == c"9":
            out.data[last] = c"0"
        elif out.data[last] != c".":
            out.data[last] += 1
            up = False
        last -= 1
    if up:
        put(out, <octets>b"0", 1)
        memmove(out.data + begin + 1, out.data + begin, out.size - begin - 1)
        out.data[begin] = c"1"
    return 0


# -------------------------------------------------------------------------------------------- octets

cdef inline int part(Out* out, Piece piece) except -1:
    """The comma between two members."""
    if out.with_commas and piece.parted and out.size:
        if out.data[out.size - 1] != c"{" and out.data[out.size - 1] != c"[":
            return put(out, <octets>b",", 1)
    return 0


cdef inline int put_bytes(Out* out, bytes made) except -1:
    return put(out, <octets>PyBytes_AS_STRING(made), len(made))


cdef inline int put(Out* out, octets at, Py_ssize_t size) except -1:
    cdef char* data
    if out.room - out.size < size:
        if size > MOST - out.size:
            raise _Unusual
        data = <char*>realloc(out.data, 2 * (out.size + size))
        if data is NULL:
            raise MemoryError
        out.data, out.room = data, 2 * (out.size + size)
    memcpy(out.data + out.size, at, size)
    out.size += size
    return 0
