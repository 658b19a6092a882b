#!/usr/bin/env python3
"""Builds and runs the tests: plain, with ASan and UBSan, and with TSan. tools/test installs what it needs first."""
import argparse
import itertools
import json
import os
import subprocess
import sys
import time
import xml.etree.ElementTree as xml
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REASON_LINES_MAX = 15   # of what a failed test said, at the end: all of it stands further up, where it failed
PLAIN_SUITES = ['tidy', 'unit', 'cli', 'scenario', 'scenario_native', 'driver', 'sim', 'fuzz', 'bench', 'system', 'net',
                'clients', 'dedicated']

# The sanitizers' builds hold only what their suites need: not the command line, which costs as much to compile as the
# broker, nor the second road of conversations that they have on the first. Warnings are the plain build's business:
# instrumented code has other, false ones. What is found ends the program: without a way back the compilers need a third
# less time, and with -Og half as much as with -O1.
SANITIZED = ['-Doptimization=g', '-Ddebug=true', '-Dcpp_args=-g1 -fno-sanitize-recover=all', '-Db_lundef=false',
             '-Dwerror=false']


@dataclass
class Build:
    name: str
    folder: str
    options: list
    suites: list
    environment: dict = field(default_factory=dict)
    patience: int = 2   # what the limits of tests, made for a machine with nothing else to do, are multiplied with


BUILDS = [
    Build('plain', 'build', [], PLAIN_SUITES),
    Build('ASan and UBSan', 'build-asan', ['-Db_sanitize=address,undefined', *SANITIZED],
          ['unit', 'scenario', 'driver', 'fuzz'],
          {'ASAN_OPTIONS': 'halt_on_error=1:abort_on_error=1:detect_stack_use_after_return=1',
           'UBSAN_OPTIONS': 'halt_on_error=1:abort_on_error=1:print_stacktrace=1'}, patience=5),
    # Only what begins threads: shards share nothing, so all the rest has no races to be found.
    Build('TSan', 'build-tsan', ['-Db_sanitize=thread', *SANITIZED], ['threads'],
          {'TSAN_OPTIONS': 'halt_on_error=1:abort_on_error=1'}, patience=5),
]


@dataclass
class Tally:
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    failures: list = field(default_factory=list)
    skips: list = field(default_factory=list)

    def add(self, name, outcome, reason=''):
        setattr(self, outcome, getattr(self, outcome) + 1)
        if outcome == 'failed':
            self.failures.append('\n    '.join([name, *reason.strip().split('\n')[-REASON_LINES_MAX:]]))
        if outcome == 'skipped':
            self.skips.append(f'{name}{": " + reason if reason else ""}')


def say(text):
    print(f'== {text}', flush=True)


def jobs():
    """As many compilers as cores, but each may want a gigabyte and a half."""
    memory = os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES')
    return max(1, min(len(os.sched_getaffinity(0)), memory // (3 << 29)))


def introspect(build, what):
    out = subprocess.run(['meson', 'introspect', f'--{what}', build.folder], cwd=ROOT, check=True, capture_output=True)
    return json.loads(out.stdout)


def tests_of(build, suites):
    wanted = {f'penstock:{suite}' for suite in suites} | set(suites)
    return [test for test in introspect(build, 'tests') if wanted & set(test['suite'])]


def compile_tests(build, tests):
    """Only what the tests run: a sanitizer build of everything would take as long again."""
    files = {target['id']: target['filename'] for target in introspect(build, 'targets')}
    outputs = [Path(f).relative_to(ROOT / build.folder) for test in tests for t in test['depends'] for f in files[t]]
    targets = sorted({str(output) for output in outputs})
    if targets:
        subprocess.run(['ninja', '-C', build.folder, f'-j{jobs()}', '--quiet', *targets], cwd=ROOT, check=True)


def reason_of(suite, case):
    """What a failed case said: the failure that GTest notes, the comments behind TAP's line, or its output."""
    failure = case.find('failure') if case.find('failure') is not None else case.find('error')
    if failure is not None and (failure.get('message') or (failure.text or '').strip()):
        return failure.get('message') or failure.text
    output = case.findtext('system-out') or suite.findtext('system-out') or ''
    lines = iter(output.split('\n'))
    if any(line == f'not ok {case.get("name")}' for line in lines):
        return '\n'.join(itertools.takewhile(lambda line: line.startswith('#'), lines))
    return output


def count_cases(build, tally):
    """From what meson wrote. A program that failed without a case that says so counts as one failed case."""
    logs = ROOT / build.folder / 'meson-logs'
    explained = []
    for suite in xml.parse(logs / 'testlog.junit.xml').getroot().iter('testsuite'):
        for case in suite.iter('testcase'):
            program = suite.get('name').removeprefix('penstock.')
            name = f'{program}: {case.get("name")} ({build.name})'
            skipped = case.find('skipped')
            if case.find('failure') is not None or case.find('error') is not None:
                tally.add(name, 'failed', reason_of(suite, case))
                # The suite of programs without cases is named for the project, theirs for program and test suite.
                explained.append(case.get('name') if program == 'penstock' else program)
            elif skipped is not None or case.get('status') == 'notrun':
                tally.add(name, 'skipped', case.findtext('system-out') or '')
            else:
                tally.add(name, 'passed')
    with open(logs / 'testlog.json', encoding='utf-8') as lines:
        results = [json.loads(line) for line in lines]
    for result in results:
        fine = result['result'] in ('OK', 'SKIP', 'EXPECTEDFAIL')
        name = result['name']
        if not fine and not any(e == name or e.startswith(f'{name}.') for e in explained):
            said = result.get('stdout', '') + result.get('stderr', '')
            tally.add(f'{name}: {result["result"].lower()} ({build.name})', 'failed', said)


def run(build, suites, tally):
    started = time.monotonic()
    if not (ROOT / build.folder / 'build.ninja').exists():
        say(f'{build.name}: configuring {build.folder}')
        subprocess.run(['meson', 'setup', build.folder, *build.options], cwd=ROOT, check=True,
                       stdout=subprocess.DEVNULL)
    # Reconfigures where a meson.build changed, so that what is introspected is true.
    subprocess.run(['ninja', '-C', build.folder, '--quiet', 'build.ninja'], cwd=ROOT, check=True,
                   stdout=subprocess.DEVNULL)
    tests = tests_of(build, suites)
    if not tests:
        return
    say(f'{build.name}: compiling {len(tests)} test programs with {jobs()} jobs')
    compile_tests(build, tests)
    say(f'{build.name}: compiled after {time.monotonic() - started:.0f} s, running')
    for stale in (ROOT / build.folder).glob('*.xml'):
        stale.unlink()
    present = {suite.split(':')[-1] for test in tests for suite in test['suite']}
    arguments = [word for suite in suites if suite in present for word in ('--suite', suite)]
    subprocess.run(['meson', 'test', '-C', build.folder, '--no-rebuild', '--print-errorlogs',
                    '--timeout-multiplier', str(build.patience), *arguments], cwd=ROOT,
                   env={**os.environ, **build.environment}, check=False)
    count_cases(build, tally)
    say(f'{build.name}: done after {time.monotonic() - started:.0f} s')


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--suite', action='append', choices=PLAIN_SUITES, help='only this suite, of the plain build')
    parser.add_argument('--kills', type=int, help='rounds of kill -9 in the system tests')
    options = parser.parse_args()
    if options.kills:
        os.environ['PENSTOCK_TEST_KILLS'] = str(options.kills)

    tally = Tally()
    for build in BUILDS[:1] if options.suite else BUILDS:
        try:
            run(build, options.suite or build.suites, tally)
        except subprocess.CalledProcessError as error:
            tally.add(f'{build.name}: `{" ".join(map(str, error.cmd[:5]))}` failed', 'failed')
    for skip in tally.skips:
        print(f'skipped: {skip}')
    for failure in tally.failures:
        print(f'FAILED: {failure}')
    print(f'{tally.passed} passed, {tally.failed} failed, {tally.skipped} skipped')
    return 1 if tally.failed or not tally.passed else 0


if __name__ == '__main__':
    sys.exit(main())
