# cython: language_level=3, boundscheck=False, wraparound=False, binding=True
"""What `frames_python` does, in C by way of Cython.

Pointers go through octets that came from outside, so each step says first that it stays within what is there. Whatever
does not is left to pika, as is all that is rare.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.dict cimport PyDict_Next
from cpython.object cimport PyObject
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.string cimport memcmp, memcpy

from bus.ports import Following, Shared
from bus.runtime.rabbitmq.frame_types import LARGEST, Arrived, Unusual, is_brokers_own

cdef extern from "Python.h":
    const char* PyUnicode_AsUTF8AndSize(object text, Py_ssize_t* size) except NULL

ctypedef const unsigned char* octets
ctypedef unsigned char* pen

cdef enum:
    METHOD = 1
    HEADER = 2
    BODY = 3
    PROTOCOL = 65  # `AMQP` and the version: what a broker says that speaks another one
    END = 0xCE
    BASIC = 60
    DELIVER = 0x003C003C
    ACK = 0x003C0050
    NACK = 0x003C0078
    PREAMBLE = 7  # octets of a frame before what it holds
    FRAME = 8  # … and with its end
    SHORTEST = 12  # of a method frame
    CONFIRM = 21
    CONTENT = 14  # class, weight, size and flags of a header frame
    NAMES = 9  # a delivery's tag, and whether it came again, stand before its names
    TEXT = 83  # S
    LONG = 108  # l
    INT = 73  # I
    OCTETS = 120  # x
    # Flags of the properties that the bus reads and writes.
    HAS_TYPE = 0x8000
    HAS_ENCODING = 0x4000
    HAS_HEADERS = 0x2000
    HAS_MODE = 0x1000
    HAS_ID = 0x0080
    HAS_USER = 0x0010
    WRITTEN = 0xF080
    PERSISTENT = 2
    REMEMBERED = 64  # names of a table's places

cdef unsigned long long longest = LARGEST
cdef object an_arrived = Arrived, a_shared = Shared, a_following = Following


# ------------------------------------------------------------------------------------------- reading

cdef inline unsigned int u16(octets at):
    return at[0] << 8 | at[1]


cdef inline unsigned int u32(octets at):
    return <unsigned int>at[0] << 24 | at[1] << 16 | at[2] << 8 | at[3]


cdef inline unsigned long long u64(octets at):
    return <unsigned long long>u32(at) << 32 | u32(at + 4)


cdef inline str text(octets at, Py_ssize_t size):
    return PyUnicode_DecodeUTF8(<const char*>at, size, NULL)


cdef inline str short_text(octets at):
    return text(at + 1, at[0])


cdef inline bytes raw(octets at, Py_ssize_t size):
    return PyBytes_FromStringAndSize(<const char*>at, size)


cdef inline bint begins(octets at, octets end, bytes same):
    """Whether what stands there begins so."""
    cdef Py_ssize_t size = len(same)
    return end - at >= size and memcmp(at, PyBytes_AS_STRING(same), size) == 0


cdef inline octets past(octets at, octets end, Py_ssize_t size) except NULL:
    """What is behind so many octets."""
    if end - at < size:
        raise Unusual
    return at + size


cdef inline octets past_short(octets at, octets end) except NULL:
    """What is behind a short text."""
    return past(past(at, end, 1), end, at[0])


cdef class Reader:
    """Takes deliveries and confirms out of a stream of frames; see `frames_python.Reader`."""

    cdef dict _takers
    cdef bytes _data
    cdef Py_ssize_t _at
    # Of the last message: the next one mostly has the same.
    cdef bytes _names, _opening
    cdef str _exchange, _routing_key, _content_type, _content_encoding
    cdef list _form  # of each place in a header table: the name's octets, the name, whether it is the broker's own

    def __init__(self, dict takers):
        self._takers = takers
        self._data = self._names = self._opening = b""
        self._at = 0
        self._exchange = self._routing_key = self._content_type = self._content_encoding = ""
        self._form = []

    def feed(self, bytes data):
        """Add what came from the socket."""
        self._data = self._data + data if self._data else data

    def rare(self):
        """Hand over what is for the takers; return the first whole frame that is not, None once none is left."""
        cdef bytes data = self._data
        cdef octets at
        cdef Py_ssize_t left, size
        cdef unsigned int method
        cdef int channel = -1  # whose taker it is
        cdef list together = []
        cdef object delivered = None, confirmed = None, taker
        while True:
            at, left = <octets>PyBytes_AS_STRING(data) + self._at, len(data) - self._at
            size = FRAME + (0 if left < FRAME or at[0] == PROTOCOL else u32(at + 3))
            if left < size:
                break
            if <int>u16(at + 1) != channel:
                if together:
                    delivered(together)
                    together = []
                channel = u16(at + 1)
                taker = self._takers.get(channel)
                delivered, confirmed = (None, None) if taker is None else taker
            method = u32(at + PREAMBLE) if at[0] == METHOD and size >= SHORTEST else 0
            if method == DELIVER and delivered is not None:
                try:
                    size = self._delivery(at, left, together)
                except (Unusual, UnicodeDecodeError):
                    return self._left(size, delivered, together)
                if not size:
                    break
                self._at += size
            elif (method == ACK or method == NACK) and confirmed is not None and size == CONFIRM and at[20] == END:
                self._at += size
                if together:
                    delivered(together)
                    together = []
                confirmed(u64(at + 11), bool(at[19] & 1), method == ACK)
                channel = -1  # whoever was told may have changed the takers
            else:
                return self._left(size, delivered, together)
        self._data, self._at = data[self._at:], 0
        if together:
            delivered(together)
        return None

    cdef bytes _left(self, Py_ssize_t size, object delivered, list together):
        """The frame that is left to pika, after what came before it."""
        cdef bytes frame = raw(<octets>PyBytes_AS_STRING(self._data) + self._at, size)
        self._at += size
        if together:
            delivered(together)
        return frame

    cdef Py_ssize_t _delivery(self, octets method, Py_ssize_t left, list together) except -1:
        """Read a delivery whose method frame is whole; return its size, 0 while the rest of it is missing."""
        cdef octets header = method + FRAME + u32(method + 3), last = method + left, names, end, body
        cdef unsigned long long size
        if last - header < PREAMBLE + CONTENT:
            return 0
        size = u64(header + 11)
        if header[0] != HEADER or u16(header + 1) != u16(method + 1) or size > longest:
            raise Unusual
        if last - header < FRAME + <Py_ssize_t>u32(header + 3):
            return 0
        end = header + PREAMBLE + u32(header + 3)
        body = end + 1
        if size:
            if last - body < <Py_ssize_t>(FRAME + size):
                return 0
            if body[0] != BODY or u16(body + 1) != u16(method + 1) or u32(body + 3) != size:
                raise Unusual
            body += PREAMBLE
            last = body + size + 1
        else:
            last = body
        if (header - 1)[0] != END or end[0] != END or (last - 1)[0] != END:
            raise Unusual
        names = past(past_short(method + 11, header), header, NAMES)
        if not self._names or not begins(names, header, self._names) or header - 1 - names != len(self._names):
            if past_short(past_short(names, header), header) != header - 1:
                raise Unusual
            self._names = b""
            self._exchange, self._routing_key = short_text(names), short_text(names + 1 + names[0])
            self._names = raw(names, header - 1 - names)
        together.append(self._arrived(u64(names - NAMES), header + PREAMBLE, end, raw(body, <Py_ssize_t>size)))
        return last - method

    cdef object _arrived(self, unsigned long long tag, octets content, octets end, bytes body):
        cdef octets at = past(content, end, CONTENT), middle
        cdef unsigned int flags = u16(at - 2)
        cdef object content_type = None, content_encoding = None, headers = None, message_id = None
        if flags & ~(WRITTEN | HAS_USER):
            raise Unusual
        if flags & HAS_TYPE and flags & HAS_ENCODING:
            if not self._opening or not begins(at, end, self._opening):
                middle = past_short(at, end)
                past_short(middle, end)
                self._opening = b""
                self._content_type, self._content_encoding = short_text(at), short_text(middle)
                self._opening = raw(at, middle + 1 + middle[0] - at)
            content_type, content_encoding = self._content_type, self._content_encoding
            at += len(self._opening)
        elif flags & HAS_TYPE:
            middle, at = at, past_short(at, end)
            content_type = short_text(middle)
        elif flags & HAS_ENCODING:
            middle, at = at, past_short(at, end)
            content_encoding = short_text(middle)
        if flags & HAS_HEADERS:
            middle = past(at, end, 4)
            at = past(middle, end, u32(at))
            headers = self._table(middle, at)
        if flags & HAS_MODE:
            at = past(at, end, 1)
        if flags & HAS_ID:
            middle, at = at, past_short(at, end)
            message_id = short_text(middle)
        if flags & HAS_USER:
            at = past_short(at, end)
        if at != end:
            raise Unusual
        return tuple.__new__(an_arrived, (
            tag, self._exchange, self._routing_key, content_type, content_encoding, headers, message_id, body,
        ))

    cdef object _table(self, octets begin, octets end):
        """`Shared`, with the octets it stood in, where it holds texts alone and none of them is the broker's own."""
        cdef octets at = begin, value
        cdef object table = a_shared()
        cdef bint is_shared = True
        cdef Py_ssize_t place = 0
        cdef tuple known
        while at < end:
            value = past_short(at, end)
            known = self._name(at, place)
            is_shared = is_shared and not known[2]
            at, place = past(value, end, 1), place + 1
            if value[0] == TEXT:
                value = past(at, end, 4)
                at = past(value, end, u32(at))
                table[known[1]] = text(value, at - value)
                continue
            is_shared = False
            if value[0] == LONG:
                at = past(at, end, 8)
                table[known[1]] = <long long>u64(at - 8)
            elif value[0] == INT:
                at = past(at, end, 4)
                table[known[1]] = <int>u32(at - 4)
            elif value[0] == OCTETS:
                value = past(at, end, 4)
                at = past(value, end, u32(at))
                table[known[1]] = raw(value, at - value)
            else:
                raise Unusual
        if is_shared and place and len(table) == place:
            table.encoded = raw(begin, end - begin)
            return table
        return dict(table)

    cdef tuple _name(self, octets at, Py_ssize_t place):
        """What is known of a name; the next message mostly has it in the same place."""
        cdef tuple known
        if place < len(self._form):
            known = self._form[place]
            if begins(at, at + 1 + at[0], <bytes>known[0]):
                return known
        name = short_text(at)
        known = raw(at, 1 + at[0]), name, is_brokers_own(name)
        if place < REMEMBERED:
            self._form[place : place + 1] = [known]
        return known


# ------------------------------------------------------------------------------------------- writing

cdef inline pen put16(pen at, unsigned int number):
    at[0], at[1] = number >> 8 & 0xFF, number & 0xFF
    return at + 2


cdef inline pen put32(pen at, unsigned int number):
    return put16(put16(at, number >> 16), number & 0xFFFF)


cdef inline pen put64(pen at, unsigned long long number):
    return put32(put32(at, number >> 32), number & 0xFFFFFFFF)


cdef inline pen put(pen at, const void* octets_, Py_ssize_t size):
    memcpy(at, octets_, size)
    return at + size


cdef inline pen put_bytes(pen at, bytes octets_):
    return put(at, PyBytes_AS_STRING(octets_), len(octets_))


cdef inline Py_ssize_t text_size(str value) except -1:
    cdef Py_ssize_t size
    PyUnicode_AsUTF8AndSize(value, &size)
    return size


cdef inline Py_ssize_t short_size(str value) except -1:
    cdef Py_ssize_t size = text_size(value)
    if size > 255:
        raise Unusual
    return 1 + size


cdef inline pen put_short(pen at, str value) except NULL:
    cdef Py_ssize_t size
    cdef const char* octets_ = PyUnicode_AsUTF8AndSize(value, &size)
    at[0] = <unsigned char>size
    return put(at + 1, octets_, size)


cdef inline pen put_sized(pen at, unsigned char kind, const char* octets_, Py_ssize_t size):
    at[0] = kind
    return put(put32(at + 1, <unsigned int>size), octets_, size)


cdef Py_ssize_t value_size(object value) except -1:
    """Octets of a header's value, its kind before it."""
    if type(value) is str:
        return 5 + text_size(value)
    if type(value) is bytes:
        return 5 + len(<bytes>value)
    if type(value) is not int or not -0x8000_0000_0000_0000 <= value < 0x8000_0000_0000_0000:
        raise Unusual
    return 5 if -0x8000_0000 <= value < 0x8000_0000 else 9


cdef pen put_value(pen at, object value) except NULL:
    cdef Py_ssize_t size
    cdef const char* octets_
    cdef long long number
    if type(value) is str:
        octets_ = PyUnicode_AsUTF8AndSize(value, &size)
        return put_sized(at, TEXT, octets_, size)
    if type(value) is bytes:
        return put_sized(at, OCTETS, PyBytes_AS_STRING(value), len(<bytes>value))
    number = value
    if -0x8000_0000 <= number < 0x8000_0000:
        at[0] = INT
        return put32(at + 1, <unsigned int>number)
    at[0] = LONG
    return put64(at + 1, <unsigned long long>number)


cdef bytes table_of(object headers, Py_ssize_t known, bytes begin):
    """A header table that begins so with as many headers as are known."""
    cdef Py_ssize_t size = len(begin), place = 0, number = 0
    cdef PyObject* name
    cdef PyObject* value
    cdef bytes made
    cdef pen at
    while PyDict_Next(headers, &place, &name, &value):
        if number >= known:
            size += short_size(<str?><object>name) + value_size(<object>value)
        number += 1
    if size == len(begin):
        return begin
    made = PyBytes_FromStringAndSize(NULL, size)
    at, place, number = put_bytes(<pen>PyBytes_AS_STRING(made), begin), 0, 0
    while PyDict_Next(headers, &place, &name, &value):
        if number >= known:
            at = put_value(put_short(at, <str><object>name), <object>value)
        number += 1
    return made


cdef bytes encoded(object shared):
    if not shared.encoded:
        shared.encoded = table_of(shared, 0, b"")
    return shared.encoded


def properties_of(str message_id, str content_type, str content_encoding, headers, str user):
    """Encode the properties of a persistent message; see `frames_python.properties_of`."""
    cdef bytes table, made
    cdef pen at
    cdef Py_ssize_t size
    if type(headers) is a_following:
        table = table_of(headers, len(headers.begin), encoded(headers.begin))
    elif type(headers) is a_shared:
        table = encoded(headers)
    else:
        table = table_of(headers if type(headers) is dict else dict(headers), 0, b"")
    size = 2 + short_size(content_type) + short_size(content_encoding) + 4 + len(table) + 1 + short_size(message_id)
    made = PyBytes_FromStringAndSize(NULL, size + (short_size(user) if user else 0))
    at = put16(<pen>PyBytes_AS_STRING(made), WRITTEN | (HAS_USER if user else 0))
    at = put_short(put_short(at, content_type), content_encoding)
    at = put_bytes(put32(at, <unsigned int>len(table)), table)
    at[0] = PERSISTENT
    at = put_short(at + 1, message_id)
    if user:
        put_short(at, user)
    return made


def publishes(list messages, Py_ssize_t step):
    """The frames of some publishes, one behind the other; `step` is the longest body of one frame."""
    cdef Py_ssize_t size = 0, begin, left
    cdef unsigned int channel
    cdef bytes method, properties, body, made
    cdef pen at
    for method, _, properties, body in messages:
        left = len(body)
        size += len(method) + FRAME + 12 + len(properties) + left + FRAME * ((left + step - 1) // step)
    made = PyBytes_FromStringAndSize(NULL, size)
    at = <pen>PyBytes_AS_STRING(made)
    for method, channel, properties, body in messages:
        at = put_bytes(at, method)
        at[0] = HEADER
        at = put32(put16(at + 1, channel), <unsigned int>(12 + len(properties)))
        at = put_bytes(put64(put32(at, BASIC << 16), len(body)), properties)
        at[0], at = END, at + 1
        for begin in range(0, len(body), step):
            left = min(step, len(body) - begin)
            at[0] = BODY
            at = put32(put16(at + 1, channel), <unsigned int>left)
            at = put(at, <octets>PyBytes_AS_STRING(body) + begin, left)
            at[0], at = END, at + 1
    return made
