// ReadReplica: one read by the partition's owner, answered with what it lends.
#include "wire/node/read_replica.h"

#include <algorithm>

#include "broker/handlers.h"

namespace penstock::broker::read_replica {

namespace {

using wire::node::ReadReplicaRequest;
using wire::node::ReadReplicaResponse;

void start(Request& request, wire::Reader& reader, Serving& serving) {
    ReadReplicaRequest asked;
    if (!decode_body(request, serving, reader, asked)) return;
    FetchCall& call = serving.take_fetch_call(request);
    call.parts = request.arena.make_array<FetchPart>(1);
    if (call.parts.empty()) return serving.close(request);
    FetchPart& part = call.parts.front();
    part.key = {asked.topic, asked.partition};
    part.from = Offset(asked.offset);
    part.bytes_max = static_cast<uint32_t>(std::max(asked.bytes_max, 1));
    part.for_replica = true;
    call.bytes_max = part.bytes_max;
    call.bytes_wanted = 0;
    serving.start_call(request, call, serving.owner_of(part.key));
}

void resume(Request& request, Call&, Serving& serving) {
    if (request.open_calls > 0) return;
    const FetchCall& call = *request.fetch_calls.front();
    const FetchPart& part = call.parts.front();
    ReadReplicaResponse response;
    response.error = static_cast<int16_t>(part.error);
    const std::span<Fragment> records = request.arena.make_array<Fragment>(part.slice_count);
    if (records.size() != part.slice_count) return serving.close(request);
    const auto lent = std::span(call.slices).subspan(part.first_slice, part.slice_count);
    std::ranges::transform(lent, records.begin(), [](const log::Slice& s) { return Fragment{s.data, s.size}; });
    response.records = records;
    serving.respond(request, response);
}

}  // namespace

const Handler handler{wire::node::NodeKey::read_replica, start, resume};

}  // namespace penstock::broker::read_replica
