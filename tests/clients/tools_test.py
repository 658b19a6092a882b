#!/usr/bin/env python3
"""Kafka's stock command line tools, unmodified, against a real broker: what they print and how they end."""
import contextlib
import json
import re
import select
import subprocess
import time

from fetched import java_command
from harness import Failure, case, check, check_equal, run_cases, wait_for
from seen import ClientNode

VERSIONS = ['3.9.1', '4.1.0']
SECONDS_MAX = 60
TOOLS = 'org.apache.kafka.tools.'
MAINS = {
    'broker-api-versions': {'3': 'kafka.admin.BrokerApiVersionsCommand', '4': TOOLS + 'BrokerApiVersionsCommand'},
    'cluster': TOOLS + 'ClusterTool',
    'configs': 'kafka.admin.ConfigCommand',
    'console-consumer': TOOLS + 'consumer.ConsoleConsumer',
    'console-producer': {'3': 'kafka.tools.ConsoleProducer', '4': TOOLS + 'ConsoleProducer'},
    'consumer-groups': TOOLS + 'consumer.group.ConsumerGroupCommand',
    'consumer-perf-test': TOOLS + 'ConsumerPerformance',
    'delete-records': TOOLS + 'DeleteRecordsCommand',
    'get-offsets': TOOLS + 'GetOffsetShell',
    'leader-election': TOOLS + 'LeaderElectionCommand',
    'log-dirs': TOOLS + 'LogDirsCommand',
    'producer-perf-test': TOOLS + 'ProducerPerformance',
    'reassign-partitions': TOOLS + 'reassign.ReassignPartitionsCommand',
    'topics': TOOLS + 'TopicCommand',
    'verifiable-consumer': TOOLS + 'VerifiableConsumer',
    'verifiable-producer': TOOLS + 'VerifiableProducer',
}


class Kafka:
    """The tools of one version, and the broker that they talk to."""

    def __init__(self, version):
        self.version = version
        self.java = java_command(version)
        self.ends = contextlib.ExitStack()
        self.node = self.ends.enter_context(ClientNode({
            'groups.initial_rebalance_delay_ms': '0', 'replication.catch_up_bytes_per_s': '64KiB'}))
        self.jvm = self.start([*self.java, 'Tools'])

    def start(self, command, **popen):
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, **popen)
        self.ends.callback(child.wait)
        self.ends.callback(child.kill)
        return child

    def main_of(self, tool):
        main = MAINS[tool]
        return main if isinstance(main, str) else main[self.version[0]]

    def run(self, tool, *arguments, stdin='', code=0):
        """Runs the tool to its end, with the broker's address; returns what it printed."""
        address = ['--bootstrap-server', self.node.bootstrap] if tool != 'producer-perf-test' else []
        words = [str(argument) for argument in arguments]
        print(json.dumps([self.main_of(tool), stdin, *words, *address]), file=self.jvm.stdin)
        if not select.select([self.jvm.stdout], [], [], SECONDS_MAX)[0]:
            self.jvm.kill()
            raise Failure(f'{tool} {" ".join(words)}: not within {SECONDS_MAX} s')
        answer = json.loads(self.jvm.stdout.readline())
        printed = answer['out'] + answer['err']
        check(answer['code'] == code, f'{tool} {" ".join(words)}: exit code {answer["code"]}: {printed}')
        return printed

    def run_apart(self, tool, *arguments):
        """Starts the tool in a JVM of its own: some end properly only with it."""
        command = [*self.java, self.main_of(tool), '--bootstrap-server', self.node.bootstrap, *arguments]
        return self.start(command, stderr=subprocess.STDOUT)

    def produce(self, topic, lines):
        self.run('console-producer', '--topic', topic, '--property', 'parse.key=true', '--property',
                 'key.separator=:', stdin=''.join(f'{line}\n' for line in lines))

    def delete_records(self, offsets):
        partitions = [{'topic': topic, 'partition': p, 'offset': offset} for (topic, p), offset in offsets.items()]
        path = self.node.folder / 'delete-records.json'
        path.write_text(json.dumps({'version': 1, 'partitions': partitions}))
        return self.run('delete-records', '--offset-json-file', path)


running = {}  # by version; the cases of one version share the broker and the JVM


def tool_case(function):
    """Registers a case for each version of the tools."""
    def register(version):
        def run():
            if version not in running:
                running[version] = Kafka(version)
            function(running[version])
        run.__name__ = f'{function.__name__}_{version[0]}'
        run.__doc__ = f'{version}: {function.__doc__}'
        case(run)
    for version in VERSIONS:
        register(version)


def table(text):
    return [line.split() for line in text.split('\n') if line.strip()]


def check_says(text, *patterns):
    for pattern in patterns:
        check(re.search(pattern, text), f'no "{pattern}" in: {text}')


def events_of(child):
    """Waits for its end: the JSON lines that it printed."""
    printed = child.communicate(timeout=SECONDS_MAX)[0]
    events = [json.loads(line) for line in printed.split('\n') if line.startswith('{')]
    check(events, printed)
    return events


def group_offsets(kafka, group):
    """(topic, partition): [committed, end, lag], as the tool prints them."""
    rows = table(kafka.run('consumer-groups', '--describe', '--group', group))
    return {(row[1], int(row[2])): row[3:6] for row in rows if row[0] == group}


@tool_case
def broker_api_versions(kafka):
    """kafka-broker-api-versions lists what is served, and a version of each API that it can use."""
    said = kafka.run('broker-api-versions')
    check_says(said, r'\(id: 1 rack: null', r'\bProduce\(0\): 0 to \d+ \[usable: \d+\]', r'Fetch\(1\): 4 to')
    check('UNUSABLE' not in said, said)
    check_says(kafka.run('cluster', 'cluster-id'), r'Cluster ID: \S{22}')


@tool_case
def topics(kafka):
    """kafka-topics creates, lists, describes, adds partitions, deletes, and says what is wrong."""
    create = ['--create', '--topic', 'made', '--partitions', 2, '--config', 'retention.ms=3600000']
    check_says(kafka.run('topics', *create), 'Created topic made')
    check_says(kafka.run('topics', *create, code=1), 'exists')
    kafka.run('topics', *create, '--if-not-exists')
    check_says(kafka.run('topics', '--create', '--topic', 'bad', '--config', 'retention.ms=soon', code=1),
               'retention.ms')
    check_says(kafka.run('topics', '--create', '--topic', 'bad', '--config', 'no.such=1', code=1), 'no.such')
    check_says(kafka.run('topics', '--create', '--topic', 'bad', '--replication-factor', 2, code=1), 'eplication')
    check_says(kafka.run('topics', '--create', '--topic', 'bad/name', code=1), 'opic name')

    def check_described(partitions):
        says = kafka.run('topics', '--describe', '--topic', 'made')
        check_says(says, rf'Topic: made\tTopicId: \S{{22}}\tPartitionCount: {partitions}\tReplicationFactor: 1\t'
                         r'Configs: .*retention\.ms=3600000\n')
        for partition in range(partitions):
            check_says(says, rf'\n\tTopic: made\tPartition: {partition}\tLeader: 1\tReplicas: 1\tIsr: 1\t')

    check_described(2)
    kafka.run('topics', '--alter', '--topic', 'made', '--partitions', 3)
    check_described(3)
    check_says(kafka.run('topics', '--alter', '--topic', 'made', '--partitions', 2, code=1), r'3 partition')
    check('made' not in kafka.run('topics', '--describe', '--under-replicated-partitions'), 'under-replicated')
    check_says(kafka.run('topics', '--describe', '--topics-with-overrides'), r'Topic: made\t')
    check('made' in kafka.run('topics', '--list', '--exclude-internal').split(), 'it is not listed')
    kafka.run('topics', '--delete', '--topic', 'made')
    check('made' not in kafka.run('topics', '--list').split(), 'it is still listed')
    for what in ('--describe', '--delete'):
        check_says(kafka.run('topics', what, '--topic', 'made', code=1), 'made.* does not exist')


@tool_case
def configs_of_topics(kafka):
    """kafka-configs describes and changes what a topic has, and refuses what it cannot."""
    kafka.node.create_topic('configured', 1)
    topic = ['--entity-type', 'topics', '--entity-name', 'configured']

    def check_described(*wanted):
        said = kafka.run('configs', '--describe', *topic)
        check_equal({line.split()[0] for line in said.split('\n')[1:] if line.strip()}, set(wanted), 'its own configs')
        return said

    check_described()
    kafka.run('configs', '--alter', *topic, '--add-config', 'cleanup.policy=[compact,delete],segment.ms=60000')
    said = check_described('cleanup.policy=compact,delete', 'segment.ms=60000')
    check_says(said, r'segment.ms=60000 sensitive=false synonyms=\{DYNAMIC_TOPIC_CONFIG:segment.ms=60000[,}]')
    kafka.run('configs', '--alter', *topic, '--delete-config', 'segment.ms')
    check_described('cleanup.policy=compact,delete')
    check_says(kafka.run('configs', '--alter', *topic, '--delete-config', 'segment.ms', code=1), 'Invalid config')
    said = kafka.run('configs', '--describe', '--all', *topic)
    check_says(said, r'cleanup.policy=compact,delete .*DYNAMIC_TOPIC_CONFIG', 'segment.ms=604800000 ',
               r'segment.bytes=1073741824 sensitive=false synonyms=\{\w+_CONFIG:log.segment.bytes=1073741824',
               'compression.type=producer ', 'max.message.bytes=1048588 ', 'min.cleanable.dirty.ratio=0.5 ')
    for pair, trouble in {'no.such=1': 'InvalidConfigurationException|InvalidRequestException',
                          'retention.ms=soon': 'InvalidConfigurationException: .*retention.ms',
                          'cleanup.policy=none': 'InvalidConfigurationException: .*cleanup.policy'}.items():
        check_says(kafka.run('configs', '--alter', *topic, '--add-config', pair, code=1), trouble)
    check_described('cleanup.policy=compact,delete')
    check_says(kafka.run('configs', '--alter', '--entity-type', 'topics', '--entity-name', 'nowhere', '--add-config',
                         'retention.ms=1', code=1), 'UnknownTopicOrPartitionException')


@tool_case
def configs_of_brokers(kafka):
    """kafka-configs describes the broker, and refuses to change what cannot be changed while it runs."""
    broker = ['--entity-type', 'brokers', '--entity-name', 1]
    check_says(kafka.run('configs', '--describe', '--all', *broker), r'node.id=1 |broker.id=1 ',
               r'log.segment.bytes=1073741824 sensitive=false ', 'auto.create.topics.enable=true ')
    check_says(kafka.run('configs', '--describe', *broker), 'Dynamic configs for broker 1 are:')
    check_says(kafka.run('configs', '--describe', '--entity-type', 'brokers', '--entity-default'),
               'Default configs for brokers')
    check_says(kafka.run('configs', '--alter', *broker, '--add-config', 'log.dirs=/elsewhere', code=1),
               'InvalidRequestException')


@tool_case
def console(kafka):
    """kafka-console-producer and -consumer: keys, the beginning, a group that goes on where it was."""
    kafka.node.create_topic('console', 1)
    lines = [f'k{i}:v{i}' for i in range(10)]
    kafka.produce('console', lines[:6])
    read = ['--topic', 'console', '--property', 'print.key=true', '--property', 'key.separator=:',
            '--timeout-ms', 10_000]
    check_equal(kafka.run('console-consumer', *read, '--from-beginning', '--max-messages', 6).split('\n')[:6],
                lines[:6], 'from the beginning')
    in_group = [*read, '--group', 'console', '--from-beginning', '--max-messages']
    check_equal(kafka.run('console-consumer', *in_group, 4).split('\n')[:4], lines[:4], 'what the group reads first')
    kafka.produce('console', lines[6:])
    check_equal(kafka.run('console-consumer', *in_group, 6).split('\n')[:6], lines[4:], 'what it reads then')
    at = ['--property', 'print.offset=true', '--property', 'print.timestamp=true', '--partition', 0, '--offset', 7]
    check_says(kafka.run('console-consumer', *read, *at, '--max-messages', 1), r'^CreateTime:\d+:Offset:7:k7:v7\n')


@tool_case
def consumer_groups(kafka):
    """kafka-consumer-groups lists, describes with lag, resets, deletes offsets and groups."""
    kafka.node.create_topic('grouped', 2)
    kafka.produce('grouped', [f'k{i}:v{i}' for i in range(20)])
    counts = [int(row[0].split(':')[2]) for row in table(kafka.run('get-offsets', '--topic', 'grouped'))]
    check_equal(sum(counts), 20, 'records')
    kafka.run('console-consumer', '--topic', 'grouped', '--group', 'g', '--from-beginning', '--max-messages', 20,
              '--timeout-ms', 10_000)

    def check_offsets(*committed):
        wanted = {('grouped', p): [str(at), str(end), str(end - at)]
                  for p, (at, end) in enumerate(zip(committed, counts)) if at is not None}
        check_equal(group_offsets(kafka, 'g'), wanted, 'committed, end, lag')

    check('g' in kafka.run('consumer-groups', '--list').split(), 'not listed')
    check(['g', 'Empty'] in table(kafka.run('consumer-groups', '--list', '--state', 'Empty')), 'not listed as empty')
    check_says(kafka.run('consumer-groups', '--describe', '--group', 'g', '--state'), r'g .*\(1\).* Empty +0\s')
    check_offsets(*counts)
    reset = ['--reset-offsets', '--group', 'g', '--topic', 'grouped']
    kafka.run('consumer-groups', *reset, '--to-earliest', '--dry-run')
    check_offsets(*counts)
    check_says(kafka.run('consumer-groups', *reset, '--to-earliest', '--execute'), r'grouped +0 +0\s')
    check_offsets(0, 0)
    kafka.run('consumer-groups', *reset, '--shift-by', 3, '--execute')
    check_offsets(3, 3)
    kafka.run('consumer-groups', *reset[:-1], 'grouped:1', '--to-offset', 1, '--execute')
    check_offsets(3, 1)
    kafka.run('consumer-groups', *reset, '--to-datetime', '2020-01-01T00:00:00.000', '--execute')
    check_offsets(0, 0)
    kafka.run('consumer-groups', *reset, '--by-duration', 'PT0S', '--execute')  # none since: the end
    check_offsets(*counts)
    kafka.run('consumer-groups', '--delete-offsets', '--group', 'g', '--topic', 'grouped:0')
    check_offsets(None, counts[1])
    check_says(kafka.run('consumer-groups', '--delete', '--group', 'g'), 'was successful')
    check('g' not in kafka.run('consumer-groups', '--list').split(), 'still listed')
    check_says(kafka.run('consumer-groups', '--delete', '--group', 'g'), 'GroupIdNotFoundException')


@tool_case
def get_offsets(kafka):
    """kafka-get-offsets: earliest, latest, by time, of the highest time."""
    kafka.node.create_topic('offsets', 1)
    kafka.produce('offsets', ['a:1', 'b:2'])
    time.sleep(0.01)
    between = round(time.time() * 1000)
    time.sleep(0.01)
    kafka.produce('offsets', ['c:3'])
    for wanted, offset in {-1: 3, 'latest': 3, -2: 0, 'earliest': 0, between: 2, 1: 0}.items():
        said = kafka.run('get-offsets', '--topic', 'offsets', '--time', wanted)
        check_equal(said, f'offsets:0:{offset}\n', f'the offset for {wanted}')
    for wanted in (-3, 'max-timestamp'):
        said = kafka.run('get-offsets', '--topic', 'offsets', '--time', wanted)
        check_equal(said, 'offsets:0:2\n', f'the offset for {wanted}')
    check_says(kafka.run('get-offsets', '--topic-partitions', '__consumer_offsets:3'), r'^__consumer_offsets:3:\d+\n')


@tool_case
def delete_records(kafka):
    """kafka-delete-records moves the start of a partition, and refuses what is not there."""
    kafka.node.create_topic('shortened', 2)
    kafka.produce('shortened', [f'k{i}:v{i}' for i in range(20)])
    ends = [int(row[0].split(':')[2]) for row in table(kafka.run('get-offsets', '--topic', 'shortened'))]
    says = kafka.delete_records({('shortened', 0): 2, ('shortened', 1): -1})
    check_says(says, r'partition: shortened-0\tlow_watermark: 2\n',
               rf'partition: shortened-1\tlow_watermark: {ends[1]}\n')
    check_equal(kafka.run('get-offsets', '--topic', 'shortened', '--time', 'earliest'),
                f'shortened:0:2\nshortened:1:{ends[1]}\n', 'where they start')
    check_says(kafka.delete_records({('shortened', 0): ends[0] + 1}), 'shortened-0\terror: .*OffsetOutOfRange')
    read = kafka.run('console-consumer', '--topic', 'shortened', '--from-beginning', '--max-messages', ends[0] - 2,
                     '--timeout-ms', 10_000, '--property', 'print.offset=true')
    check_says(read, '^Offset:2\t')


@tool_case
def log_dirs(kafka):
    """kafka-log-dirs: the size of each partition."""
    kafka.node.create_topic('sized', 2)
    kafka.produce('sized', [f'k{i}:{"v" * 100}' for i in range(20)])
    said = kafka.run('log-dirs', '--describe', '--topic-list', 'sized', '--broker-list', 1)
    described = json.loads(next(line for line in said.split('\n') if line.startswith('{')))
    check_equal(described['brokers'][0]['broker'], 1, 'the broker')
    folder = described['brokers'][0]['logDirs'][0]
    check_equal(folder['error'], None, 'the error')
    check_equal(sorted(row['partition'] for row in folder['partitions']), ['sized-0', 'sized-1'], 'partitions')
    check(sum(row['size'] for row in folder['partitions']) > 2000, f'sizes: {folder}')
    check(all(row['offsetLag'] == 0 and not row['isFuture'] for row in folder['partitions']), f'{folder}')
    check_says(kafka.run('log-dirs', '--describe'), '"partition":"sized-0"')


@tool_case
def leader_election(kafka):
    """kafka-leader-election: with one broker, all have the leader that they prefer."""
    kafka.node.create_topic('led', 2)
    kafka.run('leader-election', '--election-type', 'preferred', '--all-topic-partitions')
    for election in ('preferred', 'unclean'):
        said = kafka.run('leader-election', '--election-type', election, '--topic', 'led', '--partition', 1)
        check_says(said, 'Valid replica already elected for partitions led-1')
    said = kafka.run('leader-election', '--election-type', 'preferred', '--topic', 'nowhere', '--partition', 0, code=1)
    check_says(said, 'nowhere-0: .*UnknownTopicOrPartitionException')


@tool_case
def reassign_partitions(kafka):
    """kafka-reassign-partitions has nothing to list, and moves nothing to a broker that is not there."""
    kafka.node.create_topic('stays', 1)
    check_says(kafka.run('reassign-partitions', '--list'), 'No partition reassignments found')

    def reassign(what, replica, code=0):
        path = kafka.node.folder / 'reassign.json'
        path.write_text(json.dumps({'version': 1, 'partitions': [{'topic': 'stays', 'partition': 0,
                                                                  'replicas': [replica]}]}))
        return kafka.run('reassign-partitions', what, '--reassignment-json-file', path, code=code)

    check_says(reassign('--execute', 1), 'Successfully started partition reassignment for stays-0')
    check_says(reassign('--verify', 1), 'Reassignment of partition stays-0 is completed')
    check_says(reassign('--execute', 7, code=1), 'Unknown broker id 7')


@tool_case
def several_brokers(kafka):
    """kafka-topics, -reassign-partitions and -leader-election with a second broker, to which a partition moves."""
    kafka.node.add_broker(2, {'broker.rack': 'cellar'})
    wait_for(lambda: re.search(r'\(id: 2 rack: cellar', kafka.run('broker-api-versions')), 20, 'the second broker')
    kafka.run('topics', '--create', '--topic', 'moves', '--replica-assignment', '1,2,1')
    says = kafka.run('topics', '--describe', '--topic', 'moves')
    check_says(says, r'Partition: 1\tLeader: 2\tReplicas: 2\tIsr: 2\t')
    # More than moves while anybody looks, with the node's setting.
    kafka.node.load('produce', 'moves', only=0, partitions=3, records=1000, bytes=16_000)
    path = kafka.node.folder / 'moves.json'

    def reassign(what, partition=0):
        path.write_text(json.dumps({'version': 1, 'partitions': [{'topic': 'moves', 'partition': partition,
                                                                  'replicas': [2]}]}))
        return kafka.run('reassign-partitions', what, '--reassignment-json-file', path)

    def begins(partition):
        # The tool refuses while anything else moves: internal topics, which a second broker gets as it comes, or what
        # was cancelled, of which whom it asks may not have heard yet.
        try:
            return reassign('--execute', partition)
        except Failure as failure:
            check('existing partition assignment' in str(failure), f'it is refused: {failure}')
            return False

    said = wait_for(lambda: begins(0), 20, 'the first reassignment')
    check_says(said, 'Successfully started partition reassignment for moves-0')
    check_says(kafka.run('reassign-partitions', '--list'), 'moves-0: replicas: 2,1. adding: 2. removing: 1')
    check_says(reassign('--verify'), 'Reassignment of partition moves-0 is still in progress')
    check_says(reassign('--cancel'), 'Successfully cancelled .*moves-0')
    check_says(kafka.run('reassign-partitions', '--list'), 'No partition reassignments found')
    said = kafka.run('leader-election', '--election-type', 'preferred', '--topic', 'moves', '--partition', 0)
    check_says(said, 'Valid replica already elected for partitions moves-0')
    wait_for(lambda: begins(2), 10, 'the next reassignment, of an empty one')
    wait_for(lambda: 'Reassignment of partition moves-2 is completed' in reassign('--verify', partition=2), 30,
             'the empty partition to move')
    check_says(kafka.run('topics', '--describe', '--topic', 'moves'), r'Partition: 2\tLeader: 2\tReplicas: 2\tIsr: 2\t')
    kafka.run('topics', '--delete', '--topic', 'moves')


@tool_case
def perf_tests(kafka):
    """kafka-producer-perf-test and -consumer-perf-test."""
    kafka.node.create_topic('perf', 2)
    said = kafka.run('producer-perf-test', '--topic', 'perf', '--num-records', 10_000, '--record-size', 100,
                     '--throughput', -1, '--producer-props', f'bootstrap.servers={kafka.node.bootstrap}',
                     'compression.type=lz4')
    check_says(said, r'10000 records sent, .* 99\.9th')
    said = kafka.run('consumer-perf-test', '--topic', 'perf', '--messages', 10_000)
    check_equal(said.strip().split('\n')[-1].split(', ')[4], '10000', 'messages consumed')


@tool_case
def verifiable(kafka):
    """kafka-verifiable-producer and -consumer; a group with a member is neither reset nor deleted."""
    kafka.node.create_topic('verifiable', 2)
    consumer = kafka.run_apart('verifiable-consumer', '--topic', 'verifiable', '--group-id', 'v')
    producer = kafka.run_apart('verifiable-producer', '--topic', 'verifiable', '--max-messages', '1000')
    said = events_of(producer)
    check_equal(producer.returncode, 0, 'the exit code')
    check_equal(sum(event['name'] == 'producer_send_success' for event in said), 1000, 'records that were sent')
    check_equal([said[-1][what] for what in ('name', 'sent', 'acked')], ['tool_data', 1000, 1000], 'the summary')

    def all_is_committed():
        return sum(int(at) for at, _, _ in group_offsets(kafka, 'v').values() if at != '-') == 1000

    wait_for(all_is_committed, 20, 'all is committed')
    members = kafka.run('consumer-groups', '--describe', '--group', 'v', '--members', '--verbose')
    check_says(members, r'/127\.0\.0\.1 .* 2 .*(\(0,1\)|verifiable:0,1)')
    said = kafka.run('consumer-groups', '--reset-offsets', '--group', 'v', '--topic', 'verifiable', '--to-earliest',
                     '--execute')
    check_says(said, 'the current state is Stable')
    check_says(kafka.run('consumer-groups', '--delete', '--group', 'v'), 'GroupNotEmptyException')
    consumer.terminate()
    said = events_of(consumer)
    check_equal(sum(event.get('count', 0) for event in said if event['name'] == 'records_consumed'), 1000,
                'records that were consumed')
    check_equal(said[-1]['name'], 'shutdown_complete', 'its last word')


try:
    run_cases()
finally:
    for stock in running.values():
        stock.node.keep(f'tools {stock.version}', f'Kafka\'s tools {stock.version}')
        stock.ends.close()
