#!/usr/bin/env python3
"""Bytes that no honest client sends: an error of Kafka's or a closed connection, never a crash, a hang or growth."""
import contextlib
import random
import struct

import kafka_wire as wire
from harness import Node, case, check, check_equal, run_cases, wait_for

SEED = 20260101
CORRUPT_MESSAGE, UNSUPPORTED_VERSION = 2, 35


def still_serves(node, topic='t'):
    """A fresh connection gets a record stored."""
    check(node.broker.is_running(), f'the broker died: {node.broker.tail()}')
    with wire.Connection(node.host_port) as connection:
        connection.send(wire.produce_request(topic, 0, wire.batch([b'alive']), correlation=77))
        correlation, body = connection.answer()
        check_equal((correlation, wire.produce_outcome(body)[0]), (77, 0), 'the answer to an honest request')


@contextlib.contextmanager
def node_with_topic(settings=None):
    with Node(settings) as node:
        node.create_topic('t', 1)
        still_serves(node)
        yield node
        still_serves(node)


def closes(node, data, what):
    with wire.Connection(node.host_port) as connection:
        connection.send(data)
        check(connection.is_closed_by_peer(), f'{what}: the connection stays open')


@case
def wrong_sizes():
    """Frames with a negative, huge or too small size close their connection."""
    with node_with_topic() as node:
        for size in (-1, -2**31, 2**31 - 1, (16 << 20) + 1, 0, 3):
            closes(node, struct.pack('>i', size) + b'\0' * 8, f'size {size}')


@case
def unknown_requests():
    """Unknown APIs and versions close their connection; ApiVersions falls back as Kafka's does."""
    with node_with_topic() as node:
        closes(node, wire.request(9999, 0, 1), 'API 9999')
        closes(node, wire.request(-1, 0, 1), 'API -1')
        closes(node, wire.request(wire.API_PRODUCE, 99, 1), 'Produce version 99')
        closes(node, wire.request(wire.API_FETCH, -1, 1), 'Fetch version -1')
        with wire.Connection(node.host_port) as connection:
            connection.send(wire.request(wire.API_VERSIONS, 99, 5))
            correlation, body = connection.answer()
            check_equal(correlation, 5, 'the correlation id')
            check_equal(struct.unpack('>h', body[:2])[0], UNSUPPORTED_VERSION, 'the error code')
            connection.send(wire.request(wire.API_VERSIONS, 0, 6))
            check_equal(connection.answer()[0], 6, 'the correlation id after the fallback')


@case
def ended_sides():
    """A client that ends its side behind its requests still gets the answers, durable or waited for."""
    with node_with_topic() as node:
        with wire.Connection(node.host_port) as connection:
            connection.send(b''.join(wire.produce_request('t', 0, wire.batch([b'last'] * 10), correlation=id)
                                     for id in range(1, 21)) +
                            wire.fetch_request('t', 1, offset=201, correlation=21, max_wait_ms=60_000))
            connection.end_sending()
            for expected in range(1, 21):
                correlation, body = connection.answer()
                check_equal((correlation, wire.produce_outcome(body)[0]), (expected, 0), 'the answer to a produce')
            check_equal(connection.answer()[0], 21, 'the answer to a fetch that waited')
            check(connection.is_closed_by_peer(), 'the connection stays open')


@case
def huge_counts():
    """Array and string lengths beyond the frame close the connection and allocate nothing for them."""
    with node_with_topic() as node:
        before = node.broker.memory_bytes('VmHWM')
        for count in (2**31 - 1, 10_000_000, -2):
            closes(node, wire.request(wire.API_METADATA, 1, 1, struct.pack('>i', count)), f'{count} topics')
        body = wire.string(None) + struct.pack('>hi', -1, 1000) + struct.pack('>i', 1) + wire.string('t')
        for size in (2**31 - 1, 1000):
            data = wire.request(wire.API_PRODUCE, 3, 1, body + struct.pack('>iii', 1, 0, size))
            closes(node, data, f'records of {size}')
        closes(node, wire.request(wire.API_METADATA, 1, 1, struct.pack('>ih', 1, 30000)), 'a string of 30000')
        check(node.broker.memory_bytes('VmHWM') - before < 16 << 20, 'memory grew')


@case
def damaged_batches():
    """A batch whose bytes do not fit its checksum is refused with CORRUPT_MESSAGE, and stores nothing."""
    with node_with_topic() as node:
        good = wire.batch([b'one', b'two'])
        with wire.Connection(node.host_port) as connection:
            connection.send(wire.produce_request('t', 0, good))
            code, offset = wire.produce_outcome(connection.answer()[1])
            check_equal(code, 0, 'the error code of a good batch')
            for at in range(17, len(good)):  # from the checksum on
                bad = bytearray(good)
                bad[at] ^= 0x10
                connection.send(wire.produce_request('t', 0, bytes(bad)))
                check_equal(wire.produce_outcome(connection.answer()[1])[0], CORRUPT_MESSAGE, f'byte {at} changed')
            connection.send(wire.produce_request('t', 0, good))
            check_equal(wire.produce_outcome(connection.answer()[1]), (0, offset + 2), 'the next good batch')


@case
def wrong_batches():
    """Old formats, lying counts, two batches at once, none, and half a batch are refused with an error code."""
    with node_with_topic() as node:
        good = wire.batch([b'one', b'two'])
        lying = bytearray(good)
        lying[57:61] = struct.pack('>i', 3)
        lying[17:21] = struct.pack('>I', wire.crc32c(lying[21:]))
        for what, records in (('magic 1', wire.batch([b'x'], magic=1)), ('magic 0', wire.batch([b'x'], magic=0)),
                              ('a wrong count', bytes(lying)), ('two batches', good + good), ('nothing', b''),
                              ('half a batch', good[:40]), ('a batch and a half', good + good[:20])):
            with wire.Connection(node.host_port) as connection:
                connection.send(wire.produce_request('t', 0, records))
                code, _ = wire.produce_outcome(connection.answer()[1])
                check(code != 0, f'{what} was accepted')


@case
def random_bytes():
    """Random bytes on 300 connections do no harm."""
    chance = random.Random(SEED)
    with node_with_topic() as node:
        for _ in range(300):
            with contextlib.suppress(OSError), wire.Connection(node.host_port) as connection:
                connection.send(chance.randbytes(chance.randrange(1, 5000)))


@case
def mutated_requests():
    """Requests with a few bytes changed, cut or repeated do no harm."""
    chance = random.Random(SEED)
    originals = [wire.produce_request('t', 0, wire.batch([b'x' * 100] * 5)), wire.fetch_request('t', 1),
                 wire.metadata_request(['t']), wire.request(wire.API_VERSIONS, 0, 1)]
    with node_with_topic() as node:
        for _ in range(1500):
            data = bytearray(chance.choice(originals))
            for _ in range(chance.randrange(1, 5)):
                data[chance.randrange(4, len(data))] = chance.randrange(256)
            if chance.random() < 0.2:
                del data[chance.randrange(4, len(data)):]
            if chance.random() < 0.8:  # an honest size, so that the content is looked at
                data[:4] = struct.pack('>i', len(data) - 4)
            with contextlib.suppress(OSError), wire.Connection(node.host_port) as connection:
                connection.send(bytes(data))


@case
def half_frames():
    """400 connections that each stop in the middle of a large frame keep nobody else from being served."""
    with node_with_topic() as node, contextlib.ExitStack() as held:
        for _ in range(400):
            connection = held.enter_context(wire.Connection(node.host_port))
            connection.send(struct.pack('>i', 1 << 20) + wire.produce_request('t', 0, b'')[4:30])
        still_serves(node)
        for _ in range(3):
            check_equal(node.cli('topic', 'list', check_exit=False).returncode, 0, 'the exit code of topic list')


@case
def pipelining():
    """1,000 requests sent before reading an answer are answered in order."""
    with node_with_topic() as node, wire.Connection(node.host_port) as connection:
        records = wire.batch([b'x'])
        connection.send(b''.join(wire.request(wire.API_VERSIONS, 0, i) if i % 3 else
                                 wire.produce_request('t', 0, records, correlation=i) for i in range(1000)))
        for i in range(1000):
            check_equal(connection.answer()[0], i, 'the correlation id')


@case
def byte_by_byte():
    """A request that arrives one byte at a time is answered."""
    with node_with_topic() as node, wire.Connection(node.host_port) as connection:
        for byte in wire.produce_request('t', 0, wire.batch([b'slow']), correlation=9):
            connection.send(bytes([byte]))
        check_equal(connection.answer()[0], 9, 'the correlation id')


@case
def connections_come_and_go():
    """3,000 connections opened and dropped leave nothing behind."""
    with node_with_topic() as node:
        before = node.broker.memory_bytes()
        for _ in range(3000):
            with wire.Connection(node.host_port) as connection:
                connection.send(wire.request(wire.API_VERSIONS, 0, 1)[:7])
        check(node.broker.memory_bytes() - before < 16 << 20, 'memory grew')


@case
def more_connections_than_allowed():
    """Connections beyond limits.connections_max are closed at once; others go on, and places become free again."""
    with Node({'limits.connections_max': '20', 'shards.count': '1'}) as node, contextlib.ExitStack() as held:
        node.create_topic('t', 1)
        refused = 0
        for _ in range(60):
            connection = held.enter_context(wire.Connection(node.host_port, timeout=2))
            with contextlib.suppress(OSError):
                connection.send(wire.request(wire.API_VERSIONS, 0, 1))
                connection.answer()
                continue
            refused += 1
        check(refused >= 38, f'only {refused} of 60 were refused')
        held.close()

        def has_room():
            with contextlib.suppress(OSError):
                still_serves(node)
                return True
            return False
        wait_for(has_room, 10, 'a place to become free')


@case
def coordinator_gets_random_bytes():
    """Random bytes at the coordinator's port do no harm."""
    chance = random.Random(SEED)
    with node_with_topic() as node:
        host, port = node.coordinator_address.rsplit(':', 1)
        for _ in range(200):
            with contextlib.suppress(OSError), wire.Connection((host, int(port))) as connection:
                connection.send(chance.randbytes(chance.randrange(1, 3000)))
        check(node.coordinator.is_running(), f'the coordinator died: {node.coordinator.tail()}')
        node.create_topic('later', 1)


run_cases()
