"""Networks of namespaces for tests and benches: hosts with links between them, made by root and always removed.

    with Network() as net:                      # two hosts, a veth pair between them
    with Network(mtu=9000, segments=False) as net:
    with Network(delay_ms=10, rate_mbit=1000, queue_bytes=2_500_000) as net:   # through tests/net/forwarder.cpp
    with Network(mtu=9000, path_mtu=1500) as net:   # likewise
        net.b.start([program, ...], log)

Names hold this process's id, so that runs beside each other do not meet.
"""
import contextlib
import ctypes
import functools
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / 'system'))
from harness import BUILD, Failure, Process, Skip, wait_for  # noqa: E402

FORWARDER = BUILD / 'tests/net/net_forwarder'
CLONE_NEWNET = 0x40000000
_numbers = itertools.count()


@functools.cache
def need_namespaces():
    if os.geteuid() != 0:
        raise Skip('only root makes network namespaces')
    for program in ('ip', 'nft'):
        if shutil.which(program) is None:
            raise Skip(f'{program} is not installed')
    name = f'penstock-{os.getpid()}-probe'
    made = subprocess.run(['ip', 'netns', 'add', name], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        raise Skip(f'no network namespaces here: {made.stderr.strip()}')
    subprocess.run(['ip', 'netns', 'del', name], check=True)


def end_on_sigterm():
    """So that `with` removes what was made."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))


def _run(*words, text=None):
    done = subprocess.run([str(word) for word in words], input=text, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failure(f'{" ".join(map(str, words))}: {done.stderr.strip()}')
    return done.stdout


class Host:
    """A namespace. The processes that were started in it end with it."""

    def __init__(self, name, address=None):
        self.name = name
        self.address = address
        self.processes = []

    def create(self):
        _run('ip', 'netns', 'add', self.name)
        self.run('ip', 'link', 'set', 'lo', 'up')
        for name in ('tcp_rmem', 'tcp_wmem'):   # TCP's window is to be bounded by the path, not by memory
            self.run('sh', '-c', f'echo 4096 131072 67108864 >/proc/sys/net/ipv4/{name}')

    def remove(self):
        for process in self.processes:
            process.kill()
        subprocess.run(['ip', 'netns', 'del', self.name], capture_output=True, check=False)

    def command(self, *words):
        # Ahead of whatever else the machine does, as the forwarder is: the link is to be the bound.
        return ['ip', 'netns', 'exec', self.name, 'nice', '-n', '-10', *map(str, words)]

    def run(self, *words, text=None):
        return _run(*self.command(*words), text=text)

    def start(self, words, log_path):
        process = Process(self.command(*words), log_path)
        self.processes.append(process)
        return process

    def datagrams(self):
        """Of UDP, that its sockets have received, and sent."""
        lines = [line.split() for line in self.run('cat', '/proc/net/snmp').split('\n') if line.startswith('Udp:')]
        found = dict(zip(*lines))
        return int(found['InDatagrams']), int(found['OutDatagrams'])

    def lose(self, per_thousand):
        """Each datagram that arrives from outside is lost with this chance; 1000 is all."""
        chance = f'numgen random mod 1000 < {per_thousand}' if per_thousand < 1000 else ''
        try:
            self.run('nft', '-f', '-', text=f'''
                table inet penstock {{
                    chain input {{
                        type filter hook input priority 0;
                        iifname "wire" meta l4proto {{ tcp, udp }} {chance} counter drop
                    }}
                }}''')
        except Failure as failure:
            raise Skip(f'nftables cannot drop at random here: {failure}') from None

    def lost(self):
        """Packets and bytes that lose() dropped so far, headers of IP included."""
        for entry in json.loads(self.run('nft', '-j', 'list', 'table', 'inet', 'penstock'))['nftables']:
            for expression in entry.get('rule', {}).get('expr', []):
                if 'counter' in expression:
                    return expression['counter']['packets'], expression['counter']['bytes']
        raise Failure('nftables shows no counter')

    def lose_nothing(self):
        self.run('nft', 'delete', 'table', 'inet', 'penstock')


@contextlib.contextmanager
def living_on(host):
    """This process, and what it starts, in the host's namespace."""
    libc = ctypes.CDLL(None, use_errno=True)

    def enter(path):
        with open(path, 'rb') as namespace:
            if libc.setns(namespace.fileno(), CLONE_NEWNET) != 0:
                raise Skip(f'cannot enter a network namespace: {os.strerror(ctypes.get_errno())}')
    with open('/proc/thread-self/ns/net', 'rb') as home:
        enter(f'/var/run/netns/{host.name}')
        try:
            yield
        finally:
            libc.setns(home.fileno(), CLONE_NEWNET)


class Network(contextlib.AbstractContextManager):
    """Hosts `a` and `b`. With a path_mtu or arguments of the forwarder it runs between them, in a namespace of its
    own."""

    def __init__(self, mtu=1500, segments=True, path_mtu=None, queues=None, **path):
        need_namespaces()
        if path or path_mtu:
            path['mtu'] = path_mtu or mtu
        prefix = f'penstock-{os.getpid()}-{next(_numbers)}'
        self.a = Host(prefix + 'a', '10.77.0.1')
        self.b = Host(prefix + 'b', '10.77.0.2')
        self.between = Host(prefix + 'm') if path else None
        self.hosts = [host for host in (self.a, self.b, self.between) if host is not None]
        self.mtu = mtu
        # Without segments it is the kernel that cuts bursts into packets, as an interface without offload has it.
        self.segments = segments and not path
        self.queues = queues   # of each end; else as many as the machine's cores
        self.path = path
        self.folder = Path(tempfile.mkdtemp(prefix='penstock-net-'))
        self.forwarder = None

    def __enter__(self):
        try:
            for host in self.hosts:
                host.create()
            if self.between is None:
                self._link(self.a, 'wire', self.b, 'wire')
            else:
                self._link(self.a, 'wire', self.between, 'left')
                self._link(self.b, 'wire', self.between, 'right')
                self._start_forwarder()
            for host in (self.a, self.b):
                host.run('ip', 'address', 'add', host.address + '/24', 'dev', 'wire')
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for host in self.hosts:
            host.remove()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _link(self, left, left_name, right, right_name):
        queues = ['numrxqueues', self.queues, 'numtxqueues', self.queues] if self.queues else []
        left.run('ip', 'link', 'add', 'name', left_name, *queues, 'type', 'veth', 'peer', 'name', right_name, *queues,
                 'netns', right.name)
        for host, name in ((left, left_name), (right, right_name)):
            limit = [] if self.segments else ['gso_max_segs', '1']
            host.run('ip', 'link', 'set', 'dev', name, 'mtu', self.mtu, *limit, 'up')

    def _start_forwarder(self):
        options = [word for key, value in self.path.items()
                   for word in ('--' + key.replace('_', '-'), str(value))]
        self.forwarder = self.between.start([FORWARDER, 'left', 'right', *options], self.folder / 'forwarder.log')
        wait_for_word(self.forwarder, 'forwarding')

    def end_forwarder(self):
        """What became of the frames, each way."""
        return end_with_report(self.forwarder)


def wait_for_word(process, word):
    def said():
        if not process.is_running():
            raise Failure(f'it ended: {process.tail()}')
        return word in Path(process.log_path).read_text()
    wait_for(said, 10, f'"{word}" of pid {process.pid}')


def end_with_report(process):
    """SIGTERM, and the JSON that is the last line of what it says."""
    code, _ = process.terminate()
    return report_of(process, code)


def report_of(process, code):
    lines = Path(process.log_path).read_text().strip().split('\n')
    if code != 0 or not lines[-1].startswith('{'):
        raise Failure(f'exit code {code}; {process.tail()}')
    return json.loads(lines[-1])
