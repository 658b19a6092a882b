#!/usr/bin/env python3
"""Whether brokers that are well are fenced: three of them with the default sessions under load for a while.

    bench/fencing.py [--minutes 60] [--rate 0] [--data DIR]

The load is idempotent, acks=all with three replicas; as fast as it is answered with a rate of 0, which keeps two cores
and the disk busy without an end. Every fencing is a false one. Prints each as the coordinator says it, and at the end
how many there were, and the longest that an acknowledgement took.
"""
import argparse
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / 'bench'), str(ROOT / 'tests/system')]
from harness import finish_load  # noqa: E402
from replicas import PATIENT, Cluster  # noqa: E402
from replication import PARTITIONS, SETTINGS  # noqa: E402

TOPIC = 't'
SESSION = '500ms'   # as conf/coordinator.toml has it


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--minutes', type=float, default=60)
    parser.add_argument('--rate', type=int, default=0, help='records of 1000 bytes a second')
    parser.add_argument('--data', help='a folder on the disk to use')
    options = parser.parse_args()
    tempfile.tempdir = options.data
    with Cluster(settings=SETTINGS, session_timeout=SESSION) as cluster:
        cluster.nodes[0].cli('topic', 'create', TOPIC, '--partitions', PARTITIONS, '--replication-factor', 3,
                             '--config', 'retention.bytes=134217728', '--config', 'segment.bytes=67108864')
        cluster.wait_in_sync(TOPIC, 3)
        log = cluster.nodes[0].folder / 'coordinator.log'
        before = len(log.read_text())
        with cluster.reached_by_all_addresses() as node:
            load = node.start_load('produce', TOPIC, seconds=int(options.minutes * 60), rate=options.rate, bytes=1000,
                                   partitions=PARTITIONS, config=PATIENT)
        fenced = []
        while load.poll() is None:
            time.sleep(1)
            said = [line for line in log.read_text()[before:].splitlines() if 'fenced: nothing heard' in line]
            for line in said[len(fenced):]:
                print('  ' + line, flush=True)
            fenced = said
        sent = finish_load(load)
        print(f'{len(fenced)} fenced in {options.minutes:g} minutes; {sent["acked"]} acknowledged, '
              f'{sent["produced"] - sent["acked"]} not, {sent["mb_per_s"]:.0f} MB/s; p99 {sent["p99_us"] / 1e3:.1f}, '
              f'longest {sent["max_us"] / 1e3:.1f} ms')


if __name__ == '__main__':
    main()
