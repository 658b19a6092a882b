// Deleting records: the log's start is raised, and whoever asked waits until the disk has it. What clients see before
// it is durable (durability=memory) goes once it is.
#include "broker/owner.h"

namespace penstock::broker {

void Owner::on_delete_records(DeleteRecordsCall& call) {
    const auto refuse = [&](ErrorCode error) {
        call.error = error;
        answer(call);
    };
    Partition* partition = find(call.key);
    if (partition == nullptr) return refuse(ErrorCode::unknown_topic_or_partition);
    if (!partition->leading || stopping_) return refuse(ErrorCode::not_leader_or_follower);
    log::Log& log = *partition->log;
    if (log.failed()) return refuse(ErrorCode::kafka_storage_error);
    call.begun = false;
    call.wanted = call.before == all_records ? partition->high_watermark : Offset(call.before);
    if (call.wanted < Offset{0} || call.wanted > partition->high_watermark)
        return refuse(ErrorCode::offset_out_of_range);
    if (const Result<void> begun = begin_delete(*partition, call); !begun)
        return refuse(wire::kafka::error_code_of(begun.error().code));
    partition->deleting.push_back(call);
    answer_deleted(*partition);
}

/// Or not yet, while what is to go is not durable.
Result<void> Owner::begin_delete(Partition& partition, DeleteRecordsCall& call) {
    log::Log& log = *partition.log;
    if (call.begun || call.wanted > log.durable_offset()) return {};
    call.begun = true;
    if (call.wanted <= log.durable_start()) return {};
    return store_.delete_before(log, call.wanted);
}

/// Those whose records are gone for good.
void Owner::answer_deleted(Partition& partition) {
    IntrusiveList<DeleteRecordsCall, OwnerQueue> waiting;
    waiting.take(partition.deleting);
    while (DeleteRecordsCall* call = waiting.pop_front()) {
        const Result<void> begun = begin_delete(partition, *call);
        if (!begun) {
            call->error = wire::kafka::error_code_of(begun.error().code);
        } else if (call->wanted > partition.log->durable_start()) {
            partition.deleting.push_back(*call);
            continue;
        }
        call->low_watermark = partition.log->durable_start().value;
        answer(*call);
    }
}

void Owner::refuse_deletes(Partition& partition, ErrorCode error) {
    while (DeleteRecordsCall* call = partition.deleting.front()) {
        call->error = error;
        answer(*call);
    }
}

}  // namespace penstock::broker
