#!/usr/bin/env python3
"""What idempotence costs: librdkafka with it and without it, in turns, against one broker.

    bench/idempotence.py [--rounds 4] [--seconds 6] [--bytes 1024] [--partitions 32]

Both wait for all replicas and have at most five requests under way, which is as many as idempotence allows. An
idempotent librdkafka has one request under way for each partition, though, and others more: with few partitions it is
that what is measured (0.65 with 4 partitions, 0.99 with 32).
"""
import argparse
import statistics
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / 'tests/system'))
from harness import Node  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--rounds', type=int, default=4)
    parser.add_argument('--seconds', type=int, default=6, help='of each run, after two of warming up')
    parser.add_argument('--bytes', type=int, default=1024, help='of a record')
    parser.add_argument('--partitions', type=int, default=32)
    options = parser.parse_args()
    with Node({'storage.cache_bytes': '256MiB', 'storage.pool_bytes': '1GiB', 'storage.journal_bytes': '64MiB',
               'limits.request_memory_bytes': '256MiB'}) as node:
        node.create_topic('t', options.partitions, retention_bytes=256 << 20, segment_bytes=64 << 20)
        rates = {'false': [], 'true': []}
        for n in range(2 * options.rounds):
            on = ('false', 'true')[(n + n // 2) % 2]  # off on on off: what drifts hits both
            said = node.load('produce', 't', seconds=options.seconds, warmup=2, bytes=options.bytes,
                             partitions=options.partitions,
                             config=(f'enable.idempotence={on}', 'acks=all', 'max.in.flight=5', 'linger.ms=5',
                                     'batch.size=65536'))
            rates[on].append(said['mb_per_s'])
            print(f'  idempotence {on:5}  {said["mb_per_s"]:8.1f} MB/s  {said["records_per_s"]:9.0f} records/s')
        without, with_it = (statistics.median(rates[on]) for on in ('false', 'true'))
        print(f'median with idempotence {with_it:.1f} MB/s, without {without:.1f}: {with_it / without:.3f}')


if __name__ == '__main__':
    main()
