#!/usr/bin/env python3
"""Configs of topics, changed while the broker runs: what is seen of them at once, and after restarts."""
import json
import time

import kafka_wire as wire
from harness import Node, case, check, check_equal, run_cases, wait_for

INVALID_CONFIG, INVALID_REQUEST, MESSAGE_TOO_LARGE, INVALID_RECORD = 40, 42, 10, 87
EARLIEST = -2
FROM_TOPIC, FROM_FILE, FROM_DEFAULT = 1, 4, 5


def ask(node, frame):
    with wire.Connection(node.host_port) as connection:
        connection.send(frame)
        return connection.answer()[1]


def alter(node, topic, *operations):
    return wire.altered_configs(ask(node, wire.alter_configs_request(wire.TOPIC_RESOURCE, topic, operations)))


def describe(node, kind, name):
    code, configs = wire.described_configs(ask(node, wire.describe_configs_request(kind, name)))
    check_equal(code, 0, f'describing {name}')
    return configs


def produce(node, topic, size, **batch):
    records = wire.batch([b'x' * size], **batch)
    return wire.produce_outcome(ask(node, wire.produce_request(topic, 0, records)))


def first_offset(node, topic):
    code, offset = wire.listed_offset(ask(node, wire.list_offsets_request(topic, 0, EARLIEST)))
    check_equal(code, 0, 'asking for the first offset')
    return offset


def restart_all(node):
    node.kill_broker()
    node.coordinator.kill()
    node.start_coordinator()
    node.start_broker()


@case
def a_smaller_batch_limit():
    """A changed max.message.bytes holds at once, and after both programs were killed."""
    with Node() as node:
        node.create_topic('t')
        check_equal(produce(node, 't', 2000)[0], 0, 'a batch below the default')
        check_equal(alter(node, 't', ('max.message.bytes', wire.SET, '1000')), (0, None), 'the change')
        check_equal(produce(node, 't', 2000)[0], MESSAGE_TOO_LARGE, 'the same batch now')
        restart_all(node)
        check_equal(produce(node, 't', 2000)[0], MESSAGE_TOO_LARGE, 'the same batch after the restart')
        value, _, source, synonyms = describe(node, wire.TOPIC_RESOURCE, 't')['max.message.bytes']
        check_equal((value, source), ('1000', FROM_TOPIC), 'what is described')
        check_equal(synonyms, [('max.message.bytes', '1000', FROM_TOPIC),
                               ('message.max.bytes', '1048588', FROM_DEFAULT)], 'its synonyms')
        check_equal(alter(node, 't', ('max.message.bytes', wire.DELETE, None)), (0, None), 'the way back')
        check_equal(produce(node, 't', 2000)[0], 0, 'the same batch at the end')


@case
def a_shorter_retention():
    """A changed retention.ms removes records while the broker runs, and those of later after a restart."""
    with Node() as node:
        node.create_topic('t')
        now = int(time.time() * 1000)
        check_equal(produce(node, 't', 10, timestamp=now - 600_000), (0, 0), 'an old record')
        check_equal(first_offset(node, 't'), 0, 'the first offset before')
        check_equal(alter(node, 't', ('retention.ms', wire.SET, '300000')), (0, None), 'the change')
        wait_for(lambda: first_offset(node, 't') == 1, 60, 'the old record gone')
        check_equal(produce(node, 't', 10, timestamp=now), (0, 1), 'a new record')
        restart_all(node)
        check_equal(produce(node, 't', 10, timestamp=now), (0, 2), 'one more')
        check_equal(first_offset(node, 't'), 1, 'the first offset after the restart')
        check_equal(describe(node, wire.TOPIC_RESOURCE, 't')['retention.ms'][0], '300000', 'what is described')


@case
def what_is_refused():
    """A wrong value, an unknown name and a broker's config are refused, with a sentence, and change nothing."""
    with Node() as node:
        node.create_topic('t')
        for operation, why in ((('retention.ms', wire.SET, 'soon'), 'not a number'),
                               (('retention', wire.SET, '1'), 'Unknown topic config name'),
                               (('retention.ms', wire.APPEND, '1'), 'is no list')):
            code, message = alter(node, 't', ('segment.ms', wire.SET, '5000'), operation)
            check_equal(code, INVALID_CONFIG, operation)
            check(why in message, message)
        check_equal(describe(node, wire.TOPIC_RESOURCE, 't')['segment.ms'][2], FROM_DEFAULT, 'nothing is set')
        frame = wire.alter_configs_request(wire.BROKER_RESOURCE, '1', [('log.retention.ms', wire.SET, '1')])
        code, message = wire.altered_configs(ask(node, frame))
        check_equal(code, INVALID_REQUEST, 'a config of the broker')
        check('log.retention.ms' in message and 'file' in message, message)


@case
def what_a_broker_says_of_itself():
    """The broker describes what it was started with, read-only, and topics inherit from it."""
    with Node({'topics.default_retention_ms': '1h', 'topics.default_partitions': '3'}) as node:
        configs = describe(node, wire.BROKER_RESOURCE, '1')
        check(all(read_only for _, read_only, _, _ in configs.values()), 'all of it is read-only')
        for name, value, source in (('num.partitions', '3', FROM_FILE), ('log.retention.ms', '3600000', FROM_FILE),
                                    ('listeners', f'PLAINTEXT://{node.address}', FROM_FILE),
                                    ('advertised.listeners', f'PLAINTEXT://{node.address}', FROM_FILE),
                                    ('log.dirs', str(node.data), FROM_FILE),
                                    ('socket.request.max.bytes', str(16 << 20), FROM_FILE),
                                    ('auto.create.topics.enable', 'true', FROM_DEFAULT)):
            check_equal(configs[name][0], value, name)
            check_equal(configs[name][2], source, f'the source of {name}')
        node.create_topic('t')
        check_equal(describe(node, wire.TOPIC_RESOURCE, 't')['retention.ms'][::2], ('3600000', FROM_FILE), 'a topic')


@case
def with_the_cli():
    """penstock config gets, sets and unsets; mistyped names get a suggestion."""
    with Node() as node:
        node.create_topic('games', retention_ms='1000')
        said = node.cli('config', 'set', 'topic', 'games', 'max.message.bytes=1000', 'cleanup.policy=compact,delete')
        check("max.message.bytes of topic 'games' is 1000." in said.stdout, said.stdout)
        check_equal(produce(node, 'games', 2000)[0], MESSAGE_TOO_LARGE, 'a large batch')
        check_equal(produce(node, 'games', 10)[0], INVALID_RECORD, 'a record without a key')
        node.cli('config', 'unset', 'topic', 'games', 'retention.ms')
        found = json.loads(node.cli('config', 'get', 'topic', 'games', '--json').stdout)
        check_equal({c['config']: c['value'] for c in found['configs']},
                    {'max.message.bytes': '1000', 'cleanup.policy': 'compact,delete'}, 'what the topic has set')
        everything = node.cli('config', 'get', 'topic', 'games', '--all').stdout
        check('retention.ms' in everything and 'remote.storage.enable' in everything, everything)
        check('listeners' in node.cli('config', 'get', 'broker').stdout, 'the broker')
        for words, hint in ((('set', 'topic', 'games', 'retention.m=1'), "Did you mean 'retention.ms'?"),
                            (('unset', 'topic', 'games', 'retention.m'), "Did you mean 'retention.ms'?"),
                            (('get', 'topic', 'game'), "Did you mean 'games'?"),
                            (('set', 'topic', 'games', 'retention.ms=soon'), 'not a number')):
            failed = node.cli('config', *words, check_exit=False)
            check_equal(failed.returncode, 1, words)
            check(hint in failed.stderr, failed.stderr)


if __name__ == '__main__':
    run_cases()
