#!/usr/bin/env python3
"""Writes copies of sources with bugs in them, for the build that must find them: seeded_bugs.py ROOT OUTPUT NAME...

So the sources themselves know nothing of it. Each row of this table is a piece of a source, and what stands there
instead while the bug is switched on (seeded_bug.h); some bugs take two. A piece that is not there exactly once is an
error: whoever changed the source says here anew what the bug is.
"""
import sys
from pathlib import Path

# name, source, what is right, what is wrong
PIECES = [
    ('ack_before_durable', 'src/broker/owner_append.cpp',
     '    answer_in_time(*partition, call);\n',
     '    answer(call);\n'),
    ('duplicate_before_durable', 'src/broker/owner_append.cpp',
     '            answer_in_time(partition, call);\n',
     '            answer(call);\n'),
    ('duplicate_before_replicated', 'src/broker/owner_append.cpp',
     '            answer_in_time(partition, call);\n',
     '            if (partition.settled() < call.end) partition.unsettled.push_back(call);\n'
     '            else answer(call);\n'),
    ('watermark_past_durable', 'src/broker/owner_append.cpp',
     '    if (partition->leadership != nullptr) moved(*partition);\n'
     '    else if (partition->in_memory) show(*partition);\n',
     '    partition->high_watermark = log.end_offset();\n'
     '    if (!static_cast<ListLink<GrownList>&>(*partition).linked()) grown_.push_back(*partition);\n'),
    ('watermark_of_proposed_set', 'src/replica/leadership.cpp',
     '    for (const NodeId id : in_sync_) least = std::min(least, settled_of(id));\n',
     '    for (const NodeId id : proposed_.empty() ? in_sync_ : proposed_) least = std::min(least, settled_of(id));\n'),
    ('watermark_of_recorded_set', 'src/replica/leadership.cpp',
     '    for (const NodeId id : proposed_) least = std::min(least, settled_of(id));\n',
     ''),
    ('shrunk_without_record', 'src/replica/leadership.cpp',
     '    for (const NodeId id : in_sync_) least = std::min(least, settled_of(id));\n',
     '    for (const NodeId id : in_sync_)\n'
     '        if (id == options_.self || find(id) == nullptr || !lags(*find(id), now))\n'
     '            least = std::min(least, settled_of(id));\n'),
    ('fork_not_cut', 'src/replica/fork.cpp',
     'Offset common_end(const LogShape& leader, const LogShape& follower) {\n',
     '    return std::min(leader.end, follower.end);\n'),
    ('stale_leader_accepted', 'src/broker/owner_follow.cpp',
     '    if (call.epoch < partition->heard || partition->leading) return refuse(ErrorCode::fenced_leader_epoch);\n',
     '    if (partition->leading) return refuse(ErrorCode::fenced_leader_epoch);\n'),
    ('stale_leader_accepted', 'src/broker/owner_follow.cpp',
     '    if (!in_session || partition->leading) return refused(ErrorCode::fenced_leader_epoch);\n',
     '    const bool asked = call.epoch == partition->session_epoch && call.session == partition->session;\n'
     '    if (!asked || partition->leading) return refused(ErrorCode::fenced_leader_epoch);\n'),
    ('producers_lost_at_failover', 'src/broker/owner_follow.cpp',
     '    std::ranges::copy(stamped.header_bytes, batch.header);\n',
     '    std::ranges::copy(stamped.header_bytes, batch.header);\n'
     '    batch.producer = {};\n'),
    ('producers_forgotten', 'src/log/store.cpp',
     '    log.producers = state.producers;\n',
     ''),
    ('epoch_kept', 'src/coordinator/election.cpp',
     'void end_leaderships(State& state, NodeId broker) {\n',
     '    return;\n'),
    ('empty_disk_elected', 'src/coordinator/membership.cpp',
     '    if (other_storage) leave_in_sync_sets(state, broker.id);\n'
     '    else if (restarted && !request.clean) leave_memory_sets(state, broker.id);\n',
     '    if (!other_storage && restarted && !request.clean) leave_memory_sets(state, broker.id);\n'),
    ('empty_disk_elected', 'src/coordinator/membership.cpp',
     '    if (known == nullptr || known->storage_id == request.storage_id) return {};\n',
     '    return {};\n'),
]


def put_in(text, name, right, wrong):
    if text.count(right) != 1:
        sys.exit(f'seeded_bugs.py: what {name} replaces is there {text.count(right)} times, not once')
    switch = f'sim::seeded_bug == sim::SeededBug::{name}'
    if right.endswith('{\n'):   # of a block, in which the bug comes first
        return text.replace(right, f'{right}    if ({switch}) {{\n{wrong}    }}\n')
    return text.replace(right, f'    if ({switch}) {{\n{wrong}    }} else {{\n{right}    }}\n')


def main():
    root, output = Path(sys.argv[1]), Path(sys.argv[2])
    for source in sorted({source for _, source, _, _ in PIECES}):
        if Path(source).name not in sys.argv[3:]:
            continue
        text = (root / source).read_text()
        for name, where, right, wrong in PIECES:
            if where == source:
                text = put_in(text, name, right, wrong)
        (output / Path(source).name).write_text('#include "seeded_bug.h"\n' + text)


if __name__ == '__main__':
    main()
