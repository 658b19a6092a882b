#!/usr/bin/env python3
"""A broker on a port of DPDK: clients on another host come to it past its kernel, the coordinator is met through it."""
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / 'system'))
from dpdk_host import by_hand, device, give_to_dpdk, leave_no_sums, need_af_xdp, need_dpdk
from harness import BUILD, PENSTOCK, Node, case, check, check_equal, need, run_cases
from network import Network, end_on_sigterm, living_on

SDK_LOAD, EXAMPLE = BUILD / 'tests/system/sdk_load', BUILD / 'tests/net/net_sdk_port'


class PortNode(Node):
    """A broker on host a of the network, whose datagrams are DPDK's, and the rest its kernel's; host b has clients.
    The kernel has it by a tap, or, where it keeps the interface, as ever."""

    def __init__(self, net, settings=None, kept=False):
        need_dpdk()
        super().__init__({'network.driver': 'dpdk', 'dpdk.device': device(net.mtu, 2),
                          'dpdk.address': f'{net.a.address}/24', 'dpdk.mtu': net.mtu, 'dpdk.tap': 'tap0',
                          'dpdk.huge_pages': 'false', 'dpdk.memory_bytes': '256MiB',
                          'shards.idle': 'backoff', **(settings or {})})
        self.net = net
        self.overrides = {'native.listen': f'{net.a.address}:9192'}
        self.address = f'{net.a.address}:9092'
        if kept:
            self.settings.update({'dpdk.device': 'net_af_xdp0,iface=wire', 'dpdk.tap': '', 'shards.count': 1})
            leave_no_sums(net.a, 'wire')
        else:
            give_to_dpdk(net.a, '02:00:00:00:77:01')
        leave_no_sums(net.b, 'wire')

    def sdk(self, mode, topic, road='udp', **options):
        words = [word for key, value in options.items() for word in ('--' + key.replace('_', '-'), value)]
        if road == 'dpdk':
            words += ['--port-device', device(self.net.mtu, 1), '--port-address', f'{self.net.b.address}/24',
                      '--port-mtu', self.net.mtu, '--port-huge-pages', 0]
        addresses = f'{road}://{self.net.a.address}:9192'
        process = self.net.b.start([SDK_LOAD, mode, addresses, topic, *words], self.net.folder / f'{mode}.log')
        code = process.child.wait(60)
        lines = Path(process.log_path).read_text().strip().split('\n')
        check_equal(code, 0, f'exit code of {mode}; {process.tail()}')
        print(f'# {mode}: {lines[-1]}')
        return json.loads(lines[-1])


def serves(mtu):
    with Network(mtu=mtu) as net, living_on(net.a), PortNode(net) as node:
        node.create_topic('t', 4)
        node.create_topic('one')
        sent = node.sdk('produce', 't', seconds=2, bytes=100, partitions=4, acks=-1)
        check(sent['acked'] > 1000 and sent['failed'] == 0, f'hardly anything went through: {sent}')
        node.sdk('ping', 'one', records=200)
        node.kill_broker()
        node.start_broker()
        read = node.sdk('consume', 't', records=sent['acked'], partitions=4)
        check(read['read'] >= sent['acked'], f'{read}, and {sent} before')


@case
def clients_are_served_at_mtu_1500():
    """Two shards with a queue each: records come and go, also after a kill; the coordinator is on the loopback"""
    serves(1500)


@case
def clients_are_served_at_mtu_9000():
    """The same in jumbo frames"""
    serves(9000)


def serves_all_kinds_of_clients(net, **how):
    need('kcat')
    with living_on(net.a), PortNode(net, **how) as node:
        node.create_topic('t', 4)
        kcat = ['kcat', '-b', node.address, '-t', 't']
        penstock = [PENSTOCK, '--bootstrap', node.address]
        inputs = {'kcat': [*kcat, '-P'], 'datagrams': [*penstock, 'produce', 't', '--via', 'udp']}
        count = 20_000
        writers = []
        for name, words in inputs.items():
            lines = net.folder / name
            lines.write_text(''.join(f'{name}-{i}\n' for i in range(count)))
            command = ' '.join(map(str, words))
            writers.append(net.b.start(['sh', '-c', f'{command} <{lines}'], net.folder / f'{name}.log'))
        check_equal(by_hand(net.b, 'ping', net.a.address, 20), {'answered': 20}, 'pings meanwhile')
        for process in writers:
            check_equal(process.child.wait(60), 0, f'exit code of a producer; {process.tail()}')
        expected = sorted(f'{name}-{i}' for name in inputs for i in range(count))
        for words in ([*kcat, '-C', '-e', '-q'], [*penstock, 'consume', 't', '--via', 'udp', '--from-beginning', '-e']):
            check_equal(sorted(net.b.run(*words).split()), expected, f'what {words[0]} reads')


@case
def all_kinds_of_clients_at_the_same_time():
    """kcat and ping by the kernel, penstock produce and consume by datagrams: one address, the same partitions"""
    for mtu in (1500, 9000):
        with Network(mtu=mtu) as net:
            serves_all_kinds_of_clients(net)


@case
def all_kinds_of_clients_where_the_kernel_keeps_the_interface():
    """The same by af_xdp, which brings our ports past the kernel, and nothing else"""
    with Network(queues=1) as net:
        need_af_xdp(net)
        serves_all_kinds_of_clients(net, kept=True)
        received, sent = net.a.datagrams()
        check(received < 100 and sent < 100, f'the kernel carried {received} and {sent} datagrams')


@case
def a_program_of_the_sdk_has_a_port_of_its_own():
    """DPDK on both ends: produce, ping, consume, and the example; a port that is none is refused with a reason"""
    with Network() as net, living_on(net.a), PortNode(net) as node:
        node.create_topic('t', 4)
        node.create_topic('one')
        give_to_dpdk(net.b, '02:00:00:00:77:02')
        sent = node.sdk('produce', 't', 'dpdk', seconds=2, bytes=100, partitions=4, acks=-1)
        check(sent['acked'] > 1000 and sent['failed'] == 0, f'hardly anything went through: {sent}')
        node.sdk('ping', 'one', 'dpdk', records=200)
        node.sdk('consume', 't', 'dpdk', records=sent['acked'], partitions=4)
        said = net.b.run('env', 'PENSTOCK_NO_HUGE_PAGES=1', EXAMPLE, device(1500, 1), f'{net.b.address}/24',
                         f'{net.a.address}:9192', 'one', 100)
        check(said.startswith('100 records, half of them within '), f'the example: {said}')
        none = ['--port-device', 'net_none0', '--port-huge-pages', 0, '--port-address']
        for road, words, why in (('dpdk', [*none, '10.77.0.2'], 'with its prefix'),
                                 ('dpdk', [*none, '10.77.0.2/24'], 'DPDK cannot start'),
                                 ('dpdk', [], 'An argument'),
                                 ('udp', ['--port-device', device(1500, 1), '--port-address', '10.77.0.2/24',
                                          '--port-huge-pages', 0], 'An argument')):
            process = net.b.start([SDK_LOAD, 'produce', f'{road}://10.77.0.1:9192', 't', '--seconds', 1, *words],
                                  net.folder / 'refused.log')
            check_equal(process.child.wait(20), 2, 'exit code')
            said = Path(process.log_path).read_text().strip().split('\n')[-1]
            check(why in said, f'not "{why}": {said}')


@case
def a_device_that_cannot_be_used_is_refused():
    """One line that says why, and exit code 2"""
    with Network() as net, living_on(net.a):
        for key, value, why in (('dpdk.device', 'net_af_packet0,iface=nowhere', 'net_af_packet0'),
                                ('dpdk.device', '', 'dpdk.device is empty'),
                                ('dpdk.memory_bytes', '1TiB', 'the machine has'),
                                ('dpdk.arguments', '--no-such-word', 'DPDK cannot start'),
                                ('dpdk.address', '10.77.0.1', 'with its prefix'),
                                ('native.listen', '10.77.0.9:9192', 'native.listen is at 10.77.0.9'),
                                ('shards.count', '5', 'queues')):
            node = PortNode(net)
            node.overrides[key] = value
            try:
                node.start_broker(ready=False)
                check_equal(node.broker.child.wait(30), 2, f'exit code with {key} = {value}; {node.broker.tail()}')
                errors = [line for line in log_of(node).strip().split('\n') if ' info ' not in line]
                check(len(errors) == 1 and why in errors[0], f'not one line that says "{why}": {errors}')
            finally:
                node.__exit__()


@case
def without_a_usable_device_auto_goes_on():
    """The kernel carries the datagrams then, and the log says why"""
    with Network() as net, living_on(net.a):
        wrong = {'network.driver': 'auto', 'dpdk.device': 'net_af_packet0,iface=nowhere'}
        node = PortNode(net, wrong)
        net.a.run('ip', 'address', 'add', f'{net.a.address}/24', 'dev', 'wire')
        with node:
            said = [line for line in log_of(node).split('\n') if ' warning ' in line]
            check(len(said) == 1 and 'the kernel carries datagrams' in said[0], str(said))
            node.create_topic('t')
            node.cli('produce', 't', '--via', f'udp://{node.native_address}', input='a record\n')
            read = node.cli('consume', 't', '--via', f'udp://{node.native_address}', '--from-beginning', '-e')
            check_equal(read.stdout, 'a record\n', 'what was read')


def log_of(node):
    return (node.folder / 'broker.log').read_text()


if __name__ == '__main__':
    end_on_sigterm()
    run_cases()
