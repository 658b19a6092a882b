#!/usr/bin/env python3
"""Wrong arguments get a message that says what to do, and exit code 2."""
import tempfile
from pathlib import Path

from harness import BROKER, COORDINATOR, PENSTOCK, ROOT, case, check, check_equal, free_port, run, run_cases


def refused(command, *hints, code=2):
    done = run(*command, check_exit=False, timeout=30)
    said = (done.stderr + done.stdout).decode()
    check_equal(done.returncode, code, f'the exit code of {command[1:]}: {said}')
    for hint in hints:
        check(hint in said, f'{command[1:]}: no "{hint}" in: {said}')


@case
def programs():
    """Both programs refuse unknown arguments, settings and files, and guess what was meant."""
    for program in (BROKER, COORDINATOR):
        refused([program, '--confg', 'x'], 'did you mean "--config"')
        refused([program, '--set', 'log.levle=info'], 'did you mean "log.level"')
        refused([program, '--set', 'log.level=loud'], 'debug, info, warn, error')
        refused([program, '--config', '/nonexistent/x.toml'], '/nonexistent/x.toml', 'No such file')


@case
def configuration_errors():
    """A wrong key in a file is named with file and line."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'b.toml'
        path.write_text('[storage]\n\ncache_byte = "1GiB"\n')
        refused([BROKER, '--config', path, '--check'], f'{path}:3:', 'did you mean "storage.cache_bytes"')


@case
def check_accepts_what_is_shipped():
    """--check accepts every configuration in conf/."""
    for program in (BROKER, COORDINATOR):
        name = program.name.removeprefix('penstock-') + '.toml'
        for path in (ROOT / 'conf').rglob(name):
            run(program, '--config', path, '--check')


@case
def help_and_version():
    """--help and --version of all programs exit with 0 and say something."""
    for program in (BROKER, COORDINATOR, PENSTOCK):
        check(b'Examples' in run(program, '--help').stdout, f'{program}: no examples')
        check(run(program, '--version').stdout.strip(), f'{program}: no version')


@case
def unusable_data_directory():
    """A data directory that cannot be made ends the broker with a message and exit code 1."""
    refused([BROKER, '--set', 'data.directory=/proc/nowhere', '--set', 'kafka.listen=127.0.0.1:0'], '/proc/nowhere',
            code=1)


@case
def command_line_tool():
    """The CLI guesses mistyped commands and options, and says what is missing."""
    refused([PENSTOCK, 'topc', 'list'], 'topic')
    refused([PENSTOCK, 'topic', 'crate', 'x'], 'create')
    refused([PENSTOCK, 'topic', 'create'], 'create')
    refused([PENSTOCK, 'topic', 'list', '--jsn'], '--json')
    refused([PENSTOCK, 'produce', 't', '--acks', 'some'], 'acks')


@case
def nobody_listens():
    """The CLI says that it cannot reach the broker, at which address, with exit code 1."""
    address = f'127.0.0.1:{free_port()}'
    refused([PENSTOCK, '--bootstrap', address, '--timeout', '2', 'topic', 'list'], address, code=1)


run_cases()
