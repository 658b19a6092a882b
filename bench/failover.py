#!/usr/bin/env python3
"""How long a partition cannot be written when its leader is killed with -9: three brokers, acks=all on two of them.

    bench/failover.py [--kills 100] [--client sdk-udp|sdk-tcp|rdkafka] [--rate 5000] [--profile default|dedicated]

A client writes to the partition, one record after the other, while a load writes to others of the same brokers. Counted
is the time from the kill to the first acknowledgement after the interruption that the kill made. The killed broker is
started again, and must be in sync, before the next kill.
"""
import argparse
import json
import random
import statistics
import subprocess
import sys
import threading
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / 'tests/system'))
from harness import BUILD, LOAD, Failure, finish_load, start_load, wait_for  # noqa: E402
from replicas import Cluster  # noqa: E402

SDK_LOAD = BUILD / 'tests/system/sdk_load'
CONF = {'default': ROOT / 'conf/coordinator.toml', 'dedicated': ROOT / 'conf/dedicated/coordinator.toml'}
RDKAFKA = ['retry.backoff.ms=20', 'reconnect.backoff.ms=20',
           'reconnect.backoff.max.ms=100', 'topic.metadata.refresh.fast.interval.ms=50', 'enable.idempotence=true']


class Watcher:
    """The client whose acknowledgements are timed."""

    def __init__(self, client, cluster, topic):
        if client == 'rdkafka':
            command = [LOAD, 'watch', cluster.addresses, topic, *(word for c in RDKAFKA for word in ('--config', c))]
        elif client == 'sdk-tcp':
            command = [SDK_LOAD, 'watch', f'tcp://{cluster.addresses}', topic]
        else:
            addresses = ','.join(node.native_address for node in cluster.nodes)
            command = [SDK_LOAD, 'watch', f'udp://{addresses}', topic]
        self.child = subprocess.Popen([str(word) for word in (*command, '--gap-ms', 10)], stdout=subprocess.PIPE,
                                      stderr=subprocess.DEVNULL, text=True)
        self.gaps = []
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.child.stdout:
            if line.startswith('['):
                self.gaps.append(json.loads(line))

    def interruption(self, at_ns):
        """In seconds, of the gap that spans the moment; nothing while it lasts, or when there is none."""
        for before, after in self.gaps:
            if before <= at_ns + 5_000_000 and after > at_ns:   # answers may have been on their way
                return (after - at_ns) / 1e9
        return None


def kill_leader(cluster, watcher):
    leader = cluster.leader('watched')
    at = time.monotonic_ns()
    cluster.nodes[leader].kill_broker()
    seconds = wait_for(lambda: watcher.interruption(at), 60, 'a write after the kill')
    cluster.nodes[leader].start_broker()
    for topic in ('watched', 'load'):
        cluster.wait_in_sync(topic, 3)
    return seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--kills', type=int, default=100)
    parser.add_argument('--client', choices=('sdk-udp', 'sdk-tcp', 'rdkafka'), default='sdk-udp')
    parser.add_argument('--rate', type=int, default=5000, help='records of 300 bytes a second of the load beside it')
    parser.add_argument('--profile', choices=CONF, default='default',
                        help='whose session_timeout_ms the coordinator has, of the files in conf/')
    options = parser.parse_args()
    session_timeout = tomllib.loads(CONF[options.profile].read_text())['session_timeout_ms']
    with Cluster(session_timeout=session_timeout) as cluster:
        first = cluster.nodes[0]
        for topic, partitions in (('watched', 1), ('load', 4)):
            first.cli('topic', 'create', topic, '--partitions', partitions, '--replication-factor', 3)
            cluster.wait_in_sync(topic, 3)
        load = start_load([LOAD, 'produce', cluster.addresses, 'load', '--seconds', '86400', '--rate',
                           str(options.rate), '--bytes', '300', '--partitions', '4', '--config',
                           'message.timeout.ms=300000', *(word for c in RDKAFKA for word in ('--config', c))])
        watcher = Watcher(options.client, cluster, 'watched')
        times = []
        try:
            for kill in range(options.kills):
                time.sleep(random.uniform(0.5, 1.5))
                times.append(kill_leader(cluster, watcher))
                print(f'  kill {kill + 1:3}: {times[-1]:.3f} s', flush=True)
        except Failure as failure:
            print(f'failed after {len(times)} kills: {failure}')
        finally:
            load.terminate()
            watcher.child.terminate()
        sent = finish_load(load, check_exit=False, timeout=120)
        lost = sent['produced'] - sent['acked']
        print(f'{len(times)} kills, {options.client}, {options.profile}: median {statistics.median(times):.3f} s, '
              f'p90 {sorted(times)[int(len(times) * 0.9)]:.3f} s, all within {max(times):.3f} s; '
              f'load: {sent["acked"]} acknowledged, {lost} not')


if __name__ == '__main__':
    main()
