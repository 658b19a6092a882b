#!/usr/bin/env python3
"""What was acknowledged is there: after kill -9 of the broker and of the coordinator, and after a graceful stop."""
import json
import socket
import struct
import subprocess
import time

from harness import Node, case, check, check_equal, finish_load, free_port, need, run, run_cases, wait_for
from kafka_wire import API_DELETE_RECORDS, API_INIT_PRODUCER_ID, Connection, request, string


def all_back_after_kill(records, size):
    with Node() as node:
        node.create_topic('t', 3)
        sent = node.load('produce', 't', records=records, bytes=size, partitions=3)
        check_equal(sent['acked'], records, 'acknowledged records')
        node.restart_broker()
        node.load('verify', 't', records=records, bytes=size, partitions=3)


@case
def many_small_records():
    """100,000 records of 100 bytes, acks=all, are identical and in order after kill -9 and restart."""
    all_back_after_kill(100_000, 100)


@case
def many_large_records():
    """10,000 records of 10 KB, acks=all, are identical and in order after kill -9 and restart."""
    all_back_after_kill(10_000, 10_000)


def load_through_kills(node, config, **options):
    node.create_topic('t', 4)
    config = [*config, 'retry.backoff.ms=50', 'reconnect.backoff.ms=20', 'reconnect.backoff.max.ms=200', 'linger.ms=2']
    load = node.start_load('produce', 't', seconds=3600, rate=20000, bytes=300, partitions=4, config=config, **options)
    return node.kill_under(load, kills=20)


@case
def kill_loop():
    """No acknowledged record is lost, moved or changed when the broker is killed again and again under load."""
    with Node() as node:
        acks = node.folder / 'acks'
        sent = load_through_kills(node, ['message.timeout.ms=60000'], acks_file=acks)
        check(sent['acked'] > 0, 'nothing was acknowledged')
        check_equal(sent['failed'], 0, 'records given up by the client')
        got = node.load('verify', 't', bytes=300, partitions=4, acks_file=acks)
        print(f'# {got}')
        check_equal(got['lost_acks'] + got['damaged'] + got['disordered'], 0, 'lost, damaged or disordered records')


@case
def idempotent_kill_loop():
    """An idempotent producer through kill after kill: every record once, in each partition in the order sent."""
    with Node() as node:
        sent = load_through_kills(node, ['enable.idempotence=true', 'message.timeout.ms=300000'])
        node.check_all_once('t', sent, bytes=300, partitions=4)


@case
def producer_ids_are_given_once():
    """No producer id comes twice, though broker and coordinator are killed; a transactional id is refused at once."""
    with Node() as node:
        with Connection(node.host_port) as connection:
            connection.send(request(API_INIT_PRODUCER_ID, 1, 7, string('tx') + struct.pack('>i', 60_000)))
            correlation, body = connection.answer()
            check_equal(correlation, 7, 'the correlation id')
            check_equal(struct.unpack('>ihqh', body), (0, 53, -1, -1), 'the answer')
            connection.send(request(API_INIT_PRODUCER_ID, 1, 8, string(None) + struct.pack('>i', 60_000)))
            first = struct.unpack('>ihqh', connection.answer()[1])
        node.kill_broker()
        node.coordinator.kill()
        node.start_coordinator()
        node.start_broker()
        with Connection(node.host_port) as connection:
            connection.send(request(API_INIT_PRODUCER_ID, 1, 9, string(None) + struct.pack('>i', 60_000)))
            second = struct.unpack('>ihqh', connection.answer()[1])
        check(second[2] > first[2] >= 0, f'producer ids {first} and {second}')


@case
def coordinator_killed():
    """Topics outlive kill -9 of the coordinator; the broker serves meanwhile, and new topics work afterwards."""
    with Node() as node:
        node.create_topic('before', 2)
        node.load('produce', 'before', records=1000, bytes=100, partitions=2)
        node.coordinator.kill()
        node.load('produce', 'before', records=1000, bytes=100, partitions=2, seed=1)
        node.start_coordinator()
        node.wait_until_ready()
        node.create_topic('after', 1)
        node.load('produce', 'after', records=10, bytes=100)
        names = node.cli('topic', 'list').stdout
        check('before' in names and 'after' in names, names)


@case
def both_killed():
    """Broker and coordinator killed together come back with every topic and record."""
    with Node() as node:
        for number in range(5):
            node.create_topic(f't{number}', 2)
            node.load('produce', f't{number}', records=500, bytes=1000, partitions=2)
        node.kill_broker()
        node.coordinator.kill()
        node.start_coordinator()
        node.start_broker()
        for number in range(5):
            node.load('verify', f't{number}', records=500, bytes=1000, partitions=2)


@case
def deleted_topic_stays_deleted():
    """A deleted topic stays deleted over kill -9, and its name can be used again, for an empty topic."""
    with Node() as node:
        node.create_topic('t', 2)
        node.load('produce', 't', records=1000, bytes=100, partitions=2)
        node.cli('topic', 'delete', 't')
        node.restart_broker()
        check('t' not in node.cli('topic', 'list').stdout.split(), 'the topic is still listed')
        node.create_topic('t', 2)
        got = node.load('verify', 't', bytes=100, partitions=2)
        check_equal(got['wanted'], 0, 'records in the new topic')


@case
def deleted_records_stay_deleted():
    """Records that DeleteRecords took stay deleted over kill -9, and what lies behind them is there."""
    def starts():
        partitions = json.loads(node.cli('topic', 'describe', 't', '--json').stdout)[0]['partitions']
        return [(p['start_offset'], p['end_offset']) for p in partitions]

    with Node() as node:
        node.create_topic('t', 2)
        node.load('produce', 't', records=20_000, bytes=1000, partitions=2)
        ends = [end for _, end in starts()]
        body = struct.pack('>i', 1) + string('t') + struct.pack('>iiqiqi', 2, 0, ends[0] // 2, 1, -1, 10_000)
        with Connection(node.host_port) as connection:
            connection.send(request(API_DELETE_RECORDS, 1, 9, body))
            answer = connection.answer()[1]
        check_equal(struct.unpack('>iqhiqh', answer[-28:]), (0, ends[0] // 2, 0, 1, ends[1], 0), 'the answer')
        node.restart_broker()
        check_equal(starts(), [(ends[0] // 2, ends[0]), (ends[1], ends[1])], 'the ends of the partitions')
        node.load('produce', 't', records=1000, bytes=100, partitions=2)


@case
def added_partitions_stay():
    """Partitions that are added to a topic can be used at once, and outlive kill -9 of broker and coordinator."""
    with Node() as node:
        node.create_topic('t', 2)
        said = node.cli('topic', 'alter', 't', '--partitions', '5').stdout
        check('5 partitions now, 2 before' in said, said)
        node.load('produce', 't', records=1000, bytes=100, partitions=5)
        node.kill_broker()
        node.coordinator.kill()
        node.start_coordinator()
        node.start_broker()
        node.load('verify', 't', records=1000, bytes=100, partitions=5)
        refusal = node.cli('topic', 'alter', 't', '--partitions', '5', check_exit=False)
        check('INVALID_PARTITIONS' in refusal.stderr, refusal.stderr)


@case
def graceful_stop():
    """SIGTERM under load ends the broker within 2 seconds with exit code 0, and nothing acknowledged is lost."""
    with Node() as node:
        node.create_topic('t', 3)
        acks = node.folder / 'acks'
        load = node.start_load('produce', 't', seconds=600, bytes=1000, partitions=3, acks_file=acks,
                               config=['message.timeout.ms=60000'])
        time.sleep(1)
        code, seconds = node.broker.terminate()
        check_equal(code, 0, 'the exit code')
        check(seconds < 2, f'it took {seconds:.2f} s')
        node.start_broker()
        time.sleep(0.5)
        load.send_signal(15)
        finish_load(load, check_exit=False)
        node.load('verify', 't', bytes=1000, partitions=3, acks_file=acks)


@case
def memory_topic_stopped():
    """A topic with durability=memory keeps every record over a graceful stop."""
    with Node() as node:
        node.create_topic('t', 2, durability='memory')
        sent = node.load('produce', 't', records=20_000, bytes=100, partitions=2)
        check_equal(sent['acked'], 20_000, 'acknowledged records')
        code, _ = node.broker.terminate()
        check_equal(code, 0, 'the exit code')
        node.start_broker()
        node.load('verify', 't', records=20_000, bytes=100, partitions=2)


def partition_of(node, topic):
    return json.loads(node.cli('topic', 'describe', topic, '--json').stdout)[0]['partitions'][0]


@case
def memory_topic_killed():
    """What kill -9 leaves of a topic with durability=memory is a prefix, under a new leader epoch."""
    need('kcat')
    with Node() as node:
        node.create_topic('t', 1, durability='memory')
        lines = [f'record {number} {"x" * (number % 300)}'.encode() for number in range(1_000_000)]
        source = node.folder / 'lines'
        source.write_bytes(b'\n'.join(lines) + b'\n')
        epochs = [partition_of(node, 't')['leader_epoch']]
        with open(source, 'rb') as stdin:
            producer = subprocess.Popen(['kcat', '-b', node.address, '-P', '-t', 't', '-X', 'acks=all'], stdin=stdin,
                                        stderr=subprocess.DEVNULL)
        try:
            seen = wait_for(lambda: partition_of(node, 't')['end_offset'], 30, 'records')
            node.kill_broker()
        finally:
            producer.kill()
            producer.wait()
        node.start_broker()
        partition = partition_of(node, 't')
        epochs.append(partition['leader_epoch'])
        check(epochs[1] > epochs[0], f'leader epochs {epochs}')
        got = run('kcat', '-b', node.address, '-C', '-t', 't', '-e', '-q').stdout.split(b'\n')[:-1]
        print(f'# {seen} were seen at least, {len(got)} are left')
        check_equal(len(got), partition['end_offset'], 'records read')
        check(got == lines[:len(got)], 'what is left is no prefix of what was sent')
        run('kcat', '-b', node.address, '-P', '-t', 't', input=b'after\n')
        again = run('kcat', '-b', node.address, '-C', '-t', 't', '-e', '-q').stdout.split(b'\n')[:-1]
        check(again == got + [b'after'], 'the log does not go on behind what is left')


@case
def idle_stop():
    """SIGTERM ends idle programs within 2 seconds with exit code 0."""
    with Node() as node:
        for process in (node.broker, node.coordinator):
            code, seconds = process.terminate()
            check_equal(code, 0, f'the exit code; {process.tail()}')
            check(seconds < 2, f'it took {seconds:.2f} s')


@case
def shard_count_changes():
    """The number of shards may change from start to start without losing a record."""
    with Node() as node:
        node.create_topic('t', 8)
        node.load('produce', 't', records=8000, bytes=200, partitions=8)
        for count in (1, 4, 3):
            node.kill_broker()
            node.settings['shards.count'] = count
            node.settings['shards.allow_oversubscription'] = 'true'
            node.start_broker()
            node.load('verify', 't', records=8000, bytes=200, partitions=8)


@case
def second_broker_on_the_same_data():
    """A second broker on the same data directory is refused with a message, and the first goes on."""
    with Node() as node:
        first = node.broker
        first_address = node.address
        node.address = f'127.0.0.1:{free_port()}'
        node.start_broker(ready=False)
        second, node.broker, node.address = node.broker, first, first_address
        try:
            code = second.child.wait(10)
        except subprocess.TimeoutExpired:
            code = None
        second.kill()
        check(code in (1, 2), f'exit code {code}')
        check(first.is_running(), 'the first broker ended')
        node.wait_until_ready()


@case
def port_given_back_late():
    """A broker whose port is still taken at its start waits for it, and says so."""
    with Node() as node:
        node.kill_broker()
        node.address = f'127.0.0.1:{free_port()}'
        with socket.create_server(node.host_port) as held:
            node.start_broker(ready=False)
            wait_for(lambda: 'is taken: waiting' in node.broker.tail(), 10, 'the broker waits for its port')
            held.close()
        node.wait_until_ready()


run_cases()
