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
from harness import BUILD, PENSTOCK, case, check, check_equal, need, run, run_cases
from network import Host, end_on_sigterm
from replicas import load_on, make_topic


SDK_LOAD = BUILD / 'tests/system/sdk_load'


class PastTheKernel(Apart):
    """Each broker's host has its wire by DPDK, and by a tap what is left of it for the kernel."""

    def __init__(self):
        need_dpdk()
        super().__init__()
        self.program = Host(f'penstock-{os.getpid()}-program', '10.77.0.50')   # of the SDK, which has a port of its own
        self.beside = [self.program]
        for node, host in zip(self.nodes, self.hosts):
            node.settings.update({
                'network.driver': 'dpdk', 'dpdk.device': device(1500, 1), 'dpdk.address': f'{host.address}/24',
                'dpdk.tap': 'tap0', 'dpdk.huge_pages': 'false', 'dpdk.memory_bytes': '128MiB'})

    def wire_up(self):
        super().wire_up()
        leave_no_sums(self.clients, 'switch')
        leave_no_sums(self.coordinator_host, 'wire')
        for number, host in enumerate((*self.hosts, self.program)):
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


@case
def all_roads_at_the_same_time():
    """kcat by TCP, penstock by datagrams, a program of the SDK on a port of its own: the same replicated partitions"""
    need('kcat')
    with PastTheKernel() as cluster:
        make_topic(cluster, 't')
        node = cluster.nodes[0]
        native = f'{node.host}:9192'
        penstock = [PENSTOCK, '--bootstrap', node.address]
        lines = node.folder / 'lines'
        lines.write_text(''.join(f'line {i}\n' for i in range(20_000)))
        port = ['--port-device', device(1500, 1), '--port-address', f'{cluster.program.address}/24',
                '--port-huge-pages', 0]
        words = {'kcat': [cluster.clients, f'kcat -b {node.address} -t t -P <{lines}'],
                 'cli': [cluster.clients, f'{" ".join(map(str, penstock))} produce t --via udp <{lines}'],
                 'sdk': [cluster.program, ' '.join(map(str, [SDK_LOAD, 'produce', f'dpdk://{native}', 't', '--records',
                                                             20_000, '--partitions', 4, *port]))]}
        writers = {name: host.start(['sh', '-c', command], node.folder / f'{name}.log')
                   for name, (host, command) in words.items()}
        for name, process in writers.items():
            check_equal(process.child.wait(60), 0, f'exit code of {name}; {process.tail()}')
        expected = sorted(lines.read_text().split('\n')[:-1] * 2)
        for words, size in ((['kcat', '-b', node.address, '-t', 't', '-C', '-e', '-q'], '%S\n'),
                            ([*penstock, 'consume', 't', '--via', 'udp', '--from-beginning', '-e'], '%V\n')):
            read = run(*words).stdout.split(b'\n')
            check_equal(sorted(line.decode() for line in read if line.startswith(b'line ')), expected, 'lines')
            check_equal(run(*words, '-f', size).stdout.count(b'\n'), 60_000, f'records that {words[0]} reads')


if __name__ == '__main__':
    end_on_sigterm()
    run_cases()
