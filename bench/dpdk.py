#!/usr/bin/env python3
"""The transport past the kernel beside bare frames of DPDK, in one run: two processes, a vhost-user socket between
them, each spinning on a core of its own. No NIC takes part, and memory carries frames faster than any: what is measured
is what drivers/dpdk and the transport cost.

    bench/dpdk.py                        all parts; about two minutes
    bench/dpdk.py --part requests        only these
    bench/dpdk.py --cores 2,3            two that have nothing else to do

Parts: frames (bare ones and those of the link, of 64 bytes, and of what MTU 1500 and 9000 allow, with the streams of
the transport beside them), requests (64 bytes there and back). Figures are medians of the rounds. Where the machine is
a virtual one its cores may be neighbours now and far from each other later: that is looked at around each transfer.
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
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / 'bench'), str(ROOT / 'tests/net'), str(ROOT / 'tests/system')]
from harness import BUILD, Failure, Process  # noqa: E402
from network import end_on_sigterm, end_with_report, report_of, wait_for_word  # noqa: E402
from side_by_side import Report, describe_machine, refuse_busy_machine  # noqa: E402
from transport import verdict  # noqa: E402

BENCH = BUILD / 'bench/bench_dpdk'
NR_HUGE_PAGES = Path('/proc/sys/vm/nr_hugepages')
HUGE_PAGES = 192            # of 2 MiB, for both processes
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


PARTS = {'frames': part_frames, 'requests': part_requests}


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
