#!/usr/bin/env python3
"""The transport past the kernel beside bare frames of DPDK, in one run: two processes, a vhost-user socket between
them, each spinning on a core of its own. No NIC takes part, and memory carries frames faster than any: what is measured
is what drivers/dpdk and the transport cost.

    bench/dpdk.py                        all parts; about two minutes
    bench/dpdk.py --part requests        only these
    bench/dpdk.py --cores 2,3            two that have nothing else to do

Parts: frames (bare ones and those of the link, of 64 bytes, and of what MTU 1500 and 9000 allow, with the streams of
the transport beside them), requests (64 bytes there and back), broker (programs of the SDK on the road dpdk, and what
system calls the broker makes meanwhile; only root). Figures are medians of the rounds. Where the machine is a virtual
one its cores may be neighbours now and far from each other later: that is looked at around each transfer.
Those among neighbours count, if each line of a table has some; else all do, and the table says that they were FAR.
Wants huge pages, which it takes and gives back if it is root. --keep writes the result to bench/results.
"""
import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / 'bench'), str(ROOT / 'tests/net'), str(ROOT / 'tests/system')]
from harness import BUILD, Failure, Node, Process  # noqa: E402
from network import Host, end_on_sigterm, end_with_report, living_on, report_of, wait_for_word  # noqa: E402
from side_by_side import Report, describe_machine, refuse_busy_machine  # noqa: E402
from transport import verdict  # noqa: E402

BENCH, SDK_LOAD = BUILD / 'bench/bench_dpdk', BUILD / 'tests/system/sdk_load'
NR_HUGE_PAGES = Path('/proc/sys/vm/nr_hugepages')
HUGE_PAGES = 320            # of 2 MiB, for both processes
NEIGHBOURS_CYCLES = 500     # for a line of the caches, to another core and back
COMMON = ['--no-pci', '--no-telemetry', '--log-level=*:error']


def huge_pages_free():
    with open('/proc/meminfo', encoding='utf-8') as lines:
        facts = dict(line.split(':') for line in lines)
    return int(facts['HugePages_Free'])


@contextlib.contextmanager
def environment(report):
    """DPDK's arguments. Huge pages that were missing are there meanwhile."""
    before = NR_HUGE_PAGES.read_text()
    missing = HUGE_PAGES - huge_pages_free()
    try:
        if missing > 0 and os.geteuid() == 0:
            NR_HUGE_PAGES.write_text(str(int(before) + missing))
        if huge_pages_free() >= HUGE_PAGES:
            yield [*COMMON, '--in-memory', '--single-file-segments']
        else:
            report.line(f'of {HUGE_PAGES} huge pages {huge_pages_free()} are free: memory of no special kind instead')
            yield [*COMMON, '--no-huge', '-m', '256', '--no-shconf']
    finally:
        if missing > 0 and os.geteuid() == 0:
            NR_HUGE_PAGES.write_text(before)


class Bench:
    def __init__(self, options, arguments):
        self.cores, self.seconds, self.arguments = options.cores.split(','), options.seconds, arguments

    def distance(self):
        done = subprocess.run([BENCH, 'distance', *self.cores], capture_output=True, text=True, check=True, timeout=60)
        return json.loads(done.stdout)['line_cycles']

    def transfer(self, what, **options):
        """From virtio to vhost; requests there and answers back."""
        words = [word for key, value in options.items() for word in ('--' + key.replace('_', '-'), value)]
        before = self.distance()
        with tempfile.TemporaryDirectory(prefix='penstock-dpdk-') as folder:
            ends = []
            try:
                for verb, core in zip(('serve', 'drive'), self.cores):
                    ends.append(Process([BENCH, verb, what, '--socket', Path(folder) / 'vhost', '--core', core,
                                         '--seconds', self.seconds, *words, '--', *self.arguments],
                                        Path(folder) / verb))
                    if verb == 'serve':
                        wait_for_word(ends[0], 'serving')
                driven = report_of(ends[1], ends[1].child.wait(self.seconds + 60))
                served = end_with_report(ends[0])
            finally:
                for end in ends:
                    end.kill()
        arrived = driven if what == 'requests' else served
        if not arrived['units']:
            raise Failure(f'{what}: nothing arrived')
        units, size = arrived['units'], arrived['bytes']
        return {'per_s': units / arrived['seconds'], 'gb_per_s': size / arrived['seconds'] / 1e9,
                'sender_cycles': driven['work_cycles'] / units, 'receiver_cycles': served['work_cycles'] / units,
                'sender_cycles_per_byte': driven['work_cycles'] / size,
                'receiver_cycles_per_byte': served['work_cycles'] / size,
                'p50_us': driven.get('p50_us'), 'p99_us': driven.get('p99_us'), 'tsc_ghz': served['tsc_ghz'],
                'line_cycles': max(before, self.distance())}


def in_turns(bench, rounds, rows):
    """For each row the medians of what counts: all rows are compared among neighbours, or none is."""
    results = {name: [] for name, _, _ in rows}
    for _ in range(rounds):
        for name, what, options in rows:
            results[name].append(bench.transfer(what, **options))
    near = {name: [one for one in every if one['line_cycles'] <= NEIGHBOURS_CYCLES] for name, every in results.items()}
    counted = near if all(near.values()) else results
    return {name: {key: statistics.median(one[key] for one in ones) for key, value in ones[0].items()
                   if value is not None} | {'counted': len(ones), 'of': rounds} for name, ones in counted.items()}


def show(report, name, values):
    cycles = values['line_cycles']
    far = '' if cycles <= NEIGHBOURS_CYCLES else f'   FAR: a line takes {cycles:.0f} cycles'
    report.line(f'  {name:22} {values["per_s"] / 1e6:6.2f} M/s {values["gb_per_s"]:6.2f} GB/s   sender and receiver '
                f'{values["sender_cycles"]:5.0f} and {values["receiver_cycles"]:5.0f} cycles each, '
                f'{values["sender_cycles_per_byte"]:.3f} and {values["receiver_cycles_per_byte"]:.3f} a byte{far}')


def part_frames(report, options, bench):
    for title, mtu, given in (('64 bytes', 1500, {'frame_bytes': 64}), ('MTU 1500', 1500, {}), ('MTU 9000', 9000, {})):
        rows = [('bare', 'bare', {'mtu': mtu, **given}),
                ('bare, headers written', 'bare', {'mtu': mtu, 'headers_only': 1, **given}),
                ('link', 'link', {'mtu': mtu, **given})]
        if not given:
            rows.append(('stream', 'stream', {'mtu': mtu}))
        values = in_turns(bench, options.rounds, rows)
        report.head(f'one way, frames of {title}' if given else f'one way, {title}')
        for name, found in values.items():
            show(report, name, found)
        put = {'rows': values}
        if not given:
            ratio = put['stream_to_bare'] = values['stream']['gb_per_s'] / values['bare']['gb_per_s']
            report.line(f'  stream to bare frames  {verdict(ratio, 0.5)}')
        report.put(title.lower().replace(' ', '_'), **put)


def part_requests(report, options, bench):
    rows = [('64 under way', 'requests', {'depth': 64}), ('one under way', 'requests', {'depth': 1})]
    values = in_turns(bench, options.rounds, rows)
    report.head('requests of 64 bytes and their answers, on one stream, MTU 1500')
    for name, found in values.items():
        show(report, name, found)
        report.line(f'    p50 {found["p50_us"]:.2f} us, p99 {found["p99_us"]:.2f} us')
    report.line(f'  million a second       {verdict(values["64 under way"]["per_s"] / 1e6, 2)}')
    report.line(f'  p50 alone, us          {verdict(values["one under way"]["p50_us"], 3, at_least=False)}')
    report.put('requests', rows=values)


class VhostNode(Node):
    """A broker of one shard, which spins on the first core; programs of the SDK are to have the second one."""

    def __init__(self, host, folder, cores, huge_pages):
        self.socket = f'{folder}/vhost'
        super().__init__({'shards.count': 1, 'shards.idle': 'spin', 'storage.cache_bytes': '512MiB',
                          'network.driver': 'dpdk', 'dpdk.device': f'net_vhost0,iface={self.socket},queues=1',
                          'dpdk.address': f'{host.address}/24', 'dpdk.mtu': 9000, 'dpdk.memory_bytes': '256MiB',
                          'dpdk.huge_pages': str(huge_pages).lower()})
        self.cores, self.huge_pages = cores, huge_pages
        self.within = ['taskset', '-c', cores[0]]
        self.address = f'{host.address}:9092'
        self.overrides = {'native.listen': f'{host.address}:9192'}

    def start_sdk(self, mode, topic, log, **options):
        words = [word for key, value in options.items() for word in ('--' + key.replace('_', '-'), value)]
        device = f'net_virtio_user0,path={self.socket},queues=1,queue_size=1024,mrg_rxbuf=1,packed_vq=1'
        addresses = f'dpdk://{self.overrides["native.listen"]}'
        return Process(['taskset', '-c', self.cores[1], SDK_LOAD, mode, addresses, topic, '--port-device', device,
                        '--port-address', '10.77.0.2/24', '--port-mtu', 9000, '--port-huge-pages', int(self.huge_pages),
                        *words], log)

    def sdk(self, mode, topic, **options):
        log = self.folder / f'{mode}.log'
        log.unlink(missing_ok=True)
        process = self.start_sdk(mode, topic, log, **options)
        return report_of(process, process.child.wait(120))


def calls_of(node, seconds):
    """System calls of the broker's shard, and how often it was asked to append meanwhile."""
    shard = max(Path(f'/proc/{node.broker.pid}/task').iterdir(),
                key=lambda task: int(task.joinpath('stat').read_text().rsplit(')', 1)[1].split()[11]))
    traced = subprocess.run(['timeout', '-s', 'INT', str(seconds), 'strace', '-c', '-p', shard.name],
                            capture_output=True, text=True, check=False)
    rows = [line.split() for line in traced.stderr.split('\n')]
    return {row[-1]: int(row[3]) for row in rows if len(row) in (5, 6) and row[3].isdigit() and row[-1] != 'total'}


def part_broker(report, options, bench):
    report.head('a broker and a program of the SDK, records of 100 bytes, MTU 9000')
    if os.geteuid() != 0:
        return report.line('  only root makes the network namespace that they meet in')
    host = Host(f'penstock-{os.getpid()}-bench', '10.77.0.1')
    huge_pages = '--no-huge' not in bench.arguments
    with contextlib.ExitStack() as stack:
        stack.callback(host.remove)
        host.create()
        host.run('ip', 'address', 'add', f'{host.address}/32', 'dev', 'lo')   # for TCP within the host
        stack.enter_context(living_on(host))
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix='penstock-dpdk-'))
        node = stack.enter_context(VhostNode(host, folder, bench.cores, huge_pages))
        node.create_topic('t', 4, durability='memory')
        node.create_topic('one', 1, durability='memory')
        sent, alone, lines = [], [], []
        for _ in range(options.rounds):
            sent.append(node.sdk('produce', 't', seconds=3, warmup=1, bytes=100, partitions=4, acks=1, spin=1))
            alone.append(node.sdk('ping', 'one', records=20_000, bytes=100, spin=1))
            lines.append(bench.distance())
        per_s = statistics.median(one['records_per_s'] for one in sent)
        report.line(f'  produced, acks=1       {per_s / 1e6:6.2f} M/s   rounds '
                    f'{", ".join(str(round(one["records_per_s"] / 1e6, 2)) for one in sent)}')
        report.line(f'  one at a time          p50 {statistics.median(one["p50_us"] for one in alone):.2f} us, '
                    f'p99 {statistics.median(one["p99_us"] for one in alone):.2f} us')
        report.line(f'  million a second       {verdict(per_s / 1e6, 5)}')
        cycles = ', '.join(str(round(one)) for one in lines)
        report.line(f'  a line of the caches   {cycles} cycles there and back')
        process = node.start_sdk('produce', 't', node.folder / 'traced.log', seconds=4, warmup=1, bytes=100,
                                 partitions=4, acks=1, spin=1)
        time.sleep(1.5)   # it is in full swing
        calls = calls_of(node, 1.5)
        traced = report_of(process, process.child.wait(60))
        in_time = traced['records_per_s'] * 1.5
        report.line(f'  under strace for 1.5 s {in_time / 1e6:6.1f} M records; calls of the shard: {json.dumps(calls)}')
        report.put('broker', produced=sent, alone=alone, line_cycles=lines, traced=traced, calls=calls)


PARTS = {'frames': part_frames, 'requests': part_requests, 'broker': part_broker}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--part', action='append', choices=PARTS, help='only this part; again for more')
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--seconds', type=float, default=0.5, help='of each transfer')
    parser.add_argument('--cores', default='0,1', help='of the receiver and of the sender')
    parser.add_argument('--busy', action='store_true', help='measure although the machine is busy')
    parser.add_argument('--keep', action='store_true', help='write the result to bench/results')
    options = parser.parse_args()
    end_on_sigterm()
    if not BENCH.exists():
        sys.exit('dpdk: it was built without DPDK')
    refuse_busy_machine(options.busy)
    report = Report()
    options.data = ROOT
    describe_machine(report, options)
    if options.busy:
        report.line('the machine was busy with other work: figures are indicative, ratios less so')
    try:
        with environment(report) as arguments:
            bench = Bench(options, arguments)
            for name in options.part or PARTS:
                PARTS[name](report, options, bench)
    except (Failure, subprocess.SubprocessError) as failure:
        sys.exit(f'dpdk: {failure}')
    if options.keep:
        report.keep()


if __name__ == '__main__':
    main()
