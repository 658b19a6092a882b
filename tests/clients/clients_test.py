#!/usr/bin/env python3
"""Every family of Kafka clients, unmodified, against a real broker. README.md says what each must do."""
import contextlib
import dataclasses
import json
import os
import queue
import subprocess
import threading
import time

from fetched import Client, go_client, java_client, java_command, node_client, python_client
from harness import BUILD, Failure, Node, case, check, check_equal, run_cases, start_load, wait_for
from replicas import Cluster
from seen import ClientNode

RECORDS = 2000
PARTITIONS = 4


class Running(contextlib.AbstractContextManager):
    """A client program, and the events that it has printed."""

    def __init__(self, client, *arguments):
        self.client = client
        self.child = subprocess.Popen([*client.command, *map(str, arguments)], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                      env={**os.environ, **client.environment})
        self.said = []
        self.events = queue.SimpleQueue()
        self.records, self.assigned, self.version, self.closed = [], None, '', False
        for stream, take in ((self.child.stdout, self.events.put), (self.child.stderr, self.said.append)):
            threading.Thread(target=lambda s=stream, t=take: [t(line) for line in s], daemon=True).start()

    def __exit__(self, *_):
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()

    def trouble(self):
        return f'{self.client.name}: exit code {self.child.poll()}: {"".join(self.said[-15:]).strip()}'

    def take_events(self):
        partitions = None
        while not self.events.empty():
            event = json.loads(self.events.get())
            self.records += [event['record']] if 'record' in event else []
            self.assigned = event.get('assigned', self.assigned)
            self.version = event.get('version', self.version)
            self.closed = event.get('closed', self.closed)
            partitions = event.get('partitions', partitions)
        return partitions

    def finish(self, seconds=60):
        """Ends its input, as the order to stop; returns what `produce` said."""
        self.child.stdin.close()
        try:
            self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failure(f'it did not end: {self.trouble()}') from None
        time.sleep(0.1)  # for the thread that reads its last lines
        check_equal(self.child.returncode, 0, self.trouble())
        return self.take_events()


def produce(client, node, topic, codec, count=RECORDS):
    with Running(client, 'produce', node.bootstrap, topic, count, codec) as running:
        partitions = running.finish()
        return running.version, partitions


def wait_until(members, condition, seconds, what):
    def holds():
        for member in members:
            member.take_events()
            check(member.child.poll() is None, member.trouble())
        return condition()
    try:
        wait_for(holds, seconds, what)
    except Failure as failure:
        state = '; '.join(f'{m.client.name} has {m.assigned}, {len(m.records)} records' for m in members)
        raise Failure(f'{failure}: {state}; {members[0].trouble()}') from None


def numbers(*members):
    """The numbers of all records that were read, each once."""
    return {int(value.split(':')[0]) for member in members for _, _, value in member.records}


def shared(members):
    """All partitions are assigned, each to one member, and every member has some."""
    lists = [member.assigned or [] for member in members]
    return all(lists) and sorted(sum(lists, [])) == list(range(PARTITIONS))


def keyed_produce(client, node):
    """The same key goes to the same partition from every client that hashes as Java does; all codecs are read back."""
    for codec in client.codecs:
        topic = f'keyed-{codec}'
        node.create_topic(topic, PARTITIONS)
        version, partitions = produce(client, node, topic, codec)
        if partitions is not None:
            check_equal(partitions, java_partitions(), 'partition of each key')
        with Running(client, 'group', node.bootstrap, topic, f'reads-{codec}') as reader:
            wait_until([reader], lambda r=reader: len(numbers(r)) == RECORDS, 60, f'all records with {codec}')
            reader.finish()
    return version


def group_life(client, node):
    """A group shares the partitions while members join and leave and the broker is killed; nothing is left out."""
    topic, name = 'shared', 'life'
    node.create_topic(topic, PARTITIONS)
    produce(client, node, topic, 'none')
    with Running(client, 'group', node.bootstrap, topic, name) as first:
        wait_until([first], lambda: len(numbers(first)) == RECORDS, 60, 'the first member reads all')
        with Running(client, 'group', node.bootstrap, topic, name) as second:
            wait_until([first, second], lambda: shared([first, second]), 60, 'the partitions are shared')
            node.restart_broker()
            before = len(first.records) + len(second.records)
            produce(client, node, topic, 'none')
            wait_until([first, second], lambda: len(first.records) + len(second.records) >= before + RECORDS, 60,
                       'both go on after the broker was killed')
            first.finish()
            check(first.closed, 'it did not close')
            wait_until([second], lambda: shared([second]), 60, 'the other takes over')
            before = len(second.records)
            produce(client, node, topic, 'none')
            wait_until([second], lambda: len(second.records) >= before + RECORDS, 60, 'it reads everything')
            second.finish()
    check_equal(left_to_read(node, topic, name), 0, 'records behind the committed offsets')


def left_to_read(node, topic, name):
    described = json.loads(node.cli('group', 'describe', name, '--json').stdout)
    rows = [row for row in described[0]['partitions'] if row['topic'] == topic]
    check_equal(len(rows), PARTITIONS, 'committed partitions')
    return sum(row['lag'] for row in rows)


def java_partitions():
    """Of each key: murmur2 as Java's partitioner has it."""
    def murmur2(data):
        m, mask = 0x5bd1e995, 0xffffffff
        h = 0x9747b28c ^ len(data)
        for at in range(0, len(data) - len(data) % 4, 4):
            k = int.from_bytes(data[at:at + 4], 'little') * m & mask
            k = (k ^ k >> 24) * m & mask
            h = (h * m & mask) ^ k
        tail = data[len(data) - len(data) % 4:]
        if tail:
            h = (h ^ int.from_bytes(tail, 'little')) * m & mask
        h = (h ^ h >> 13) * m & mask
        return h ^ h >> 15
    return {f'key-{i}': (murmur2(f'key-{i}'.encode()) & 0x7fffffff) % PARTITIONS for i in range(50)}


def failover(client):
    """The leader of a replicated partition is killed while records go to it: all are read, in the order sent, and once
    where the client is idempotent."""
    topic, count = 'survives', 20_000
    with Cluster(settings={'groups.initial_rebalance_delay_ms': '0'}) as cluster, contextlib.ExitStack() as ends:
        cluster.nodes[0].cli('topic', 'create', topic, '--partitions', PARTITIONS, '--replication-factor', 3)
        cluster.wait_in_sync(topic, 3)
        reader = ends.enter_context(Running(client, 'group', cluster.addresses, topic, 'reads'))
        wait_until([reader], lambda: shared([reader]), 60, 'it reads')
        cluster.wait_in_sync('__consumer_offsets', 3)
        producer = ends.enter_context(Running(client, 'produce', cluster.addresses, topic, count, 'none'))
        wait_until([reader], lambda: len(reader.records) > count // 10, 60, 'the first records')
        killed = cluster.nodes[cluster.leader(topic)]
        killed.kill_broker()
        producer.finish(120)
        wait_until([reader], lambda: len(numbers(reader)) == count, 60, 'all records')
        killed.start_broker()
        cluster.wait_in_sync(topic, 3)
        reader.finish()
    for partition in range(PARTITIONS):
        found = sorted({(offset, int(value.split(':')[0])) for p, offset, value in reader.records if p == partition})
        check_equal([offset for offset, _ in found], list(range(len(found))), f'offsets of partition {partition}')
        if client.idempotent:
            sent = [number for _, number in found]
            check_equal(sent, sorted(set(sent)), f'records of partition {partition}')


def use(make):
    client = make()
    failover(client)
    with ClientNode({'groups.initial_rebalance_delay_ms': '200ms'}) as node:
        version = keyed_produce(client, node)
        group_life(client, node)
        node.keep(client.name, version)
    print(f'# {version}: keyed produce with {", ".join(client.codecs)}; group with joins, leaves and a killed broker; '
          'a killed leader')


@case
def librdkafka_c():
    """librdkafka of the distribution, in C."""
    use(lambda: Client('librdkafka', [BUILD / 'tests/clients/librdkafka']))


@case
def confluent():
    """confluent-kafka for Python: a current librdkafka."""
    use(lambda: python_client('confluent', 'confluent-kafka'))


@case
def kafka_python_old():
    """kafka-python 2.0.2, which guesses what the broker is."""
    packages = ('kafka-python==2.0.2', 'python-snappy', 'lz4', 'zstandard', 'six')
    use(lambda: dataclasses.replace(python_client('kafka_python', *packages), idempotent=False))


@case
def kafkajs():
    """kafkajs."""
    use(node_client)


@case
def franz_go():
    """franz-go."""
    use(lambda: go_client('franz'))


@case
def sarama():
    """sarama."""
    use(lambda: go_client('sarama'))


@case
def java_4():
    """Java's own client, 4.x."""
    use(lambda: java_client('4.1.0'))


@case
def java_3():
    """Java's own client, 3.9."""
    use(lambda: java_client('3.9.1'))


def idempotent_kills(version):
    with Node() as node:
        node.create_topic('t', 4)
        load = start_load([*java_command(version), 'Load', node.address, 't', '4', '300', '20000'])
        node.check_all_once('t', node.kill_under(load, kills=5), bytes=300, partitions=4)


@case
def java_4_kills():
    """Java's idempotent producer, 4.x, through kill after kill: every record once, in each partition as sent."""
    idempotent_kills('4.1.0')


@case
def java_3_kills():
    """Java's idempotent producer, 3.9, through kill after kill: every record once, in each partition as sent."""
    idempotent_kills('3.9.1')


run_cases()
