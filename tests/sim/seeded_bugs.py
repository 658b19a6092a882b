#!/usr/bin/env python3
"""Writes copies of sources with bugs in them, for the build that must find them: seeded_bugs.py ROOT OUTPUT.

So the sources themselves know nothing of it. Each bug of this table is a piece of a source, and what stands there
instead while the bug is switched on (seeded_bug.h). A piece that is not there exactly once is an error: whoever changed
the source says here anew what the bug is.
"""
import sys
from pathlib import Path

# name → source, what is right, what is wrong
BUGS = {
    'ack_before_durable': (
        'src/broker/owner_append.cpp',
        '    answer_in_time(*partition, call);\n',
        '    answer(call);\n'),
    'duplicate_before_durable': (
        'src/broker/owner_append.cpp',
        '            answer_in_time(partition, call);\n',
        '            answer(call);\n'),
    'watermark_past_durable': (
        'src/broker/owner_append.cpp',
        '    if (partition->leadership != nullptr) moved(*partition);\n'
        '    else if (partition->in_memory) show(*partition);\n',
        '    partition->high_watermark = log.end_offset();\n'
        '    if (!static_cast<ListLink<GrownList>&>(*partition).linked()) grown_.push_back(*partition);\n'),
    'producers_forgotten': (
        'src/log/store.cpp',
        '    log.producers = state.producers;\n',
        ''),
    'epoch_kept': (
        'src/coordinator/election.cpp',
        'void end_leaderships(State& state, NodeId broker) {\n',
        '    return;\n'),
}


def put_in(text, name, right, wrong):
    if text.count(right) != 1:
        sys.exit(f'seeded_bugs.py: what {name} replaces is there {text.count(right)} times, not once')
    switch = f'sim::seeded_bug == sim::SeededBug::{name}'
    if right.endswith('{\n'):   # of a block, in which the bug comes first
        return text.replace(right, f'{right}    if ({switch}) {{\n{wrong}    }}\n')
    return text.replace(right, f'    if ({switch}) {{\n{wrong}    }} else {{\n{right}    }}\n')


def main():
    root, output = Path(sys.argv[1]), Path(sys.argv[2])
    for source in sorted({source for source, _, _ in BUGS.values()}):
        text = (root / source).read_text()
        for name, (where, right, wrong) in BUGS.items():
            if where == source:
                text = put_in(text, name, right, wrong)
        (output / Path(source).name).write_text('#include "seeded_bug.h"\n' + text)


if __name__ == '__main__':
    main()
