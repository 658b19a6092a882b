// Kafka's error codes: the one list. What the core reports (base/error.h) becomes one of these in error_code_of().
#pragma once

#include <cstdint>
#include <string_view>

#include "base/error.h"

namespace penstock::wire::kafka {

// id, code, Kafka's name, whether clients try again by themselves
#define PENSTOCK_KAFKA_ERRORS(ROW)                                                          \
    ROW(unknown_server_error, -1, "UNKNOWN_SERVER_ERROR", false)                            \
    ROW(none, 0, "NONE", false)                                                             \
    ROW(offset_out_of_range, 1, "OFFSET_OUT_OF_RANGE", false)                               \
    ROW(corrupt_message, 2, "CORRUPT_MESSAGE", true)                                        \
    ROW(unknown_topic_or_partition, 3, "UNKNOWN_TOPIC_OR_PARTITION", true)                  \
    ROW(invalid_fetch_size, 4, "INVALID_FETCH_SIZE", false)                                 \
    ROW(leader_not_available, 5, "LEADER_NOT_AVAILABLE", true)                              \
    ROW(not_leader_or_follower, 6, "NOT_LEADER_OR_FOLLOWER", true)                          \
    ROW(request_timed_out, 7, "REQUEST_TIMED_OUT", true)                                    \
    ROW(broker_not_available, 8, "BROKER_NOT_AVAILABLE", false)                             \
    ROW(replica_not_available, 9, "REPLICA_NOT_AVAILABLE", true)                            \
    ROW(message_too_large, 10, "MESSAGE_TOO_LARGE", false)                                  \
    ROW(stale_controller_epoch, 11, "STALE_CONTROLLER_EPOCH", false)                        \
    ROW(offset_metadata_too_large, 12, "OFFSET_METADATA_TOO_LARGE", false)                  \
    ROW(network_exception, 13, "NETWORK_EXCEPTION", true)                                   \
    ROW(coordinator_load_in_progress, 14, "COORDINATOR_LOAD_IN_PROGRESS", true)             \
    ROW(coordinator_not_available, 15, "COORDINATOR_NOT_AVAILABLE", true)                   \
    ROW(not_coordinator, 16, "NOT_COORDINATOR", true)                                       \
    ROW(invalid_topic, 17, "INVALID_TOPIC_EXCEPTION", false)                                \
    ROW(record_list_too_large, 18, "RECORD_LIST_TOO_LARGE", false)                          \
    ROW(not_enough_replicas, 19, "NOT_ENOUGH_REPLICAS", true)                               \
    ROW(not_enough_replicas_after_append, 20, "NOT_ENOUGH_REPLICAS_AFTER_APPEND", true)     \
    ROW(invalid_required_acks, 21, "INVALID_REQUIRED_ACKS", false)                          \
    ROW(illegal_generation, 22, "ILLEGAL_GENERATION", false)                                \
    ROW(inconsistent_group_protocol, 23, "INCONSISTENT_GROUP_PROTOCOL", false)              \
    ROW(invalid_group_id, 24, "INVALID_GROUP_ID", false)                                    \
    ROW(unknown_member_id, 25, "UNKNOWN_MEMBER_ID", false)                                  \
    ROW(invalid_session_timeout, 26, "INVALID_SESSION_TIMEOUT", false)                      \
    ROW(rebalance_in_progress, 27, "REBALANCE_IN_PROGRESS", false)                          \
    ROW(invalid_commit_offset_size, 28, "INVALID_COMMIT_OFFSET_SIZE", false)                \
    ROW(topic_authorization_failed, 29, "TOPIC_AUTHORIZATION_FAILED", false)                \
    ROW(group_authorization_failed, 30, "GROUP_AUTHORIZATION_FAILED", false)                \
    ROW(cluster_authorization_failed, 31, "CLUSTER_AUTHORIZATION_FAILED", false)            \
    ROW(invalid_timestamp, 32, "INVALID_TIMESTAMP", false)                                  \
    ROW(unsupported_sasl_mechanism, 33, "UNSUPPORTED_SASL_MECHANISM", false)                \
    ROW(illegal_sasl_state, 34, "ILLEGAL_SASL_STATE", false)                                \
    ROW(unsupported_version, 35, "UNSUPPORTED_VERSION", false)                              \
    ROW(topic_already_exists, 36, "TOPIC_ALREADY_EXISTS", false)                            \
    ROW(invalid_partitions, 37, "INVALID_PARTITIONS", false)                                \
    ROW(invalid_replication_factor, 38, "INVALID_REPLICATION_FACTOR", false)                \
    ROW(invalid_replica_assignment, 39, "INVALID_REPLICA_ASSIGNMENT", false)                \
    ROW(invalid_config, 40, "INVALID_CONFIG", false)                                        \
    ROW(not_controller, 41, "NOT_CONTROLLER", true)                                         \
    ROW(invalid_request, 42, "INVALID_REQUEST", false)                                      \
    ROW(unsupported_for_message_format, 43, "UNSUPPORTED_FOR_MESSAGE_FORMAT", false)        \
    ROW(policy_violation, 44, "POLICY_VIOLATION", false)                                    \
    ROW(out_of_order_sequence_number, 45, "OUT_OF_ORDER_SEQUENCE_NUMBER", false)            \
    ROW(duplicate_sequence_number, 46, "DUPLICATE_SEQUENCE_NUMBER", false)                  \
    ROW(invalid_producer_epoch, 47, "INVALID_PRODUCER_EPOCH", false)                        \
    ROW(invalid_txn_state, 48, "INVALID_TXN_STATE", false)                                  \
    ROW(invalid_producer_id_mapping, 49, "INVALID_PRODUCER_ID_MAPPING", false)              \
    ROW(invalid_transaction_timeout, 50, "INVALID_TRANSACTION_TIMEOUT", false)              \
    ROW(concurrent_transactions, 51, "CONCURRENT_TRANSACTIONS", true)                       \
    ROW(transaction_coordinator_fenced, 52, "TRANSACTION_COORDINATOR_FENCED", false)        \
    ROW(transactional_id_authorization_failed, 53, "TRANSACTIONAL_ID_AUTHORIZATION_FAILED", false) \
    ROW(security_disabled, 54, "SECURITY_DISABLED", false)                                  \
    ROW(operation_not_attempted, 55, "OPERATION_NOT_ATTEMPTED", false)                      \
    ROW(kafka_storage_error, 56, "KAFKA_STORAGE_ERROR", true)                               \
    ROW(log_dir_not_found, 57, "LOG_DIR_NOT_FOUND", false)                                  \
    ROW(sasl_authentication_failed, 58, "SASL_AUTHENTICATION_FAILED", false)                \
    ROW(unknown_producer_id, 59, "UNKNOWN_PRODUCER_ID", false)                              \
    ROW(reassignment_in_progress, 60, "REASSIGNMENT_IN_PROGRESS", false)                    \
    ROW(delegation_token_auth_disabled, 61, "DELEGATION_TOKEN_AUTH_DISABLED", false)        \
    ROW(delegation_token_not_found, 62, "DELEGATION_TOKEN_NOT_FOUND", false)                \
    ROW(delegation_token_owner_mismatch, 63, "DELEGATION_TOKEN_OWNER_MISMATCH", false)      \
    ROW(delegation_token_request_not_allowed, 64, "DELEGATION_TOKEN_REQUEST_NOT_ALLOWED", false) \
    ROW(delegation_token_authorization_failed, 65, "DELEGATION_TOKEN_AUTHORIZATION_FAILED", false) \
    ROW(delegation_token_expired, 66, "DELEGATION_TOKEN_EXPIRED", false)                    \
    ROW(invalid_principal_type, 67, "INVALID_PRINCIPAL_TYPE", false)                        \
    ROW(non_empty_group, 68, "NON_EMPTY_GROUP", false)                                      \
    ROW(group_id_not_found, 69, "GROUP_ID_NOT_FOUND", false)                                \
    ROW(fetch_session_id_not_found, 70, "FETCH_SESSION_ID_NOT_FOUND", true)                 \
    ROW(invalid_fetch_session_epoch, 71, "INVALID_FETCH_SESSION_EPOCH", true)               \
    ROW(listener_not_found, 72, "LISTENER_NOT_FOUND", true)                                 \
    ROW(topic_deletion_disabled, 73, "TOPIC_DELETION_DISABLED", false)                      \
    ROW(fenced_leader_epoch, 74, "FENCED_LEADER_EPOCH", true)                               \
    ROW(unknown_leader_epoch, 75, "UNKNOWN_LEADER_EPOCH", true)                             \
    ROW(unsupported_compression_type, 76, "UNSUPPORTED_COMPRESSION_TYPE", false)            \
    ROW(stale_broker_epoch, 77, "STALE_BROKER_EPOCH", false)                                \
    ROW(offset_not_available, 78, "OFFSET_NOT_AVAILABLE", true)                             \
    ROW(member_id_required, 79, "MEMBER_ID_REQUIRED", false)                                \
    ROW(preferred_leader_not_available, 80, "PREFERRED_LEADER_NOT_AVAILABLE", true)         \
    ROW(group_max_size_reached, 81, "GROUP_MAX_SIZE_REACHED", false)                        \
    ROW(fenced_instance_id, 82, "FENCED_INSTANCE_ID", false)                                \
    ROW(eligible_leaders_not_available, 83, "ELIGIBLE_LEADERS_NOT_AVAILABLE", true)         \
    ROW(election_not_needed, 84, "ELECTION_NOT_NEEDED", true)                               \
    ROW(no_reassignment_in_progress, 85, "NO_REASSIGNMENT_IN_PROGRESS", false)              \
    ROW(group_subscribed_to_topic, 86, "GROUP_SUBSCRIBED_TO_TOPIC", false)                  \
    ROW(invalid_record, 87, "INVALID_RECORD", false)                                        \
    ROW(unstable_offset_commit, 88, "UNSTABLE_OFFSET_COMMIT", true)                         \
    ROW(throttling_quota_exceeded, 89, "THROTTLING_QUOTA_EXCEEDED", true)                   \
    ROW(producer_fenced, 90, "PRODUCER_FENCED", false)                                      \
    ROW(resource_not_found, 91, "RESOURCE_NOT_FOUND", false)                                \
    ROW(duplicate_resource, 92, "DUPLICATE_RESOURCE", false)                                \
    ROW(unacceptable_credential, 93, "UNACCEPTABLE_CREDENTIAL", false)                      \
    ROW(inconsistent_voter_set, 94, "INCONSISTENT_VOTER_SET", false)                        \
    ROW(invalid_update_version, 95, "INVALID_UPDATE_VERSION", false)                        \
    ROW(feature_update_failed, 96, "FEATURE_UPDATE_FAILED", false)                          \
    ROW(principal_deserialization_failure, 97, "PRINCIPAL_DESERIALIZATION_FAILURE", false)  \
    ROW(snapshot_not_found, 98, "SNAPSHOT_NOT_FOUND", false)                                \
    ROW(position_out_of_range, 99, "POSITION_OUT_OF_RANGE", false)                          \
    ROW(unknown_topic_id, 100, "UNKNOWN_TOPIC_ID", true)                                    \
    ROW(duplicate_broker_registration, 101, "DUPLICATE_BROKER_REGISTRATION", false)         \
    ROW(broker_id_not_registered, 102, "BROKER_ID_NOT_REGISTERED", false)                   \
    ROW(inconsistent_topic_id, 103, "INCONSISTENT_TOPIC_ID", true)                          \
    ROW(inconsistent_cluster_id, 104, "INCONSISTENT_CLUSTER_ID", false)                     \
    ROW(transactional_id_not_found, 105, "TRANSACTIONAL_ID_NOT_FOUND", false)               \
    ROW(fetch_session_topic_id_error, 106, "FETCH_SESSION_TOPIC_ID_ERROR", true)            \
    ROW(ineligible_replica, 107, "INELIGIBLE_REPLICA", false)                               \
    ROW(new_leader_elected, 108, "NEW_LEADER_ELECTED", false)                               \
    ROW(offset_moved_to_tiered_storage, 109, "OFFSET_MOVED_TO_TIERED_STORAGE", false)       \
    ROW(fenced_member_epoch, 110, "FENCED_MEMBER_EPOCH", false)                             \
    ROW(unreleased_instance_id, 111, "UNRELEASED_INSTANCE_ID", false)                       \
    ROW(unsupported_assignor, 112, "UNSUPPORTED_ASSIGNOR", false)                           \
    ROW(stale_member_epoch, 113, "STALE_MEMBER_EPOCH", false)                               \
    ROW(mismatched_endpoint_type, 114, "MISMATCHED_ENDPOINT_TYPE", false)                   \
    ROW(unsupported_endpoint_type, 115, "UNSUPPORTED_ENDPOINT_TYPE", false)                 \
    ROW(unknown_controller_id, 116, "UNKNOWN_CONTROLLER_ID", false)                         \
    ROW(unknown_subscription_id, 117, "UNKNOWN_SUBSCRIPTION_ID", false)                     \
    ROW(telemetry_too_large, 118, "TELEMETRY_TOO_LARGE", false)                             \
    ROW(invalid_registration, 119, "INVALID_REGISTRATION", false)                           \
    ROW(transaction_abortable, 120, "TRANSACTION_ABORTABLE", false)                         \
    ROW(invalid_record_state, 121, "INVALID_RECORD_STATE", false)                           \
    ROW(share_session_not_found, 122, "SHARE_SESSION_NOT_FOUND", true)                      \
    ROW(invalid_share_session_epoch, 123, "INVALID_SHARE_SESSION_EPOCH", true)              \
    ROW(fenced_state_epoch, 124, "FENCED_STATE_EPOCH", false)                               \
    ROW(invalid_voter_key, 125, "INVALID_VOTER_KEY", false)                                 \
    ROW(duplicate_voter, 126, "DUPLICATE_VOTER", false)                                     \
    ROW(voter_not_found, 127, "VOTER_NOT_FOUND", false)                                     \
    ROW(invalid_regular_expression, 128, "INVALID_REGULAR_EXPRESSION", false)               \
    ROW(rebootstrap_required, 129, "REBOOTSTRAP_REQUIRED", false)                           \
    ROW(streams_invalid_topology, 130, "STREAMS_INVALID_TOPOLOGY", false)                   \
    ROW(streams_invalid_topology_epoch, 131, "STREAMS_INVALID_TOPOLOGY_EPOCH", false)       \
    ROW(streams_topology_fenced, 132, "STREAMS_TOPOLOGY_FENCED", false)                     \
    ROW(share_session_limit_reached, 133, "SHARE_SESSION_LIMIT_REACHED", true)              \
    ROW(group_deletion_failed, 134, "GROUP_DELETION_FAILED", false)                         \
    ROW(streams_topology_description_update_failed, 135, "STREAMS_TOPOLOGY_DESCRIPTION_UPDATE_FAILED", false) \
    ROW(controller_id_not_registered, 136, "CONTROLLER_ID_NOT_REGISTERED", false)

enum class ErrorCode : int16_t {
#define PENSTOCK_KAFKA_ENUM(id, code, name, retriable) id = code,
    PENSTOCK_KAFKA_ERRORS(PENSTOCK_KAFKA_ENUM)
#undef PENSTOCK_KAFKA_ENUM
};

/// Kafka's name, as its tools print it: "OFFSET_OUT_OF_RANGE". "UNKNOWN_CODE" for a code that is not in the list.
std::string_view to_string(ErrorCode code) noexcept;

/// Whether Kafka's clients try again on this code without telling the application.
bool is_retriable(ErrorCode code) noexcept;

/// What a client should hear of an error inside the broker, where a handler does not know better. A handler of Fetch
/// must: Java's consumer dies of codes that Fetch does not name.
ErrorCode error_code_of(Errc code) noexcept;

}  // namespace penstock::wire::kafka
