#!/usr/bin/env python3
"""A dedicated server as it should be, in QEMU: the NIC is vfio-pci's behind an IOMMU, the data lies on an NVMe disk.

    PENSTOCK_TEST_DEDICATED=1 tools/test --suite dedicated      as root

The first run makes a Debian for it, which takes minutes; it is kept for a month in the folder for temporary files. What
the guest was told and what it said is in build/dedicated/ afterwards.
"""
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / 'system'), str(HERE.parent / 'net')]
from harness import (BROKER, BUILD, COORDINATOR, PENSTOCK, ROOT, Failure, Skip, case, check, check_equal, need,
                     run_cases, settings_arguments, wait_for)
from network import Host, end_on_sigterm, need_namespaces
from guest import MANAGEMENT, NIC, Guest, Nic
from image import debian, make_programs_disk

PLUGIN = BUILD / 'drivers/dpdk/libpenstock_dpdk.so'
PROGRAMS = (BROKER, COORDINATOR, PENSTOCK)
FILES = {'init': HERE / 'init', 'broker.toml': HERE / 'broker.toml', 'coordinator.toml': HERE / 'coordinator.toml',
         'bin/bind': ROOT / 'tools/bind', 'lib/libpenstock_dpdk.so': PLUGIN,
         **{f'bin/{program.name}': program for program in PROGRAMS}}   # as the guest finds them below /opt
PRODUCE, CONSUME = BUILD / 'tests/dedicated/dedicated_produce', BUILD / 'tests/dedicated/dedicated_consume'
HOST_ADDRESS, GUEST_ADDRESS = '10.77.0.2', '10.77.0.1'   # of the two ends of the NIC's cable
ROAD, KAFKA = f'udp://{GUEST_ADDRESS}:9192', f'{GUEST_ADDRESS}:9092'
RECORDS, RECORDS_UNDER_WAY, PARTITIONS = 3000, 20_000, 3


def need_all():
    if os.environ.get('PENSTOCK_TEST_DEDICATED') != '1':
        raise Skip('it takes minutes: PENSTOCK_TEST_DEDICATED=1 asks for it')
    need_namespaces()
    for program in ('qemu-system-x86_64', 'debootstrap', 'mke2fs'):
        need(program)
    if not PLUGIN.exists():
        raise Skip('it was built without DPDK')


class Server(Guest):
    """The guest, as its operator and its clients use it."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.clients = []   # on the host's end of the cable

    def __exit__(self, *_):
        for process in self.clients:
            process.kill()
            process.wait()
        super().__exit__()

    def interface(self, address):
        """Its name: below the device itself, or below the virtio device that it has."""
        return self.run(f'cd /sys/bus/pci/devices/{address} && basename -a net/* virtio*/net/* | grep -v "[*]"')

    def prepare(self):
        """What is done on a new machine, before the first start."""
        self.run('uname -r; dmesg | grep -i -E "dmar|iommu|nvme"')
        management = self.interface(MANAGEMENT)
        self.run(f'ip link set {management} up && ip address add 10.0.2.15/24 dev {management} && '
                 'ip route add default via 10.0.2.2')
        self.run('mke2fs -q -t ext4 /dev/nvme0n1 && mkdir -p /var/lib/penstock && '
                 'mount /dev/nvme0n1 /var/lib/penstock && mkdir /var/lib/penstock/broker')
        self.run('echo 200 >/proc/sys/vm/nr_hugepages')
        self.run('modprobe tun')   # which udev does elsewhere

    def bind(self):
        said, code = self.run(f'bind vfio {MANAGEMENT}', check_exit=False)
        check(code == 1 and 'carries the default route' in said, f'the only way in was not kept: {code}: {said}')
        self.say(said)
        self.say(self.run(f'bind vfio {NIC}'))

    def check_with_doctor(self):
        """It finds the device, the IOMMU and the disk good."""
        words = f'doctor --device {NIC} --data /var/lib/penstock/broker'
        said, code = self.run(f'penstock {words} --json', check_exit=False)
        check(code in (0, 1), f'the doctor finds faults: {said}')
        good = [f'{section["subject"]}: {finding["what"]}' for section in json.loads(said)['sections']
                for finding in section['findings'] if finding['level'] == 'ok']
        for wanted in ('iommu: an IOMMU', 'network: driver vfio-pci', 'disk: nvme0n1', 'disk: it takes direct writes'):
            found = [what for what in good if what.startswith(wanted)]
            check(found, f'the doctor does not say "{wanted}" among what is good: {said}')
            self.say(f'doctor: {found[0]}')

    def start(self, name, settings=None):
        command = ' '.join([f'penstock-{name} --config /opt/{name}.toml', *settings_arguments(settings or {})])
        self.run(f'{command} >/var/log/{name}.log 2>&1 & echo $! >/run/{name}.pid')

    def start_broker(self):
        started = time.monotonic()
        self.start('broker', {'shards.count': self.nic.queues, 'dpdk.mtu': self.nic.mtu})
        try:
            wait_for(self.broker_serves, 180, 'the broker')
        except Failure as failure:
            raise Failure(f'{failure}; its log: {self.run("tail -n 20 /var/log/broker.log")}') from None
        for line in self.run('cat /var/log/broker.log').split('\n'):
            self.say(f'  {line}')
        self.say(f'the broker serves {time.monotonic() - started:.1f} s after its start')

    def broker_serves(self):
        check(self.succeeds('kill -0 $(cat /run/broker.pid)'), 'the broker ended')
        return self.succeeds('penstock cluster status')

    def end_broker(self, signal):
        self.run(f'kill -{signal} $(cat /run/broker.pid)')
        self.wait_for('! kill -0 $(cat /run/broker.pid)', 60, f'the end of the broker after SIG{signal}')

    # Its clients: on the host's end of the cable, and in the guest

    def start_client(self, *words):
        command = self.host.command(*words)
        self.clients.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                             stderr=subprocess.PIPE, text=True))
        return self.clients[-1]

    def produce_in_guest(self, name):
        self.run(f'seq -f "{name} %.0f" {RECORDS} | penstock produce games', seconds=120)
        self.say(f'{RECORDS} records within the guest, over TCP')
        return lines_of(name)

    def produce_from_host(self, name):
        started = time.monotonic()
        finish(self.start_client(PRODUCE, ROAD, 'games'), ''.join(lines_of(name)))
        self.say(f'{RECORDS} records from the host, in datagrams, in {time.monotonic() - started:.1f} s')
        return lines_of(name)

    def produce_across_a_kill(self, name):
        """The producer goes on while nobody is there, until it has no room for more."""
        lines = lines_of(name, RECORDS_UNDER_WAY)
        process = self.start_client(PRODUCE, ROAD, 'games')
        feeder = threading.Thread(target=feed, args=(process.stdin, lines), daemon=True)
        feeder.start()
        arrived = f'penstock consume games --from-beginning --exit-at-end | grep -q "^{name} "'
        self.wait_for(arrived, 60, 'the first of the records')
        check(feeder.is_alive(), 'all was produced before the kill')
        self.end_broker('KILL')
        self.say('kill -9 of the broker')
        self.start_broker()
        feeder.join(180)
        finish(process)
        self.say(f'{len(lines)} records from the host, in datagrams, across the kill')
        return lines

    def check_all_there(self, expected):
        """Each record once, on whichever road."""
        words = ['consume', 'games', '--from-beginning', '--exit-at-end']
        datagrams = finish(self.start_client(CONSUME, ROAD, 'games', PARTITIONS))   # "partition offset key value" each
        stream = finish(self.start_client(PENSTOCK, '--bootstrap', KAFKA, *words))
        within = self.run(f'penstock {" ".join(words)}', seconds=120) + '\n'
        read = {'datagrams': [line.split(' ', 3)[3] for line in datagrams.splitlines(keepends=True)],
                'TCP, which the NIC leaves to the kernel': stream.splitlines(keepends=True),
                'TCP within the guest': within.splitlines(keepends=True)}
        for road, lines in read.items():
            missing, unknown = set(expected) - set(lines), set(lines) - set(expected)
            check(not missing and not unknown, f'over {road}: {len(missing)} of {len(expected)} records are missing '
                                               f'{sorted(missing)[:3]}, {len(unknown)} unknown {sorted(unknown)[:3]}')
            check_equal(len(lines), len(expected), f'records over {road}, some of them twice')
            self.say(f'{len(lines)} records read over {road}: each is there once')

    def give_back(self):
        """The kernel has the NIC again, when the broker is gone; the network behind it is as before."""
        said, code = self.run(f'bind kernel {NIC}', check_exit=False)
        check(code == 1 and 'penstock-broker (pid ' in said, f'it was taken from a broker that runs: {code}: {said}')
        self.end_broker('TERM')
        self.say(self.run(f'bind kernel {NIC}'))
        interface = self.interface(NIC)
        self.run(f'ip address add {GUEST_ADDRESS}/24 dev {interface} && ip link set {interface} up')
        self.wait_for(f'ping -c 1 -W 1 {HOST_ADDRESS}', 30, 'a ping to the host')
        self.say(f'{interface} reaches the host')


def lines_of(name, count=RECORDS):
    return [f'{name} {number + 1}\n' for number in range(count)]


def feed(pipe, lines):
    """A load of ten seconds, unless the producer waits: then the pipe is full."""
    for first in range(0, len(lines), len(lines) // 100):
        with contextlib.suppress(BrokenPipeError):   # its exit code tells
            pipe.write(''.join(lines[first:first + len(lines) // 100]))
            pipe.flush()
        time.sleep(0.1)


def finish(process, text=None):
    """Gives it this to read, and waits for its end; what it printed."""
    try:
        out, err = process.communicate(text, timeout=180)
    except subprocess.TimeoutExpired:
        process.kill()
        raise Failure(f'{process.args}: not done after 180 s: {process.communicate()[1]}') from None
    check(process.returncode == 0, f'{process.args}: exit code {process.returncode}: {err}')
    return out


@contextlib.contextmanager
def server(nic):
    need_all()
    image = debian((*PROGRAMS, PLUGIN))
    transcript = BUILD / 'dedicated' / f'{nic.name}.log'
    transcript.parent.mkdir(exist_ok=True)
    host = Host(f'penstock-{os.getpid()}-dedicated', HOST_ADDRESS)
    with tempfile.TemporaryDirectory(prefix='penstock-dedicated-run-') as folder:
        programs = Path(folder) / 'programs.img'
        make_programs_disk(programs, FILES)
        try:
            host.create()
            print(f'# transcript: {transcript}')
            with Server(host, image, programs, Path(folder), transcript, nic) as guest:
                yield guest
        finally:
            host.remove()


def serves(nic):
    with server(nic) as guest:
        guest.prepare()
        guest.bind()
        guest.check_with_doctor()
        guest.start('coordinator')
        guest.start_broker()
        guest.run(f'penstock topic create games --partitions {PARTITIONS}')
        expected = guest.produce_in_guest('guest') + guest.produce_from_host('host')
        expected += guest.produce_across_a_kill('kill')
        guest.check_all_there(expected)
        guest.give_back()


@case
def a_device_with_one_queue():
    """e1000e by vfio-pci, NVMe: records come over both roads, and are there after kill -9 of the broker"""
    serves(Nic('e1000e', 'e1000e'))


@case
def a_device_that_spreads_flows():
    """The same with two shards, each with a queue of its own (RSS), and an MTU of 9000"""
    serves(Nic('virtio', 'virtio-net-pci,disable-legacy=on,iommu_platform=on,host_mtu=9000,mq=on,vectors=6,rss=on',
               queues=2, mtu=9000))


if __name__ == '__main__':
    end_on_sigterm()
    run_cases()
