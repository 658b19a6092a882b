"""What the system tests share: a node of real processes in a folder of its own, and cases that print TAP.

A test file registers its cases with @case and ends with run_cases(). A case fails by an exception, most by check(); it
is skipped by Skip, with the reason. Every process is ended by its pid, however a case ends.
"""
import contextlib
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = Path(os.environ.get('PENSTOCK_BUILD', ROOT / 'build'))
BROKER = BUILD / 'src/main/penstock-broker'
COORDINATOR = BUILD / 'src/main/penstock-coordinator'
PENSTOCK = BUILD / 'tools/cli/penstock'
LOAD = BUILD / 'tests/system/rdkafka_load'

# Small enough for several at once on a small machine.
SMALL = {
    'shards.count': '2', 'shards.idle': 'block', 'shards.pin_cores': 'false',
    'storage.journal_bytes': '16MiB', 'storage.cache_bytes': '32MiB', 'storage.pool_bytes': '32MiB',
    'limits.request_bytes_max': '16MiB', 'limits.request_memory_bytes': '32MiB', 'limits.receive_buffer_bytes': '4MiB',
}


class Skip(Exception):
    """Raised by a case that cannot run here; says why."""


class Failure(Exception):
    """A check that did not hold."""


_cases = []


def case(function):
    """Registers a test case; its docstring is its name."""
    _cases.append(function)
    return function


def check(condition, what):
    if not condition:
        raise Failure(what)


def check_equal(actual, expected, what):
    if actual != expected:
        raise Failure(f'{what}: {shorten(actual)} instead of {shorten(expected)}')


def shorten(value):
    text = repr(value)
    return text if len(text) < 300 else text[:300] + '...'


def run_cases():
    wanted = sys.argv[1:]
    cases = [c for c in _cases if not wanted or c.__name__ in wanted]
    print(f'1..{len(cases)}', flush=True)
    failed = False
    for number, function in enumerate(cases, 1):
        name = function.__doc__.strip().split('\n')[0].rstrip('.')
        started = time.monotonic()
        try:
            function()
            print(f'ok {number} {name}')
        except Skip as reason:
            print(f'ok {number} {name} # SKIP {reason}')
        except Exception as error:  # pylint: disable=broad-except  # whatever it is, the other cases still run
            failed = True
            print(f'not ok {number} {name}')
            details = str(error) if isinstance(error, Failure) else traceback.format_exc()
            for line in details.strip().split('\n'):
                print(f'# {line}')
        print(f'# {function.__name__} took {time.monotonic() - started:.1f} s', flush=True)
    sys.exit(1 if failed else 0)


def free_port():
    """A port, free for TCP and UDP, below those that the kernel gives to outgoing connections: while a broker is
    down, a client that tries to reach it must not be given the broker's own port, which would keep it away."""
    ephemeral = int(Path('/proc/sys/net/ipv4/ip_local_port_range').read_text().split()[0])
    while True:
        port = random.randrange(10_000, ephemeral)
        with socket.socket() as stream, socket.socket(type=socket.SOCK_DGRAM) as datagram:
            try:
                stream.bind(('127.0.0.1', port))
                datagram.bind(('127.0.0.1', port))
            except OSError:
                continue
            return port


def wait_for(condition, seconds, what):
    """Polls: there is no event to wait for in another process."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise Failure(f'{what}: not within {seconds} s')


class Process:
    """A program under test, its output in a file."""

    def __init__(self, arguments, log_path, **popen):
        self.log_path = log_path
        with open(log_path, 'ab') as log:
            self.child = subprocess.Popen([str(a) for a in arguments], stdin=subprocess.DEVNULL, stdout=log,
                                          stderr=subprocess.STDOUT, **popen)

    @property
    def pid(self):
        return self.child.pid

    def is_running(self):
        return self.child.poll() is None

    def kill(self):
        if self.is_running():
            self.child.kill()
        return self.child.wait()

    def terminate(self, seconds=10):
        """SIGTERM; returns the exit code and how long it took."""
        started = time.monotonic()
        if self.is_running():
            self.child.send_signal(signal.SIGTERM)
        try:
            code = self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failure(f'pid {self.pid} did not end within {seconds} s of SIGTERM; {self.tail()}') from None
        return code, time.monotonic() - started

    def tail(self, lines=15):
        text = Path(self.log_path).read_text(errors='replace').strip().split('\n')
        return 'its log ends:\n  ' + '\n  '.join(text[-lines:])

    def memory_bytes(self, field='VmRSS'):
        for line in Path(f'/proc/{self.pid}/status').read_text().split('\n'):
            if line.startswith(field + ':'):
                return int(line.split()[1]) * 1024
        raise Failure(f'no {field} of pid {self.pid}')

    def state(self):
        """As /proc names it: T if it was stopped, Z or X if it has ended."""
        stat = Path(f'/proc/{self.pid}/stat')
        return stat.read_text().rsplit(')', 1)[1].split()[0] if stat.exists() else 'X'

    def cpu_seconds(self):
        fields = Path(f'/proc/{self.pid}/stat').read_text().rsplit(')', 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def settings_arguments(values):
    return [word for key, value in values.items() for word in ('--set', f'{key}={value}')]


@contextlib.contextmanager
def ext4_image(size_mib):
    """A mounted ext4 in a file, with its journal; skips where that is not possible."""
    if os.geteuid() != 0:
        raise Skip('mounting needs root')
    need('mkfs.ext4')
    need('losetup')
    with tempfile.TemporaryDirectory(prefix='penstock-ext4-') as folder:
        image, mount_point = Path(folder) / 'image', Path(folder) / 'mnt'
        mount_point.mkdir()
        with open(image, 'wb') as file:
            file.truncate(size_mib << 20)
        run('mkfs.ext4', '-q', '-F', '-O', 'has_journal', '-m', '0', image)
        mounted = run('mount', '-o', 'loop', image, mount_point, check_exit=False)
        if mounted.returncode != 0:
            raise Skip(f'no loop devices here: {mounted.stderr.decode().strip()}')
        try:
            yield mount_point
        finally:
            # The kernel ends the io_uring of a killed broker, which holds its files, a moment after the process.
            wait_for(lambda: run('umount', mount_point, check_exit=False).returncode == 0, 20, 'umount')


class Node(contextlib.AbstractContextManager):
    """A coordinator and a broker in a folder of their own, on ports that nobody else uses."""

    def __init__(self, settings=None, folder=None, data=None):
        self.own_folder = folder is None
        self.folder = Path(folder or tempfile.mkdtemp(prefix='penstock-test-'))
        self.data = Path(data or self.folder / 'broker')
        self.settings = {**SMALL, **(settings or {})}
        self.overrides = {}   # of what is chosen here
        self.coordinator_settings = {}
        self.host = '127.0.0.1'
        self.programs = {'broker': BROKER, 'coordinator': COORDINATOR}
        self.within, self.coordinator_within = [], []   # commands that run the programs elsewhere
        self.coordinator_address = f'{self.host}:{free_port()}'
        self.address = f'{self.host}:{free_port()}'
        self.coordinator = None
        self.broker = None
        self.others = []   # brokers beside it

    def __enter__(self):
        try:
            self.start_coordinator()
            self.start_broker()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *_):
        for process in (*self.others, self.broker, self.coordinator):
            if process is not None:
                process.kill()
        if self.own_folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def host_port(self):
        host, port = self.address.rsplit(':', 1)
        return host, int(port)

    @property
    def native_address(self):
        """Where shard 0 takes datagrams, as the broker says."""
        found = re.findall(r'taking datagrams at (\S+): ports (\d+)', (self.folder / 'broker.log').read_text())
        if not found:
            raise Failure('the broker does not say where it takes datagrams')
        return ':'.join(found[-1])

    def start_coordinator(self):
        if not COORDINATOR.exists():
            raise Failure(f'{COORDINATOR} is not built')
        values = {'listen': self.coordinator_address, 'session_timeout_ms': '10s',
                  'data.directory': f'{self.folder}/coordinator', **self.coordinator_settings}
        command = [*self.coordinator_within, self.programs['coordinator'], *settings_arguments(values)]
        self.coordinator = Process(command, self.folder / 'coordinator.log')

    def start_broker(self, ready=True):
        values = {**self.settings, 'coordinator.address': self.coordinator_address, 'kafka.listen': self.address,
                  'native.listen': f'{self.host}:0', 'data.directory': self.data, **self.overrides}
        self.broker = Process([*self.within, self.programs['broker'], *settings_arguments(values)],
                              self.folder / 'broker.log')
        if ready:
            self.wait_until_ready()

    def add_broker(self, node_id, settings=None):
        """Another broker of the cluster, on a port of its own; ends with the node."""
        address = f'127.0.0.1:{free_port()}'
        values = {**self.settings, 'coordinator.address': self.coordinator_address, 'node.id': node_id,
                  'kafka.listen': address, 'kafka.advertised': address, 'native.listen': '127.0.0.1:0',
                  'data.directory': self.folder / f'broker-{node_id}', **(settings or {})}
        self.others.append(Process([BROKER, *settings_arguments(values)], self.folder / f'broker-{node_id}.log'))
        return self.others[-1]

    def wait_until_ready(self, seconds=30):
        def ready():
            for process in (self.broker, self.coordinator):
                code = process.child.returncode
                check(process.is_running(), f'pid {process.pid} ended with {code}; {process.tail()}')
            return self.cli('cluster', 'status', check_exit=False).returncode == 0
        try:
            wait_for(ready, seconds, 'cluster status')
        except Failure as failure:
            raise Failure(f'{failure}; the broker: {self.broker.tail()}') from None

    def kill_broker(self):
        self.broker.kill()

    def restart_broker(self):
        self.broker.kill()
        self.start_broker()

    def cli(self, *arguments, check_exit=True, **run):
        words = [str(argument) for argument in arguments]
        done = subprocess.run([PENSTOCK, '--bootstrap', self.address, *words], capture_output=True, text=True,
                              timeout=120, check=False, **run)
        if check_exit and done.returncode != 0:
            raise Failure(f'penstock {" ".join(words)}: exit code {done.returncode}: {done.stderr.strip()}')
        return done

    def start_cli(self, *arguments):
        """What it writes must fit into a pipe."""
        return subprocess.Popen([PENSTOCK, '--bootstrap', self.address, *map(str, arguments)], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    def create_topic(self, name, partitions=1, **configs):
        extra = [word for key, value in configs.items() for word in ('--config', f'{key.replace("_", ".")}={value}')]
        self.cli('topic', 'create', name, '--partitions', partitions, *extra)

    def load(self, mode, topic, check_exit=True, timeout=300, **options):
        """Runs the librdkafka program to its end; returns what it printed."""
        process = self.start_load(mode, topic, **options)
        return finish_load(process, check_exit, timeout)

    def start_load(self, mode, topic, config=(), **options):
        words = [word for key, value in options.items() for word in ('--' + key.replace('_', '-'), str(value))]
        words += [word for pair in config for word in ('--config', pair)]
        return start_load([LOAD, mode, self.address, topic, *words])

    def kill_under(self, load, kills):
        """Kills the broker again and again while `load` sends to it; then ends the load, and returns what it says."""
        kills = int(os.environ.get('PENSTOCK_TEST_KILLS', kills))
        seed = int(os.environ.get('PENSTOCK_TEST_SEED', '0')) or random.randrange(1, 1 << 30)
        print(f'# {kills} kills, PENSTOCK_TEST_SEED={seed}')
        chance = random.Random(seed)
        try:
            for kill in range(kills):
                time.sleep(chance.uniform(0.05, 0.9))
                check(load.poll() is None, f'the load ended before kill {kill + 1}')
                self.restart_broker()
        finally:
            load.send_signal(signal.SIGTERM)
        sent = finish_load(load, check_exit=False, timeout=120)
        print(f'# {sent}')
        self.restart_broker()
        return sent

    def check_all_once(self, topic, sent, **options):
        """Record N is at offset N / partitions of partition N % partitions, and nothing else anywhere."""
        check(sent['produced'] > 0, 'nothing was produced')
        check_equal(sent['acked'], sent['produced'], f'acknowledged records ({sent["error"]})')
        got = self.load('verify', topic, records=sent['produced'], check_exit=False, **options)
        print(f'# {got}')
        check_equal(got['wanted'], sent['produced'], 'records in the log')
        check_equal(got['read'], got['wanted'], 'records read')
        check_equal(got['damaged'] + got['disordered'], 0, 'damaged or disordered records')


def start_load(command):
    # What it says goes to a file: librdkafka logs every lost connection, and would stand still on a full pipe.
    said = tempfile.TemporaryFile('w+')
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, text=True)
    process.said = said
    return process


def finish_load(process, check_exit=True, timeout=300):
    try:
        out = process.communicate(timeout=timeout)[0]
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise Failure(f'the load did not end within {timeout} s') from None
    with process.said as said:
        said.seek(0)
        err = said.read()
    if process.returncode != 0 and check_exit or not out.strip():
        raise Failure(f'the load ended with {process.returncode}: {out.strip()} {err.strip()[-1000:]}')
    return json.loads(out)


def run(*command, check_exit=True, timeout=120, **options):
    """A program of the system; its output as bytes."""
    done = subprocess.run([str(c) for c in command], capture_output=True, timeout=timeout, check=False, **options)
    if check_exit and done.returncode != 0:
        raise Failure(f'{" ".join(map(str, command))}: exit code {done.returncode}: {done.stderr.decode()[-500:]}')
    return done


def need(program):
    if shutil.which(program) is None:
        raise Skip(f'{program} is not installed')
