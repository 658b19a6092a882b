#include "cli/sender.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "cli/client.h"

namespace penstock::cli {

namespace {

// What the SDK takes as the size of a batch; it only says when one is sent.
constexpr uint64_t batch_bytes_min = 128, batch_bytes_max = 16 * 1024 * 1024;

penstock_bytes view_of(std::string_view text) { return {.data = text.data() ? text.data() : "", .size = text.size()}; }

}  // namespace

Outcome<Sender> Sender::create(SdkClient& client, SenderOptions options) {
    penstock_producer_options given = PENSTOCK_PRODUCER_OPTIONS_INIT;
    given.acks = options.acks;
    given.compression = options.compression;
    given.linger_ms = static_cast<int32_t>(options.linger / std::chrono::milliseconds(1));
    given.batch_bytes = static_cast<uint32_t>(std::clamp(options.batch_bytes, batch_bytes_min, batch_bytes_max));
    given.delivery_timeout_ms = whole_ms(options.linger + options.delivery_timeout);
    penstock_producer* producer = nullptr;
    const penstock_error error = penstock_producer_create(client.get(), options.topic.c_str(), &given, &producer);
    if (error != PENSTOCK_OK) {
        return refuse(fmt::format("cannot produce to '{}': {}", options.topic, show_sdk_error(error)));
    }
    return Sender(client, std::move(options), producer);
}

bool Sender::add(std::optional<int32_t> partition, std::optional<std::string_view> key, std::string_view value,
                 std::span<const penstock_header> headers) {
    penstock_record record = PENSTOCK_RECORD_INIT;
    if (key) record.key = view_of(*key);
    record.value = view_of(value);
    record.headers = headers.data();
    record.header_count = headers.size();
    if (partition) record.partition = *partition;
    const penstock_error error = penstock_producer_send(producer_.get(), &record);
    if (error == PENSTOCK_FULL) return false;
    if (error != PENSTOCK_OK) {
        ++report_.failed;
        ++report_.failures[fmt::format("{}: {}", options_.topic, show_sdk_error(error))];
    }
    return true;
}

bool Sender::step() {
    if (finishing_) penstock_producer_push(producer_.get());
    const bool happened = client_.poll();
    std::array<penstock_completion, 64> done;
    while (const size_t count = penstock_producer_completions(producer_.get(), done.data(), done.size())) {
        for (const penstock_completion& completion : std::span(done).first(count)) settle(completion);
    }
    report_.retried_batches = penstock_producer_retried_batches(producer_.get());
    return happened;
}

void Sender::settle(const penstock_completion& completion) {
    if (completion.error == PENSTOCK_OK) {
        report_.delivered += completion.records;
        return;
    }
    report_.failed += completion.records;
    report_.failures[reason(completion)] += completion.records;
}

std::string Sender::reason(const penstock_completion& completion) const {
    const auto error = static_cast<ErrorCode>(completion.error);
    const std::string why = client_.last_error();
    switch (completion.error) {
        case PENSTOCK_TIMED_OUT: return why.empty() ? "not sent in time" : "in the end: " + printable(why);
        case PENSTOCK_UNKNOWN: return "sent, but perhaps not written: " + printable(why);
        default: break;
    }
    if (completion.error <= PENSTOCK_FULL) return show_sdk_error(completion.error);
    return refusal(fmt::format("{}/{}", options_.topic, completion.partition), error).message;
}

}  // namespace penstock::cli
