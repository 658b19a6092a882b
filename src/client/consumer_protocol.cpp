#include "client/consumer_protocol.h"

#include <algorithm>
#include <tuple>

#include "base/bytes.h"

namespace penstock::client {

namespace {

class Encoder {
public:
    template <class T>
    void number(T value) {
        std::byte bytes[sizeof(T)];
        store_be(bytes, value);
        out_.insert(out_.end(), std::begin(bytes), std::end(bytes));
    }
    void text(const std::string& value) {
        number(static_cast<int16_t>(value.size()));
        const auto bytes = std::as_bytes(std::span(value));
        out_.insert(out_.end(), bytes.begin(), bytes.end());
    }
    std::vector<std::byte> take() { return std::move(out_); }

private:
    std::vector<std::byte> out_;
};

class Decoder {
public:
    explicit Decoder(std::span<const std::byte> bytes) : rest_(bytes) {}

    template <class T>
    T number() {
        if (rest_.size() < sizeof(T)) return fail(), T{};
        const T value = load_be<T>(rest_.data());
        rest_ = rest_.subspan(sizeof(T));
        return value;
    }
    std::string text() {
        const auto size = number<int16_t>();
        if (size < 0 || rest_.size() < static_cast<size_t>(size)) return fail(), std::string{};
        const std::string value(reinterpret_cast<const char*>(rest_.data()), static_cast<size_t>(size));
        rest_ = rest_.subspan(static_cast<size_t>(size));
        return value;
    }
    /// Of things that take at least `least` bytes each.
    int32_t count(size_t least) {
        const auto value = number<int32_t>();
        if (value < 0 || static_cast<size_t>(value) > rest_.size() / least) return fail(), 0;
        return value;
    }
    bool ok() const { return ok_; }

private:
    void fail() {
        ok_ = false;
        rest_ = {};
    }
    std::span<const std::byte> rest_;
    bool ok_ = true;
};

constexpr int16_t own_version = 0;   // no owned partitions: everything is given back before a rebalance
constexpr int32_t no_user_data = -1;

}  // namespace

std::vector<std::byte> encode_subscription(const std::vector<std::string>& topics) {
    Encoder out;
    out.number(own_version);
    out.number(static_cast<int32_t>(topics.size()));
    for (const std::string& topic : topics) out.text(topic);
    out.number(no_user_data);
    return out.take();
}

std::optional<std::vector<std::string>> decode_subscription(std::span<const std::byte> bytes) {
    Decoder in(bytes);
    if (in.number<int16_t>() < 0) return {};
    std::vector<std::string> topics;
    for (int32_t left = in.count(2); left > 0 && in.ok(); --left) topics.push_back(in.text());
    // What newer versions add behind does not change who subscribes to what.
    if (!in.ok()) return {};
    return topics;
}

std::vector<std::byte> encode_assignment(const Assignment& assignment) {
    Encoder out;
    out.number(own_version);
    out.number(static_cast<int32_t>(assignment.size()));
    for (const auto& [topic, partitions] : assignment) {
        out.text(topic);
        out.number(static_cast<int32_t>(partitions.size()));
        for (const int32_t partition : partitions) out.number(partition);
    }
    out.number(no_user_data);
    return out.take();
}

std::optional<Assignment> decode_assignment(std::span<const std::byte> bytes) {
    Assignment assignment;
    if (bytes.empty()) return assignment;
    Decoder in(bytes);
    if (in.number<int16_t>() < 0) return {};
    for (int32_t topics = in.count(6); topics > 0 && in.ok(); --topics) {
        std::vector<int32_t>& partitions = assignment[in.text()];
        for (int32_t left = in.count(4); left > 0 && in.ok(); --left) partitions.push_back(in.number<int32_t>());
    }
    if (!in.ok()) return {};
    return assignment;
}

std::map<std::string, Assignment> assign_ranges(std::vector<Subscriber> subscribers,
                                                const std::map<std::string, int32_t>& partition_counts) {
    const auto rank = [](const Subscriber& s) {
        return std::tuple(!s.instance_id.has_value(), s.instance_id.value_or(""), s.member_id);
    };
    std::ranges::sort(subscribers, {}, rank);
    std::map<std::string, Assignment> result;
    for (const Subscriber& subscriber : subscribers) result[subscriber.member_id];
    for (const auto& [topic, count] : partition_counts) {
        std::vector<const Subscriber*> readers;
        for (const Subscriber& subscriber : subscribers)
            if (std::ranges::find(subscriber.topics, topic) != subscriber.topics.end()) readers.push_back(&subscriber);
        if (readers.empty()) continue;
        const auto number = static_cast<int32_t>(readers.size());
        int32_t next = 0;
        for (int32_t i = 0; i < number; ++i) {
            const int32_t end = next + count / number + (i < count % number ? 1 : 0);
            if (next == end) break;
            std::vector<int32_t>& partitions = result[readers[static_cast<size_t>(i)]->member_id][topic];
            while (next < end) partitions.push_back(next++);
        }
    }
    return result;
}

}  // namespace penstock::client
