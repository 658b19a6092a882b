#!/usr/bin/env python3
"""How fast a replica that was away catches up, and what clients feel of it: acks=all on the two that stayed.

    bench/catch_up.py [--mib 1024] [--rate 5000] [--rounds 3] [--limits 64MiB,16GiB] [--data DIR]

Broker 3 is stopped while the SDK fills the topic; then it is started beside a steady load of librdkafka, whose latency
is compared with that of the same load before, when two replicas are in sync, and after, when all three are. Each limit
is a replication.catch_up_bytes_per_s of the leader.
"""
import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / 'bench'), str(ROOT / 'tests/system')]
from harness import BUILD, Failure, finish_load  # noqa: E402
from replicas import PARTITIONS, Cluster  # noqa: E402
from replication import SETTINGS  # noqa: E402
from side_by_side import wait_for_pool  # noqa: E402

SDK_LOAD = BUILD / 'tests/system/sdk_load'
RECORD_BYTES = 1000
TOPIC = 't'


def fill(cluster, mib):
    command = [SDK_LOAD, 'produce', f'udp://{cluster.nodes[0].native_address}', TOPIC, '--records',
               mib * (1 << 20) // RECORD_BYTES, '--bytes', RECORD_BYTES, '--partitions', PARTITIONS, '--acks', 'all']
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=600, check=False)
    if done.returncode != 0:
        raise Failure(f'sdk_load: {done.stderr.strip()}')


def start_steady(cluster, rate, seconds):
    return cluster.nodes[0].start_load('produce', TOPIC, seconds=seconds, warmup=0, bytes=RECORD_BYTES, rate=rate,
                                       partitions=PARTITIONS, config=['linger.ms=1'])


def steady(cluster, rate, seconds):
    return finish_load(start_steady(cluster, rate, seconds))['p99_us'] / 1e3


def one_round(cluster, options):
    away = cluster.nodes[2]
    away.broker.terminate(30)
    cluster.wait_in_sync(TOPIC, 2)
    fill(cluster, options.mib)
    wait_for_pool(cluster.nodes[0])
    before = steady(cluster, options.rate, options.seconds)
    away.start_broker(ready=False)
    load = start_steady(cluster, options.rate, options.seconds)
    started = time.monotonic()
    cluster.wait_in_sync(TOPIC, 3, 600)
    took = time.monotonic() - started
    during = finish_load(load)['p99_us'] / 1e3
    after = steady(cluster, options.rate, options.seconds)
    return {'took': took, 'mib_per_s': options.mib / took, 'before': before, 'during': during, 'after': after}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--mib', type=int, default=1024, help='that the replica is behind')
    parser.add_argument('--rate', type=int, default=5000, help='records of 1000 bytes a second of the load')
    parser.add_argument('--seconds', type=int, default=8, help='of each load')
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--limits', default='64MiB,16GiB')
    parser.add_argument('--data', help='a folder on the disk to use')
    options = parser.parse_args()
    tempfile.tempdir = options.data
    for limit in options.limits.split(','):
        with Cluster(settings={**SETTINGS, 'replication.catch_up_bytes_per_s': limit}) as cluster:
            cluster.nodes[0].cli('topic', 'create', TOPIC, '--assignment', ','.join(['1:2:3'] * PARTITIONS))
            cluster.wait_in_sync(TOPIC, 3)
            rounds = []
            for _ in range(options.rounds):
                rounds.append(one_round(cluster, options))
                print('  ' + ', '.join(f'{k} {v:.2f}' for k, v in rounds[-1].items()), flush=True)
        median = {key: statistics.median(row[key] for row in rounds) for key in rounds[0]}
        print(f'limit {limit}: {options.mib} MiB in {median["took"]:.1f} s, {median["mib_per_s"]:.0f} MiB/s; p99 of '
              f'{options.rate} records/s before {median["before"]:.2f}, during {median["during"]:.2f}, after '
              f'{median["after"]:.2f} ms: {median["during"] / median["before"]:.2f} of before', flush=True)


if __name__ == '__main__':
    main()
