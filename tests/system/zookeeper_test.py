"""Two coordinators on a ZooKeeper ensemble: one is active, and whatever is killed or stopped, another goes on."""
import atexit
import json
import os
import re
import signal
import time

from harness import (COORDINATOR, Node, Process, case, check, check_equal, finish_load, free_port, run_cases,
                     settings_arguments, wait_for)
from replicas import Cluster as Brokers
from replicas import load_on, make_topic
from zookeeper_ensemble import Ensemble

# As both come out of the box, where asked for: what has to end then takes twice as long and more.
STOCK = 'PENSTOCK_TEST_ZOOKEEPER_STOCK' in os.environ
TICK_MS, SESSION_MS = (2000, 4000) if STOCK else (500, 2000)

_ensembles = []


def ensemble():
    """One for all cases: it takes some seconds to start. Each cluster has a root of its own."""
    if not _ensembles:
        _ensembles.append(Ensemble(TICK_MS))
        atexit.register(_ensembles[0].close)
    return _ensembles[0]


class Cluster(Node):
    """A broker and two coordinators. `coordinator` is the one that was active when it was last asked for."""

    roots = 0

    def __init__(self):
        self.ensemble = ensemble()
        super().__init__()
        Cluster.roots += 1
        self.root = f'/penstock/test-{Cluster.roots}'
        self.addresses = [f'127.0.0.1:{free_port()}' for _ in range(2)]
        self.coordinator_address = ','.join(self.addresses)
        self.coordinators = [None, None]
        self.begins = [0, 0]   # of the log of the present process

    def __exit__(self, *_):
        for process in self.coordinators:
            if process is not None:
                process.kill()
        super().__exit__(None, None, None)

    def log_path(self, index):
        return self.folder / f'coordinator-{index}.log'

    def log(self, index):
        return self.log_path(index).read_text()[self.begins[index]:]

    def start_one(self, index):
        values = {'listen': self.addresses[index], 'session_timeout_ms': '3s', 'store.kind': 'zookeeper',
                  'zookeeper.servers': self.ensemble.address, 'zookeeper.root': self.root,
                  'zookeeper.session_timeout_ms': SESSION_MS, 'data.directory': self.folder / f'coordinator-{index}',
                  **self.coordinator_settings}
        path = self.log_path(index)
        self.begins[index] = path.stat().st_size if path.exists() else 0
        self.coordinators[index] = Process([COORDINATOR, *settings_arguments(values)], path)

    def start_coordinator(self):
        for index in range(2):
            self.start_one(index)
        self.wait_for_active()

    def is_active(self, index):
        if self.coordinators[index] is None or not self.coordinators[index].is_running():
            return False
        said = re.findall('listening for brokers|no longer the active', self.log(index))
        return bool(said) and said[-1] == 'listening for brokers'

    def wait_for_active(self, but=None, seconds=20):
        def find():
            return [i for i in range(2) if i != but and self.is_active(i)]
        found = wait_for(find, seconds, f'an active coordinator; {[self.log(i)[-500:] for i in range(2)]}')
        self.coordinator = self.coordinators[found[0]]
        return found[0]

    def wait_for_standby(self, index, seconds=20):
        wait_for(lambda: 'standing by: ' in self.log(index)[self.log(index).rfind('no longer') + 1:], seconds,
                 f'coordinator {index} to stand by')

    def wait_for_topic(self, name, seconds=20):
        """Tries until it can be made."""
        def make():
            return self.cli('topic', 'create', name, '--timeout', '2s', check_exit=False).returncode == 0
        wait_for(make, seconds, f'the topic {name}')

    def topics(self):
        return json.loads(self.cli('topic', 'list', '--json').stdout)


class ReplicatedCluster(Brokers):
    """Three brokers with such coordinators."""

    def __init__(self):
        super().__init__()
        settings = self.nodes[0].settings
        self.nodes[0] = Cluster()
        self.nodes[0].settings = settings


def report(what, seconds):
    print(f'# {what}: {seconds * 1000:.0f} ms')


@case
def a_killed_coordinator_is_replaced():
    """The active coordinator is killed under load: another becomes active, and topics can be made"""
    with Cluster() as cluster:
        cluster.create_topic('load', partitions=4)
        load = cluster.start_load('produce', 'load', seconds=600, rate=5000, bytes=200, partitions=4)
        made = []
        for round_number in range(4):
            active = cluster.wait_for_active()
            cluster.wait_for_standby(1 - active)
            killed_at = time.monotonic()
            cluster.coordinators[active].kill()
            cluster.wait_for_active(but=active)
            taken_over_at = time.monotonic()
            made.append(f'after-{round_number}')
            cluster.wait_for_topic(made[-1])
            report('a coordinator was killed: another was active after', taken_over_at - killed_at)
            report('and a topic was made after', time.monotonic() - killed_at)
            cluster.start_one(active)
        load.send_signal(signal.SIGTERM)
        sent = finish_load(load, check_exit=False)
        cluster.check_all_once('load', sent, bytes=200, partitions=4)
        names = {topic['topic'] for topic in cluster.topics()}
        check(names >= set(made), f'{made} among {names}')


@case
def a_replicated_load_survives_one_of_each():
    """Idempotent load on three brokers while ZooKeeper's leader, the active coordinator and a leader are killed"""
    with ReplicatedCluster() as cluster:
        first = cluster.nodes[0]
        make_topic(cluster, 't')
        with load_on(cluster, 't'):
            for _ in range(2):
                active, leader, led = first.wait_for_active(), first.ensemble.leader(), cluster.leader('t')
                first.ensemble.kill(leader)
                first.coordinators[active].kill()
                cluster.nodes[led].kill_broker()
                first.wait_for_active(but=active, seconds=60)
                for node in cluster.nodes:
                    node.coordinator = first.coordinator
                wait_for(lambda led=led: cluster.leader('t') != led, 60, 'another leader')
                first.ensemble.start([leader])
                first.start_one(active)
                cluster.nodes[led].start_broker()
                cluster.wait_in_sync('t', 3)


@case
def an_orderly_stop_hands_over_at_once():
    """A coordinator that is stopped gives the election up: the other need not wait for a session to end"""
    with Cluster() as cluster:
        active = cluster.wait_for_active()
        cluster.wait_for_standby(1 - active)
        asked_at = time.monotonic()
        code, _ = cluster.coordinators[active].terminate()
        check_equal(code, 0, 'exit code')
        cluster.wait_for_active(but=active)
        report('a coordinator was stopped: another was active after', time.monotonic() - asked_at)
        check(time.monotonic() - asked_at < SESSION_MS / 1000, 'it waited for the session')
        cluster.wait_for_topic('after')
        report('and a topic was made after', time.monotonic() - asked_at)


@case
def the_leader_of_the_ensemble_is_killed():
    """ZooKeeper's leader is killed while topics are made: none is lost, and more can be made"""
    with Cluster() as cluster:
        made = []
        for round_number in range(2):
            for _ in range(5):
                made.append(f't-{len(made)}')
                cluster.create_topic(made[-1], partitions=2)
            leader = cluster.ensemble.leader()
            killed_at = time.monotonic()
            cluster.ensemble.kill(leader)
            made.append(f't-{len(made)}')
            cluster.wait_for_topic(made[-1], seconds=30)
            report('the leader of the ensemble was killed: a topic was made after', time.monotonic() - killed_at)
            cluster.ensemble.start([leader])
        names = {topic['topic'] for topic in cluster.topics()}
        check(names >= set(made), f'{sorted(set(made) - names)} are lost')
        deposed = sum(cluster.log(i).count('no longer the active') for i in range(2))
        print(f'# take-overs meanwhile: {deposed}')


@case
def a_coordinator_that_stood_still_writes_nothing():
    """SIGSTOP beyond the session, then SIGCONT: it steps down at once, writes nothing, and stands by"""
    with Cluster() as cluster:
        cluster.create_topic('before')
        active = cluster.wait_for_active()
        cluster.wait_for_standby(1 - active)
        cluster.coordinators[active].child.send_signal(signal.SIGSTOP)
        stopped_at = time.monotonic()
        try:
            cluster.wait_for_active(but=active)
            report('a coordinator stood still: another was active after', time.monotonic() - stopped_at)
            cluster.wait_for_topic('meanwhile')
            report('and a topic was made after', time.monotonic() - stopped_at)
            # Its sessions with brokers ran out as well: it would fence them, if it were still somebody.
            wait_for(lambda: time.monotonic() - stopped_at > 5, 10, 'all of its time-outs')
            changes = cluster.ensemble.changes_of(f'{cluster.root}/revision')
            said = cluster.log(active)
        finally:
            cluster.coordinators[active].child.send_signal(signal.SIGCONT)
        continued_at = time.monotonic()
        wait_for(lambda: 'no longer the active' in cluster.log(active), 5, 'it to step down')
        report('it went on: stepped down after', time.monotonic() - continued_at)
        cluster.wait_for_standby(active)
        news = cluster.log(active)[len(said):]
        check(not re.search('fenced|registered|created|listening for brokers', news), f'it acted: {news}')
        check_equal(cluster.ensemble.changes_of(f'{cluster.root}/revision'), changes, 'changes of the state')
        check(cluster.is_active(1 - active), 'the other is still active')
        cluster.create_topic('after')
        names = {topic['topic'] for topic in cluster.topics()}
        check(names >= {'before', 'meanwhile', 'after'}, f'{names}')


@case
def everything_starts_again():
    """After the end of all processes, the ensemble's too, the state is as it was"""
    with Cluster() as cluster:
        for i in range(10):
            cluster.create_topic(f't-{i}', partitions=1 + i * 7, retention_ms=86_400_000 + i)
        cluster.cli('topic', 'delete', 't-3')
        before = [cluster.cli('topic', 'describe', f't-{i}', '--json').stdout for i in range(10) if i != 3]
        cluster.kill_broker()
        for process in cluster.coordinators:
            process.kill()
        cluster.ensemble.kill_all()
        cluster.ensemble.start()
        cluster.start_coordinator()
        cluster.start_broker()
        after = [cluster.cli('topic', 'describe', f't-{i}', '--json').stdout for i in range(10) if i != 3]
        for old, new in zip(before, after):
            check_equal(strip_changing(new), strip_changing(old), 'a topic')
        check_equal({topic['topic'] for topic in cluster.topics()}, {f't-{i}' for i in range(10) if i != 3}, 'topics')


@case
def a_mistyped_root_is_noticed():
    """A coordinator that has been of a cluster refuses a root that is empty, or another cluster's, and says so"""
    with Cluster() as cluster:
        active = cluster.wait_for_active()
        cluster.create_topic('games')
        for process in cluster.coordinators:   # so that the next one to come finds a cluster
            process.terminate()
        cluster.start_one(active)
        wait_for(lambda: cluster.is_active(active), 20, 'it to be active again')
        cluster.coordinators[active].terminate()
        cluster.coordinator_settings['zookeeper.root'] = cluster.root + '-typo'
        cluster.start_one(active)
        check_equal(cluster.coordinators[active].child.wait(20), 1, 'exit code')
        check('holds no cluster, but this coordinator belongs to cluster' in cluster.log(active), cluster.log(active))


def strip_changing(description):
    """What a restart of a broker changes: it leads again, under the next epoch."""
    return re.sub(r'"leader_epoch": ?\d+', '', description)


if __name__ == '__main__':
    run_cases()
