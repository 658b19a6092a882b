"""Just enough of Kafka's protocol to be rude in it: frames by hand, at versions without flexible fields."""
import socket
import struct

API_PRODUCE, API_FETCH, API_LIST_OFFSETS, API_METADATA, API_VERSIONS = 0, 1, 2, 3, 18
API_DELETE_RECORDS, API_INIT_PRODUCER_ID, API_DESCRIBE_CONFIGS, API_INCREMENTAL_ALTER_CONFIGS = 21, 22, 32, 44


def crc32c_table():
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = value >> 1 ^ (0x82f63b78 if value & 1 else 0)
        table.append(value)
    return table


_TABLE = crc32c_table()


def crc32c(data):
    value = 0xffffffff
    for byte in data:
        value = value >> 8 ^ _TABLE[(value ^ byte) & 0xff]
    return value ^ 0xffffffff


def string(text):
    if text is None:
        return struct.pack('>h', -1)
    return struct.pack('>h', len(text)) + text.encode()


def varint(number):
    number = number << 1 ^ number >> 63
    out = b''
    while True:
        byte = number & 0x7f
        number >>= 7
        if number == 0:
            return out + bytes([byte])
        out += bytes([byte | 0x80])


def batch(values, magic=2, timestamp=1_700_000_000_000):
    """A record batch as a producer sends it."""
    records = b''
    for delta, value in enumerate(values):
        body = b'\0' + varint(0) + varint(delta) + varint(-1) + varint(len(value)) + value + varint(0)
        records += varint(len(body)) + body
    after_crc = struct.pack('>hiqqqhii', 0, len(values) - 1, timestamp, timestamp, -1, -1, -1, len(values)) + records
    after_length = struct.pack('>ibI', -1, magic, crc32c(after_crc)) + after_crc
    return struct.pack('>qi', 0, len(after_length)) + after_length


def request(key, version, correlation, body=b''):
    payload = struct.pack('>hhi', key, version, correlation) + string('rude') + body
    return struct.pack('>i', len(payload)) + payload


def produce_request(topic, partition, records, correlation=1, acks=-1, timeout_ms=10_000):
    body = string(None) + struct.pack('>hi', acks, timeout_ms)
    body += struct.pack('>i', 1) + string(topic) + struct.pack('>iii', 1, partition, len(records)) + records
    return request(API_PRODUCE, 3, correlation, body)


def fetch_request(topic, partitions, offset=0, correlation=1, max_wait_ms=0, bytes_max=16 << 20):
    body = struct.pack('>iiiibi', -1, max_wait_ms, 1, bytes_max, 0, 1) + string(topic) + struct.pack('>i', partitions)
    for partition in range(partitions):
        body += struct.pack('>iqi', partition, offset, bytes_max)
    return request(API_FETCH, 4, correlation, body)


def metadata_request(topics, correlation=1):
    body = struct.pack('>i', len(topics)) + b''.join(string(topic) for topic in topics)
    return request(API_METADATA, 1, correlation, body)


class Connection:
    def __init__(self, address, timeout=10):
        self.socket = socket.create_connection(address, timeout)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def end_sending(self):
        self.socket.shutdown(socket.SHUT_WR)

    def send(self, data):
        self.socket.sendall(data)

    def exactly(self, size):
        data = b''
        while len(data) < size:
            piece = self.socket.recv(size - len(data))
            if not piece:
                raise ConnectionError(f'closed after {len(data)} of {size} bytes')
            data += piece
        return data

    def answer(self):
        """The correlation id and body of the next response."""
        size, = struct.unpack('>i', self.exactly(4))
        data = self.exactly(size)
        return struct.unpack('>i', data[:4])[0], data[4:]

    def is_closed_by_peer(self):
        """Waits for the end of the connection; False when it stays open until the timeout."""
        try:
            while self.socket.recv(65536):
                pass
            return True
        except socket.timeout:
            return False
        except OSError:
            return True


def produce_outcome(body):
    """Error code and base offset of the only partition of a Produce v3 response."""
    name_size, = struct.unpack('>h', body[4:6])
    code, offset = struct.unpack('>hq', body[6 + name_size + 8:6 + name_size + 18])
    return code, offset


class Cursor:
    """Reads the fields of a response one after the other."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    def take(self, layout):
        values = struct.unpack_from('>' + layout, self.data, self.at)
        self.at += struct.calcsize('>' + layout)
        return values if len(values) > 1 else values[0]

    def string(self):
        size = self.take('h')
        if size < 0:
            return None
        self.at += size
        return self.data[self.at - size:self.at].decode()

    def array(self, read):
        return [read() for _ in range(self.take('i'))]


TOPIC_RESOURCE, BROKER_RESOURCE = 2, 4
SET, DELETE, APPEND, SUBTRACT = 0, 1, 2, 3


def describe_configs_request(kind, name, correlation=1):
    """All configs of one resource, with synonyms."""
    body = struct.pack('>ib', 1, kind) + string(name) + struct.pack('>ib', -1, 1)
    return request(API_DESCRIBE_CONFIGS, 1, correlation, body)


def described_configs(body):
    """The error code, and for each name value, read-only, source and synonyms, of a response to that."""
    cursor = Cursor(body)
    cursor.take('ii')
    code, _, _, _ = cursor.take('h'), cursor.string(), cursor.take('b'), cursor.string()

    def synonym():
        return cursor.string(), cursor.string(), cursor.take('b')

    def config():
        name, value = cursor.string(), cursor.string()
        read_only, source, _ = cursor.take('?bb')
        return name, (value, read_only, source, cursor.array(synonym))
    return code, dict(cursor.array(config))


def alter_configs_request(kind, name, operations, correlation=1, validate_only=False):
    """`operations`: name, operation, value."""
    body = struct.pack('>ib', 1, kind) + string(name) + struct.pack('>i', len(operations))
    for config, operation, value in operations:
        body += string(config) + struct.pack('>b', operation) + string(value)
    return request(API_INCREMENTAL_ALTER_CONFIGS, 0, correlation, body + struct.pack('>?', validate_only))


def altered_configs(body):
    """The error code and message of the only resource."""
    cursor = Cursor(body)
    cursor.take('ii')
    return cursor.take('h'), cursor.string()


def list_offsets_request(topic, partition, timestamp, correlation=1):
    body = struct.pack('>ii', -1, 1) + string(topic) + struct.pack('>iiq', 1, partition, timestamp)
    return request(API_LIST_OFFSETS, 1, correlation, body)


def listed_offset(body):
    """The error code and offset of the only partition."""
    cursor = Cursor(body)
    cursor.take('i')
    cursor.string()
    _, _, code, _, offset = cursor.take('iihqq')
    return code, offset
