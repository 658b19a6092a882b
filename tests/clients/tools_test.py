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
        self.node = self.ends.enter_context(ClientNode({'groups.initial_rebalance_delay_ms': '0'}))
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
    """kafka-topics creates, lists and deletes, and says what is wrong."""
    create = ['--create', '--topic', 'made', '--partitions', 2, '--config', 'retention.ms=3600000']
    check_says(kafka.run('topics', *create), 'Created topic made')
    check_says(kafka.run('topics', *create, code=1), 'exists')
    kafka.run('topics', *create, '--if-not-exists')
    check_says(kafka.run('topics', '--create', '--topic', 'bad', '--config', 'retention.ms=soon', code=1),
               'retention.ms')
    check_says(kafka.run('topics', '--create', '--topic', 'bad', '--replication-factor', 2, code=1), 'eplication')
    check_says(kafka.run('topics', '--create', '--topic', 'bad/name', code=1), 'A topic name has')
    check('made' in kafka.run('topics', '--list', '--exclude-internal').split(), 'it is not listed')
    kafka.run('topics', '--delete', '--topic', 'made')
    check('made' not in kafka.run('topics', '--list').split(), 'it is still listed')
    check_says(kafka.run('topics', '--delete', '--topic', 'made', code=1), "made.* does not exist")


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
    """kafka-get-offsets: earliest, latest, by time."""
    kafka.node.create_topic('offsets', 1)
    kafka.produce('offsets', ['a:1', 'b:2'])
    time.sleep(0.01)
    between = round(time.time() * 1000)
    time.sleep(0.01)
    kafka.produce('offsets', ['c:3'])
    for wanted, offset in {-1: 3, 'latest': 3, -2: 0, 'earliest': 0, between: 2, 1: 0}.items():
        said = kafka.run('get-offsets', '--topic', 'offsets', '--time', wanted)
        check_equal(said, f'offsets:0:{offset}\n', f'the offset for {wanted}')
    check_says(kafka.run('get-offsets', '--topic-partitions', '__consumer_offsets:3'), r'^__consumer_offsets:3:\d+\n')


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

    wait_for(lambda: sum(int(lag) for _, _, lag in group_offsets(kafka, 'v').values() if lag != '-') == 0, 20,
             'all is committed')
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
