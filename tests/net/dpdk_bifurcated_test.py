#!/usr/bin/env python3
"""An interface that the kernel keeps, of which DPDK (af_xdp) gets our ports of UDP and nothing else: the machine with
one network card. Over a veth pair; nothing here is a claim of speed."""
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / 'system'))
from dpdk_host import BENCH, BY_HAND, ENVIRONMENT, OUR_PORTS, SERVER, by_hand, leave_no_sums, need_af_xdp
from harness import case, check, check_equal, run_cases, wait_for
from network import Network, end_on_sigterm, end_with_report, report_of, wait_for_word

PORT, LAST_PORT = 7000, 7009   # ours
KERNELS_PORT = 8000
MTU_MAX = 3434


def words_of(net, mtu=1500, program=OUR_PORTS):
    return [SERVER, f'{net.a.address}:{PORT}', mtu, '--kept', 'wire', program, f'{net.b.address}:{PORT}', *ENVIRONMENT]


class Bifurcated:
    """Host a's end of the wire is the kernel's and ours, with a server of the transport that sends to host b, too; and
    one of the kernel's own that echoes datagrams, at a port of each."""

    def __init__(self, net):
        need_af_xdp(net)
        self.net = net
        for host in (net.a, net.b):
            leave_no_sums(host, 'wire')
        self.sink = net.b.start([BENCH, 'serve', f'{net.b.address}:{PORT}'], net.folder / 'sink.log')
        wait_for_word(self.sink, 'serving')
        self.echo = net.a.start([sys.executable, BY_HAND, 'echo', net.a.address, PORT, KERNELS_PORT],
                                net.folder / 'echo.log')
        wait_for_word(self.echo, 'echoing')
        self.process = net.a.start(words_of(net, net.mtu), net.folder / 'dpdk.log')
        wait_for_word(self.process, 'serving')

    def by_hand(self, *words):
        return by_hand(self.net.b, *words)

    def start_to_send(self, seconds):
        return self.net.b.start([BENCH, 'send', f'{self.net.a.address}:{PORT}', '--seconds', seconds],
                                self.net.folder / 'send.log')

    def end(self):
        """What the server says, and what arrived of what it sent."""
        return end_with_report(self.process), end_with_report(self.sink)


def sent_by(process):
    return report_of(process, process.child.wait(30))


def serves(mtu):
    with Network(mtu=mtu, queues=1) as net:
        both = Bifurcated(net)
        sender = both.start_to_send(seconds=5)
        address = net.a.address
        # The streams fill every queue that there is, and a packet may find one full.
        check(both.by_hand('ping', address, 20)['answered'] >= 10, 'the kernel hardly answered pings')
        listens, connects = [host.start([sys.executable, BY_HAND, 'tcp', side, address, PORT, 2],
                                        net.folder / f'tcp-{side}.log')
                             for host, side in ((net.a, 'listen'), (net.b, 'connect'))]
        check(both.by_hand('echoed', address, KERNELS_PORT, 20, 500)['returned'] >= 10, "its own port hardly got any")
        check_equal(both.by_hand('echoed', address, PORT, 5, 500)['returned'], 0, 'of ours, past the kernel')
        check(both.by_hand('echoed', address, PORT, 10, mtu * 3)['returned'] >= 5, 'it hardly got any fragments')
        listened, connected = sent_by(listens), sent_by(connects)
        for one, other in ((listened, connected), (connected, listened)):
            check_equal((one['got'], one['got_sum']), (other['sent'], other['sent_sum']), 'what TCP carried')
            check(one['got'] > 1_000_000, f'hardly anything went by TCP: {one}')
        sent = sent_by(sender)
        got, sink = both.end()
        print(f'# in {sent["mb_per_s"]} MB/s, datagrams of {sent["datagram_bytes"]}; {got}; out: {sink}')
        check(sent['mb_per_s'] > 1, f'hardly anything went through: {sent}')
        check_equal(sent['datagram_bytes'], mtu - 28, 'what the path was found to carry')
        check(got['received_bytes'] >= sent['mb_per_s'] * sent['seconds'] * 0.99e6, f'{sent}, and only {got}')
        check(got['arrived_bytes'] > 1_000_000, f'what we sent did not arrive: {got}')
        check(sink['received_bytes'] >= got['arrived_bytes'], f'{got}, and only {sink}')
        check_equal({name: got[name] for name in ('pings', 'arp_requests', 'arp_replies', 'foreign', 'malformed')},
                    dict.fromkeys(('pings', 'arp_requests', 'arp_replies', 'foreign', 'malformed'), 0),
                    'what is not ours and came here')


@case
def it_is_the_kernels_and_ours_at_a_time():
    """One address: ping, TCP, UDP and fragments reach the kernel while our streams go both ways past it"""
    serves(1500)


@case
def it_is_so_with_the_largest_packets_that_af_xdp_carries():
    """The same with packets of 3434 bytes"""
    serves(MTU_MAX)


@case
def a_station_that_moves_is_found_again():
    """The peer's MAC becomes another one: what we send follows it, and new streams find us"""
    with Network(queues=1) as net:
        both = Bifurcated(net)
        # It says that it moved. From one that keeps silent the kernel learns it only as its entry gets old: in 10 to
        # 60 seconds.
        net.b.run('sh', '-c', 'echo 1 >/proc/sys/net/ipv4/conf/wire/arp_notify')
        for number in range(2, 4):
            wait_for(lambda start=net.b.datagrams()[0]: net.b.datagrams()[0] > start + 1000, 10, 'our stream to go on')
            net.b.run('ip', 'link', 'set', 'wire', 'address', f'02:00:00:00:78:{number:02}')
            time.sleep(0.1)   # what is on its way arrives
            began = time.monotonic()
            wait_for(lambda start=net.b.datagrams()[0]: net.b.datagrams()[0] > start + 1000, 10, 'our stream to follow')
            print(f'# it went on after {time.monotonic() - began:.1f} s')
        net.b.run('ip', 'link', 'set', 'wire', 'address', '02:00:00:00:78:04')
        sent = sent_by(both.start_to_send(seconds=3))
        check(sent['mb_per_s'] > 1, f'hardly anything went through: {sent}')
        both.end()


@case
def it_has_the_interface_alone_and_after_its_end_another_one_has():
    """A second process is refused, and does no harm; after kill -9 the kernel has all, and the next process starts"""
    with Network(queues=1) as net:
        both = Bifurcated(net)
        refused(net, words_of(net), "another process of Penstock's has wire: Address already in use", 'second')
        check(sent_by(both.start_to_send(seconds=1))['mb_per_s'] > 1, 'the first one was disturbed')
        both.process.kill()
        check_equal(both.by_hand('echoed', net.a.address, PORT, 5, 500), {'returned': 5}, 'at the port that was ours')
        both.process = net.a.start(words_of(net), net.folder / 'again.log')
        wait_for_word(both.process, 'serving')
        check(sent_by(both.start_to_send(seconds=1))['mb_per_s'] > 1, 'the second one serves nobody')
        both.end()
        check('xdp' not in net.a.run('ip', 'link', 'show', 'wire'), 'it left its program there')
        stranger = net.folder / 'stranger.o'
        stranger.write_bytes(OUR_PORTS.read_bytes().replace(b'our_ports', b'her_ports'))
        net.a.run('ip', 'link', 'set', 'dev', 'wire', 'xdp', 'obj', stranger, 'sec', 'xdp')
        refused(net, words_of(net), "wire runs an XDP program that is not Penstock's", 'stranger')
        check('xdp' in net.a.run('ip', 'link', 'show', 'wire'), 'it removed what was not its own')


@case
def what_it_cannot_be_is_said():
    """Packets too large, a queue that nobody reads, no such interface, no program: a clear line, and exit code 2"""
    with Network(mtu=4000, queues=2) as net:
        need_af_xdp(net)
        no_program = net.folder / 'no-program.o'
        no_program.write_bytes(b'\x7fELF' + bytes(1000))
        words = words_of(net, MTU_MAX + 1)
        wrong = [(words_of(net), 'receives in 2 queues, more than the 1'),
                 (['wire0' if word == 'wire' else word for word in words], 'the interface wire0: No such device'),
                 (words_of(net, program=net.folder / 'none.o'), 'bpf-gcc or clang): No such file'),
                 (words_of(net, program=no_program), "is not Penstock's program")]
        for number, (command, reason) in enumerate(wrong):
            refused(net, command, reason, number)
    with Network(mtu=MTU_MAX + 1, queues=1) as net:
        refused(net, words_of(net, MTU_MAX + 1), f'carries packets of {MTU_MAX} bytes at most', 'mtu')


def refused(net, command, reason, name):
    process = net.a.start(command, net.folder / f'refused-{name}.log')
    check_equal(process.child.wait(20), 2, f'exit code; {process.tail()}')
    said = [line for line in Path(process.log_path).read_text().split('\n') if line.startswith('net_dpdk_server: ')]
    check(len(said) == 1 and reason in said[0], f'{reason}: {said}')


if __name__ == '__main__':
    end_on_sigterm()
    run_cases()
