#!/usr/bin/env python3
"""Three brokers on ports of DPDK at one switch, with their coordinator and clients on the kernel's sockets: they
replicate past their kernels, and Kafka clients reach the same addresses through them."""
import os
import random
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / 'system'))
from apart import Apart
from dpdk_host import device, give_to_dpdk, leave_no_sums, need_dpdk
from harness import case, check, check_equal, run_cases
from network import end_on_sigterm
from replicas import load_on, make_topic


class PastTheKernel(Apart):
    """Each broker's host has its wire by DPDK, and by a tap what is left of it for the kernel."""

    def __init__(self):
        need_dpdk()
        super().__init__()
        for node, host in zip(self.nodes, self.hosts):
            node.settings.update({
                'network.driver': 'dpdk', 'dpdk.device': device(1500, 1), 'dpdk.address': f'{host.address}/24',
                'dpdk.tap': 'tap0', 'dpdk.huge_pages': 'false', 'dpdk.memory_bytes': '128MiB'})

    def wire_up(self):
        super().wire_up()
        leave_no_sums(self.clients, 'switch')
        leave_no_sums(self.coordinator_host, 'wire')
        for number, host in enumerate(self.hosts):
            give_to_dpdk(host, f'02:00:00:00:77:{10 + number}')


@case
def they_replicate_past_their_kernels():
    """Leaders are killed under an idempotent load: every record once, in order; not a datagram by the kernel"""
    seed = int(os.environ.get('PENSTOCK_TEST_SEED', '0')) or random.randrange(1, 1 << 30)
    print(f'# PENSTOCK_TEST_SEED={seed}')
    chance = random.Random(seed)
    with PastTheKernel() as cluster:
        make_topic(cluster, 't')
        cluster.wait_in_sync('t', 3)
        with load_on(cluster, 't') as load:
            for _ in range(4):
                time.sleep(chance.uniform(0.2, 1.5))   # so that it is killed at any moment of the load
                check(load.poll() is None, 'the load ended')
                killed = cluster.nodes[cluster.leader('t')]
                killed.broker.child.send_signal(signal.SIGKILL)
                killed.broker.child.wait()
                killed.start_broker()
                cluster.wait_in_sync('t', 3)
        for host in cluster.hosts:
            check_equal(host.datagrams(), (0, 0), f'datagrams of the kernel of {host.address}')


if __name__ == '__main__':
    end_on_sigterm()
    run_cases()
