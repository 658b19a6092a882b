"""tools/cluster: a local cluster of three brokers is started, hurt, mended and stopped; its operator's commands."""
import json
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from harness import BUILD, PENSTOCK, ROOT, Skip, Failure, case, check, check_equal, free_port, run_cases, wait_for

TOOL = ROOT / 'tools/cluster'
JAR = Path('/usr/share/java/zookeeper.jar')


def free_base():
    """A port whose neighbours, which the tool uses as well, are free, too: likely enough, since few are in use."""
    return free_port()


class LocalCluster:
    def __init__(self, *options):
        self.folder = Path(tempfile.mkdtemp(prefix='penstock-cluster-'))
        self.port = free_base()
        self.options = options

    def __enter__(self):
        try:
            self.tool('start', '--port', self.port, *self.options)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *_):
        # Whatever a case left: what runs under the pids of the folder is ours.
        for path in self.folder.glob('*.pid'):
            name, pid = path.stem, int(path.read_text())
            program = os.path.basename(os.readlink(f'/proc/{pid}/exe')) if Path(f'/proc/{pid}/exe').exists() else ''
            if program.startswith('penstock-') or (name == 'zookeeper' and program == 'java'):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)

    def tool(self, *words, code=0, timeout=120):
        done = subprocess.run([str(w) for w in (TOOL, *words, '--folder', self.folder)], capture_output=True, text=True,
                              timeout=timeout, check=False, env={**os.environ, 'PENSTOCK_BUILD': str(BUILD)})
        if code is not None and done.returncode != code:
            raise Failure(f'cluster {words}: exit code {done.returncode}: {done.stdout[-800:]} {done.stderr[-800:]}')
        return done

    def address(self, broker):
        return f'127.0.0.1:{self.port + broker - 1}'

    def cli(self, *words, broker=1, code=0):
        done = subprocess.run([str(w) for w in (PENSTOCK, '--bootstrap', self.address(broker), *words)],
                              capture_output=True, text=True, timeout=120, check=False)
        if code is not None and done.returncode != code:
            raise Failure(f'penstock {words}: exit code {done.returncode}: {done.stdout[-800:]} {done.stderr[-800:]}')
        return done

    def brokers(self, asked=1):
        return {b['id']: b for b in json.loads(self.cli('broker', 'list', '--json', broker=asked).stdout)}

    def partitions(self, topic, asked=1):
        return json.loads(self.cli('topic', 'describe', topic, '--json', broker=asked).stdout)[0]['partitions']

    def pid(self, name):
        return int((self.folder / f'{name}.pid').read_text())

    def log(self, name):
        return (self.folder / f'{name}.log').read_text()


@case
def the_life_of_a_local_cluster():
    """start, kill, status, restart and stop of a cluster of three brokers; its data is there again."""
    with LocalCluster() as cluster:
        check_equal({i: (b['alive'], b['rack']) for i, b in cluster.brokers().items()},
                    {1: (True, 'rack-1'), 2: (True, 'rack-2'), 3: (True, 'rack-3')}, 'brokers after the start')
        check_equal(cluster.tool('status').stdout.count(' runs (pid '), 4, 'processes that run')
        cluster.cli('topic', 'create', 'games', '--assignment', '1,2,3')
        first = cluster.pid('broker-2')
        check('already runs' in cluster.tool('start').stdout, 'start leaves alone what runs')
        check_equal(cluster.pid('broker-2'), first, "broker 2's process")

        check('killed broker-2' in cluster.tool('kill', '2').stdout, 'kill says so')
        wait_for(lambda: not cluster.brokers()[2]['alive'], 20, 'broker 2 to be fenced')
        status = cluster.tool('status', code=2).stdout
        check('broker-2 does not run' in status and 'broker 2 is fenced' in status, f'the status: {status}')
        check('games:1' in status or 'games/1 has no leader' in status, f'the offline partition in: {status}')
        cluster.tool('kill', '2', code=1)
        cluster.tool('kill', '9', code=1)

        cluster.tool('restart', '2')
        check(cluster.brokers()[2]['alive'], 'broker 2 is back')
        wait_for(lambda: cluster.tool('status', code=None).returncode == 0, 20, 'health')

        cluster.tool('stop')
        for name in ('broker-1', 'broker-2', 'broker-3', 'coordinator-1'):
            check(not (cluster.folder / f'{name}.pid').exists(), f'{name} is gone')
            check('stopped' in cluster.log(name).strip().split('\n')[-1], f'{name} stopped cleanly')
        cluster.tool('start')
        check_equal(len(cluster.partitions('games')), 3, 'partitions after a stop and a start')
        check('last stop clean' in cluster.log('broker-1'), 'the stop was clean')


@case
def brokers_are_told_apart():
    """What makes no sense is refused with a word on what would."""
    with LocalCluster() as cluster:
        for words, said in ((('start', '0'), 'number of brokers'), (('restart', '7'), 'there are 1 to 3'),
                            (('start', '--coordinator', 'etcd'), 'sqlite or zookeeper'),
                            (('start', '--coordinator', 'zookeeper'), 'keeps its state in sqlite'),
                            (('start', '--port', cluster.port + 1), 'has port'),
                            (('start', '--prot', '1'), 'no option')):
            refused = cluster.tool(*words, code=1)
            check(said in refused.stderr, f'{words}: "{said}" in {refused.stderr}')
        cluster.tool('frobnicate', code=2)


@case
def leaders_and_replicas_move():
    """Reassignments and their end, elections, and a broker that says what it waits for before it stops."""
    with LocalCluster() as cluster:
        cluster.cli('topic', 'create', 'games', '--assignment', '1,1')
        check_equal(cluster.cli('partition', 'elect', 'games').stdout.splitlines()[-1], 'Elected: 0 of 2 partitions.',
                    'an election that is not needed')
        refused = cluster.cli('partition', 'reassign', 'games:0', '--replicas', '1,9', code=1)
        check('INVALID_REPLICA_ASSIGNMENT' in refused.stdout, refused.stdout)
        cluster.cli('partition', 'reassign', 'games:0', '--replicas', '1,2', broker=3)
        wait_for(lambda: 2 in cluster.partitions('games')[0]['replicas'], 10, 'the new replica on record')
        cluster.cli('partition', 'reassign', 'games', '--cancel', code=None)
        check('no broker 9' in cluster.cli('broker', 'drain', '9', code=1).stderr, 'unknown brokers are named')
        drained = cluster.cli('broker', 'drain', '3')
        check('leads nothing now' in drained.stdout, drained.stdout)

        cluster.tool('restart', '3')
        log = cluster.log('broker-3')
        check('waiting until other brokers lead' in log and 'other brokers lead everything now' in log,
              f'the broker said what it waited for: {log[-1500:]}')


@case
def a_second_signal_ends_the_wait():
    """A broker waits for a coordinator that stands still, until a second SIGTERM; it stops cleanly all the same."""
    with LocalCluster('2') as cluster:
        broker, coordinator = cluster.pid('broker-2'), cluster.pid('coordinator-1')
        os.kill(coordinator, signal.SIGSTOP)
        try:
            os.kill(broker, signal.SIGTERM)
            wait_for(lambda: 'waiting until other brokers lead' in cluster.log('broker-2'), 5, 'it waits')
            check('stopped' not in cluster.log('broker-2'), 'it waits')
            os.kill(broker, signal.SIGTERM)
            wait_for(lambda: 'stopped' in cluster.log('broker-2'), 3, 'it stops')
        finally:
            os.kill(coordinator, signal.SIGCONT)
        check('stopping on a second signal' in cluster.log('broker-2'), cluster.log('broker-2')[-800:])
        cluster.tool('restart', '2')
        check('last stop clean' in cluster.log('broker-2'), 'the stop was clean')


@case
def two_coordinators_on_zookeeper():
    """--coordinator zookeeper starts a server and two coordinators; the active one may be killed."""
    if shutil.which('java') is None or not JAR.exists():
        raise Skip("java or Debian's package zookeeper is not installed")
    with LocalCluster('2', '--coordinator', 'zookeeper') as cluster:
        check_equal(cluster.tool('status').stdout.count(' runs (pid '), 5, 'processes that run')
        active = next(n for n in (1, 2) if 'listening for brokers' in cluster.log(f'coordinator-{n}'))
        cluster.tool('kill', f'coordinator-{active}')
        wait_for(lambda: cluster.cli('topic', 'create', 'games', '--if-not-exists', code=None).returncode == 0, 60,
                 'the other coordinator to take over')
        cluster.tool('start')
        cluster.tool('stop')


run_cases()
