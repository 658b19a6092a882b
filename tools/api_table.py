#!/usr/bin/env python3
"""Writes the table of APIs into src/wire/kafka/README.md, from the rows of api.h and from what the tests saw other
makers' clients ask for (tests/clients/seen.json).

    tools/api_table.py            writes it
    tools/api_table.py --check    as a test: whether what is written is what would be
"""
import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / 'src/wire/kafka/README.md'
BEGIN = '<!-- made by tools/api_table.py -->\n'
END = '<!-- end of what it makes -->\n'
# What the names of seen.json are called at the head of a column.
COLUMNS = {
    'java 3.9.1': 'Java 3.9', 'java 4.1.0': 'Java 4.1', 'tools 3.9.1': 'tools 3.9', 'tools 4.1.0': 'tools 4.1',
    'librdkafka': 'librdkafka (C)', 'confluent': 'confluent-kafka', 'kafka_python': 'kafka-python',
    'kafkajs': 'kafkajs', 'franz': 'franz-go', 'sarama': 'sarama',
}


def rows():
    """(key, name, first, last) of each API that is served."""
    text = (ROOT / 'src/wire/kafka/api.h').read_text()
    keys = dict(re.findall(r'^    (\w+) = (\d+),$', text, re.M))
    found = re.findall(r'^    api_row\(ApiKey::(\w+), "(\w+)", (\d+), (\d+),', text, re.M)
    if len(found) != len(keys):
        sys.exit(f'api.h: {len(keys)} keys, but {len(found)} rows that can be read')
    return [(int(keys[key]), name, int(first), int(last)) for key, name, first, last in found]


def ranges(versions):
    """[0, 1, 2, 5] as "0-2, 5"."""
    parts = []
    for version in sorted(versions):
        if parts and parts[-1][1] == version - 1:
            parts[-1][1] = version
        else:
            parts.append([version, version])
    return ', '.join(str(a) if a == b else f'{a}-{b}' for a, b in parts)


def table():
    seen = json.loads((ROOT / 'tests/clients/seen.json').read_text())
    if set(seen) != set(COLUMNS):
        sys.exit(f'seen.json has {sorted(seen)}, tools/api_table.py {sorted(COLUMNS)}')
    lines = [['key', 'API', 'served', *COLUMNS.values()], ['---:', '---', *['---'] * (1 + len(COLUMNS))]]
    for key, name, first, last in rows():
        asked = [ranges(seen[client]['apis'].get(str(key), [])) for client in COLUMNS]
        lines.append([str(key), name, ranges(range(first, last + 1)), *asked])
    return ''.join('| ' + ' | '.join(line) + ' |\n' for line in lines) + '\n' + ''.join(
        f'- {name}: {seen[client]["version"]}\n' for client, name in COLUMNS.items())


def main():
    text = README.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    wanted = before + BEGIN + '\n' + table() + '\n' + END + after
    if sys.argv[1:] != ['--check']:
        README.write_text(wanted)
    elif text != wanted:
        print(f'{README.relative_to(ROOT)} is out of date: run tools/api_table.py')
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
