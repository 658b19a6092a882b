#!/usr/bin/env python3
"""`penstock doctor` on this machine, whatever it is: all sections are there, nothing is left behind, faults named."""
import json
import os
import tempfile
from pathlib import Path

from harness import PENSTOCK, Skip, case, check, check_equal, run, run_cases

SECTIONS = ['kernel', 'io_uring', 'cpu', 'clock', 'memory', 'iommu', 'network', 'disk']
LEVELS = ['ok', 'advice', 'warning', 'fault']


def doctor(*arguments):
    """The exit code and what it said."""
    done = run(PENSTOCK, 'doctor', *arguments, check_exit=False, timeout=60)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def findings(report, subject):
    return {f['check']: f for s in report['sections'] if s['subject'] == subject for f in s['findings']}


@case
def all_sections():
    """JSON has all sections, in order, each with findings; the exit code follows the worst."""
    with tempfile.TemporaryDirectory() as folder:
        code, out, err = doctor('--data', folder, '--json')
        check_equal(err, '', 'complaints')
        report = json.loads(out)
        check_equal([s['subject'] for s in report['sections']], SECTIONS, 'the sections')
        found = [f for s in report['sections'] for f in s['findings']]
        for section in report['sections']:
            check(section['findings'], f'nothing is said of {section["subject"]}')
        for finding in found:
            check(finding['level'] in LEVELS and finding['what'], f'no finding: {finding}')
            check(finding['level'] == 'ok' or finding['why'], f'no reason: {finding}')
        worst = max(LEVELS.index(f['level']) for f in found)
        check_equal(code, max(0, worst - 1), f'the exit code, the worst being {LEVELS[worst]}')
        check_equal((report['exit_code'], report['verdict']), (code, LEVELS[worst]), 'what the report says of itself')
        check_equal(os.listdir(folder), [], 'files left behind')


@case
def the_disk_is_measured():
    """Durable writes into a real directory are timed, and its text ends with a verdict."""
    with tempfile.TemporaryDirectory() as folder:
        report = json.loads(doctor('--data', folder, '--json')[1])
        disk = [s['facts'] for s in report['sections'] if s['subject'] == 'disk'][0]
        check(disk['exists'] and disk['writable'], f'not usable: {disk}')
        latency = disk['write_latency_us']
        check(latency['writes'] > 0 and 0 < latency['p50'] <= latency['p99'] <= latency['max'], f'latency: {latency}')
        check_equal(report['data_directory'], os.path.realpath(folder), 'the directory')
        code, out, _ = doctor('--data', folder)
        check(code in (0, 1, 2), f'exit code {code}')
        check(out.strip().split('\n')[-1].startswith('Verdict: '), f'no verdict: {out}')
        check_equal(os.listdir(folder), [], 'files left behind')


@case
def directories_that_cannot_serve():
    """A directory that is absent, a file, or takes no files is a fault with a clear message, and exit code 2."""
    with tempfile.TemporaryDirectory() as folder:
        absent = Path(folder) / 'a' / 'b'
        code, out, _ = doctor('--data', absent, '--json')
        fault = findings(json.loads(out), 'disk')['directory']
        check_equal((code, fault['level']), (2, 'fault'), 'an absent directory')
        check('does not exist' in fault['what'] and fault['mend'] == f'mkdir -p {absent}', f'said: {fault}')
        check(not absent.parent.exists(), 'it was made')
        file = Path(folder) / 'file'
        file.touch()
        code, out, _ = doctor('--data', file)
        check_equal(code, 2, 'a file')
        check('is not a directory' in out, out)
    for path in ('/sys', '/proc'):   # where nobody can make a file, not even root
        code, out, _ = doctor('--data', path, '--json')
        fault = findings(json.loads(out), 'disk')['directory']
        check_equal((code, fault['level']), (2, 'fault'), path)
        check(path in fault['what'], f'{path}: {fault}')


@case
def a_read_only_mount():
    """A directory that is mounted read-only is a fault that names the mount."""
    with tempfile.TemporaryDirectory() as folder:
        script = f'mount --bind {folder} {folder} && mount -o remount,bind,ro {folder} || exit 77; ' \
                 f'exec {PENSTOCK} doctor --data {folder} --json'
        done = run('unshare', '--mount', 'sh', '-c', script, check_exit=False, timeout=60)
        if not done.stdout:
            raise Skip('this needs a mount namespace, and so root')
        fault = findings(json.loads(done.stdout), 'disk')['directory']
        check_equal((done.returncode, fault['level']), (2, 'fault'), 'the exit code')
        check('read-only' in fault['what'] and fault['mend'] == f'mount -o remount,rw {folder}', f'said: {fault}')


@case
def devices():
    """A device that is there is looked at even if it is the loopback; one that is not is refused with exit code 2."""
    with tempfile.TemporaryDirectory() as folder:
        _, out, _ = doctor('--data', folder, '--device', 'lo', '--json')
        network = [s for s in json.loads(out)['sections'] if s['subject'] == 'network'][0]
        check_equal([d['name'] for d in network['facts']['devices']], ['lo'], 'the devices')
        check_equal({f['device'] for f in network['findings']}, {'lo'}, 'the devices of the findings')
        for name in ('no-such-device', 'ff:1f.7', '../lo'):
            code, out, err = doctor('--data', folder, '--device', name)
            check_equal((code, out), (2, ''), name)
            check(name in err, f'{name}: {err}')


@case
def wrong_arguments():
    """Options are guessed as with every command."""
    code, _, err = doctor('--dat', '/tmp')
    check_equal(code, 2, 'the exit code')
    check('--data' in err, err)


run_cases()
