#!/usr/bin/env python3
"""Bits flip in the files of one of three brokers: nothing else is ever served, and the others' copies repair it."""
import contextlib
import os
import random
import struct
import time

from harness import case, check, run_cases, wait_for
from replicas import Cluster, load_on, make_topic

BLOCK = 4096
FILE_BYTES = (1 << 20, 4 << 20, 16 << 20)
INDEX_MAGIC = b'PSI1'


def index_offset(size):
    """Where the index of a file of the pool begins: src/log/format.h."""
    ranges = size // 65536 + 2
    return size - -(-(64 + 32 * ranges) // BLOCK) * BLOCK


def full_files(node):
    """Those that a log has filled: nobody writes them any more."""
    files = []
    for path in node.data.glob('pool-*/*'):
        with contextlib.suppress(FileNotFoundError), open(path, 'rb') as file:
            size = os.fstat(file.fileno()).st_size
            if size not in FILE_BYTES:   # being made
                continue
            file.seek(index_offset(size))
            if file.read(4) == INDEX_MAGIC:
                files.append(path)
    return files


def flip(path, offset, chooser):
    """One bit somewhere in the block."""
    file = os.open(path, os.O_RDWR)
    try:
        at = offset + chooser.randrange(BLOCK)
        byte = os.pread(file, 1, at)[0]
        os.pwrite(file, bytes([byte ^ 1 << chooser.randrange(8)]), at)
        os.fsync(file)
    finally:
        os.close(file)


def flip_some(node, count, chooser):
    """In batches, and one time in four in an index. The first block of a file is nobody's but a salvager's."""
    files = full_files(node)
    for path in chooser.sample(files, min(count, len(files))):
        index = index_offset(path.stat().st_size)
        where = index if chooser.random() < 0.25 else chooser.randrange(BLOCK, index, BLOCK)
        flip(path, where, chooser)
    return min(count, len(files))


@case
def flipped_bits_are_repaired_under_load():
    """Bits flip in full files of a leader under load; every record is read, and after a scrub all is whole."""
    seed = struct.unpack('<I', os.urandom(4))[0]
    print(f'# seed {seed}')
    chooser = random.Random(seed)
    with Cluster(settings={'storage.scrub_bytes_per_s': '256MiB'}) as cluster:
        make_topic(cluster, 't')
        rotten = cluster.nodes[cluster.leader('t')]
        flips = 0
        with load_on(cluster, 't', rate=30_000):
            wait_for(lambda: len(full_files(rotten)) >= 8, 60, 'files that are full')
            for _ in range(10):
                flips += flip_some(rotten, 4, chooser)
                time.sleep(0.5)
        check(flips >= 20, f'only {flips} bits flipped')
        # What nobody reads is found by a scrub, which begins with a start.
        rotten.kill_broker()
        flips += flip_some(rotten, 10, chooser)
        rotten.start_broker()
        cluster.wait_in_sync('t', 3)
        # With nothing going on, the inspector may look beside the broker.
        wait_for(lambda: rotten.cli('log', 'inspect', rotten.data, check_exit=False).returncode == 0, 60,
                 'all that rotted to be whole again')
        log = rotten.folder / 'broker.log'
        wait_for(lambda: 'bytes on disk have rotted' in log.read_text(), 20, 'the broker to say so')
        print(f'# {flips} bits flipped')


if __name__ == '__main__':
    run_cases()
