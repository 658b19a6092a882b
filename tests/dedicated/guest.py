"""A server that is emulated, so that it can have what this machine may not: an IOMMU, an NVMe disk, a NIC to spare.

    with Guest(host, image, programs, folder, transcript, Nic('e1000e', 'e1000e')) as guest:
        print(guest.run('penstock doctor'))

QEMU translates every instruction (TCG): a stock kernel need not boot under nested virtualization, and nothing here is a
claim of speed.
"""
import contextlib
import itertools
import re
import socket
import time
from dataclasses import dataclass

from harness import Process, check, wait_for

NIC, MANAGEMENT = '0000:00:04.0', '0000:00:05.0'
TAP = 'wire'   # the host's end of the NIC's cable
DISK_BYTES = 1 << 30
BOOT_SECONDS = 300   # 20 on a machine that is not busy
CORES, MEMORY_MIB = 2, 2048
# The IOMMU as on a server; a panic ends QEMU.
KERNEL_ARGUMENTS = ('root=/dev/vda ro console=ttyS0 quiet panic=-1 intel_iommu=on iommu=pt '
                    'init=/bin/sh -- -c "mount -o ro /dev/vdb /opt && exec sh /opt/init"')


@dataclass
class Nic:
    """The emulated device that the guest's broker is to have."""
    name: str
    device: str         # as QEMU calls it, with its properties
    queues: int = 1
    mtu: int = 1500


class Guest(contextlib.AbstractContextManager):
    """Boots from an Image and a disk of programs, within the namespace of `host`, at whose interface TAP the NIC's
    cable ends. `folder` is for what does not outlive it. The transcript gets what the guest's kernel says, and all that
    is said to and by its shell."""

    def __init__(self, host, image, programs, folder, transcript, nic):
        self.host, self.image, self.programs, self.folder, self.nic = host, image, programs, folder, nic
        self.transcript_path = transcript
        transcript.write_text('')
        self.transcript = open(transcript, 'a', buffering=1, encoding='utf-8')
        self.shell = self.qemu = None
        self.heard = b''
        self.numbers = itertools.count(1)

    def __enter__(self):
        try:
            self.boot()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *_):
        if self.shell is not None:
            self.shell.close()
        if self.qemu is not None:
            self.qemu.kill()
        self.transcript.close()

    def boot(self):
        started = time.monotonic()
        disk, line = self.folder / 'nvme.img', self.folder / 'shell'
        with open(disk, 'wb') as file:
            file.truncate(DISK_BYTES)
        self.host.run('ip', 'tuntap', 'add', TAP, 'mode', 'tap', *(['multi_queue'] if self.nic.queues > 1 else []))
        self.host.run('ip', 'address', 'add', f'{self.host.address}/24', 'dev', TAP)
        self.host.run('ip', 'link', 'set', TAP, 'mtu', self.nic.mtu, 'up')
        self.qemu = Process([
            'ip', 'netns', 'exec', self.host.name,
            'qemu-system-x86_64', '-accel', 'tcg,thread=multi', '-cpu', 'max', '-smp', CORES, '-m', MEMORY_MIB,
            '-M', 'q35,kernel-irqchip=split', '-device', 'intel-iommu,intremap=on,caching-mode=on,device-iotlb=on',
            '-nodefaults', '-nographic', '-no-reboot',
            '-kernel', self.image.kernel, '-initrd', self.image.initrd,
            '-append', KERNEL_ARGUMENTS,
            '-chardev', f'file,id=console,path={self.transcript_path},append=on', '-serial', 'chardev:console',
            '-chardev', f'socket,id=shell,path={line},server=on,wait=off', '-serial', 'chardev:shell',
            # What the guest writes to Debian's disk is forgotten when it ends.
            '-drive', f'file={self.image.root},format=raw,if=virtio,snapshot=on',
            '-drive', f'file={self.programs},format=raw,if=virtio,readonly=on',
            '-drive', f'file={disk},format=raw,if=none,id=nvme0', '-device', 'nvme,serial=penstock,drive=nvme0',
            '-netdev', f'tap,id=cable,ifname={TAP},script=no,downscript=no,queues={self.nic.queues}',
            '-device', f'{self.nic.device},netdev=cable,addr=4,romfile=',
            # A network of its own behind it, without a way out.
            '-netdev', 'user,id=management,restrict=on', '-device', 'virtio-net-pci,netdev=management,addr=5,romfile=',
        ], self.folder / 'qemu.log')
        self.shell = socket.socket(socket.AF_UNIX)
        wait_for(lambda: self.is_running() and self.shell.connect_ex(str(line)) == 0, 20, 'the line to the guest')
        self.read_until('boot', BOOT_SECONDS)
        self.say(f'the guest has booted after {time.monotonic() - started:.0f} s')

    def is_running(self):
        check(self.qemu.is_running(), f'QEMU ended; {self.qemu.tail()}')
        return True

    def say(self, what):
        """To whoever reads the test's output, and into the transcript."""
        print(f'# {what}', flush=True)
        self.transcript.write(f'\n# {what}\n')

    def run(self, command, seconds=60, check_exit=True):
        """What it says, errors too. Another exit code than 0 is a failure, unless that is to be seen by the caller: it
        then gets both."""
        number = next(self.numbers)
        self.transcript.write(f'\n$ {command}\n')
        script = f'{{ {command}\n}} </dev/null 2>&1; printf "\\n=done {number} %s=\\n" $?\n'
        self.shell.sendall(script.encode())
        said, code = self.read_until(number, seconds)
        if not check_exit:
            return said, code
        check(code == 0, f'in the guest, {command}: exit code {code}: {said[-1500:]}')
        return said

    def read_until(self, what, seconds):
        """What comes before the line that says that `what` is done, and its exit code."""
        end = re.compile(rf'\n=done {what} (\d+)=\n'.encode())
        deadline = time.monotonic() + seconds
        while not (found := end.search(self.heard)):
            self.is_running()
            self.shell.settimeout(1)
            try:
                self.heard += self.shell.recv(65536)
            except TimeoutError:
                said = self.heard[-500:].decode(errors='replace')
                check(time.monotonic() < deadline, f'the guest is not done with {what} after {seconds} s: {said}')
        said = self.heard[:found.start()].decode(errors='replace').strip()
        self.heard = self.heard[found.end():]
        self.transcript.write(f'{said}\n')
        return said, int(found.group(1))

    def succeeds(self, command):
        return self.run(command, check_exit=False)[1] == 0

    def wait_for(self, command, seconds, what):
        """Polls until the command succeeds."""
        wait_for(lambda: self.succeeds(command), seconds, what)
