#!/usr/bin/env python3
"""What replicas cost: acks=all with one, two and three of them, three brokers on this machine, in turns.

    bench/replication.py [--rounds 3] [--seconds 6] [--bytes 1000] [--road udp|tcp] [--data DIR]

Broker 1 leads all partitions, whatever the factor is, and the others run also where they have nothing to do. Two loads:
the SDK as fast as it is answered, which gives the throughput and what the leader's CPU spends on a byte; and librdkafka
at a rate that leaves the machine room, which gives the latency. All brokers write to one disk and share the cores: with
three replicas three times the bytes go through both.
"""
import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / 'bench'), str(ROOT / 'tests/system')]
from harness import BUILD, Failure  # noqa: E402
from replicas import Cluster  # noqa: E402
from side_by_side import wait_for_pool  # noqa: E402

SDK_LOAD = BUILD / 'tests/system/sdk_load'
PARTITIONS = 8
SETTINGS = {'storage.cache_bytes': '128MiB', 'storage.pool_bytes': '512MiB', 'storage.journal_bytes': '64MiB',
            'limits.request_memory_bytes': '64MiB', 'limits.receive_buffer_bytes': '16MiB'}


def make_topic(cluster, name, factor):
    replicas = ':'.join(str(1 + n) for n in range(factor))
    cluster.nodes[0].cli('topic', 'create', name, '--assignment', ','.join([replicas] * PARTITIONS),
                         '--config', f'min.insync.replicas={factor}', '--config', 'retention.bytes=134217728',
                         '--config', 'segment.bytes=67108864')
    cluster.wait_in_sync(name, factor)


def full_speed(cluster, topic, options):
    leader = cluster.nodes[0]
    address = leader.native_address if options.road == 'udp' else leader.address
    before = [node.broker.cpu_seconds() for node in cluster.nodes]
    done = subprocess.run([SDK_LOAD, 'produce', f'{options.road}://{address}', topic, '--seconds', str(options.seconds),
                           '--bytes', str(options.bytes), '--partitions', str(PARTITIONS), '--acks', 'all'],
                          capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        raise Failure(f'sdk_load: {done.stderr.strip()}')
    said = json.loads(done.stdout.strip().split('\n')[-1])
    cpu = [node.broker.cpu_seconds() - b for node, b in zip(cluster.nodes, before)]
    count = said['acked'] * options.bytes
    return {'mb_per_s': said['records_per_s'] * options.bytes / 1e6, 'leader_ns_per_byte': cpu[0] * 1e9 / count,
            'follower_ns_per_byte': statistics.mean(cpu[1:]) * 1e9 / count}


def steady(cluster, topic, options):
    said = cluster.nodes[0].load('produce', topic, seconds=options.seconds, warmup=1, bytes=options.bytes,
                                 rate=options.rate, partitions=PARTITIONS, config=['linger.ms=1'])
    return {'p50_ms': said['p50_us'] / 1e3, 'p99_ms': said['p99_us'] / 1e3}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--seconds', type=int, default=6, help='of each load')
    parser.add_argument('--bytes', type=int, default=1000, help='of a record')
    parser.add_argument('--rate', type=int, default=5000, help='records a second of the load whose latency counts')
    parser.add_argument('--road', choices=('udp', 'tcp'), default='udp')
    parser.add_argument('--data', help='a folder on the disk to use')
    options = parser.parse_args()
    tempfile.tempdir = options.data
    results = {factor: [] for factor in (1, 2, 3)}
    with Cluster(settings=SETTINGS) as cluster:
        for number in range(options.rounds):
            for factor in results:
                topic = f't-{factor}-{number}'
                make_topic(cluster, topic, factor)
                for node in cluster.nodes:
                    wait_for_pool(node)
                results[factor].append({**full_speed(cluster, topic, options), **steady(cluster, topic, options)})
                print(f'  factor {factor}: ' + ', '.join(f'{k} {v:.2f}' for k, v in results[factor][-1].items()),
                      flush=True)
                cluster.nodes[0].cli('topic', 'delete', topic)
    medians = {factor: {key: statistics.median(r[key] for r in rows) for key in rows[0]}
               for factor, rows in results.items()}
    for factor, row in medians.items():
        print(f'factor {factor}: {row["mb_per_s"]:.0f} MB/s, leader {row["leader_ns_per_byte"]:.2f} and followers '
              f'{row["follower_ns_per_byte"]:.2f} ns a byte; at {options.rate} records/s p50 {row["p50_ms"]:.2f}, '
              f'p99 {row["p99_ms"]:.2f} ms')
    share = medians[3]['mb_per_s'] / medians[1]['mb_per_s']
    cost = medians[3]['leader_ns_per_byte'] / medians[1]['leader_ns_per_byte']
    print(f'throughput with three, of that with one: {share:.2f}  (wanted: at least 0.28)')
    print(f"the leader's CPU a byte with three, of that with one: {cost:.2f}  (wanted: at most 2)")


if __name__ == '__main__':
    main()
