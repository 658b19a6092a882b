#!/usr/bin/env python3
"""The C client SDK as its users have it: an installed tree, pkg-config, the examples, on both roads, beside kcat."""
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from harness import BUILD, Failure, Node, case, check, check_equal, need, run, run_cases, wait_for

ROOT = Path(__file__).resolve().parent.parent.parent
EXAMPLES = ROOT / 'src/sdk/examples'
SDK_LOAD = BUILD / 'tests/system/sdk_load'
NAMES = ['produce', 'consume', 'group', 'admin', 'port']
STRICT = ['-Wall', '-Wextra', '-Wpedantic', '-Werror']


class Installed:
    """`meson install` into a folder of its own; programs are built against it with pkg-config alone."""

    def __init__(self):
        self.root = Path(tempfile.mkdtemp(prefix='penstock-sdk-'))
        run('meson', 'install', '--no-rebuild', '--quiet', '-C', BUILD, '--destdir', self.root)
        found = list(self.root.rglob('penstock.pc'))
        check_equal(len(found), 1, 'penstock.pc files installed')
        self.environment = {**os.environ, 'PKG_CONFIG_SYSROOT_DIR': str(self.root),
                            'PKG_CONFIG_PATH': str(found[0].parent)}
        # The system's own packages are where they always are.
        self.libraries = found[0].parent.parent
        self.run_environment = {**os.environ, 'LD_LIBRARY_PATH': str(self.libraries)}

    def flags(self, *options):
        out = run('pkg-config', *options, 'penstock', env=self.environment).stdout.decode()
        # A sysroot is put before every path; the libraries that penstock needs in turn lie outside of it.
        return [word for word in shlex.split(out) if str(self.root) in word or not word.startswith(('-I/', '-L/'))]

    def build(self, name, *compiler, static=False):
        out = self.root / f'{name}-{compiler[0]}{"-static" if static else ""}'
        flags = self.flags('--cflags', '--libs', *(['--static'] if static else []))
        if static:
            folders = [flag for flag in flags if flag.startswith(('-I', '-L'))]
            others = [flag for flag in flags if flag not in folders and flag != '-lpenstock']
            flags = [*folders, '-Wl,-Bstatic', '-lpenstock', '-Wl,-Bdynamic', *others]
        run(*compiler, *STRICT, EXAMPLES / f'{name}.c', '-o', out, *flags)
        return out

    def start(self, name, *arguments, **options):
        program = self.root / f'{name}-cc'
        if not program.exists():
            self.build(name, 'cc', '-std=c11')
        return subprocess.Popen([str(program), *map(str, arguments)], env=self.run_environment,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)

    def run(self, name, *arguments, input=b'', check_exit=True):
        process = self.start(name, *arguments, stdin=subprocess.PIPE)
        out, err = process.communicate(input, timeout=120)
        if check_exit and process.returncode != 0:
            raise Failure(f'{name} {" ".join(map(str, arguments))}: exit code {process.returncode}: {err.decode()}')
        return out.decode(), err.decode(), process.returncode

    def remove(self):
        shutil.rmtree(self.root, ignore_errors=True)


class Tree:
    """One installation for all cases."""
    installed = None


def installed():
    if Tree.installed is None:
        Tree.installed = Installed()
    return Tree.installed


def roads(node):
    return [f'udp://{node.native_address}', f'tcp://{node.address}']


@case
def examples_compile():
    """Every example compiles with pkg-config alone, as C11 and as C++, strictly, and against the static library."""
    tree = installed()
    for name in NAMES:
        tree.build(name, 'cc', '-std=c11')
        tree.build(name, 'c++', '-x', 'c++', '-std=c++11')
    program = tree.build('produce', 'cc', '-std=c11', static=True)
    needed = run('readelf', '-d', program).stdout.decode()
    check('libpenstock' not in needed, 'the static program needs no libpenstock.so')


@case
def only_its_own_symbols():
    """The shared library shows the functions of penstock.h and nothing else."""
    library = installed().libraries / 'libpenstock.so'
    shown = {line.split()[-1] for line in run('nm', '-D', '--defined-only', library).stdout.decode().splitlines()}
    declared = set(re.findall(r'\b(penstock_\w+)\(', (ROOT / 'src/client/penstock.h').read_text()))
    check_equal(sorted(shown - {'penstock_'}), sorted(declared), 'symbols')


@case
def examples_run_beside_kcat():
    """produce and consume on both roads and kcat work on the same partitions."""
    need('kcat')
    with Node() as node:
        node.create_topic('games', 3)
        expected = []
        for road in roads(node):
            lines = [f'key-{i % 7}\t{road[:3]}-{i}' for i in range(2000)]
            out, _, _ = installed().run('produce', road, 'games', input='\n'.join(lines).encode() + b'\n')
            check_equal(out.strip(), '2000 delivered, 0 failed', f'what produce says over {road}')
            expected += lines
        run('kcat', '-b', node.address, '-P', '-t', 'games', '-K', '\t', '-X', 'partitioner=murmur2_random',
            input='\n'.join(f'key-{i % 7}\tkcat-{i}' for i in range(2000)).encode() + b'\n')
        expected += [f'key-{i % 7}\tkcat-{i}' for i in range(2000)]
        kcat = run('kcat', '-b', node.address, '-C', '-t', 'games', '-e', '-q', '-f', '%p %o %k %s\n').stdout.decode()
        check_equal(sorted(' '.join(line.split()[2:]) for line in kcat.splitlines()),
                    sorted(line.replace('\t', ' ') for line in expected), 'what kcat reads')
        for road in roads(node):
            out, _, _ = installed().run('consume', road, 'games', 3, 6000)
            check_equal(sorted(out.splitlines()), sorted(kcat.splitlines()), f'what consume reads over {road}')
        keys = {}
        for line in kcat.splitlines():
            partition, _, key, _ = line.split()
            keys.setdefault(key, set()).add(partition)
        check(all(len(partitions) == 1 for partitions in keys.values()), f'one partition for each key, not {keys}')


@case
def group_example_shares():
    """Two members of a group on different roads share the partitions, and leave when they are told."""
    with Node() as node:
        node.create_topic('games', 4)
        first, second = (installed().start('group', road, 'g', 'games', 10**9) for road in roads(node))
        try:
            wait_for(lambda: '2 members' in admin_groups(node), 30, 'two members')
            lines = '\n'.join(f'value-{i}' for i in range(4000)).encode() + b'\n'
            installed().run('produce', roads(node)[0], 'games', input=lines)
            wait_for(lambda: committed(node) == 4000, 30, 'all 4,000 records to be committed')
        finally:
            outputs = []
            for process in (first, second):
                process.send_signal(signal.SIGTERM)
                outputs.append(process.communicate(timeout=30)[0].decode())
        counts = [int(out.splitlines()[-1].split()[0]) for out in outputs]
        check_equal(sum(counts), 4000, f'records seen by both: {outputs}')
        check(all('assigned: 2 partitions' in out for out in outputs), f'two partitions each: {outputs}')
        check_equal((first.returncode, second.returncode), (0, 0), 'exit codes')


def admin_groups(node):
    out, _, _ = installed().run('admin', roads(node)[0], 'passing', check_exit=False)
    return out


def committed(node):
    return sum(int(count) for count in re.findall(r'^    games \d+: (\d+)$', admin_groups(node), re.M))


@case
def admin_example():
    """A topic's life through the admin functions, on both roads."""
    with Node() as node:
        node.create_topic('other', 2)
        for road in roads(node):
            out, _, _ = installed().run('admin', road, 'mine')
            for line in ('create: done', '  retention.ms=86400000', '  retention.ms=3600000',
                         '  retention.ms=604800000', '  mine: 4 partitions', '  other: 2 partitions', 'delete: done'):
                check(line in out.splitlines(), f'"{line}" in {out}')
        out, _, code = installed().run('admin', roads(node)[0], 'other', check_exit=False)
        check(code == 1 and 'create: TOPIC_ALREADY_EXISTS' in out, f'a topic that exists is refused: {out}')


@case
def a_broker_that_dies_costs_nothing():
    """produce goes on over kill -9 and start of the broker, on both roads: every line once, in order."""
    with Node() as node:
        node.create_topic('games', 1)
        address = node.native_address
        node.overrides['native.listen'] = address
        for number, road in enumerate(roads(node)):
            process = installed().start('produce', road, 'games', stdin=subprocess.PIPE)
            for burst in range(3):
                lines = ''.join(f'{number}-{i}\n' for i in range(burst * 20000, (burst + 1) * 20000))
                process.stdin.write(lines.encode())
                process.stdin.flush()
                node.restart_broker()
            out, err = process.communicate(timeout=120)
            check_equal((process.returncode, out.decode().strip()), (0, '60000 delivered, 0 failed'), err.decode())
        out, _, _ = installed().run('consume', roads(node)[0], 'games', 1, 120000)
        values = [line.split()[-1] for line in out.splitlines()]
        check_equal(values, [f'{number}-{i}' for number in range(2) for i in range(60000)], 'what is in the log')


@case
def nonsense_is_refused():
    """Addresses that make no sense, and brokers that are not there, end in a sentence and an exit code."""
    tree = installed()
    # Of these roads the last one needs a port, which the example does not have.
    for address in ('http://x', 'udp://', 'udp://:1', 'udp://h:0', 'udp://h:99999', 'udp://::1', 'tcp://[::1', ',',
                    'dpdk://h'):
        _, err, code = tree.run('produce', address, 't', check_exit=False)
        check(code == 1 and 'makes no sense' in err, f'{address}: {code} {err}')
    for road in ('udp', 'tcp'):
        _, err, code = tree.run('admin', f'{road}://127.0.0.1:9', 't', check_exit=False)
        check(code == 1, f'{road}: exit code {code} for a broker that is not there')


@case
def under_valgrind():
    """The examples run on both roads without an error of memory, and without a leak."""
    need('valgrind')
    tree = installed()
    for name in NAMES:
        if not (tree.root / f'{name}-cc').exists():
            tree.build(name, 'cc', '-std=c11')
    command = ['valgrind', '--quiet', '--error-exitcode=99', '--leak-check=full', '--show-leak-kinds=definite,indirect']
    with Node() as node:
        node.create_topic('games', 2)
        lines = ''.join(f'key-{i % 7}\tvalue-{i}\n' for i in range(2000)).encode()
        for number, road in enumerate(roads(node)):
            run(*command, tree.root / 'produce-cc', road, 'games', input=lines, env=tree.run_environment)
            out = run(*command, tree.root / 'consume-cc', road, 'games', 2, 2000 * (number + 1),
                      env=tree.run_environment).stdout
            check_equal(len(out.splitlines()), 2000 * (number + 1), f'records read over {road}')
            run(*command, tree.root / 'group-cc', road, f'g-{number}', 'games', 2000 * (number + 1),
                env=tree.run_environment)
            run(*command, tree.root / 'admin-cc', road, 'mine', env=tree.run_environment)


@case
def command_line_on_both_roads():
    """penstock produce and consume work over datagrams, alone and in a group, on what kcat sees as well."""
    need('kcat')
    with Node() as node:
        node.create_topic('t', 2)
        via = f'udp://{node.native_address}'
        for road in 'tcp', via:
            node.cli('produce', 't', '--via', road, '--key-separator', '|', '--timeout', '10s',
                     input=''.join(f'key-{i}|{road[:3]}-{i}\n' for i in range(500)))
        run('kcat', '-b', node.address, '-P', '-t', 't', input=b'from kcat\n')
        expected = sorted([f'{road}-{i}' for road in ('tcp', 'udp') for i in range(500)] + ['from kcat'])
        for options in ['--from-beginning'], ['--group', 'g', '--from-beginning']:
            for road in 'tcp', via:
                out = node.cli('consume', 't', '--via', road, '--exit-at-end', *options).stdout
                check_equal(sorted(out.splitlines()), expected, f'what consume {options} reads over {road}')
                if '--group' in options:
                    expected = []   # the group has come to the end
        refused = node.cli('produce', 't', '--via', 'carrier-pigeon', check_exit=False)
        check('is not tcp, udp or udp://HOST:PORT' in refused.stderr, f'a refusal that helps, not {refused.stderr}')
        check_equal(refused.returncode, 2, 'exit code of a refusal')


@case
def command_line_members_share():
    """Members of a group that penstock consume makes share the partitions; who stays goes on with all of them."""
    with Node({'groups.initial_rebalance_delay_ms': '100ms'}) as node:
        node.create_topic('t', 4)

        def produce(name):
            values = [f'{name}-{i}' for i in range(400)]
            node.cli('produce', 't', '--key-separator', '|', input=''.join(f'{v}|{v}\n' for v in values))
            wait_for(lambda: lag() == 0, 30, f'{name} to be committed')
            return values

        def lag():
            lags = [row['lag'] for row in described()['partitions']]
            return sum(lags) if len(lags) == 4 and None not in lags else None

        def members():
            return len(described()['members'])

        def described():
            said = node.cli('group', 'describe', 'g', '--json', check_exit=False)   # there may be no group yet
            return json.loads(said.stdout)[0] if said.returncode == 0 else {'members': [], 'partitions': []}

        processes = [node.start_cli('consume', 't', '--group', 'g', '--from-beginning', '--via', via)
                     for via in ('tcp', f'udp://{node.native_address}')]
        seen = []
        try:
            wait_for(lambda: members() == 2, 30, 'two members')
            shared = produce('shared')
            processes[1].send_signal(signal.SIGINT)
            seen.append(processes[1].communicate(timeout=30)[0].split())
            wait_for(lambda: members() == 1, 30, 'one member')
            alone = produce('alone')
            processes[0].send_signal(signal.SIGINT)
            seen.append(processes[0].communicate(timeout=30)[0].split())
        finally:
            for process in processes:
                process.kill()
        check_equal(sorted(seen[0] + seen[1]), sorted(shared + alone), 'records seen, each once')
        check(0 < len(seen[0]) < len(shared), f'a share of {len(shared)} for who left, not {len(seen[0])}')
        check(set(alone) <= set(seen[1]), 'all that came later for who stayed')


def load(mode, road, *arguments, **options):
    return json.loads(run(SDK_LOAD, mode, road, 't', *arguments, **options).stdout)


@case
def loads_of_the_bench():
    """The bench's loads see every record again, also when they poll without ever waiting."""
    with Node() as node:
        node.create_topic('t', 3)
        records = 0
        for road in roads(node):
            check_equal(load('produce', road, '--records', 20000, '--partitions', 3, '--acks', 1)['acked'], 20000,
                        f'records acknowledged over {road}')
            for spin in 0, 1:
                said = load('ping', road, '--records', 500, '--partitions', 3, '--spin', spin)
                check_equal(said['failed'], 0, f'records refused over {road}')
            records += 20000 + 2 * (500 + 60)
        for road in roads(node):
            # Several loads in a row number their records alike, so it says that they are not 0 to n - 1.
            said = load('consume', road, '--records', records, '--partitions', 3, check_exit=False)
            check_equal(said['read'], records, f'records read over {road}')


@case
def clean_under_valgrind():
    """The library touches no memory that is not its own, and gives back what it took."""
    need('valgrind')
    valgrind = ['valgrind', '--quiet', '--error-exitcode=99', '--leak-check=full', '--errors-for-leak-kinds=definite']
    with Node() as node:
        for number, road in enumerate(roads(node)):
            node.create_topic(f't{number}', 2)
            for mode, *arguments in (['produce', '--records', 5000], ['ping', '--records', 100],
                                     ['consume', '--records', 5000 + 100 + 20]):
                done = run(*valgrind, SDK_LOAD, mode, road, f't{number}', '--partitions', 2, *arguments,
                           check_exit=False)
                check(done.returncode != 99, f'{mode} over {road}: {done.stderr.decode()[-2000:]}')
                said = json.loads(done.stdout)
                check_equal(said.get('failed', 0), 0, f'records refused by {mode} over {road}')


if __name__ == '__main__':
    try:
        run_cases()
    finally:
        if Tree.installed is not None:
            Tree.installed.remove()
