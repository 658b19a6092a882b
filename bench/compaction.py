#!/usr/bin/env python3
"""Compaction in numbers: what it leaves of a topic whose keys were written many times over, how long that takes, and
what it costs those who produce meanwhile, on the same shard.

    bench/compaction.py [--keys 1000000] [--rounds 10] [--seconds 15]

The load beside it is open (so many records a second, whatever the broker does), into a topic of its own. Its latencies
are taken three times in one life of the broker: before anything is old enough to be compacted, while it is, and after.
"""
import argparse
import json
import random
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


def load(node, seconds, rate):
    answer = node.cli('bench', 'produce', '--topic', 'beside', '--duration', f'{seconds}s', '--warmup', '1s', '--rate',
                      str(rate), '--record-bytes', '1KiB', '--batch-bytes', '1KiB', '--allow-loaded', '--json')
    return json.loads(answer.stdout)


def show(name, result):
    latency = result['latency_us']
    print(f'  {name:28} p50 {latency["p50"]:8.0f} us   p99 {latency["p99"]:8.0f} us')
    return latency['p99']


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--keys', type=int, default=1_000_000)
    parser.add_argument('--rounds', type=int, default=10)
    parser.add_argument('--seconds', type=int, default=15, help='of each measurement of latencies')
    parser.add_argument('--rate', type=int, default=2000, help='records a second beside it, of 1 KiB each')
    parser.add_argument('--budget', default='8MiB', help='storage.compaction_bytes_per_s')
    options = parser.parse_args()
    lag = options.seconds + 20
    with Node({'shards.count': 1, 'storage.journal_bytes': '64MiB', 'storage.cache_bytes': '128MiB',
               'storage.pool_bytes': '256MiB', 'storage.compaction_bytes_per_s': options.budget}) as node:
        node.create_topic('table', 1, **{
            'cleanup.policy': 'compact', 'segment.bytes': 64 << 20, 'min.cleanable.dirty.ratio': 0.01,
            'min.compaction.lag.ms': lag * 1000, 'max.compaction.lag.ms': (lag + 1) * 1000})
        started = time.monotonic()
        fill(node, 'table', options.keys, options.rounds)
        filled = time.monotonic()
        print(f'{options.keys} keys written {options.rounds} times over in {filled - started:.1f} s')
        before = show('before', load(node, options.seconds, options.rate))
        time.sleep(max(0.0, filled + lag + 3 - time.monotonic()))
        spent = node.broker.cpu_seconds()
        during = show('while compaction runs', load(node, options.seconds, options.rate))
        spent = node.broker.cpu_seconds() - spent
        left = 0
        while left != options.keys:
            check(time.monotonic() < filled + lag + 600, f'{left} records are left')
            time.sleep(5)
            left, last = read(node, 'table')
        print(f'  {left} records of {len(last)} keys left, {time.monotonic() - filled - lag:.0f} s after they were old '
              'enough at the latest')
        check_equal(set(last.values()), {str(options.rounds - 1).encode()}, 'rounds of the records that are left')
        after = show('after', load(node, options.seconds, options.rate))
        print(f'p99 while compaction runs: {during / min(before, after):.2f} of the better one without, '
              f'{during / max(before, after):.2f} of the worse; the broker took '
              f'{spent / (options.seconds + 1):.2f} of a core meanwhile')


if __name__ == '__main__':
    main()
