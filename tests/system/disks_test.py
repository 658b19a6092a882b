#!/usr/bin/env python3
"""Real filesystems of our own on loop devices: journaled ext4, a full one, tmpfs; and whether writes are flushed."""
import os
import tempfile
import time
from pathlib import Path

import kafka_wire as wire
from harness import Failure, Node, Skip, case, check, check_equal, ext4_image, run, run_cases, wait_for

MIB = 1 << 20
RETRIABLE = (7, 56)  # REQUEST_TIMED_OUT, KAFKA_STORAGE_ERROR


@case
def journaled_ext4():
    """On a journaled ext4 image acknowledged records survive kill -9, twice."""
    with ext4_image(512) as folder, Node(data=folder / 'broker') as node:
        acks = node.folder / 'acks'
        node.create_topic('t', 3)
        for round_number in (1, 2):
            node.load('produce', 't', records=10_000 * round_number, bytes=500, partitions=3, acks_file=acks)
            node.restart_broker()
        node.load('verify', 't', bytes=500, partitions=3, acks_file=acks)


@case
def full_disk():
    """A full disk refuses records with a retriable error, and takes them again when there is space."""
    with ext4_image(320) as folder:
        ballast = folder / 'ballast'
        run('fallocate', '-l', str(96 * MIB), ballast)
        settings = {'shards.count': '1', 'storage.pool_bytes': '16MiB', 'storage.journal_bytes': '8MiB'}
        with Node(settings, data=folder / 'broker') as node:
            node.create_topic('t', 2)  # the second for bytes that carry no numbers
            acks = node.folder / 'acks'
            sent = node.load('produce', 't', check_exit=False, records=60_000, bytes=10_000, acks_file=acks,
                             config=['message.timeout.ms=6000', 'request.timeout.ms=3000'])
            print(f'# {sent}')
            check(sent['failed'] > 0, 'a full disk took everything')
            check(sent['acked'] > 0, 'nothing was acknowledged before the disk was full')
            with wire.Connection(node.host_port) as connection:
                codes = []
                while len(codes) < 100 and not any(codes):  # what is left of the last file still takes some
                    connection.send(wire.produce_request('t', 1, wire.batch([b'x' * 500_000]), timeout_ms=2000))
                    codes.append(wire.produce_outcome(connection.answer()[1])[0])
                check(codes[-1] in RETRIABLE, f'error codes {codes}')
                print(f'# error code {codes[-1]} after {len(codes)} batches')
            check(node.broker.is_running(), f'the broker died: {node.broker.tail()}')
            ballast.unlink()

            def accepts():
                got = node.load('ping', 't', check_exit=False, records=1, bytes=10_000, acks_file=acks,
                                config=['message.timeout.ms=3000'])
                return got['acked'] == 1
            wait_for(accepts, 30, 'records are taken again')
            node.restart_broker()
            node.load('verify', 't', bytes=10_000, acks_file=acks)


@case
def full_disk_and_deletion():
    """Deleting a topic makes space for another on a full disk."""
    with ext4_image(256) as folder:
        settings = {'shards.count': '1', 'storage.pool_bytes': '16MiB', 'storage.journal_bytes': '8MiB'}
        with Node(settings, data=folder / 'broker') as node:
            node.create_topic('old', 1)
            node.create_topic('new', 1)
            sent = node.load('produce', 'old', check_exit=False, records=60_000, bytes=10_000,
                             config=['message.timeout.ms=6000', 'request.timeout.ms=3000'])
            check(sent['failed'] > 0, 'a full disk took everything')
            node.cli('topic', 'delete', 'old')
            sent = node.load('produce', 'new', records=1000, bytes=10_000)
            check_equal(sent['acked'], 1000, 'records in the new topic')


@case
def tmpfs():
    """On tmpfs, which refuses O_DIRECT, the broker says so and works."""
    if not os.path.isdir('/dev/shm'):
        raise Skip('no /dev/shm')
    with tempfile.TemporaryDirectory(prefix='penstock-', dir='/dev/shm') as folder:
        try:
            run('findmnt', '-t', 'tmpfs', '/dev/shm')
        except Failure:
            raise Skip('/dev/shm is no tmpfs') from None
        if os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize < 400 * MIB:
            raise Skip('less than 400 MiB free in /dev/shm')
        with Node(data=Path(folder) / 'broker') as node:
            log = (node.folder / 'broker.log').read_text()
            check('tmpfs' in log or 'O_DIRECT' in log, f'no word about it: {log}')
            node.create_topic('t', 1)
            node.load('produce', 't', records=1000, bytes=1000)
            node.restart_broker()
            node.load('verify', 't', records=1000, bytes=1000)


def block_device_of(path):
    """The /sys folder of the disk that holds `path`, or a skip."""
    number = os.stat(path).st_dev
    device = Path(f'/sys/dev/block/{os.major(number)}:{os.minor(number)}')
    if not device.exists():
        raise Skip(f'{path} is on no block device')
    device = device.resolve()
    return device.parent if (device / 'partition').exists() else device


@case
def acknowledged_writes_are_flushed():
    """Where the device has a volatile write cache, every acknowledged write is followed by a flush."""
    with Node({'shards.count': '1'}) as node:
        device = block_device_of(node.folder)
        queue = device / 'queue'
        if (queue / 'write_cache').read_text().strip() != 'write back':
            raise Skip(f'{device.name} has no volatile write cache')
        if (queue / 'fua').read_text().strip() == '1':
            raise Skip(f'{device.name} writes through its cache (FUA), which its counters do not show')
        node.create_topic('t', 1)
        node.load('ping', 't', records=20, bytes=1000)
        time.sleep(1)  # what the start left to do in the background

        def flushes():
            return int((device / 'stat').read_text().split()[15])
        before = flushes()
        records = 300
        node.load('ping', 't', records=records, bytes=1000)
        print(f'# {flushes() - before} flushes for {records} acknowledgements, one at a time')
        check(flushes() - before >= records, f'only {flushes() - before} flushes for {records} acknowledgements')


run_cases()
