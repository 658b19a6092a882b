#!/usr/bin/env python3
"""tools/bind on made-up machines: what it shows, what it hands over, and what it refuses to. Their kernel is a thread,
and what it is told comes through pipes in the place of sysfs's files. A real one: tests/dedicated."""
import json
import os
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path

from harness import ROOT, case, check, check_equal, run_cases

TOOL = ROOT / 'tools/bind'
NIC, SPARE, DISK = '0000:3b:00.0', '0000:5e:00.0', '0000:01:00.0'
CLASSES = {'network': '0x020000', 'disk': '0x010802', 'bridge': '0x060400'}


class Machine:
    """A network device that the default route goes over, a spare one, and a disk; each alone in its IOMMU group."""

    def __init__(self, iommu=True, vfio=True):
        self.kept = tempfile.TemporaryDirectory(prefix='penstock-bind-')
        self.root = Path(self.kept.name)
        self.root.chmod(0o755)
        self.bus = self.root / 'sys/bus/pci'
        self.own_drivers, self.interfaces = {}, {}
        self.takes = {'vfio-pci'}   # the drivers that take whatever they are given
        self.make_driver('ixgbe')
        self.make_driver('nvme')
        if vfio:
            self.make_driver('vfio-pci')
        (self.root / 'bin').mkdir()
        self.program('ip', 'case "$*" in *-6*) exit 1;; *route*) cat "$PENSTOCK_BIND_ROOT/routes";; '
                           '*) cat "$PENSTOCK_BIND_ROOT/addresses";; esac')
        self.program('modprobe', 'echo "modprobe: FATAL: Module $1 not found" >&2; exit 1')
        self.routes([{'dst': 'default', 'gateway': '10.0.0.1', 'dev': 'ens1'}])
        self.addresses(ens1='10.0.0.7', ens2='10.9.0.7')
        self.device(NIC, 'network', 'ixgbe', 'ens1', group=12 if iommu else None)
        self.device(SPARE, 'network', 'ixgbe', 'ens2', group=13 if iommu else None)
        self.device(DISK, 'disk', 'nvme', group=14 if iommu else None)
        self.probes = self.pipe(self.bus / 'drivers_probe', self.probe)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kept.cleanup()

    def program(self, name, script):
        path = self.root / 'bin' / name
        path.write_text(f'#!/bin/sh\n{script}\n')
        path.chmod(0o755)

    def routes(self, routes):
        (self.root / 'routes').write_text(json.dumps(routes))

    def addresses(self, **addresses):
        entries = [{'ifname': name, 'addr_info': [{'local': local}]} for name, local in addresses.items()]
        (self.root / 'addresses').write_text(json.dumps(entries))

    def make_driver(self, name):
        folder = self.bus / 'drivers' / name
        folder.mkdir(parents=True)
        self.pipe(folder / 'unbind', self.unbind)

    def device(self, address, kind, driver, interface=None, group=None):
        folder = self.bus / 'devices' / address
        folder.mkdir(parents=True)
        (folder / 'class').write_text(CLASSES[kind] + '\n')
        (folder / 'driver_override').write_text('(null)\n')
        self.own_drivers[address], self.interfaces[address] = driver, interface
        if group is not None:
            members = self.root / f'sys/kernel/iommu_groups/{group}/devices'
            members.mkdir(parents=True, exist_ok=True)
            (members / address).touch()
            (folder / 'iommu_group').symlink_to(members.parent)
        self.bind(address, driver)

    def bind(self, address, driver):
        folder = self.bus / 'devices' / address
        (folder / 'driver').symlink_to(self.bus / 'drivers' / driver)
        if self.interfaces[address] and driver != 'vfio-pci':
            (folder / 'net' / self.interfaces[address]).mkdir(parents=True)
            (self.root / 'sys/class/net' / self.interfaces[address]).mkdir(parents=True, exist_ok=True)

    # The kernel

    def pipe(self, path, act):
        os.mkfifo(path)
        descriptor = os.open(path, os.O_RDWR)   # so that no writer waits, and none is the last

        def serve():
            with os.fdopen(descriptor) as lines:
                for line in lines:
                    act(line.strip())
        threading.Thread(target=serve, daemon=True).start()

    def unbind(self, address):
        folder = self.bus / 'devices' / address
        (folder / 'driver').unlink()
        shutil.rmtree(folder / 'net', ignore_errors=True)

    def probe(self, address):
        override = (self.bus / 'devices' / address / 'driver_override').read_text().strip()
        if not override or override in self.takes:
            self.bind(address, override or self.own_drivers[address])

    # The tool

    def tool(self, *words, ssh='', **options):
        environment = {'PENSTOCK_BIND_ROOT': str(self.root), 'PATH': f'{self.root}/bin:{os.environ["PATH"]}'}
        if ssh:
            environment['SSH_CONNECTION'] = ssh
        # Its text as input, since another user may not be able to read this tree.
        done = subprocess.run(['python3', '-', *words], input=TOOL.read_text(), env=environment, capture_output=True,
                              text=True, timeout=60, check=False, cwd='/', **options)
        check('Traceback' not in done.stderr, done.stderr)
        return done

    def driver(self, address):
        return os.path.basename(os.readlink(self.bus / 'devices' / address / 'driver'))

    def refuses(self, *words, saying, code=1, **options):
        done = self.tool(*words, **options)
        check_equal((done.returncode, done.stdout), (code, ''), f'{words}: {done.stderr}')
        for text in saying:
            check(text in done.stderr, f'{words}: no "{text}" in: {done.stderr}')
        check_equal([self.driver(a) for a in (NIC, SPARE, DISK)], ['ixgbe', 'ixgbe', 'nvme'], f'drivers after {words}')


@case
def status():
    """status shows the network devices, and what goes over them"""
    with Machine() as machine:
        done = machine.tool('status', ssh='10.0.0.99 5000 10.9.0.7 22')
        rows = [line.split(maxsplit=4) for line in done.stdout.strip().split('\n')]
        check_equal(rows[1:], [[NIC, 'ixgbe', 'ens1', '12', 'the default route'],
                               [SPARE, 'ixgbe', 'ens2', '13', 'an SSH session']], f'rows; {done.stderr}')
        machine.routes([{'dst': 'default', 'nexthops': [{'dev': 'ens2'}, {'dev': 'ppp0'}]}])
        check(f'{SPARE}  ixgbe   ens2       13           the default route\n' in machine.tool('status').stdout,
              'one of several hops')
    with Machine(iommu=False) as machine:
        check('intel_iommu=on' in machine.tool('status').stdout, 'what to do without an IOMMU')


@case
def there_and_back():
    """A spare device goes to vfio-pci and comes back; both are said, and twice does no harm"""
    with Machine() as machine:
        for words, driver, said in ((['vfio', SPARE], 'vfio-pci', 'from ixgbe to vfio-pci, IOMMU group 13'),
                                    (['vfio', SPARE], 'vfio-pci', 'already'),
                                    (['kernel', SPARE[5:]], 'ixgbe', 'from vfio-pci to ixgbe, interface ens2'),
                                    (['kernel', SPARE], 'ixgbe', 'already')):
            done = machine.tool(*words)
            check_equal(done.returncode, 0, f'{words}: {done.stderr}')
            check(said in done.stdout, f'{words}: {done.stdout}')
            check_equal(machine.driver(SPARE), driver, f'the driver after {words}')
        override = machine.bus / 'devices' / SPARE / 'driver_override'
        check_equal(override.read_text().strip(), '', 'nothing is left that would outlast it')


@case
def what_the_machine_hangs_on():
    """A device under the default route or the SSH session is kept, also below a bridge; --force takes it"""
    with Machine() as machine:
        machine.refuses('vfio', NIC, saying=[NIC, 'carries the default route', '--force'])
        machine.refuses('vfio', SPARE, NIC, saying=['carries the default route'])
        machine.refuses('vfio', SPARE, ssh='10.9.0.1 5000 10.9.0.7 22', saying=['carries an SSH session', 'ens2'])
        (machine.root / 'sys/class/net/ens2/upper_br0').mkdir()
        (machine.root / 'sys/class/net/br0').mkdir()
        machine.routes([{'dst': 'default', 'dev': 'br0'}])
        machine.refuses('vfio', SPARE, saying=['carries the default route', 'ens2, br0'])
        # As sudo leaves it: the session is known to a process above only.
        above = machine.root / f'proc/{os.getpid()}'
        above.mkdir(parents=True)
        (above / 'environ').write_text('HOME=/root\0SSH_CONNECTION=10.0.0.99 5000 10.0.0.7 22\0')
        machine.refuses('vfio', NIC, saying=['carries an SSH session'])
        check_equal(machine.tool('vfio', NIC, '--force').returncode, 0, '--force')
        check_equal(machine.driver(NIC), 'vfio-pci', 'the driver after --force')


@case
def what_cannot_be_isolated():
    """No IOMMU, or a group with another device that the kernel drives: refused, even with --force"""
    with Machine(iommu=False) as machine:
        machine.refuses('vfio', SPARE, '--force', saying=['no IOMMU group', 'intel_iommu=on'])
    with Machine() as machine:
        second = '0000:5e:00.1'
        machine.device(second, 'network', 'ixgbe', 'ens3', group=13)
        machine.device('0000:5d:00.0', 'bridge', 'ixgbe', group=13)   # those are no obstacle
        machine.refuses('vfio', SPARE, '--force', saying=[f'shares IOMMU group 13 with {second}', 'name both'])
        check_equal(machine.tool('vfio', SPARE, second).returncode, 0, 'both at once')


@case
def what_is_not_there():
    """Unknown devices, other devices, other users, no vfio-pci: each has its sentence"""
    with Machine(vfio=False) as machine:
        machine.refuses('vfio', SPARE, saying=['no vfio-pci', 'Module vfio-pci not found'])
        for name in ('0000:ff:00.0', 'ens2', '../../etc'):
            machine.refuses('vfio', name, code=2, saying=[f'no PCI device "{name}"', 'tools/bind status'])
        machine.refuses('vfio', DISK, code=2, saying=['is no network device'])
        machine.refuses('status', NIC, code=2, saying=['usage'])
        machine.refuses('vfio', code=2, saying=['usage'])
        (machine.bus / 'drivers_probe').chmod(0o444)
        machine.refuses('vfio', SPARE, saying=['only root'], **({'user': 65534} if os.geteuid() == 0 else {}))


@case
def what_goes_wrong():
    """A device that vfio-pci does not take is given back; one that a broker uses is not taken from it"""
    with Machine() as machine:
        machine.takes.clear()
        machine.refuses('vfio', SPARE, saying=['does not take', 'with ixgbe again', 'dmesg'])
        machine.takes.add('vfio-pci')
        check_equal(machine.tool('vfio', SPARE).returncode, 0, 'the second try')
        user = machine.root / 'proc/4711'
        (user / 'fd').mkdir(parents=True)
        (user / 'fd/9').symlink_to('/dev/vfio/13')
        (user / 'comm').write_text('penstock-broker\n')
        done = machine.tool('kernel', SPARE)
        check_equal((done.returncode, machine.driver(SPARE)), (1, 'vfio-pci'), 'a device in use')
        check('penstock-broker (pid 4711) uses' in done.stderr, done.stderr)


run_cases()
