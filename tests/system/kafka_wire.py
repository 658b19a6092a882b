"""Just enough of Kafka's protocol to be rude in it: frames by hand, at versions without flexible fields."""
import socket
import struct

API_PRODUCE, API_FETCH, API_METADATA, API_VERSIONS, API_INIT_PRODUCER_ID = 0, 1, 3, 18, 22
API_DELETE_RECORDS = 21


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
