#!/usr/bin/env python3
"""The C client SDK over reliable datagrams and over TCP, beside librdkafka over TCP: same broker, same sizes, one run.

    bench/sdk.py                             all parts; about four minutes
    bench/sdk.py --part ping --idle spin     broker and client never sleep: for machines that have the cores for it
    bench/sdk.py --data /mnt/nvme/bench      on another disk

Parts: ping (one record of 100 B at a time, acks=all, durability=memory, beside a bare round trip of datagrams), durable
(one record of 1 KiB at a time on the disk, beside fio), rate (records of 100 B in batches, acks=1, durability=memory),
consume (what rate left, from the beginning), idle (10,000 connections on one shard that do nothing). The broker has one
shard. --keep writes the result to bench/results.
"""
import argparse
import contextlib
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / 'bench'), str(ROOT / 'tests/system')]
import side_by_side  # noqa: E402
from harness import BUILD, Failure, Process, free_port  # noqa: E402
from side_by_side import Report, describe_machine, fio, node_of, refuse_busy_machine, wait_for_pool  # noqa: E402

SDK_LOAD = BUILD / 'tests/system/sdk_load'
UDP_PING, TRANSPORT = BUILD / 'bench/udp_ping', BUILD / 'bench/bench_transport'
RECORD_BYTES = 100
# What a request for one such record is as a datagram, about.
DATAGRAM_BYTES = 300
PINGS = 20_000
LOADS = {'SDK, udp': 'udp', 'SDK, tcp': 'tcp', 'librdkafka, tcp': None}


def verdict(value, bound, at_least=True):
    met = value >= bound if at_least else value <= bound
    return f'{value:.2f}  (wanted: at {"least" if at_least else "most"} {bound:g}{"" if met else "; MISSED"})'


def run(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=600, check=False)
    if done.returncode != 0:
        raise Failure(f'{Path(command[0]).name} {command[1]}: exit code {done.returncode}: {done.stderr.strip()}')
    return json.loads(done.stdout.strip().split('\n')[-1])


def sdk(node, road, mode, topic, **options):
    address = node.native_address if road == 'udp' else node.address
    words = [word for key, value in options.items() for word in ('--' + key.replace('_', '-'), value)]
    return run(SDK_LOAD, mode, f'{road}://{address}', topic, *words)


def turns_of(node):
    """What the broker says of its turns when it ends, in us."""
    node.broker.terminate(30)
    said = Path(node.broker.log_path).read_text()
    found = re.search(r'(\d+) turns with work, half of them within ([\d.]+) us, 99 % within ([\d.]+) us', said)
    if not found:
        raise Failure('the broker does not say how long its turns were')
    return {'turns': int(found[1]), 'turn_p50_us': float(found[2]), 'turn_p99_us': float(found[3])}


def node_with_topic(options, partitions=1, pool='256MiB', **configs):
    stack, node = node_of(options, **{'storage.pool_bytes': pool})
    with contextlib.ExitStack() as guard:
        guard.push(stack)
        node.create_topic('t', partitions, **configs)
        wait_for_pool(node)
        guard.pop_all()
    return stack, node


def one_at_a_time(options, name, record_bytes, pings, **configs):
    """A fresh broker for each, so that the turns are this load's."""
    stack, node = node_with_topic(options, **configs)
    with stack:
        if LOADS[name] is None:
            node.load('ping', 't', records=pings // 10, bytes=record_bytes, config=['linger.ms=0'])
            result = node.load('ping', 't', records=pings, bytes=record_bytes, config=['linger.ms=0'])
        else:
            result = sdk(node, LOADS[name], 'ping', 't', records=pings, bytes=record_bytes, acks='all',
                         spin=int(options.idle == 'spin'))
        return {**result, **turns_of(node)}


def bare_round_trip(options):
    """Both ends wait as broker and SDK do: a broker that backs off does not sleep between one request and the next."""
    address = f'127.0.0.1:{free_port()}'
    with tempfile.TemporaryDirectory() as folder:
        server = Process([UDP_PING, 'serve', address, '--spin', int(options.idle != 'block')], Path(folder) / 'log')
        try:
            time.sleep(0.2)
            return run(UDP_PING, address, '--records', PINGS, '--bytes', DATAGRAM_BYTES,
                       '--spin', int(options.idle == 'spin'))
        finally:
            server.terminate()


def medians(results, *keys):
    return {key: statistics.median(result[key] for result in results) for key in keys}


def part_ping(report, options):
    bare, loads = [], {name: [] for name in LOADS}
    for _ in range(options.rounds):
        bare.append(bare_round_trip(options))
        for name, results in loads.items():
            results.append(one_at_a_time(options, name, RECORD_BYTES, PINGS, durability='memory'))
    report.head(f'one record of {RECORD_BYTES} B at a time, acks=all, durability=memory; medians of {options.rounds} '
                'rounds in turns')
    floor = medians(bare, 'p50_us', 'p99_us')
    report.line(f'  {"a datagram and back":18} p50 {floor["p50_us"]:7.1f}, p99 {floor["p99_us"]:7.1f} us')
    values = {}
    for name, results in loads.items():
        values[name] = medians(results, 'p50_us', 'p99_us', 'p999_us', 'turn_p50_us', 'turn_p99_us')
        report.line('  {:18} p50 {p50_us:7.1f}, p99 {p99_us:7.1f}, p99.9 {p999_us:7.1f} us   broker\'s turn: p50 '
                    '{turn_p50_us:.1f} us'.format(name, **values[name]))
    ours, theirs = values['SDK, udp'], values['librdkafka, tcp']
    beyond = (ours['p50_us'] - ours['turn_p50_us']) / floor['p50_us']
    p99 = ours['p99_us'] / theirs['p99_us']
    report.line(f'  p50 less the turn, of a datagram and back   {verdict(beyond, 1.3, at_least=False)}')
    report.line(f'  p99, of librdkafka\'s                        {verdict(p99, 1 / 3, at_least=False)}')
    report.put('ping', bare=floor, loads=values, p50_less_turn_to_bare=beyond, p99_to_librdkafka=p99)


def part_durable(report, options):
    floor, loads = [], {name: [] for name in LOADS}
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory(prefix='penstock-fio-', dir=options.data) as folder:
            floor.append(fio(folder, '4k', '4k', 1, 3))
        for name, results in loads.items():
            results.append(one_at_a_time(options, name, 1024, PINGS // 4))
    report.head(f'one record of 1 KiB at a time, acks=all, on the disk; medians of {options.rounds} rounds in turns')
    disk = medians(floor, 'p50_us', 'p99_us')
    report.line(f'  {"fio, 4 KiB":18} p50 {disk["p50_us"]:7.1f}, p99 {disk["p99_us"]:7.1f} us')
    values = {name: medians(results, 'p50_us', 'p99_us', 'p999_us') for name, results in loads.items()}
    for name, value in values.items():
        report.line('  {:18} p50 {p50_us:7.1f}, p99 {p99_us:7.1f}, p99.9 {p999_us:7.1f} us'.format(name, **value))
    ours = values['SDK, udp']
    p50, p99 = ours['p50_us'] / disk['p50_us'], ours['p99_us'] / disk['p99_us']
    report.line(f'  p50, of fio\'s      {verdict(p50, 1.5, at_least=False)}')
    report.line(f'  p99, of fio\'s      {verdict(p99, 2, at_least=False)}')
    report.put('durable', fio=disk, loads=values, p50_to_fio=p50, p99_to_fio=p99)


def produce_rate(options, name, node):
    """Records in batches of 64 KiB, with what they cost the broker."""
    before = node.broker.cpu_seconds()
    common = {'seconds': options.seconds + 1, 'warmup': 1, 'bytes': RECORD_BYTES, 'partitions': 4}
    if LOADS[name] is None:
        result = node.load('produce', 't', config=['acks=1', 'linger.ms=5', 'batch.num.messages=1000000',
                                                   'batch.size=65536', 'queue.buffering.max.messages=1000000'],
                           **common)
        result['cpu_ns_per_record'] = float('nan')
    else:
        result = sdk(node, LOADS[name], 'produce', 't', acks=1, **common)
    result['broker_ns_per_record'] = (node.broker.cpu_seconds() - before) * 1e9 / result['acked']
    return result


def read_rate(name, node, records):
    before = node.broker.cpu_seconds()
    if LOADS[name] is None:
        result = node.load('consume', 't', records=records, bytes=RECORD_BYTES, partitions=4)
    else:
        result = sdk(node, LOADS[name], 'consume', 't', records=records, partitions=4)
    result['records_per_s'] = records / result['seconds']
    result['broker_ns_per_record'] = (node.broker.cpu_seconds() - before) * 1e9 / records
    return result


def show_rates(report, loads):
    values = {}
    for name, results in loads.items():
        values[name] = medians(results, 'records_per_s', 'mb_per_s', 'broker_ns_per_record')
        report.line('  {:18} {:.2f} M records/s, {mb_per_s:.0f} MB/s; broker {broker_ns_per_record:.0f} ns a record'
                    .format(name, values[name]['records_per_s'] / 1e6, **values[name]))
    return values


def part_rate(report, options):
    loads = {name: [] for name in LOADS}
    for _ in range(options.rounds):
        for name, results in loads.items():
            stack, node = node_with_topic(options, 4, '3GiB', durability='memory')
            with stack:
                results.append(produce_rate(options, name, node))
    report.head(f'produce: records of {RECORD_BYTES} B, batches of 64 KiB, 4 partitions, acks=1, durability=memory; '
                f'medians of {options.rounds} rounds in turns')
    values = show_rates(report, loads)
    rate = values['SDK, udp']['records_per_s'] / 1e6
    cpu = values['SDK, udp']['broker_ns_per_record'] / values['SDK, tcp']['broker_ns_per_record']
    report.line(f'  million records/s                  {verdict(rate, 2)}')
    report.line(f'  broker\'s CPU a record, of TCP\'s    {verdict(cpu, 1, at_least=False)}')
    report.put('rate', loads=values, broker_cpu_to_tcp=cpu)


def part_consume(report, options):
    records = 10_000_000
    loads = {name: [] for name in LOADS}
    stack, node = node_with_topic(options, 4, '2GiB', durability='memory')
    with stack:
        sdk(node, 'udp', 'produce', 't', records=records, bytes=RECORD_BYTES, partitions=4, acks=1)
        for _ in range(options.rounds):
            for name, results in loads.items():
                results.append(read_rate(name, node, records))
    report.head(f'consume: {records} records of {RECORD_BYTES} B from the beginning; medians of {options.rounds} '
                'rounds in turns')
    report.put('consume', loads=show_rates(report, loads))


def part_idle(report, options):
    """Memory that the broker has in use, before and with them; and what is heard of them when they are quiet."""
    connections, interval_s = 10_000, 10
    stack, node = node_of(options, **{'limits.connections_max': 20_000, 'storage.pool_bytes': '256MiB'})
    with stack:
        wait_for_pool(node)
        run(TRANSPORT, 'idle', node.native_address, '--connections', 100, '--seconds', 1)
        before = node.broker.memory_bytes('RssAnon')
        seconds = 3 * interval_s
        client = Process([TRANSPORT, 'idle', node.native_address, '--connections', connections, '--seconds', seconds],
                         node.folder / 'idle.log')
        with client.child:
            while 'idle' not in Path(client.log_path).read_text():
                if not client.is_running():
                    raise Failure(f'the connections ended; {client.tail()}')
                time.sleep(0.1)
            memory, cpu = node.broker.memory_bytes('RssAnon') - before, node.broker.cpu_seconds()
            node.cli('topic', 'list')
            client.child.wait(seconds + 30)
            cpu = (node.broker.cpu_seconds() - cpu) / seconds
        said = json.loads(Path(client.log_path).read_text().strip().split('\n')[-1])
        node.cli('topic', 'list')
    each = memory / connections
    packets = said['packets'] / connections / (seconds / interval_s)
    report.head(f'{connections} connections on one shard, each used once and then idle')
    report.line(f'  opened and answered in {said["opened_s"]:.1f} s; then {cpu:.1%} of a core')
    report.line(f'  bytes of the broker, each          {verdict(each, 4096, at_least=False)}')
    report.line(f'  packets in a keep-alive interval   {verdict(packets, 1.05, at_least=False)}')
    report.put('idle', bytes_each=each, packets_per_interval=packets, cpu_share=cpu, **said)


PARTS = {'ping': part_ping, 'durable': part_durable, 'rate': part_rate, 'consume': part_consume, 'idle': part_idle}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--part', action='append', choices=PARTS, help='only this part; again for more')
    parser.add_argument('--rounds', type=int, default=3, help='of each but idle')
    parser.add_argument('--seconds', type=int, default=4, help='of each load of rate')
    parser.add_argument('--data', type=Path, default=ROOT / 'build/bench', help='folder on the disk to measure')
    parser.add_argument('--idle', default='backoff', choices=['spin', 'backoff', 'block'],
                        help='shards.idle; with spin the client never sleeps, either')
    parser.add_argument('--busy', action='store_true', help='measure although the machine is busy')
    parser.add_argument('--keep', action='store_true', help='write the result to bench/results')
    options = parser.parse_args()
    options.data.mkdir(parents=True, exist_ok=True)
    side_by_side.SERVER['shards.idle'] = options.idle
    refuse_busy_machine(options.busy)
    report = Report()
    describe_machine(report, options)
    try:
        for name in options.part or PARTS:
            PARTS[name](report, options)
    except (Failure, subprocess.TimeoutExpired) as failure:
        sys.exit(f'sdk: {failure}')
    if options.keep:
        report.keep()


if __name__ == '__main__':
    main()
