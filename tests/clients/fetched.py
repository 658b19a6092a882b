"""Clients and tools of other makers: where they come from, and how they are started. Each is fetched once from its own
registry into build/clients; where that fails, the case is skipped with what the package manager said."""
import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'system'))
from harness import BUILD, Skip  # noqa: E402

KEPT = BUILD.resolve() / 'clients'
CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd']


@dataclass
class Client:
    name: str
    command: list
    environment: dict = field(default_factory=dict)
    codecs: list = field(default_factory=lambda: CODECS)
    idempotent: bool = True


_failed = {}  # commands that failed, and how


def fetch(*command, cwd=None, environment=None):
    """Runs a package manager; a failure is a skip with what it said last, and it is not tried again."""
    if command not in _failed:
        _failed[command] = try_to_fetch(command, cwd, environment)
    if _failed[command]:
        raise Skip(_failed[command])


def try_to_fetch(command, cwd, environment):
    """Returns what went wrong, if anything."""
    if shutil.which(command[0]) is None:
        return f'{command[0]} is not on this machine'
    try:
        done = subprocess.run(command, cwd=cwd, env={**os.environ, **(environment or {})}, capture_output=True,
                              text=True, timeout=300, check=False)
    except subprocess.TimeoutExpired:
        return f'{command[0]} {command[1]} took more than 300 s'
    if done.returncode == 0:
        return None
    said = (done.stderr.strip() or done.stdout.strip()).split('\n')
    return f'{" ".join(map(str, command[:3]))}: {said[-1]}'


def python_client(script, *packages):
    folder = KEPT / 'python' / script
    if not folder.exists():
        fetch(sys.executable, '-m', 'pip', 'install', '--quiet', '--target', f'{folder}.part', *packages)
        Path(f'{folder}.part').rename(folder)
    return Client(script, [sys.executable, HERE / 'python' / f'{script}.py'], {'PYTHONPATH': str(folder)})


def node_client():
    folder = KEPT / 'node'
    if not (folder / 'node_modules' / 'kafkajs').exists():
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(HERE / 'node' / 'package.json', folder)
        fetch('npm', 'install', '--no-audit', '--no-fund', '--loglevel=error', cwd=folder)
    if shutil.which('node') is None:
        raise Skip('node is not on this machine')
    return Client('kafkajs', ['node', HERE / 'node' / 'kafkajs.js'], {'NODE_PATH': str(folder / 'node_modules')},
                  codecs=['none', 'gzip', 'snappy', 'lz4'])


def go_client(name):
    folder = KEPT / 'go'
    program = folder / 'bin' / name
    if not program.exists():
        shutil.copytree(HERE / 'go', folder, dirs_exist_ok=True)
        fetch('go', 'mod', 'tidy', cwd=folder, environment={'GOFLAGS': '-mod=mod'})
        fetch('go', 'build', '-o', program, f'./{name}', cwd=folder, environment={'GOFLAGS': '-mod=mod'})
    return Client(name, [program])


def java_command(version):
    """How the JVM is started with Kafka's jars of this version and our programs on its class path."""
    sources = sorted((HERE / 'java').iterdir())
    digest = hashlib.sha256(b''.join(source.read_bytes() for source in sources)).hexdigest()[:8]
    folder = KEPT / 'java' / f'{version}-{digest}'
    if not folder.exists():
        if shutil.which('javac') is None:
            raise Skip('javac is not on this machine')
        part = Path(f'{folder}.part')
        part.mkdir(parents=True, exist_ok=True)
        (part / 'pom.xml').write_text((HERE / 'java' / 'pom.xml').read_text().replace('VERSION', version))
        fetch('mvn', '--batch-mode', '--quiet', 'dependency:copy-dependencies', f'-DoutputDirectory={part}/jars',
              cwd=part)
        fetch('javac', '-cp', f'{part}/jars/*', '-d', part, *[s for s in sources if s.suffix == '.java'])
        part.rename(folder)
    # Quick to start, as the stock scripts have it.
    return ['java', '-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp', f'{folder}/jars/*:{folder}']


def java_client(version):
    return Client(f'java {version}', [*java_command(version), 'Client'])
