#!/usr/bin/env python3
"""kcat, unmodified: produce, consume, list, query, with every compression that it knows."""
import hashlib
import subprocess

from harness import Node, case, check, check_equal, need, run, run_cases

COMPRESSIONS = ['none', 'gzip', 'snappy', 'lz4', 'zstd']


def lines_of(count, width):
    """Compressible in part, and no two alike."""
    return [f'{i:08d} {hashlib.sha256(str(i).encode()).hexdigest()} {"penstock " * (width // 9)}' for i in range(count)]


def round_trip(compression):
    need('kcat')
    lines = lines_of(5000, 60)
    with Node() as node:
        node.create_topic('t', 1)
        run('kcat', '-b', node.address, '-P', '-t', 't', '-z', compression, '-X', 'acks=all',
            input='\n'.join(lines).encode() + b'\n')
        got = run('kcat', '-b', node.address, '-C', '-t', 't', '-e', '-q', '-X', 'check.crcs=true').stdout
        check_equal(got.decode().split('\n')[:-1], lines, f'what came back with {compression}')


@case
def uncompressed():
    """Records survive the round trip byte for byte, uncompressed."""
    round_trip('none')


@case
def gzip():
    """Records survive the round trip byte for byte with gzip."""
    round_trip('gzip')


@case
def snappy():
    """Records survive the round trip byte for byte with snappy."""
    round_trip('snappy')


@case
def lz4():
    """Records survive the round trip byte for byte with lz4."""
    round_trip('lz4')


@case
def zstd():
    """Records survive the round trip byte for byte with zstd."""
    round_trip('zstd')


@case
def keys_headers_and_partitions():
    """Keys, headers and the chosen partition come back."""
    need('kcat')
    with Node() as node:
        node.create_topic('t', 3)
        run('kcat', '-b', node.address, '-P', '-t', 't', '-p', '2', '-K', ':', '-H', 'colour=green',
            input=b'k1:v1\nk2:v2\n')
        got = run('kcat', '-b', node.address, '-C', '-t', 't', '-e', '-q', '-f', '%p %o %k %s %h\n').stdout
        check_equal(got, b'2 0 k1 v1 colour=green\n2 1 k2 v2 colour=green\n', 'the records')


@case
def binary_values():
    """Values of any bytes, empty and large ones come back."""
    need('kcat')
    values = [bytes(range(256)).replace(b'\n', b''), b'x' * 900_000, b'end']
    with Node() as node:
        node.create_topic('t', 1)
        run('kcat', '-b', node.address, '-P', '-t', 't', input=b'\n'.join(values) + b'\n')
        got = run('kcat', '-b', node.address, '-C', '-t', 't', '-e', '-q').stdout
        check_equal(got.split(b'\n')[:-1], values, 'the values')


@case
def metadata():
    """kcat -L lists the broker, the topic and its partitions with their leader."""
    need('kcat')
    with Node() as node:
        node.create_topic('games', 3)
        text = run('kcat', '-b', node.address, '-L').stdout.decode()
        check(f'broker 1 at {node.address}' in text, text)
        check('topic "games" with 3 partitions' in text, text)
        for partition in range(3):
            check(f'partition {partition}, leader 1, replicas: 1, isrs: 1' in text, text)


@case
def offsets_by_time():
    """kcat -Q finds the first offset, the last, and one by timestamp."""
    need('kcat')
    with Node() as node:
        node.create_topic('t', 1)
        for round_number in range(3):
            run('kcat', '-b', node.address, '-P', '-t', 't', input=f'a{round_number}\nb{round_number}\n'.encode())
        stamps = run('kcat', '-b', node.address, '-C', '-t', 't', '-e', '-q', '-f', '%T\n').stdout.split()
        check_equal(len(stamps), 6, 'the number of records')

        def query(stamp):
            text = run('kcat', '-b', node.address, '-Q', '-t', f't:0:{stamp}').stdout.decode()
            return int(text.strip().rsplit(' ', 1)[1])
        check_equal(query(-2), 0, 'the earliest offset')
        check_equal(query(-1), 6, 'the latest offset')
        third = int(stamps[4])
        check_equal(query(third), stamps.index(stamps[4]), 'the offset by time')


@case
def auto_created_topic():
    """A topic that is only produced to comes into being; an unknown one is not created by listing it."""
    need('kcat')
    with Node() as node:
        run('kcat', '-b', node.address, '-P', '-t', 'fresh', input=b'hello\n')
        got = run('kcat', '-b', node.address, '-C', '-t', 'fresh', '-e', '-q').stdout
        check_equal(got, b'hello\n', 'the record')


@case
def auto_create_switched_off():
    """With topics.auto_create off an unknown topic is an error at the client."""
    need('kcat')
    with Node({'topics.auto_create': 'false'}) as node:
        done = run('kcat', '-b', node.address, '-P', '-t', 'absent', '-X', 'message.timeout.ms=5000', input=b'x\n',
                   check_exit=False)
        check(done.returncode != 0 or b'ERROR' in done.stderr, 'kcat reported success')
        check('absent' not in node.cli('topic', 'list').stdout, 'the topic was created')


@case
def consumer_waits_for_new_records():
    """A consumer at the end of the log gets a record when it is produced, not only when it asks again."""
    need('kcat')
    with Node() as node:
        node.create_topic('t', 1)
        run('kcat', '-b', node.address, '-P', '-t', 't', input=b'first\n')
        with subprocess.Popen(['kcat', '-b', node.address, '-C', '-t', 't', '-u', '-q', '-c', '2'],
                              stdout=subprocess.PIPE) as consumer:
            check_equal(consumer.stdout.readline(), b'first\n', 'the old record')
            run('kcat', '-b', node.address, '-P', '-t', 't', input=b'second\n')
            check_equal(consumer.stdout.readline(), b'second\n', 'the new record')
            consumer.wait(10)


@case
def group_remembers_what_it_read():
    """A member of a group goes on where the group had committed, also after the broker was killed and restarted."""
    need('kcat')
    with Node({'groups.initial_rebalance_delay_ms': '100ms'}) as node:
        node.create_topic('t', 4)

        def produce(first, count):
            lines = [f'{i % 50}:{i}' for i in range(first, first + count)]
            run('kcat', '-b', node.address, '-P', '-t', 't', '-K', ':', input='\n'.join(lines).encode() + b'\n')

        def consume(count):
            got = run('kcat', '-b', node.address, '-G', 'readers', '-X', 'auto.offset.reset=earliest', '-q',
                      '-c', count, 't').stdout
            return sorted(int(line) for line in got.split())

        produce(0, 1000)
        check_equal(consume(1000), list(range(1000)), 'the first member read')
        produce(1000, 10)
        node.restart_broker()
        check_equal(consume(10), list(range(1000, 1010)), 'the next one, after a restart')
        described = node.cli('group', 'describe', 'readers').stdout
        check('Empty' in described, f'the group is described as {described}')
        groups = node.cli('group', 'list').stdout
        check('readers' in groups, f'groups listed: {groups}')


run_cases()
