#!/usr/bin/env python3
"""Consumer groups in numbers: how long many members take to agree, and how long a restart takes to know what many
groups had committed. The members are bare connections of this one process, so what is seen is the broker's time, and
the round trips of a slow client.

    bench/groups.py [--groups 100] [--members 10] [--offsets 1000]

Every answer is checked: each leader sees all members of its group, each member gets the assignment meant for it, each
offset comes back as it was committed.
"""
import argparse
import struct
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / 'tests/system'))
import kafka_wire as wire  # noqa: E402
from harness import Node, check, check_equal  # noqa: E402

OFFSET_COMMIT, OFFSET_FETCH, FIND_COORDINATOR, JOIN, HEARTBEAT, LEAVE, SYNC = 8, 9, 10, 11, 12, 13, 14
REBALANCE_IN_PROGRESS = 27
DELAY_MS = 500


def sized(data):
    return struct.pack('>i', len(data)) + data


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, layout):
        values = struct.unpack_from('>' + layout, self.data, self.at)
        self.at += struct.calcsize('>' + layout)
        return values[0] if len(values) == 1 else values

    def string(self):
        size = self.take('h')
        self.at += size
        return self.data[self.at - size:self.at].decode()

    def bytes(self):
        size = self.take('i')
        self.at += size
        return self.data[self.at - size:self.at]


class Member:
    """Asks first and is answered later, so that all members wait at the same time."""

    def __init__(self, node, group):
        self.connection = wire.Connection(node.host_port, timeout=60)
        self.group, self.id, self.generation, self.leads, self.others = group, '', -1, False, []

    def ask(self, key, version, body):
        self.connection.send(wire.request(key, version, 1, wire.string(self.group) + body))

    def answer(self):
        return Reader(self.connection.answer()[1])

    def ask_join(self):
        subscription = struct.pack('>hi', 1, 1) + wire.string('t') + struct.pack('>i', -1)
        self.ask(JOIN, 2, struct.pack('>ii', 30_000, 60_000) + wire.string(self.id) + wire.string('consumer') +
                 struct.pack('>i', 1) + wire.string('range') + sized(subscription))

    def joined(self):
        answer = self.answer()
        _, error, self.generation = answer.take('ihi')
        check_equal(error, 0, 'error of a join')
        answer.string()
        leader, self.id = answer.string(), answer.string()
        self.leads = leader == self.id
        self.others = [(answer.string(), answer.bytes())[0] for _ in range(answer.take('i'))]

    def ask_sync(self):
        shares = b''.join(wire.string(other) + sized(f'for {other}'.encode()) for other in self.others)
        self.ask(SYNC, 1, struct.pack('>i', self.generation) + wire.string(self.id) +
                 struct.pack('>i', len(self.others)) + shares)

    def synced(self):
        answer = self.answer()
        check_equal(answer.take('ih')[1], 0, 'error of a sync')
        check_equal(answer.bytes(), f'for {self.id}'.encode(), 'assignment')

    def leave(self):
        self.ask(LEAVE, 1, wire.string(self.id))
        check_equal(self.answer().take('ih')[1], 0, 'error of a leave')

    def must_rejoin(self):
        self.ask(HEARTBEAT, 1, struct.pack('>i', self.generation) + wire.string(self.id))
        return self.answer().take('ih')[1] == REBALANCE_IN_PROGRESS


def rebalance(members, expected):
    started = time.monotonic()
    for member in members:
        member.ask_join()
    for member in members:
        member.joined()
    for leader in (member for member in members if member.leads):
        check_equal(len(leader.others), expected, 'members that a leader sees')
    for member in members:
        member.ask_sync()
    for member in members:
        member.synced()
    return time.monotonic() - started


def measure_rebalances(options):
    with Node({'shards.count': 2, 'groups.initial_rebalance_delay_ms': f'{DELAY_MS}ms'}) as node:
        node.create_topic('t', 10)
        make_offsets_topic(node)
        members = [Member(node, f'g{g}') for g in range(options.groups) for _ in range(options.members)]
        print(f'{len(members)} members in {options.groups} groups')
        first = rebalance(members, options.members)
        # Others come while the first of a group waits, so it waits a second time.
        print(f'  first rebalance          {first:.3f} s, of which {2 * DELAY_MS / 1000:.1f} s are configured delay')
        for leaver in members[::options.members]:
            leaver.leave()
        rest = [member for i, member in enumerate(members) if i % options.members]
        check(all(member.must_rejoin() for member in rest), 'a member was not told that one had left')
        again = rebalance(rest, options.members - 1)
        print(f'  after one of each left   {again:.3f} s')


def make_offsets_topic(node):
    with wire.Connection(node.host_port) as connection:
        connection.send(wire.request(FIND_COORDINATOR, 0, 1, wire.string('any')))
        check_equal(Reader(connection.answer()[1]).take('h'), 0, 'error of FindCoordinator')


def fetch_offset(connection, group, partition):
    connection.send(wire.request(OFFSET_FETCH, 1, 1, wire.string(group) + struct.pack('>i', 1) + wire.string('t') +
                                 struct.pack('>ii', 1, partition)))
    answer = Reader(connection.answer()[1])
    answer.take('i'), answer.string()
    _, _, offset = answer.take('iiq')
    answer.string()
    return answer.take('h'), offset


def measure_restart(options):
    with Node({'shards.count': 2}) as node:
        node.create_topic('t', options.offsets)
        make_offsets_topic(node)
        started = time.monotonic()
        with wire.Connection(node.host_port) as connection:
            for g in range(options.groups):
                rows = b''.join(struct.pack('>iq', p, p * 7 + g) + wire.string('') for p in range(options.offsets))
                body = (wire.string(f'g{g}') + struct.pack('>i', -1) + wire.string('') + struct.pack('>qi', -1, 1) +
                        wire.string('t') + struct.pack('>i', options.offsets) + rows)
                connection.send(wire.request(OFFSET_COMMIT, 2, 1, body))
                answer = Reader(connection.answer()[1])
                answer.take('i'), answer.string()
                errors = {answer.take('ih')[1] for _ in range(answer.take('i'))}
                check_equal(errors, {0}, 'errors of a commit')
        print(f'{options.groups * options.offsets} offsets of {options.groups} groups')
        print(f'  committed in             {time.monotonic() - started:.3f} s')
        for _ in range(3):
            node.broker.kill()
            started = time.monotonic()
            node.start_broker(ready=False)
            for g in range(options.groups):
                while True:
                    try:
                        with wire.Connection(node.host_port) as connection:
                            error, offset = fetch_offset(connection, f'g{g}', options.offsets - 1)
                    except OSError:
                        error = None  # it does not listen yet
                    if error == 0:
                        break
                    time.sleep(0.001)
                check_equal(offset, (options.offsets - 1) * 7 + g, 'offset after a restart')
            print(f'  all there again          {time.monotonic() - started:.3f} s after kill -9 and start')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--groups', type=int, default=100)
    parser.add_argument('--members', type=int, default=10, help='of each group')
    parser.add_argument('--offsets', type=int, default=1000, help='that each group commits')
    options = parser.parse_args()
    measure_rebalances(options)
    measure_restart(options)


if __name__ == '__main__':
    main()
