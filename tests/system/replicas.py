"""Several brokers with one coordinator, each a Node of the harness, and what any of them says of a topic's replicas."""
import contextlib
import json

from harness import Node, check, finish_load, run, wait_for

PARTITIONS = 4
PATIENT = ['enable.idempotence=true', 'message.timeout.ms=300000', 'retry.backoff.ms=50', 'reconnect.backoff.ms=20',
           'reconnect.backoff.max.ms=200', 'linger.ms=2']


class Cluster(contextlib.AbstractContextManager):
    """A coordinator and brokers 1, 2 and so on. Tests run where much else does: a broker may be silent for a while."""

    def __init__(self, brokers=3, settings=None, session_timeout='3s'):
        self.nodes = [Node({'shards.count': '1', **(settings or {})}) for _ in range(brokers)]
        self.nodes[0].coordinator_settings['session_timeout_ms'] = session_timeout

    def __enter__(self):
        first = self.nodes[0]
        try:
            first.start_coordinator()
            for number, node in enumerate(self.nodes, 1):
                node.coordinator, node.coordinator_address = first.coordinator, first.coordinator_address
                node.overrides['node.id'] = number
                node.start_broker()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *_):
        for node in self.nodes:
            node.__exit__(None, None, None)

    @property
    def addresses(self):
        return ','.join(node.address for node in self.nodes)

    @contextlib.contextmanager
    def reached_by_all_addresses(self):
        """Gives the first node, whose loads and commands know every broker meanwhile."""
        first = self.nodes[0]
        own, first.address = first.address, self.addresses
        try:
            yield first
        finally:
            first.address = own

    def partition(self, topic, asked=None):
        """What kcat is told of partition 0 by one of these brokers that runs, and does not stand still."""
        awake = ','.join(node.address for node in asked or self.nodes if node.broker.state() not in 'TZX')
        said = run('kcat', '-b', awake, '-L', '-J', '-t', topic, check_exit=False)
        topics = json.loads(said.stdout)['topics'] if said.returncode == 0 else []
        return topics[0]['partitions'][0] if topics and topics[0].get('partitions') else None

    def wait_in_sync(self, topic, count, seconds=60):
        def in_sync():
            found = self.partition(topic)
            return found if found and len(found['isrs']) == count else None
        return wait_for(in_sync, seconds, f'{count} replicas of {topic} in sync')

    def leader(self, topic):
        """Its place in the row of nodes."""
        def led():
            found = self.partition(topic)
            return found and max(found['leader'], 0)
        return wait_for(led, 30, f'a leader of {topic}') - 1


@contextlib.contextmanager
def load_on(cluster, topic, rate=5000, config=()):
    """An idempotent producer while the block runs, and at its end the proof: every record once, in the order sent."""
    with cluster.reached_by_all_addresses() as node:
        load = node.start_load('produce', topic, seconds=3600, rate=rate, bytes=300, partitions=PARTITIONS,
                               config=[*PATIENT, *config])
    try:
        yield load
        check(load.poll() is None, 'the load ended by itself')
    finally:
        load.terminate()
    sent = finish_load(load, check_exit=False, timeout=120)
    print(f'# {sent}')
    with cluster.reached_by_all_addresses() as node:
        node.check_all_once(topic, sent, bytes=300, partitions=PARTITIONS)


def make_topic(cluster, topic, *more):
    cluster.nodes[0].cli('topic', 'create', topic, '--partitions', PARTITIONS, '--replication-factor', 3, *more)
    cluster.wait_in_sync(topic, 3)
