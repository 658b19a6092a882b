#!/usr/bin/env python3
"""Compaction in numbers: what it leaves of a topic whose keys were written many times over, how long that takes, and
what it costs those who produce meanwhile, on the same shard.

    bench/compaction.py [--keys 1000000] [--rounds 10] [--seconds 15] [--runs 3]

The load beside it is open (so many records a second, whatever the broker does), into a topic of its own. Its latencies
are taken in one life of the broker: before anything is old enough to be compacted, while it is, and after. Each time
several times over: disks here need a moment of their own now and then, and one of them moves a p99 by half.
"""
import argparse
import json
import random
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / 'tests/system'))
from harness import Node, check, check_equal  # noqa: E402

PADDING = 'a' * 40


def fill(node, topic, keys, rounds):
    producer = subprocess.Popen(['kcat', '-b', node.address, '-P', '-t', topic, '-K', '|', '-X', 'linger.ms=20'],
                                stdin=subprocess.PIPE)
    for n in range(rounds):
        order = list(range(keys))
        random.Random(n).shuffle(order)
        for at in range(0, keys, 10_000):
            lines = ''.join(f'key-{key}|{n}:{key}:{PADDING}\n' for key in order[at:at + 10_000])
            producer.stdin.write(lines.encode())
    producer.stdin.close()
    check_equal(producer.wait(), 0, 'exit code of kcat')


def read(node, topic):
    """Number of records, of keys, and of those that are not of the last round."""
    consumer = subprocess.Popen(['kcat', '-b', node.address, '-C', '-t', topic, '-o', 'beginning', '-e', '-q', '-K',
                                 '|'], stdout=subprocess.PIPE)
    records, last = 0, {}
    for line in consumer.stdout:
        key, value = line.split(b'|', 1)
        last[key] = value.split(b':', 1)[0]
        records += 1
    check_equal(consumer.wait(), 0, 'exit code of kcat')
    return records, last


def load(node, options):
    answer = node.cli('bench', 'produce', '--topic', 'beside', '--duration', f'{options.seconds}s', '--warmup', '1s',
                      '--rate', str(options.rate), '--record-bytes', '1KiB', '--batch-bytes', '1KiB', '--allow-loaded',
                      '--json')
    return json.loads(answer.stdout)['latency_us']


def measure(name, node, options):
    """The p99 of each run."""
    latencies = [load(node, options) for _ in range(options.runs)]
    for latency in latencies:
        print(f'  {name:28} p50 {latency["p50"]:8.0f} us   p99 {latency["p99"]:8.0f} us')
    return [latency['p99'] for latency in latencies]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--keys', type=int, default=1_000_000)
    parser.add_argument('--rounds', type=int, default=10)
    parser.add_argument('--seconds', type=int, default=15, help='of each run of the load')
    parser.add_argument('--runs', type=int, default=3, help='before, during and after')
    parser.add_argument('--rate', type=int, default=2000, help='records a second beside it, of 1 KiB each')
    parser.add_argument('--budget', default='8MiB', help='storage.compaction_bytes_per_s')
    options = parser.parse_args()
    lag = options.runs * (options.seconds + 2) + 20
    with Node({'shards.count': 1, 'storage.journal_bytes': '64MiB', 'storage.cache_bytes': '128MiB',
               'storage.pool_bytes': '256MiB', 'storage.compaction_bytes_per_s': options.budget}) as node:
        node.create_topic('table', 1, **{
            'cleanup.policy': 'compact', 'segment.bytes': 64 << 20, 'min.cleanable.dirty.ratio': 0.01,
            'min.compaction.lag.ms': lag * 1000, 'max.compaction.lag.ms': (lag + 1) * 1000})
        started = time.monotonic()
        fill(node, 'table', options.keys, options.rounds)
        filled = time.monotonic()
        print(f'{options.keys} keys written {options.rounds} times over in {filled - started:.1f} s')
        without = measure('before', node, options)
        time.sleep(max(0.0, filled + lag + 3 - time.monotonic()))
        spent = node.broker.cpu_seconds()
        begun = time.monotonic()
        during = measure('while compaction runs', node, options)
        spent = (node.broker.cpu_seconds() - spent) / (time.monotonic() - begun)
        left = 0
        while left != options.keys:
            check(time.monotonic() < filled + lag + 600, f'{left} records are left')
            time.sleep(5)
            left, last = read(node, 'table')
        print(f'  {left} records of {len(last)} keys left, {time.monotonic() - filled - lag:.0f} s after they were old '
              'enough at the latest')
        check_equal(set(last.values()), {str(options.rounds - 1).encode()}, 'rounds of the records that are left')
        without += measure('after', node, options)
        ratio = statistics.median(during) / statistics.median(without)
        print(f'median p99 while compaction runs {statistics.median(during):.0f} us, without '
              f'{statistics.median(without):.0f} us: {ratio:.2f}; the broker took {spent:.2f} of a core meanwhile')


if __name__ == '__main__':
    main()
