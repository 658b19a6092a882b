#!/usr/bin/env python3
"""The broker beside the limits of the machine that it runs on, in one run: what a librdkafka producer gets from it,
what fio gets from the same disk with durable writes of the same size, what a plain TCP copy gets over loopback, and
what the producer itself reaches when no broker is in its way.

    bench/side_by_side.py                              all parts; about four minutes
    bench/side_by_side.py --part limits --part owner   only these
    bench/side_by_side.py --data /mnt/nvme/bench       on another disk

Prints a report; --keep also writes it, with machine, commit and command, to bench/results/. Refuses to measure on a
machine that is busy with something else. Every load checks that each record was acknowledged; a part that lost one
reports no number.
"""
import argparse
import contextlib
import datetime
import json
import os
import platform
import resource
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / 'tests/system'))
import kafka_wire as wire  # noqa: E402
from harness import LOAD, Node, finish_load, start_load  # noqa: E402

MIB = 1 << 20
BATCH_BYTES = 64 << 10                  # fio's block size
RECORD_BYTES = 1024
RECORD_SIZES = RECORD_BYTES, 16000      # what a record costs librdkafka hardly depends on its size
SERVER = {'shards.count': '1', 'storage.cache_bytes': '128MiB', 'storage.journal_bytes': '64MiB',
          'storage.pool_bytes': '8GiB',
          'limits.request_memory_bytes': '128MiB', 'limits.receive_buffer_bytes': '16MiB', 'shards.pin_cores': 'false'}


def producer(record_bytes):
    """librdkafka's settings: batches of one size whatever the records', and as much in flight as it likes."""
    return [f'batch.num.messages={BATCH_BYTES // record_bytes}', 'batch.size=1000000', 'linger.ms=20',
            'compression.type=none']


class Report:
    """Lines for people and values for programs, under the same names."""

    def __init__(self):
        self.values = {}
        self.lines = []

    def head(self, text):
        self.line(f'\n{text}')

    def line(self, text):
        print(text, flush=True)
        self.lines.append(text)

    def put(self, part, **values):
        self.values.setdefault(part, {}).update(values)

    def keep(self):
        stem = datetime.datetime.now(datetime.timezone.utc).strftime('%Y%m%d-%H%M%S')
        folder = ROOT / 'bench/results'
        folder.mkdir(exist_ok=True)
        (folder / f'{stem}.txt').write_text('\n'.join(self.lines) + '\n')
        (folder / f'{stem}.json').write_text(json.dumps(self.values, indent=1) + '\n')
        print(f'\nkept in bench/results/{stem}.txt and .json')


# The machine ---------------------------------------------------------------------------------------------------------

def first_line(path, start):
    with contextlib.suppress(OSError), open(path, encoding='utf-8') as lines:
        for line in lines:
            if line.startswith(start):
                return line.split(':', 1)[1].strip()
    return 'unknown'


def describe_machine(report, options):
    commit = subprocess.run(['git', '-C', ROOT, 'describe', '--always', '--dirty'], capture_output=True, text=True,
                            check=False).stdout.strip()
    filesystem = subprocess.run(['findmnt', '-no', 'FSTYPE,SOURCE', '-T', options.data], capture_output=True, text=True,
                                check=False).stdout.split()
    # All but where somebody's disk is mounted: that is nobody else's business.
    chosen = [f'--{name}' if value is True else f'--{name} {value}'
              for name, given in vars(options).items() if name != 'data' and given
              for value in (given if isinstance(given, list) else [given])]
    facts = {
        'commit': commit or 'unknown', 'command': ' '.join([Path(sys.argv[0]).name, *chosen]),
        'date': datetime.datetime.now(datetime.timezone.utc).strftime('%Y-%m-%d %H:%M UTC'),
        'cpu': f'{os.cpu_count()} x {first_line("/proc/cpuinfo", "model name")}',
        'memory': f'{os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30):.0f} GiB',
        'kernel': platform.release(), 'disk': ' '.join(filesystem),
    }
    for name, value in facts.items():
        report.line(f'{name:10} {value}')
    report.put('machine', **facts)


def refuse_busy_machine(allowed):
    busy = [cpu_busy_share() for _ in range(2)]
    if min(busy) > 0.15 and not allowed:
        sys.exit(f'side_by_side: the machine is busy ({min(busy):.0%} of its cores): its numbers would mean nothing. '
                 'Stop what runs, or give --busy to measure all the same.')


def cpu_busy_share(seconds=1.0):
    def ticks():
        with open('/proc/stat', encoding='utf-8') as stat:
            values = [int(v) for v in stat.readline().split()[1:]]
        return sum(values), values[3] + values[4]
    total, idle = ticks()
    time.sleep(seconds)
    total_after, idle_after = ticks()
    return 1 - (idle_after - idle) / max(1, total_after - total)


# Limits --------------------------------------------------------------------------------------------------------------

def fio(folder, name, block, depth, seconds):
    """Durable direct writes into blocks that were written before."""
    file = Path(folder) / 'fio-file'
    common = ['fio', '--output-format=json', f'--filename={file}', '--size=512m', '--ioengine=io_uring', '--direct=1',
              '--rw=write', f'--name={name}']
    if not file.exists():
        subprocess.run([*common, '--bs=1m', '--iodepth=8', '--end_fsync=1'], check=True, capture_output=True)
    done = subprocess.run([*common, '--sync=dsync', '--overwrite=1', f'--bs={block}', f'--iodepth={depth}',
                           '--time_based', f'--runtime={seconds}'], check=True, capture_output=True)
    write = json.loads(done.stdout)['jobs'][0]['write']
    latency = write['clat_ns']['percentile']
    return {'mb_per_s': write['bw_bytes'] / 1e6, 'p50_us': latency['50.000000'] / 1e3,
            'p99_us': latency['99.000000'] / 1e3}


def tcp_copy(seconds):
    """MB/s of a plain copy over loopback: one thread of each of two processes, 256 KiB at a time."""
    listener = socket.create_server(('127.0.0.1', 0))
    child = os.fork()
    if child == 0:
        with socket.create_connection(listener.getsockname()) as sender, contextlib.suppress(OSError):
            block = bytes(256 * 1024)
            while True:
                sender.sendall(block)
        os._exit(0)
    receiver, _ = listener.accept()
    into = bytearray(MIB)
    received, started = 0, time.monotonic()
    while time.monotonic() - started < seconds:
        received += receiver.recv_into(into)
    receiver.close()
    os.waitpid(child, 0)
    return received / seconds / 1e6


def client_ceiling(seconds, record_bytes):
    """What the same librdkafka program reaches against the mock broker inside itself: no disk, no broker process."""
    words = [w for pair in [*producer(record_bytes), 'test.mock.num.brokers=1'] for w in ('--config', pair)]
    command = [LOAD, 'produce', 'mock', 't', '--seconds', str(seconds), '--partitions', '4',
               '--bytes', str(record_bytes), *words]
    return finish_load(start_load(command))['mb_per_s']


def part_limits(report, options):
    with tempfile.TemporaryDirectory(prefix='penstock-fio-', dir=options.data) as folder:
        results = {name: fio(folder, name, block, depth, options.seconds)
                   for name, block, depth in (('64k_depth8', '64k', 8), ('4k_depth1', '4k', 1))}
    results['tcp_mb_per_s'] = tcp_copy(min(3, options.seconds))
    results['client_mb_per_s'] = {size: client_ceiling(min(3, options.seconds), size) for size in RECORD_SIZES}
    large, small = results['64k_depth8'], results['4k_depth1']
    report.head('limits of the machine')
    report.line(f'  fio 64 KiB, depth 8, durable   {large["mb_per_s"]:8.0f} MB/s   p99 {large["p99_us"]:7.0f} us')
    report.line(f'  fio  4 KiB, depth 1, durable   {small["mb_per_s"]:8.1f} MB/s   p50 {small["p50_us"]:.0f}, '
                f'p99 {small["p99_us"]:.0f} us')
    report.line(f'  TCP copy over loopback         {results["tcp_mb_per_s"]:8.0f} MB/s')
    for size, rate in results['client_mb_per_s'].items():
        report.line(f'  librdkafka, its own mock broker{rate:8.0f} MB/s   records of {size} bytes')
    report.put('limits', **results)


# The broker ----------------------------------------------------------------------------------------------------------

def thread_cpu_seconds(pid):
    """CPU seconds of each thread, by name and id."""
    seconds = {}
    for task in Path(f'/proc/{pid}/task').iterdir():
        with contextlib.suppress(OSError):
            fields = (task / 'stat').read_text().rsplit(')', 1)[1].split()
            seconds[task.name] = (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')
    return seconds


class Instructions:
    """Counts the broker's instructions with perf, where perf and the machine can."""

    def __init__(self, pid):
        command = ['perf', 'stat', '-x', ',', '-e', 'instructions', '-p', str(pid)]
        self.process = None
        with contextlib.suppress(OSError):
            self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def stop(self):
        if self.process is None:
            return None
        self.process.send_signal(2)
        for line in self.process.communicate()[1].split('\n'):
            if 'instructions' in line and line.split(',')[0].isdigit():
                return int(line.split(',')[0])
        return None


def children_cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def measured_load(node, topic, seconds, warmup=1, record_bytes=RECORD_BYTES, **options):
    """A producer run, with what it cost the broker and the client."""
    cpu, threads, client_cpu = node.broker.cpu_seconds(), thread_cpu_seconds(node.broker.pid), children_cpu_seconds()
    instructions = Instructions(node.broker.pid)
    result = node.load('produce', topic, seconds=seconds + warmup, warmup=warmup, bytes=record_bytes,
                       config=producer(record_bytes), **options)
    result['instructions'] = instructions.stop()
    gigabytes = result['acked'] * record_bytes / 1e9
    after = thread_cpu_seconds(node.broker.pid)
    used = sorted((after[t] - threads.get(t, 0) for t in after), reverse=True)
    result['busy_threads'] = [round(s, 2) for s in used if s > 0.05 * max(used[0], 0.01)]
    result['cpu_s_per_gb'] = (node.broker.cpu_seconds() - cpu) / gigabytes
    result['client_cpu_s_per_gb'] = (children_cpu_seconds() - client_cpu) / gigabytes
    batches = result['acked'] / (BATCH_BYTES // record_bytes)
    result['instructions_per_batch'] = result['instructions'] / batches if result['instructions'] else None
    return result


def show_load(report, name, result):
    per_batch = result['instructions_per_batch']
    counted = f'{per_batch:.0f} instructions/batch' if per_batch else 'instructions n/a'
    report.line(f'  {name:30} {result["mb_per_s"]:7.0f} MB/s {result["records_per_s"]:9.0f} records/s   '
                f'p99 {result["p99_us"] / 1e3:6.1f} ms   broker {result["cpu_s_per_gb"]:.2f}, '
                f'client {result["client_cpu_s_per_gb"]:.2f} CPU s/GB   {counted}')


def node_of(options, **settings):
    folder = tempfile.TemporaryDirectory(prefix='penstock-bench-', dir=options.data)
    node = Node({**SERVER, **settings}, data=Path(folder.name) / 'broker')
    stack = contextlib.ExitStack()
    stack.enter_context(folder)
    return stack, stack.enter_context(node)


def wait_for_pool(node):
    """Until the broker has made the files that it keeps ready: fio writes to blocks that are there, too."""
    size, deadline = -1, time.monotonic() + 60
    while time.monotonic() < deadline:
        found = 0
        for file in node.data.glob('pool-*/*'):
            with contextlib.suppress(FileNotFoundError):   # files that are not needed any more go
                found += file.stat().st_size
        if found == size:
            return
        size = found
        time.sleep(1)


def part_owner(report, options):
    """One shard: the connection and all partitions are its own."""
    report.head('produce, acks=all (durable), batches of 64 KiB')
    stack, node = node_of(options)
    with stack:
        node.create_topic('t', 4)
        wait_for_pool(node)
        for size in RECORD_SIZES:
            result = measured_load(node, 't', options.seconds, record_bytes=size, partitions=4)
            show_load(report, f'one shard, records of {size} B', result)
            report.put('owner', **{str(size): result})
            show_shares(report, result['mb_per_s'], size)


def show_shares(report, rate, record_bytes):
    limits = report.values.get('limits')
    if limits:
        disk, client = limits['64k_depth8']['mb_per_s'], limits['client_mb_per_s'][record_bytes]
        report.line(f'    {rate / disk:.2f} of fio, 64 KiB at depth 8; {rate / client:.2f} of the client by itself')


def part_hop(report, options):
    """Two shards, one partition: whether the connection landed on its owner shows in which threads worked."""
    stack, node = node_of(options, **{'shards.count': '2'})
    kinds = {}
    with stack:
        node.create_topic('t', 1)
        wait_for_pool(node)
        for _ in range(10):  # the kernel picks the shard of each connection
            result = measured_load(node, 't', max(2, options.seconds // 2))
            kind = 'through another shard' if len(result['busy_threads']) > 1 else 'at the owner'
            kinds.setdefault(kind, result)
            if len(kinds) == 2:
                break
        for kind in sorted(kinds):
            show_load(report, f'two shards, {kind}', kinds[kind])
        report.put('hop', **kinds)


def part_partitions(report, options):
    """With the load generator of our own: librdkafka pays for partitions, too."""
    report.head('hot partitions: penstock bench produce, acks=all, batches of 64 KiB, 256 in flight')
    rates = {}
    for count in (10, 1000):
        stack, node = node_of(options, **{'storage.pool_bytes': '16GiB'})  # a file for each partition, and the next
        with stack:
            node.create_topic('t', count)
            wait_for_pool(node)
            cpu = node.broker.cpu_seconds()
            bench = node.cli('--json', 'bench', 'produce', '--topic', 't', '--record-bytes', '1KiB', '--batch-bytes',
                             '64KiB', '--in-flight', '256', '--duration', f'{options.seconds}s', '--warmup', '2s',
                             '--allow-loaded').stdout
            rates[count] = {**json.loads(bench), 'broker_cpu_s': node.broker.cpu_seconds() - cpu}
            report.line(f'  {count:5} partitions {rates[count]["mb_per_second"]:8.0f} MB/s   '
                        f'p99 {rates[count]["latency_us"]["p99"] / 1e3:6.1f} ms')
    share = rates[1000]['mb_per_second'] / rates[10]['mb_per_second']
    report.line(f'  throughput at 1,000 partitions is {share:.2f} of that at 10')
    report.put('partitions', **{str(count): rate for count, rate in rates.items()})


def part_latency(report, options):
    stack, node = node_of(options)
    with stack:
        node.create_topic('t', 1)
        wait_for_pool(node)
        node.load('ping', 't', records=300, bytes=1024)
        result = node.load('ping', 't', records=4000, bytes=1024)
    report.head('one 1 KiB record at a time, acks=all (durable)')
    report.line(f'  p50 {result["p50_us"]} us, p99 {result["p99_us"]} us, p99.9 {result["p999_us"]} us, '
                f'max {result["max_us"]} us')
    limits = report.values.get('limits')
    if limits:
        share = result['p99_us'] / limits['4k_depth1']['p99_us']
        report.line(f'  p99 is {share:.1f} times that of fio, 4 KiB at depth 1')
    report.put('latency', **result)


def part_consume(report, options):
    stack, node = node_of(options)
    with stack:
        node.create_topic('t', 4)
        records = 1_000_000
        node.load('produce', 't', records=records, bytes=RECORD_BYTES, partitions=4,
                  config=producer(RECORD_BYTES))
        cpu = node.broker.cpu_seconds()
        result = node.load('verify', 't', records=records, bytes=RECORD_BYTES, partitions=4)
        result['cpu_s_per_gb'] = (node.broker.cpu_seconds() - cpu) / (records * RECORD_BYTES / 1e9)
    report.head('consume from the beginning, every byte verified by the client')
    report.line(f'  {result["mb_per_s"]:.0f} MB/s   broker {result["cpu_s_per_gb"]:.2f} CPU s/GB')
    report.put('consume', **result)


def seconds_until_served(node, topic, partitions):
    """From the start of the process to an answer with data from the first and the last partition."""
    started = time.monotonic()
    node.start_broker(ready=False)
    while True:
        if not node.broker.is_running():
            sys.exit(f'the broker ended: {node.broker.tail()}')
        with contextlib.suppress(OSError), wire.Connection(node.host_port) as connection:
            for partition in (0, partitions - 1):
                connection.send(wire.produce_request(topic, partition, wire.batch([b'after restart'])))
                code, _ = wire.produce_outcome(connection.answer()[1])
                if code != 0:
                    break
            else:
                return time.monotonic() - started
        time.sleep(0.005)


def part_restart(report, options):
    partitions = 1000
    stack, node = node_of(options)
    with stack:
        node.create_topic('t', partitions)
        records = options.gib * (1 << 30) // RECORD_BYTES
        node.load('produce', 't', records=records, bytes=RECORD_BYTES, partitions=partitions,
                  config=producer(RECORD_BYTES), timeout=3600)
        times = []
        for _ in range(3):
            node.kill_broker()
            times.append(seconds_until_served(node, 't', partitions))
    report.head(f'restart after kill -9 with {options.gib} GiB in {partitions} partitions, to the first new record')
    report.line(f'  {", ".join(f"{t * 1e3:.0f}" for t in times)} ms')
    report.put('restart', seconds=times, gib=options.gib, partitions=partitions)


def part_idle(report, options):
    stack, node = node_of(options, **{'shards.idle': 'block'})
    with stack:
        node.create_topic('t', 10)
        wait_for_pool(node)
        time.sleep(2)
        before = node.broker.cpu_seconds()
        time.sleep(10)
        share, memory = (node.broker.cpu_seconds() - before) / 10, node.broker.memory_bytes() / MIB
    report.head('idle, shards.idle = "block"')
    report.line(f'  {share:.2%} of a core, {memory:.0f} MiB')
    report.put('idle', cpu_share=share, mib=memory)


PARTS = {'limits': part_limits, 'owner': part_owner, 'hop': part_hop, 'partitions': part_partitions,
         'latency': part_latency, 'consume': part_consume, 'restart': part_restart, 'idle': part_idle}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--part', action='append', choices=PARTS, help='only this part; again for more')
    parser.add_argument('--seconds', type=int, default=10, help='of each load')
    parser.add_argument('--gib', type=int, default=1, help='data for the restart')
    parser.add_argument('--data', type=Path, default=ROOT / 'build/bench', help='folder on the disk to measure')
    parser.add_argument('--idle', default='block', choices=['spin', 'backoff', 'block'],
                        help='shards.idle; the default leaves the cores to the load when the broker waits')
    parser.add_argument('--busy', action='store_true', help='measure although the machine is busy')
    parser.add_argument('--keep', action='store_true', help='write the result to bench/results')
    options = parser.parse_args()
    options.data.mkdir(parents=True, exist_ok=True)
    SERVER['shards.idle'] = options.idle
    refuse_busy_machine(options.busy)

    report = Report()
    describe_machine(report, options)
    for name in options.part or PARTS:
        PARTS[name](report, options)
    if options.keep:
        report.keep()


if __name__ == '__main__':
    main()
