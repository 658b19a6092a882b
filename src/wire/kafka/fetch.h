// Fetch: record batches from an offset on, at most so many bytes, waiting at most so long.
#pragma once

#include <limits>

#include "wire/codec.h"
#include "wire/kafka/api.h"
#include "wire/kafka/errors.h"
#include "wire/kafka/node_endpoint.h"

namespace penstock::wire::kafka {

struct FetchRequest {
    static constexpr ApiKey key = ApiKey::fetch;

    struct ReplicaState {
        int32_t replica_id = -1;
        int64_t replica_epoch = -1;

        friend bool operator==(const ReplicaState&, const ReplicaState&) = default;

        template <class C>
        void fields(C& c) {
            c.field(replica_id);
            c.field(replica_epoch);
        }
    };

    struct Partition {
        int32_t partition = 0;
        int32_t current_leader_epoch = -1;  ///< -1: do not check
        int64_t fetch_offset = 0;
        int32_t last_fetched_epoch = -1;
        int64_t log_start_offset = -1;      ///< of a follower
        int32_t partition_max_bytes = 0;
        Uuid replica_directory_id;
        int64_t high_watermark = std::numeric_limits<int64_t>::max();  ///< known by the replica; maximum: unsupported

        template <class C>
        void fields(C& c) {
            c.field(partition);
            c.field(current_leader_epoch, from(9));
            c.field(fetch_offset);
            c.field(last_fetched_epoch, from(12));
            c.field(log_start_offset, from(5));
            c.field(partition_max_bytes);
        }
        template <class C>
        void tags(C& c) {
            c.tag(0, replica_directory_id, from(17));
            c.tag(1, high_watermark, from(18), std::numeric_limits<int64_t>::max());
        }
    };

    struct Topic {
        std::string_view name;  ///< up to 12
        Uuid topic_id;          ///< from 13 on
        Array<Partition> partitions;

        template <class C>
        void fields(C& c) {
            c.field(name, versions(0, 12));
            c.field(topic_id, from(13));
            c.field(partitions);
        }
    };

    struct ForgottenTopic {
        std::string_view name;
        Uuid topic_id;
        Array<int32_t> partitions;

        template <class C>
        void fields(C& c) {
            c.field(name, versions(0, 12));
            c.field(topic_id, from(13));
            c.field(partitions);
        }
    };

    NullableString cluster_id;
    int32_t replica_id = -1;
    ReplicaState replica_state;
    int32_t max_wait_ms = 0;
    int32_t min_bytes = 0;
    int32_t max_bytes = std::numeric_limits<int32_t>::max();
    int8_t isolation_level = 0;  ///< 1: committed records only
    int32_t session_id = 0;
    int32_t session_epoch = -1;
    Array<Topic> topics;
    Array<ForgottenTopic> forgotten_topics;
    std::string_view rack_id;

    template <class C>
    void fields(C& c) {
        c.field(replica_id, versions(0, 14));
        c.field(max_wait_ms);
        c.field(min_bytes);
        c.field(max_bytes, from(3));
        c.field(isolation_level, from(4));
        c.field(session_id, from(7));
        c.field(session_epoch, from(7));
        c.field(topics);
        c.field(forgotten_topics, from(7));
        c.field(rack_id, from(11));
    }
    template <class C>
    void tags(C& c) {
        c.tag(0, cluster_id, from(12));
        c.tag(1, replica_state, from(15));
    }
};

struct FetchResponse {
    static constexpr ApiKey key = ApiKey::fetch;

    struct EpochEndOffset {
        int32_t epoch = -1;
        int64_t end_offset = -1;

        friend bool operator==(const EpochEndOffset&, const EpochEndOffset&) = default;

        template <class C>
        void fields(C& c) {
            c.field(epoch);
            c.field(end_offset);
        }
    };

    struct SnapshotId {
        int64_t end_offset = -1;
        int32_t epoch = -1;

        friend bool operator==(const SnapshotId&, const SnapshotId&) = default;

        template <class C>
        void fields(C& c) {
            c.field(end_offset);
            c.field(epoch);
        }
    };

    struct AbortedTransaction {
        int64_t producer_id = -1;
        int64_t first_offset = -1;

        template <class C>
        void fields(C& c) {
            c.field(producer_id);
            c.field(first_offset);
        }
    };

    struct Partition {
        int32_t partition_index = 0;
        ErrorCode error_code = ErrorCode::none;
        int64_t high_watermark = -1;
        int64_t last_stable_offset = -1;
        int64_t log_start_offset = -1;
        EpochEndOffset diverging_epoch;
        LeaderIdAndEpoch current_leader;
        SnapshotId snapshot_id;
        Nullable<Array<AbortedTransaction>> aborted_transactions;
        int32_t preferred_read_replica = -1;
        Records records;  ///< written empty, never null, which breaks clients; spliced, not copied

        template <class C>
        void fields(C& c) {
            c.field(partition_index);
            c.field(error_code);
            c.field(high_watermark);
            c.field(last_stable_offset, from(4));
            c.field(log_start_offset, from(5));
            c.field(aborted_transactions, from(4));
            c.field(preferred_read_replica, from(11));
            c.field(records);
        }
        template <class C>
        void tags(C& c) {
            c.tag(0, diverging_epoch, from(12));
            c.tag(1, current_leader, from(12));
            c.tag(2, snapshot_id, from(12));
        }
    };

    struct Topic {
        std::string_view name;
        Uuid topic_id;
        Array<Partition> partitions;

        template <class C>
        void fields(C& c) {
            c.field(name, versions(0, 12));
            c.field(topic_id, from(13));
            c.field(partitions);
        }
    };

    int32_t throttle_time_ms = 0;
    ErrorCode error_code = ErrorCode::none;
    int32_t session_id = 0;  ///< 0 declines the session
    Array<Topic> topics;
    Array<NodeEndpoint> node_endpoints;

    template <class C>
    void fields(C& c) {
        c.field(throttle_time_ms, from(1));
        c.field(error_code, from(7));
        c.field(session_id, from(7));
        c.field(topics);
    }
    template <class C>
    void tags(C& c) {
        c.tag(0, node_endpoints, from(16));
    }
};

}  // namespace penstock::wire::kafka

namespace penstock::wire {
PENSTOCK_MESSAGE(kafka::FetchRequest);
PENSTOCK_MESSAGE(kafka::FetchResponse);
}  // namespace penstock::wire
