#!/usr/bin/env python3
"""What a broker takes of the machine: little when idle, and never more memory than its settings say."""
import contextlib
import threading
import time

import kafka_wire as wire
from harness import Node, case, check, finish_load, run_cases

MIB = 1 << 20
# Code, stacks, connections, metadata: what no setting counts.
FIXED_BYTES = 64 * MIB


def bound_of(node):
    """The sum of what the settings allow: cache, requests and receive buffers, of each shard."""
    per_shard = sum(int(node.settings[key].removesuffix('MiB')) * MIB for key in (
        'storage.cache_bytes', 'limits.request_memory_bytes', 'limits.receive_buffer_bytes'))
    return int(node.settings['shards.count']) * per_shard + FIXED_BYTES


class Watch:
    """Samples the broker's memory; there is no event to wait for."""

    def __init__(self, node):
        self.node = node
        self.peak = 0
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.sample)

    def sample(self):
        while not self.done.wait(0.1):
            with contextlib.suppress(OSError):
                self.peak = max(self.peak, self.node.broker.memory_bytes())

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()


def check_bounded(node, watch):
    bound = bound_of(node)
    print(f'# peak {watch.peak / MIB:.0f} MiB, bound {bound / MIB:.0f} MiB')
    check(watch.peak <= bound, f'{watch.peak / MIB:.0f} MiB of memory, above {bound / MIB:.0f} MiB')


@case
def idle():
    """An idle broker in block mode uses less than 1 % of a core and less than 64 MiB."""
    with Node() as node:
        node.create_topic('t', 100)
        node.load('produce', 't', records=1000, bytes=100, partitions=100)
        time.sleep(1)  # what the load left to do in the background
        seconds = 6
        before = node.broker.cpu_seconds()
        coordinator_before = node.coordinator.cpu_seconds()
        time.sleep(seconds)
        share = (node.broker.cpu_seconds() - before) / seconds
        coordinator_share = (node.coordinator.cpu_seconds() - coordinator_before) / seconds
        memory = node.broker.memory_bytes()
        print(f'# broker {share:.2%} of a core and {memory / MIB:.0f} MiB, coordinator {coordinator_share:.2%}')
        check(share < 0.01, f'the broker uses {share:.2%} of a core')
        check(coordinator_share < 0.01, f'the coordinator uses {coordinator_share:.2%} of a core')
        check(memory < 64 * MIB, f'the broker takes {memory / MIB:.0f} MiB')


@case
def producers_outrun_the_disk():
    """Memory stays within its bound under producers that send faster than the disk takes."""
    with Node() as node:
        node.create_topic('t', 8)
        with Watch(node) as watch:
            loads = [node.start_load('produce', 't', seconds=8, bytes=50_000, partitions=8, seed=i,
                                     config=['message.timeout.ms=120000']) for i in range(3)]
            for load in loads:
                finish_load(load, check_exit=False, timeout=180)
        check_bounded(node, watch)
        node.wait_until_ready()


@case
def consumers_that_do_not_read():
    """Memory stays within its bound under consumers that ask for everything and read nothing."""
    with Node() as node, contextlib.ExitStack() as held:
        node.create_topic('t', 8)
        node.load('produce', 't', records=8000, bytes=20_000, partitions=8)
        with Watch(node) as watch:
            for _ in range(60):
                connection = held.enter_context(wire.Connection(node.host_port, timeout=0.2))
                with contextlib.suppress(OSError):
                    for correlation in range(20):
                        connection.send(wire.fetch_request('t', 8, correlation=correlation))
            time.sleep(2)
            node.load('produce', 't', records=800, bytes=20_000, partitions=8)
        check_bounded(node, watch)
        held.close()
        node.load('verify', 't', bytes=20_000, partitions=8)


@case
def many_partitions():
    """1,000 partitions with a record each fit in memory and come back after a kill."""
    with Node() as node:
        node.create_topic('t', 1000)
        node.load('produce', 't', records=5000, bytes=200, partitions=1000)
        print(f'# {node.broker.memory_bytes() / MIB:.0f} MiB')
        node.restart_broker()
        node.load('verify', 't', records=5000, bytes=200, partitions=1000)
        check(node.broker.memory_bytes() <= bound_of(node), 'too much memory')


run_cases()
