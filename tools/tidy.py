#!/usr/bin/env python3
"""The habits of this tree as tests: prints one TAP line for each rule, and each breach as file:line with what to do.

    tools/tidy.py             all rules but the last
    tools/tidy.py --headers   whether each header compiles alone (takes a minute)
"""
import concurrent.futures
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOPS = ['src', 'drivers', 'tests', 'bench', 'conf', 'tools']
LINE_COLUMNS_MAX = 120
FILE_LINES_WARN = 700
FILE_LINES_MAX = 1000
FUNCTION_LINES_MAX = 70

# What the deterministic core must not reach for, and what to use instead. src/main, drivers and tools are the edge.
CORE_BANS = [
    (r'std::chrono|clock_gettime|gettimeofday|\btime\(nullptr\)|<ctime>|<chrono>', 'a clock: take Time as an argument'),
    (r'\brand\(|random_device|mt19937|<random>', 'ambient randomness: use a seeded base/random.h'),
    (r'std::(jthread|thread|mutex|condition_variable|async|future)\b|thread_local', 'threads: shards share nothing'),
    (r'\b(sleep|usleep|nanosleep|sleep_for|sleep_until)\(', 'sleeping: give a deadline to the shard'),
    (r'<iostream>|<fstream>|std::(cout|cerr|clog)\b|\b(std::)?printf\(|\bfopen\(|spdlog',
     'output: return it, or count it'),
    (r'<(unistd|fcntl|sys/\w+|netinet/\w+|arpa/\w+|liburing)\.h>', 'system calls: they belong into drivers'),
]
# What neither core nor drivers may use.
CODE_BANS = [
    (r'\bthrow\b', 'exceptions: return Result<T>'),
    (r'std::function\b|<functional>', 'std::function: std::move_only_function at the edge, plain types on the path'),
    (r'<regex>|<iostream>', 'a heavy header'),
    (r'\bassert\(|<cassert>', 'assert(): PENSTOCK_ASSERT is on in every build'),
    (r'#\s*if\s+0\b|\bif \(false\)', 'dead code: git keeps history'),
    (r'reinterpret_cast<(?:const )?(?:u?int(?:16|32|64)_t|float|double)\s*\*>',
     'a cast past alignment: load_be/load_le'),
]
HEADER_BANS = [(r'<(fmt|spdlog)/', 'fmt or spdlog in a header: they cost every includer seconds')]
EDGE = ('src/main/', 'src/sdk/', 'tools/', 'tests/', 'bench/')

# What a driver may use beside base and io.
DRIVER_ARROWS = {'uring': ['socket']}

# Sources without a test of their own name, each with the reason.
UNTESTED = {
    'src/base/assert.cpp': 'ends the process; fuzzers and crash tests see it work',
    'src/base/error.cpp': 'a table of names',
    'src/main/shard_thread.cpp': 'threads and rings: the system tests run them',
    'src/sdk/admin.cpp': 'C functions over client/: the system tests run them',
    'src/sdk/client.cpp': 'the same',
    'src/sdk/consumer.cpp': 'the same',
    'src/sdk/edge.cpp': 'clocks and sockets: the system tests run them',
    'src/sdk/port.cpp': 'the same',
    'src/sdk/producer.cpp': 'the same',
}


class Source:
    def __init__(self, path):
        self.path = path
        self.name = path.relative_to(ROOT).as_posix()
        self.text = path.read_text(encoding='utf-8', errors='replace')
        self.lines = self.text.split('\n')
        self._code = None

    @property
    def is_header(self):
        return self.path.suffix == '.h'

    @property
    def is_cpp(self):
        return self.path.suffix in ('.h', '.cpp', '.c')

    @property
    def code(self):
        """The lines with comments and the contents of literals blanked out."""
        if self._code is None:
            pattern = re.compile(r'//[^\n]*|/\*.*?\*/|R"([^(\s]*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"'
                                 r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'", re.S)

            def blank(match):
                found = match.group(0)
                kept = '\n' * found.count('\n')
                return ('""' if found[0] in 'R"' else "''" if found[0] == "'" else '') + kept
            # #include "x" keeps its name
            code = re.sub(pattern, lambda m: m.group(0) if self._is_include(m) else blank(m), self.text)
            self._code = code.split('\n')
        return self._code

    def _is_include(self, match):
        start = self.text.rfind('\n', 0, match.start()) + 1
        return self.text[start:match.start()].strip() == '#include'


def all_sources():
    skip = ('tests/fuzz/corpus/', 'tests/data/', 'bench/results/')
    for top in TOPS:
        for folder, folders, files in os.walk(ROOT / top):
            folders[:] = [f for f in folders if f != '__pycache__']
            for file in sorted(files):
                path = Path(folder) / file
                name = path.relative_to(ROOT).as_posix()
                if name.startswith(skip):
                    continue
                known = path.suffix in ('.h', '.cpp', '.c', '.py', '.sh', '.toml') or file == 'meson.build'
                if known or is_script(path):
                    yield Source(path)
    yield Source(ROOT / 'meson.build')


def is_script(path):
    if path.suffix:
        return False
    with open(path, 'rb') as file:
        return file.read(2) == b'#!'


def arrow_table():
    text = (ROOT / 'src/meson.build').read_text()
    body = re.search(r'arrows = \{(.*?)\n\}', text, re.S).group(1)
    return {m.group(1): re.findall(r"'(\w+)'", m.group(2)) for m in re.finditer(r"'(\w+)': \[(.*?)\]", body)}


def check_arrows(sources):
    """A folder includes only what the table in src/meson.build lets it."""
    arrows = arrow_table()
    drivers = {p.name for p in (ROOT / 'drivers').iterdir() if p.is_dir()}
    for source in sources:
        parts = source.name.split('/')
        if not source.is_cpp or parts[0] not in ('src', 'drivers') or parts[1] in ('main', 'sdk') or len(parts) < 3:
            continue
        own = parts[1]
        uses = arrows.get(own, []) if parts[0] == 'src' else ['io', *DRIVER_ARROWS.get(own, [])]
        allowed = {'base', own, *uses}
        for number, line in enumerate(source.code, 1):
            match = re.match(r'\s*#include "([^"]+)"', line)
            if not match or match.group(1) == 'limits.h':
                continue
            target = match.group(1).split('/')[0]
            if target not in arrows and target not in drivers and target != 'main':
                yield source, number, f'"{match.group(1)}": includes are rooted at src/ or drivers/'
            elif target not in allowed:
                yield source, number, f'{own} may not use {target}: see the arrow table in src/meson.build'


def check_bans(sources):
    """The core reaches for no clock, randomness, thread or output; nothing in src and drivers throws."""
    for source in sources:
        if not source.is_cpp or source.name.startswith(EDGE):
            continue
        bans = list(CODE_BANS)
        if source.name.startswith('src/') and source.name not in ('src/base/assert.cpp',):
            bans += CORE_BANS
        if source.is_header:
            bans += HEADER_BANS
        for number, line in enumerate(source.code, 1):
            for pattern, advice in bans:
                if re.search(pattern, line):
                    yield source, number, advice


def check_lines(sources):
    """Lines are at most 120 columns, without tabs or blanks at their ends; files end in a newline."""
    for source in sources:
        for number, line in enumerate(source.lines, 1):
            if len(line) > LINE_COLUMNS_MAX:
                yield source, number, f'{len(line)} columns'
            if '\t' in line:
                yield source, number, 'a tab'
            if line != line.rstrip():
                yield source, number, 'blanks at the end of the line'
        if source.text and not source.text.endswith('\n'):
            yield source, len(source.lines), 'no newline at the end of the file'


def check_promises(sources):
    """Nothing is left for later."""
    words = '|'.join(['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X', 'HA' + 'CK', 'not ' + 'implemented'])
    for source in sources:
        for number, line in enumerate(source.lines, 1):
            if re.search(rf'\b({words})\b', line):
                yield source, number, 'do it now, or file an issue'


def check_headers_open(sources):
    """A header opens with a comment that says what it is, then #pragma once."""
    for source in sources:
        if not source.is_header or source.name == 'src/client/penstock.h':   # that one is C, and goes far
            continue
        if not source.text.startswith('//'):
            yield source, 1, 'open with what it is, who uses it, what it does not do'
        # src/limits.h must be read again where the C library's header of that name is meant.
        if '\n#pragma once\n' not in source.text and source.name != 'src/limits.h':
            yield source, 1, '#pragma once is missing'


def check_file_length(sources):
    """No file grows past 1,000 lines."""
    for source in sources:
        if len(source.lines) > FILE_LINES_MAX:
            yield source, len(source.lines), f'{len(source.lines)} lines: split it by verb'
        elif len(source.lines) > FILE_LINES_WARN:
            print(f'# warning: {source.name} has {len(source.lines)} lines: think of splitting it')


def check_function_length(sources):
    """A function fits a screen: 70 lines."""
    start = re.compile(r'^( {0,4})(?!if|for|while|switch|do|else|return|namespace|class|struct|enum|union|case|#)\S.*\)'
                       r'[^;={]*(\{|= default.*\{)$')
    for source in sources:
        if not source.is_cpp or source.name.startswith('tests/'):
            continue
        opened = None
        for number, line in enumerate(source.code, 1):
            line = line.rstrip()
            if opened is None:
                match = start.match(line)
                if match:
                    opened = (match.group(1), number)
            elif line.startswith(opened[0] + '}') and not line.startswith(opened[0] + '} '):
                length = number - opened[1] + 1
                if length > FUNCTION_LINES_MAX:
                    yield source, opened[1], f'{length} lines: branch here, move the leaves out'
                opened = None


def check_tests_beside(sources):
    """Each source of src has a test of its name."""
    tests = {source.name for source in sources if source.name.startswith('tests/')}
    for source in sources:
        parts = source.name.split('/')
        if parts[0] != 'src' or source.path.suffix != '.cpp' or source.name in UNTESTED:
            continue
        if source.path.stem.endswith('main'):
            continue  # a program's main: the system tests run it
        stem = source.path.stem
        folder = parts[1]
        # The usual place first; scenario and sim hold the tests of what only makes sense as a whole.
        stems = [stem]
        # A class that is split by verb: owner_append.cpp, without a header of its own, is tested as owner.h is.
        words = stem.split('_')
        if not source.path.with_suffix('.h').exists():
            heads = ['_'.join(words[:n]) for n in range(len(words) - 1, 0, -1)]
            stems += [head for head in heads if (source.path.parent / f'{head}.h').exists()]
        places = [f'tests/{place}/{s}_test.cpp' for s in stems
                  for place in (f'unit/{"/".join(parts[1:-1])}', f'unit/{folder}', 'sim', 'scenario')]
        if not any(place in tests for place in places):
            yield source, 1, f'no {places[0]}'


RULES = [check_arrows, check_bans, check_lines, check_promises, check_headers_open, check_file_length,
         check_function_length, check_tests_beside]


def check_headers_alone():
    """Each header of the sources and drivers compiles alone."""
    compiler = os.environ.get('CXX', 'c++').split()
    flags = ['-std=c++23', '-fsyntax-only', '-w', '-x', 'c++', '-I', ROOT / 'src', '-I', ROOT / 'drivers',
             '-I', ROOT / 'tools', '-I', ROOT / 'tools/cli', '-I', ROOT / 'tests', '-I', ROOT]
    headers = [s for s in all_sources() if s.is_header and s.path.relative_to(ROOT).parts[0] in ('src', 'drivers')]

    def compile_one(source):
        done = subprocess.run([*compiler, *flags, source.path], capture_output=True, text=True, check=False)
        first_error = next((line for line in done.stderr.split('\n') if 'error:' in line), 'error')
        return (source, 1, first_error) if done.returncode else None

    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count() or 2) as pool:
        return [breach for breach in pool.map(compile_one, headers) if breach]


def main():
    if sys.argv[1:] == ['--headers']:
        checks = [(check_headers_alone.__doc__, check_headers_alone())]
    elif sys.argv[1:]:
        print(__doc__, file=sys.stderr)
        return 2
    else:
        sources = list(all_sources())
        checks = [(rule.__doc__, list(rule(sources))) for rule in RULES]
    print(f'1..{len(checks)}')
    for number, (title, breaches) in enumerate(checks, 1):
        print(f'{"not ok" if breaches else "ok"} {number} {title.splitlines()[0].rstrip(".")}')
        for source, line, what in breaches:
            print(f'# {source.name}:{line}: {what}')
    return 1 if any(breaches for _, breaches in checks) else 0


if __name__ == '__main__':
    sys.exit(main())
