// What members of a consumer group tell each other through the coordinator, and who reads what: the bytes of Kafka's
// "consumer" protocol and its range assignor.
//
// Pure functions. Bytes come from other programs: decoding gives nothing rather than a guess.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace penstock::client {

inline constexpr const char* consumer_protocol_type = "consumer";

/// Topic → partitions.
using Assignment = std::map<std::string, std::vector<int32_t>>;

std::vector<std::byte> encode_subscription(const std::vector<std::string>& topics);
std::optional<std::vector<std::string>> decode_subscription(std::span<const std::byte> bytes);

std::vector<std::byte> encode_assignment(const Assignment& assignment);
/// No bytes are no partitions: a member that joined too late.
std::optional<Assignment> decode_assignment(std::span<const std::byte> bytes);

struct Subscriber {
    std::string member_id;
    std::optional<std::string> instance_id;
    std::vector<std::string> topics;
};

/// Kafka's range: of each topic every subscriber gets a range, the first ones a partition more; static members come
/// first, then by id. Member id → what it reads; a topic that is not in `partition_counts` goes to nobody.
std::map<std::string, Assignment> assign_ranges(std::vector<Subscriber> subscribers,
                                                const std::map<std::string, int32_t>& partition_counts);

}  // namespace penstock::client
