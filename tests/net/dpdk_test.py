#!/usr/bin/env python3
"""A port past the kernel among hosts that use it: DPDK on one end of a veth pair (af_packet: no NIC is needed), the
kernel's sockets on the other. Nothing here is a claim of speed: over veth the kernel's end is the bound."""
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / 'system'))
from dpdk_host import BENCH, BY_HAND, ENVIRONMENT, SERVER, by_hand, device, give_to_dpdk, leave_no_sums, need_dpdk
from harness import case, check, check_equal, run_cases
from network import Network, end_on_sigterm, end_with_report, report_of, wait_for_word

PORT = 7000
MAC = '02:00:00:00:77:01'


class Port:
    """Host a's end of the wire, taken from its kernel, with a server of the transport on it. With a tap the kernel has
    its address, too."""

    def __init__(self, net, tap=None):
        need_dpdk()
        self.net = net
        give_to_dpdk(net.a, MAC)
        leave_no_sums(net.b, 'wire')
        words = [SERVER, *(['--tap', tap] if tap else []), f'{net.a.address}:{PORT}', net.mtu, 'net_af_packet0']
        self.process = net.a.start([*words, *ENVIRONMENT, '--vdev', device(net.mtu, 1)], net.folder / 'dpdk.log')
        wait_for_word(self.process, 'serving')

    def by_hand(self, *words):
        return by_hand(self.net.b, *words)

    def start_sending(self, seconds):
        return self.net.b.start([BENCH, 'send', f'{self.net.a.address}:{PORT}', '--seconds', seconds],
                                self.net.folder / 'send.log')

    def send(self, seconds):
        return ended(self.start_sending(seconds))

    def start_by_hand(self, host, *words):
        log = self.net.folder / f'by-hand-{len(host.processes)}-{host.name}.log'
        return host.start([sys.executable, BY_HAND, *words], log)

    def end(self):
        return end_with_report(self.process)


def ended(process):
    return report_of(process, process.child.wait(60))


def serves(mtu):
    with Network(mtu=mtu) as net:
        port = Port(net)
        check_equal(port.by_hand('ping', net.a.address, 20), {'answered': 20}, 'pings')
        sent = port.send(seconds=2)
        got = port.end()
        print(f'# {sent["mb_per_s"]} MB/s in datagrams of {sent["datagram_bytes"]}; {got}')
        check(sent['mb_per_s'] > 1, f'hardly anything went through: {sent}')
        check_equal(sent['datagram_bytes'], mtu - 28, 'what the path was found to carry')
        check(got['received_bytes'] >= sent['mb_per_s'] * sent['seconds'] * 0.99e6, f'{sent}, and only {got}')
        check_equal(got['pings'], 20, 'pings that it answered')
        check(got['arp_requests'] > 0 and got['arp_replies'] > 0, f'who asked whom? {got}')
        check_equal(got['malformed'], 0, 'frames of another stack that it calls malformed')


@case
def a_kernel_of_mtu_1500_reaches_it():
    """Ping, ARP both ways and a bulk stream of the transport"""
    serves(1500)


@case
def a_kernel_of_mtu_9000_reaches_it():
    """The same in jumbo frames"""
    serves(9000)


@case
def noise_does_it_no_harm():
    """Damaged, cut and foreign frames, fragments, and stations that say to be others: the stream goes on"""
    with Network(mtu=1500) as net:
        port = Port(net)
        port.send(seconds=0.5)
        seed = random.randrange(1 << 30)
        print(f'# seed {seed}')
        sender = net.b.start([BENCH, 'send', f'{net.a.address}:{PORT}', '--seconds', 4], net.folder / 'beside.log')
        port.by_hand('noise', 'wire', MAC, net.a.address, PORT, 20_000, seed)
        sent = report_of(sender, sender.child.wait(40))
        check(sent['mb_per_s'] > 1, f'hardly anything went through: {sent}')
        check_equal(port.by_hand('ping', net.a.address, 5), {'answered': 5}, 'pings afterwards')
        got = port.end()
        print(f'# {sent["mb_per_s"]} MB/s; {got}')
        check(got['malformed'] > 1000 and got['foreign'] > 1000, f'what became of the noise? {got}')


def shares_its_address(mtu):
    with Network(mtu=mtu) as net:
        port = Port(net, tap='kernel')
        check_equal(port.by_hand('ping', net.a.address, 20), {'answered': 20}, 'pings')
        stream = port.start_sending(seconds=5)
        ends = [port.start_by_hand(host, 'tcp', side, address, number, 4)
                for address, number, sides in ((net.a.address, 9001, ((net.a, 'listen'), (net.b, 'connect'))),
                                               (net.b.address, 9002, ((net.b, 'listen'), (net.a, 'connect'))))
                for host, side in sides]
        # The streams fill every queue that there is, and a ping may find one full.
        pings = port.by_hand('ping', net.a.address, 20)
        check(pings['answered'] >= 10, f'of 20 pings beside streams {pings}')
        check_equal(port.by_hand('refused', net.a.address, 999), {'refused': True}, 'a datagram to nobody')
        tcp = [ended(process) for process in ends]
        sent = ended(stream)
        got = port.end()
        print(f'# {sent["mb_per_s"]} MB/s of the transport, by TCP in {tcp[0]["got"]} and {tcp[2]["sent"]} '
              f'bytes, out {tcp[0]["sent"]} and {tcp[2]["got"]}; {got}')
        for one, other in ((0, 1), (1, 0), (2, 3), (3, 2)):
            check_equal((tcp[one]['got'], tcp[one]['got_sum']), (tcp[other]['sent'], tcp[other]['sent_sum']),
                        'what TCP carried')
            check(tcp[one]['got'] > 4_000_000, f'hardly anything went by TCP: {tcp}')
        check(sent['mb_per_s'] > 1, f'hardly anything went through: {sent}')
        check_equal((got['pings'], got['arp_replies']), (0, 0), 'what it answered in place of the kernel')
        check(got['to_kernel'] > 1000 and got['from_kernel'] > 1000, f'what went to the kernel? {got}')


@case
def the_kernel_has_the_same_address_at_mtu_1500():
    """Exception path: ping, TCP both ways and what is refused beside a stream of the transport"""
    shares_its_address(1500)


@case
def the_kernel_has_the_same_address_at_mtu_9000():
    """The same in jumbo frames"""
    shares_its_address(9000)


@case
def what_floods_the_kernel_does_the_transport_no_harm():
    """More datagrams for the kernel than it takes, and noise: the stream goes on, and so do pings"""
    with Network(mtu=1500) as net:
        port = Port(net, tap='kernel')
        port.send(seconds=0.5)
        seed = random.randrange(1 << 30)
        print(f'# seed {seed}')
        stream = port.start_sending(seconds=4)
        flood = port.start_by_hand(net.b, 'flood', net.a.address, 999, 3)
        port.by_hand('noise', 'wire', MAC, net.a.address, PORT, 20_000, seed)
        flooded, sent = ended(flood), ended(stream)
        # The kernel believes what the noise said of who is where, as it does on any wire. We do not.
        net.a.run('ip', 'neighbour', 'flush', 'dev', 'kernel')
        check(sent['mb_per_s'] > 1, f'hardly anything went through: {sent}')
        check_equal(port.by_hand('ping', net.a.address, 5), {'answered': 5}, 'pings afterwards')
        got = port.end()
        print(f'# {sent["mb_per_s"]} MB/s; {flooded} datagrams; {got}')
        check(got['to_kernel'] > 1000 and got['malformed'] > 1000, f'what became of the noise? {got}')


@case
def what_dpdk_cannot_start_with_is_said():
    """A device that is none, memory that is not there: a clear line, and exit code 2"""
    with Network() as net:
        need_dpdk()
        too_much = ['-l', '0', '--no-pci', '--no-huge', '-m', '100000000', '--no-shconf']
        for number, arguments in enumerate((ENVIRONMENT, ['--no-such-argument'], too_much)):
            words = [net.mtu, 'net_none0', *arguments]
            process = net.a.start([SERVER, f'{net.a.address}:{PORT}', *words], net.folder / f'refused-{number}.log')
            check_equal(process.child.wait(20), 2, f'exit code of {words}; {process.tail()}')
            said = [line for line in Path(process.log_path).read_text().split('\n')
                    if line.startswith('net_dpdk_server: ')]   # DPDK has more to say
            check(len(said) == 1 and ('no device net_none0' in said[0] or 'DPDK cannot start' in said[0]), str(said))


if __name__ == '__main__':
    end_on_sigterm()
    run_cases()
