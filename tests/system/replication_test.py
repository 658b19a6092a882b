#!/usr/bin/env python3
"""Three brokers that replicate: what all of them acknowledged stays, whoever is killed; who returns catches up."""
import contextlib
import json
import random
import time

from harness import Node, case, check, check_equal, finish_load, need, run, run_cases, wait_for


class Cluster(contextlib.AbstractContextManager):
    """A coordinator and brokers 1, 2 and so on."""

    def __init__(self, brokers=3):
        self.nodes = [Node({'shards.count': '1'}) for _ in range(brokers)]
        self.nodes[0].coordinator_settings['session_timeout_ms'] = '3s'

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

    def partition(self, topic):
        """What kcat is told of partition 0 by whoever answers."""
        said = run('kcat', '-b', self.addresses, '-L', '-J', '-t', topic, check_exit=False)
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


@case
def a_killed_leader_takes_nothing_with_it():
    """What kcat was told is on all replicas is read back after kill -9 of the leader, and the killed one catches up."""
    need('kcat')
    with Cluster() as cluster:
        cluster.nodes[0].cli('topic', 'create', 'games', '--replication-factor', 3)
        cluster.wait_in_sync('games', 3)
        lines = []
        for killed in range(2):
            more = [f'{killed}-{number}' for number in range(1000)]
            source = cluster.nodes[0].folder / f'lines-{killed}'
            source.write_text('\n'.join(more) + '\n')
            run('kcat', '-b', cluster.addresses, '-P', '-t', 'games', '-X', 'acks=all', '-l', source)
            lines += more
            leader = cluster.leader('games')
            cluster.nodes[leader].kill_broker()
            wait_for(lambda: cluster.leader('games') != leader, 30, 'another leader')
            read = run('kcat', '-b', cluster.addresses, '-C', '-q', '-e', '-o', 'beginning', '-t', 'games').stdout
            check_equal(read.decode().split(), lines, 'what was acknowledged')
            cluster.nodes[leader].start_broker()
            cluster.wait_in_sync('games', 3)


@case
def leaders_are_killed_under_load():
    """An idempotent producer through kill -9 of leader after leader: every record once, in the order sent."""
    with Cluster() as cluster:
        cluster.nodes[0].cli('topic', 'create', 't', '--partitions', 4, '--replication-factor', 3, '--config',
                             'min.insync.replicas=2')
        cluster.wait_in_sync('t', 3)
        first = cluster.nodes[0]
        own, first.address = first.address, cluster.addresses   # the load finds all of them
        load = first.start_load('produce', 't', seconds=3600, rate=5000, bytes=300, partitions=4,
                                config=['enable.idempotence=true', 'message.timeout.ms=300000',
                                        'retry.backoff.ms=50', 'reconnect.backoff.ms=20',
                                        'reconnect.backoff.max.ms=200', 'linger.ms=2'])
        first.address = own
        try:
            for _ in range(5):
                time.sleep(random.uniform(0.2, 1.5))
                check(load.poll() is None, 'the load ended before all kills')
                leader = cluster.leader('t')
                cluster.nodes[leader].kill_broker()
                time.sleep(random.uniform(0, 5))
                cluster.nodes[leader].start_broker()
                cluster.wait_in_sync('t', 3)
        finally:
            load.terminate()
        sent = finish_load(load, check_exit=False, timeout=120)
        print(f'# {sent}')
        first.address = cluster.addresses
        first.check_all_once('t', sent, bytes=300, partitions=4)
        first.address = own


if __name__ == '__main__':
    run_cases()
