#!/usr/bin/env python3
"""Three brokers that replicate: what all of them acknowledged stays, whoever is killed; who returns catches up."""
import contextlib
import itertools
import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path

from harness import BUILD, case, check, check_equal, ext4_image, need, run, run_cases, wait_for
from replicas import PARTITIONS, Cluster, load_on, make_topic

SDK_LOAD = BUILD / 'tests/system/sdk_load'


def produce_lines(cluster, topic, lines):
    source = cluster.nodes[0].folder / 'lines'
    source.write_text('\n'.join(lines) + '\n')
    run('kcat', '-b', cluster.addresses, '-P', '-t', topic, '-p', 0, '-X', 'acks=all', '-l', source)


def ends_of(cluster, topic):
    described = json.loads(cluster.nodes[0].cli('topic', 'describe', topic, '--json').stdout)
    return [partition['end_offset'] or 0 for partition in described[0]['partitions']]


def read_lines(cluster, topic):
    read = run('kcat', '-b', cluster.addresses, '-C', '-q', '-e', '-o', 'beginning', '-t', topic, '-p', 0).stdout
    return read.decode().split()


@case
def a_killed_leader_takes_nothing_with_it():
    """What kcat was told is on all replicas is read back after kill -9 of the leader, and the killed one catches up."""
    need('kcat')
    with Cluster() as cluster:
        make_topic(cluster, 'games')
        lines = []
        for killed in range(2):
            more = [f'{killed}-{number}' for number in range(1000)]
            produce_lines(cluster, 'games', more)
            lines += more
            leader = cluster.leader('games')
            cluster.nodes[leader].kill_broker()
            wait_for(lambda: cluster.leader('games') != leader, 30, 'another leader')
            check_equal(read_lines(cluster, 'games'), lines, 'what was acknowledged')
            cluster.nodes[leader].start_broker()
            cluster.wait_in_sync('games', 3)


@case
def the_last_of_three_has_everything():
    """With min.insync.replicas=1 two of three brokers are killed one after the other, in every order."""
    need('kcat')
    with Cluster() as cluster:
        make_topic(cluster, 'games', '--config', 'min.insync.replicas=1')
        lines = []
        for order in itertools.permutations(range(3), 2):
            for left, killed in zip((3, 2), order):
                more = [f'{order}-{left}-{number}'.replace(' ', '') for number in range(200)]
                produce_lines(cluster, 'games', more)
                lines += more
                cluster.nodes[killed].kill_broker()
                cluster.wait_in_sync('games', left - 1)
            check_equal(read_lines(cluster, 'games'), lines, f'what was acknowledged, after {order} were killed')
            for killed in order:
                cluster.nodes[killed].start_broker(ready=False)
            cluster.wait_in_sync('games', 3)


@case
def leaders_are_killed_under_load():
    """An idempotent producer through kill -9 of leader after leader."""
    with Cluster() as cluster:
        make_topic(cluster, 't')
        with load_on(cluster, 't') as load:
            for _ in range(5):
                time.sleep(random.uniform(0.2, 1.5))
                check(load.poll() is None, 'the load ended before all kills')
                leader = cluster.leader('t')
                cluster.nodes[leader].kill_broker()
                time.sleep(random.uniform(0, 5))
                cluster.nodes[leader].start_broker()
                cluster.wait_in_sync('t', 3)


@case
def a_leader_that_stands_still_is_replaced():
    """An idempotent producer through leaders that stand still for longer than their session, and go on."""
    with Cluster() as cluster:
        make_topic(cluster, 't')
        with load_on(cluster, 't'):
            for _ in range(2):
                leader = cluster.leader('t')
                process = cluster.nodes[leader].broker.child
                process.send_signal(signal.SIGSTOP)
                try:
                    wait_for(lambda: cluster.leader('t') != leader, 30, 'another leader')
                    time.sleep(random.uniform(0, 2))   # records that only the new one takes
                finally:
                    process.send_signal(signal.SIGCONT)
                cluster.wait_in_sync('t', 3)


@case
def the_sdk_follows_leaders():
    """Both roads of the SDK, producing and consuming, leave a killed leader long before their requests time out."""
    records = 1_000_000
    for road in ('udp', 'tcp'):
        with Cluster() as cluster, contextlib.ExitStack() as ends:
            make_topic(cluster, 't')
            addresses = ','.join(n.native_address if road == 'udp' else n.address for n in cluster.nodes)

            def start(mode, *more):
                command = [SDK_LOAD, mode, f'{road}://{addresses}', 't', '--records', records, '--partitions',
                           PARTITIONS, *more]
                child = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True)
                ends.callback(child.wait)
                ends.callback(child.kill)
                return child
            producer, consumer = start('produce', '--acks', 'all'), start('consume')
            wait_for(lambda: any(end > 20_000 for end in ends_of(cluster, 't')), 20, 'the first records')
            check(producer.poll() is None, 'all was produced before the kill')
            cluster.nodes[cluster.leader('t')].kill_broker()
            for child in (producer, consumer):
                said = child.communicate(timeout=25)[0]   # a request may take 30 s
                check_equal(child.returncode, 0, f'{road}: {said}')


def programs_of(build):
    return {name: Path(build) / f'src/main/penstock-{name}' for name in ('broker', 'coordinator')}


@case
def brokers_are_restarted_one_by_one():
    """An idempotent producer through a rolling restart, with leaders handed over before each stop; or through a rolling
    upgrade, from the build of another version in PENSTOCK_OLD_BUILD, of the coordinator at last."""
    old = os.environ.get('PENSTOCK_OLD_BUILD')
    cluster = Cluster()
    for node in cluster.nodes:
        node.programs = programs_of(old or BUILD)
    with cluster:
        make_topic(cluster, 't')
        with load_on(cluster, 't'):
            for node in cluster.nodes:
                node.broker.terminate(20)
                node.programs = programs_of(BUILD)
                node.start_broker()
                cluster.wait_in_sync('t', 3)
            cluster.nodes[0].coordinator.terminate(20)
            cluster.nodes[0].start_coordinator()
            for node in cluster.nodes:
                node.coordinator = cluster.nodes[0].coordinator
            cluster.nodes[0].wait_until_ready()
        for node in cluster.nodes:
            log = (node.folder / 'broker.log').read_text()
            check('other brokers lead everything now' in log, f'it handed over: {log[-800:]}')


@case
def producers_begin_while_there_is_no_coordinator():
    """New idempotent producers and an old one while the coordinator is dead (PENSTOCK_TEST_SECONDS): nothing fails."""
    seconds = int(os.environ.get('PENSTOCK_TEST_SECONDS', '10'))
    with Cluster() as cluster:
        make_topic(cluster, 't')
        make_topic(cluster, 'new')
        with load_on(cluster, 't'):
            cluster.nodes[0].coordinator.kill()
            until, begun = time.monotonic() + seconds, 0
            while time.monotonic() < until:
                with cluster.reached_by_all_addresses() as node:
                    sent = node.load('produce', 'new', seconds=2, rate=200, bytes=100, partitions=PARTITIONS,
                                     config=['enable.idempotence=true'])
                check_equal(sent['acked'], sent['produced'], f'acknowledged records of a new producer: {sent}')
                begun += 1
            cluster.nodes[0].start_coordinator()
            restarted = time.monotonic()
            for node in cluster.nodes:
                node.coordinator = cluster.nodes[0].coordinator
            wait_for(lambda: cluster.nodes[0].cli('topic', 'create', 'after', '--replication-factor', 3, '--timeout',
                                                  '1s', check_exit=False).returncode == 0, 30, 'a topic')
            print(f'# {begun} producers began; a topic was made {time.monotonic() - restarted:.2f} s after the start')
            cluster.wait_in_sync('after', 3)


@case
def a_replica_with_a_full_disk_holds_up_nobody_for_long():
    """An idempotent producer beside a broker whose disk is full, and is in sync again when there is space."""
    with ext4_image(1024) as folder, Cluster() as cluster:
        full = cluster.nodes[2]
        full.broker.terminate(20)
        full.data = folder / 'broker'
        full.settings |= {'storage.pool_bytes': '16MiB', 'storage.journal_bytes': '8MiB'}
        full.start_broker()
        make_topic(cluster, 't')
        ballast = folder / 'ballast'
        with load_on(cluster, 't', rate=20_000):
            size = int(run('df', '--output=avail', '-B1', folder).stdout.split()[-1]) - (8 << 20)
            run('fallocate', '-l', size, ballast)
            cluster.wait_in_sync('t', 2)
            check(full.broker.is_running(), f'the broker died: {full.broker.tail()}')
            ballast.unlink()
            cluster.wait_in_sync('t', 3)


if __name__ == '__main__':
    run_cases()
