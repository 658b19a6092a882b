// Where an epoch ends in a log: answered at once.
#include "broker/owner.h"

namespace penstock::broker {

void Owner::on_epoch_end(EpochEndCall& call) {
    const Partition* partition = find(call.key);
    if (partition == nullptr) {
        call.error = ErrorCode::unknown_topic_or_partition;
    } else if (!partition->leading) {
        call.error = ErrorCode::not_leader_or_follower;
    } else if (partition->log->failed()) {
        call.error = ErrorCode::kafka_storage_error;
    } else {
        const int32_t current = partition->log->leader_epoch().value;
        if (call.current_leader_epoch == -1 || call.current_leader_epoch == current)
            call.end = store_.epoch_end(*partition->log, call.epoch);
        else if (call.current_leader_epoch < current) call.error = ErrorCode::fenced_leader_epoch;
        else call.error = ErrorCode::unknown_leader_epoch;
    }
    answer(call);
}

}  // namespace penstock::broker
