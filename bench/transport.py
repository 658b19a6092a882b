#!/usr/bin/env python3
"""The transport between two network namespaces, beside what else carries bytes there, in one run: TCP by iperf3, and
bursts of datagrams that nobody acknowledges.

    bench/transport.py                       all parts; about three minutes
    bench/transport.py --part bulk           bulk over veth: ours, TCP, bursts, in turns
    bench/transport.py --part share --rate-mbit 200      on a machine that cannot carry two flows at 1 Gbit/s

Parts: bulk (veth at MTU 1500 and 9000), loss (1 % on veth), far (1 % and a round trip of 20 ms), share (a bottleneck
with 20 ms, with TCP CUBIC, with another of ours, alone). Needs root, for the namespaces. --keep writes the result to
bench/results. CPU is what the processes are charged with: the kernel's work on what arrives is charged to whoever runs
then, so it means most as a sum of both ends.
"""
import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / 'bench'), str(ROOT / 'tests/net'), str(ROOT / 'tests/system')]
from harness import BUILD, Failure, Skip, need  # noqa: E402
from network import Network, end_on_sigterm, end_with_report, report_of, wait_for_word  # noqa: E402
from side_by_side import Report, describe_machine, refuse_busy_machine  # noqa: E402

BENCH = BUILD / 'bench/bench_transport'
PORT = 7000
RTT_MS = 20


class Flow:
    """One transfer from host a to host b; result() waits for its end."""

    def __init__(self, net, name, receiver, sender):
        self.net, self.name = net, name
        self.receiver = net.b.start(receiver, net.folder / f'{name}-receiver.log')
        wait_for_word(self.receiver, 'serving' if receiver[0] == BENCH else 'listening')
        self.sender = net.a.start(sender, net.folder / f'{name}-sender.log')

    def wait(self, seconds):
        code = self.sender.child.wait(seconds + 60)
        if code != 0:
            raise Failure(f'{self.name}: exit code {code}; {self.sender.tail()}')
        return code


class Ours(Flow):
    def __init__(self, net, seconds, name='ours', port=PORT, verb='send', **options):
        address = f'{net.b.address}:{port}'
        words = [word for key, value in options.items() for word in ('--' + key.replace('_', '-'), value)]
        self.seconds = seconds
        super().__init__(net, name, [BENCH, 'serve', address], [BENCH, verb, address, '--seconds', seconds, *words])

    def result(self):
        sent = report_of(self.sender, self.wait(self.seconds))
        received = end_with_report(self.receiver)
        return {**sent, 'receiver_cpu_s': received['cpu_s'], 'arrived': received['datagrams'],
                'receiver_dropped': received['dropped'], 'bytes': sent['mb_per_s'] * 1e6 * sent['seconds']}


class Raw(Ours):
    """What arrived counts."""

    def __init__(self, net, seconds, datagram_bytes):
        self.datagram_bytes = datagram_bytes
        super().__init__(net, seconds, 'raw', verb='raw', datagram_bytes=datagram_bytes)

    def result(self):
        sent = super().result()
        arrived = sent['arrived'] * self.datagram_bytes
        return {**sent, 'sent_mb_per_s': sent['mb_per_s'], 'mb_per_s': arrived / 1e6 / sent['seconds'],
                'bytes': arrived, 'packets': sent['arrived']}


class Tcp(Flow):
    def __init__(self, net, seconds, *arguments):
        self.seconds = seconds
        super().__init__(net, 'tcp', ['iperf3', '-s', '-1', '--forceflush'],
                         ['iperf3', '-c', net.b.address, '-t', seconds, '-J', *arguments])

    def result(self):
        self.wait(self.seconds)
        end = json.loads(Path(self.sender.log_path).read_text())['end']
        received, cpu = end['sum_received'], end['cpu_utilization_percent']
        segment = self.net.mtu - 52   # with the timestamps that Linux sends
        return {'mb_per_s': received['bits_per_second'] / 8e6, 'seconds': received['seconds'],
                'bytes': received['bytes'], 'packets': received['bytes'] / segment,
                'cpu_s': cpu['host_total'] / 100 * received['seconds'],
                'receiver_cpu_s': cpu['remote_total'] / 100 * received['seconds'],
                'retransmits': end['sum_sent']['retransmits']}


def median(results, what):
    return statistics.median(what(result) for result in results)


def rate(results):
    return median(results, lambda r: r['mb_per_s'])


def show(report, name, results):
    """A line for what was measured several times: medians."""
    values = {'mb_per_s': [round(r['mb_per_s'], 1) for r in results]}
    for end, key in (('sender', 'cpu_s'), ('receiver', 'receiver_cpu_s')):
        values[f'{end}_ns_per_byte'] = median(results, lambda r, k=key: r[k] * 1e9 / max(1, r['bytes']))
        values[f'{end}_ns_per_packet'] = median(results, lambda r, k=key: r[k] * 1e9 / max(1, r['packets']))
    report.line(f'  {name:18} {rate(results):8.1f} MB/s   CPU of sender and receiver '
                f'{values["sender_ns_per_byte"]:5.2f} and {values["receiver_ns_per_byte"]:5.2f} ns a byte, '
                f'{values["sender_ns_per_packet"]:5.0f} and {values["receiver_ns_per_packet"]:5.0f} a packet')
    return values


def verdict(value, bound, at_least=True):
    met = value >= bound if at_least else value <= bound
    return f'{value:.2f}  (wanted: at {"least" if at_least else "most"} {bound:g}{"" if met else "; MISSED"})'


def part_bulk(report, options):
    for mtu, wanted in ((1500, 0.8), (9000, 1.2)):
        ours, tcp, raw = [], [], []
        for _ in range(options.rounds):
            with Network(mtu=mtu) as net:
                ours.append(Ours(net, options.seconds).result())
                tcp.append(Tcp(net, options.seconds).result())
                raw.append(Raw(net, options.seconds, mtu - 28).result())
        report.head(f'bulk over veth, MTU {mtu}, medians of {options.rounds} rounds in turns')
        values = {name: show(report, name, results)
                  for name, results in (('ours', ours), ('TCP, iperf3', tcp), ('bursts alone', raw))}
        to_tcp, to_raw = rate(ours) / rate(tcp), rate(ours) / rate(raw)
        report.line(f'  ours to TCP        {verdict(to_tcp, wanted)}')
        report.line(f'  ours to bursts     {to_raw:.2f}')
        report.put(f'bulk_{mtu}', to_tcp=to_tcp, to_raw=to_raw, **values)


def part_loss(report, options):
    """Bursts are cut into packets before they get lost, as a network would lose them. The rule is there without losses
    as well: it costs both the same."""
    clean, lossy, lost = [], [], []
    for _ in range(options.rounds):
        for per_thousand, into in ((0, clean), (10, lossy)):
            with Network(segments=False) as net:
                net.b.lose(per_thousand)
                into.append(Ours(net, options.seconds).result())
                if per_thousand:
                    # Not the headers of IP, UDP, packets and frames: bytes of streams, as repeated_bytes are.
                    packets, size = net.b.lost()
                    lost.append(size - packets * (28 + 20 + 16))
    report.head(f'1 % random loss on veth, MTU 1500 without offload, medians of {options.rounds} rounds in turns')
    values = {name: show(report, name, results) for name, results in (('lossless', clean), ('1 % lost', lossy))}
    share = rate(lossy) / rate(clean)
    repeated = statistics.median(r['repeated_bytes'] / max(1, n) for r, n in zip(lossy, lost))
    report.line(f'  of lossless        {verdict(share, 0.85)}')
    report.line(f'  repeated to lost   {verdict(repeated, 1.3, at_least=False)}')
    report.put('loss', share=share, repeated_to_lost=repeated, **values)


def bottleneck(mbit, products):
    product = int(mbit * 1e6 / 8 * RTT_MS / 1e3)
    return {'delay_ms': RTT_MS / 2, 'rate_mbit': mbit, 'queue_bytes': int(product * products)}


def part_far(report, options):
    rates = {'ours': [], 'cubic': []}
    for _ in range(2):
        with Network(**bottleneck(options.rate_mbit, 1)) as net:
            net.b.lose(10)
            rates['ours'].append(Ours(net, options.seconds + 1).result()['mb_per_s'])
            rates['cubic'].append(Tcp(net, options.seconds + 3, '-C', 'cubic').result()['mb_per_s'])
    ours, cubic = (statistics.median(rates[name]) for name in ('ours', 'cubic'))
    report.head(f'1 % random loss, {RTT_MS} ms round trip, {options.rate_mbit} Mbit/s')
    report.line(f'  ours {ours:.1f} MB/s, TCP CUBIC {cubic:.2f} MB/s')
    report.line(f'  ours to CUBIC      {verdict(ours / cubic, 5)}')
    report.put('far', ours_mb_per_s=ours, cubic_mb_per_s=cubic, ratio=ours / cubic, rate_mbit=options.rate_mbit)


def show_link(report, options, rates, link):
    """How much of the link the flows got together, of which headers are some 4 %, and what waited."""
    used = sum(rates) * 8 / options.rate_mbit
    report.line(f'    together {used:.2f} of the link; queue {link["queued_ms_mean"]:.1f} ms on average, '
                f'{link["queued_ms_max"]:.1f} at most; {link["overflowed"]} packets overflowed')
    if used < 0.85:
        report.line('    the link was not full: the machine was the bound, and the shares are its scheduler\'s')
    return {'used': used, **link}


def part_share(report, options):
    seconds = options.share_seconds
    report.head(f'{options.rate_mbit} Mbit/s, {RTT_MS} ms round trip, {seconds} s')
    for products in (1, 4):
        with Network(**bottleneck(options.rate_mbit, products)) as net:
            theirs = Tcp(net, seconds, '-C', 'cubic')
            ours = Ours(net, seconds)
            rates = [ours.result()['mb_per_s'], theirs.result()['mb_per_s']]
            share = rates[0] / sum(rates)
            mark = '' if products != 1 or 0.25 <= share <= 0.75 else '; MISSED'
            report.line(f'  queue of {products} products: ours {rates[0]:.1f} MB/s, CUBIC {rates[1]:.1f} MB/s; '
                        f'our share {share:.2f}{"  (wanted: 0.25 to 0.75" + mark + ")" if products == 1 else ""}')
            link = show_link(report, options, rates, net.end_forwarder()['there'])
        report.put(f'share_{products}', ours=rates[0], cubic=rates[1], share=share, link=link)
    with Network(**bottleneck(options.rate_mbit, 1)) as net:
        flows = [Ours(net, seconds, f'ours{i}', PORT + i) for i in range(2)]
        rates = [flow.result()['mb_per_s'] for flow in flows]
        report.line(f'  two of ours, queue of 1: {rates[0]:.1f} and {rates[1]:.1f} MB/s')
        link = show_link(report, options, rates, net.end_forwarder()['there'])
    report.put('two', mb_per_s=rates, link=link)
    with Network(**bottleneck(options.rate_mbit, 1)) as net:
        result = Ours(net, seconds / 2).result()
        report.line(f'  alone, queue of 1: {result["mb_per_s"]:.1f} MB/s')
        link = show_link(report, options, [result['mb_per_s']], net.end_forwarder()['there'])
    report.put('alone', mb_per_s=result['mb_per_s'], link=link)


PARTS = {'bulk': part_bulk, 'loss': part_loss, 'far': part_far, 'share': part_share}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--part', action='append', choices=PARTS, help='only this part; again for more')
    parser.add_argument('--rounds', type=int, default=3, help='of bulk and loss')
    parser.add_argument('--seconds', type=int, default=2, help='of each transfer in bulk and loss')
    parser.add_argument('--share-seconds', type=int, default=20, help='of flows beside each other')
    parser.add_argument('--rate-mbit', type=int, default=1000, help='of the bottleneck')
    parser.add_argument('--busy', action='store_true', help='measure although the machine is busy')
    parser.add_argument('--keep', action='store_true', help='write the result to bench/results')
    options = parser.parse_args()
    end_on_sigterm()
    refuse_busy_machine(options.busy)
    report = Report()
    options.data = ROOT
    describe_machine(report, options)
    if options.busy:
        report.line('the machine was busy with other work: figures are indicative, ratios less so')
    try:
        need('iperf3')
        for name in options.part or PARTS:
            PARTS[name](report, options)
    except Skip as reason:
        sys.exit(f'transport: {reason}')
    except (Failure, subprocess.TimeoutExpired) as failure:
        sys.exit(f'transport: {failure}')
    if options.keep:
        report.keep()


if __name__ == '__main__':
    main()
