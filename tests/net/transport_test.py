#!/usr/bin/env python3
"""The transport between two hosts, over links that lose, shrink, go down and come back. Nothing here is a claim of
speed: bench/transport.py measures that."""
import re
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / 'system'))
from harness import BUILD, Failure, case, check, run_cases, wait_for
from network import Network, end_on_sigterm, end_with_report, report_of, wait_for_word

BENCH = BUILD / 'bench/bench_transport'
PORT = 7000


class Server:
    """Takes whatever is sent to it, in namespace b."""

    def __init__(self, net):
        self.net = net
        self.starts = 0
        self.start()

    @property
    def address(self):
        return f'{self.net.b.address}:{PORT}'

    def start(self):
        self.starts += 1
        self.process = self.net.b.start([BENCH, 'serve', self.address], self.net.folder / f'server{self.starts}.log')
        wait_for_word(self.process, 'serving')

    def end(self):
        return end_with_report(self.process)


def start_sending(net, address, name='send', **options):
    words = [word for key, value in options.items() for word in ('--' + key.replace('_', '-'), value)]
    return net.a.start([BENCH, 'send', address, *words], net.folder / f'{name}.log')


def finish_sending(process, seconds):
    try:
        return report_of(process, process.child.wait(seconds))
    except subprocess.TimeoutExpired:
        raise Failure(f'it still sends after {seconds} s; {process.tail()}') from None


def send(net, address, seconds, **options):
    return finish_sending(start_sending(net, address, seconds=seconds, **options), seconds + 30)


def wait_for_end(process, seconds, word):
    wait_for(lambda: not process.is_running(), seconds, f'the end of the sender; {process.tail()}')
    said = Path(process.log_path).read_text()
    check(word in said, f'it should say "{word}": {said.strip()}')


def check_all_arrived(sent, received, what):
    """What the sender counts as arrived is at the server."""
    arrived = sent['mb_per_s'] * sent['seconds'] * 1e6
    check(received['received_bytes'] > 0.99 * arrived > 0, f'{what}: sent {sent}, received {received}')


def send_through(net):
    """What both ends say. A handshake may lose all its attempts to such a path, and is given up then: once more."""
    for last in (False, True):
        server = Server(net)
        try:
            return send(net, server.address, seconds=3), server.end()
        except Failure:
            if last or server.end()['received_bytes'] > 0:
                raise
    return None


def bulk_with_loss(per_thousand):
    with Network(segments=False) as net:
        net.a.lose(per_thousand)
        net.b.lose(per_thousand)
        sent, received = send_through(net)
        lost = net.b.lost()[0]
        print(f'# {sent["mb_per_s"]} MB/s, {lost} packets lost on the way there')
        check_all_arrived(sent, received, 'bulk')
        check(lost > 0 and sent['repeated_bytes'] > 0, 'nothing was lost')
        # At a chance of 30 % the path must not be taken for one that is gone.
        check(received['received_bytes'] > 1 << 20, f'{received["received_bytes"]} bytes in 3 s')


@case
def bulk_without_loss():
    """Bulk transfer over a clean link loses nothing."""
    with Network() as net:
        server = Server(net)
        sent = send(net, server.address, seconds=1)
        received = server.end()
        check_all_arrived(sent, received, 'bulk')
        check(sent['datagram_bytes'] == 1472, f'datagrams of {sent["datagram_bytes"]} bytes at an MTU of 1500')


@case
def loss_1():
    """Bulk transfer survives 1 % loss, both ways."""
    bulk_with_loss(10)


@case
def loss_10():
    """Bulk transfer survives 10 % loss, both ways."""
    bulk_with_loss(100)


@case
def loss_30():
    """Bulk transfer survives 30 % loss, both ways."""
    bulk_with_loss(300)


@case
def path_mtu():
    """Behind a first hop of 9000 bytes, a link of 1500 that drops silently is found out."""
    with Network(mtu=9000, path_mtu=1500, delay_ms=1) as net:
        server = Server(net)
        sent = send(net, server.address, seconds=3)
        check_all_arrived(sent, server.end(), 'bulk')
        link = net.end_forwarder()['there']
        check(sent['datagram_bytes'] == 1472, f'datagrams of {sent["datagram_bytes"]} bytes on a path of 1500')
        # Three of each size that is tried: the common ones, then those that halve what is left.
        check(0 < link['too_large'] <= 40, f'{link["too_large"]} datagrams were too large, and not only probes')


@case
def jumbo():
    """Where every hop carries 9000 bytes, they are used."""
    with Network(mtu=9000) as net:
        server = Server(net)
        sent = send(net, server.address, seconds=1)
        check_all_arrived(sent, server.end(), 'bulk')
        check(sent['datagram_bytes'] == 8972, f'datagrams of {sent["datagram_bytes"]} bytes at an MTU of 9000')


def check_goes_on_after(net, server, down, up):
    """A transfer whose path is gone for 5 s goes on soon after."""
    sender = start_sending(net, server.address, seconds=10, trace_ms=100)
    time.sleep(1)
    down()
    time.sleep(5)
    up()
    sent = finish_sending(sender, 40)
    check_all_arrived(sent, server.end(), 'bulk')
    got = [(float(at), float(rate)) for at, rate in
           re.findall(r'^ *([\d.]+) s +\S+ +([\d.]+) MB/s got', Path(sender.log_path).read_text(), re.MULTILINE)]
    check(any(rate > 0 for at, rate in got if at < 1), 'nothing arrived before')
    check(not any(rate > 0 for at, rate in got if 2 < at < 5.5), 'something arrived while the path was gone')
    back = next((at for at, rate in got if at > 6 and rate > 0), None)
    print(f'# back {back and back - 6:.1f} s after the path')
    check(back is not None and back < 8.5, f'first arrived again at {back} s')


@case
def path_gone():
    """A transfer survives a path that carries nothing for 5 s."""
    with Network() as net:
        server = Server(net)
        check_goes_on_after(net, server, lambda: net.b.lose(1000), net.b.lose_nothing)


@case
def interface_down():
    """A transfer survives its own interface being down for 5 s."""
    with Network() as net:
        server = Server(net)
        check_goes_on_after(net, server, lambda: net.a.run('ip', 'link', 'set', 'dev', 'wire', 'down'),
                            lambda: net.a.run('ip', 'link', 'set', 'dev', 'wire', 'up'))


@case
def keep_alive():
    """An idle connection stays, with few packets."""
    with Network() as net:
        server = Server(net)
        sent = send(net, server.address, seconds=6, push_bytes=0, idle_timeout_ms=1500)
        print(f'# {sent["packets"]} packets in 6 s')
        # Three in each idle timeout, the search for the MTU aside.
        check(8 <= sent['packets'] <= 40, f'{sent["packets"]} packets in 6 s of 1.5 s each')


@case
def idle_timeout():
    """Without an answer an idle connection ends by its timeout."""
    with Network() as net:
        server = Server(net)
        sender = start_sending(net, server.address, seconds=30, push_bytes=0, idle_timeout_ms=1500)
        time.sleep(1)
        net.b.lose(1000)
        wait_for_end(sender, 10, 'unreachable')


@case
def server_restart():
    """After kill -9 and restart of the server its peer learns at once that the connection is gone."""
    with Network() as net:
        server = Server(net)
        sender = start_sending(net, server.address, seconds=60)
        time.sleep(1)
        server.process.kill()
        server.start()
        started = time.monotonic()
        wait_for_end(sender, 10, 'unreachable')
        print(f'# noticed after {time.monotonic() - started:.2f} s')
        check(time.monotonic() - started < 3, 'that is not by a reset')
        check_all_arrived(send(net, server.address, seconds=1, name='again'), server.end(), 'the next connection')


@case
def nobody_listens():
    """A port that nobody listens on is told within the idle timeout."""
    with Network() as net:
        started = time.monotonic()
        wait_for_end(start_sending(net, f'{net.b.address}:{PORT}', seconds=30), 40, 'closed')
        print(f'# told after {time.monotonic() - started:.1f} s')


if __name__ == '__main__':
    end_on_sigterm()
    run_cases()
