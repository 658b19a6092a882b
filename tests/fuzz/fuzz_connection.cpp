// Bytes of a Kafka client, against a whole node on simulated drivers. Whatever they are: no crash, no hang, and when
// the client has gone nothing of it is left.
//
// The first byte says where the rest is cut in two, which a second connection sends in the other order. The node lives
// on from input to input, as a broker does.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "scenario/broker_world.h"

using penstock::scenario::BrokerWorld;
using penstock::scenario::Client;

namespace {

void check(bool condition, const char* what) {
    if (condition) return;
    std::fprintf(stderr, "fuzz_connection: %s\n", what);
    std::abort();
}

BrokerWorld& node() {
    static BrokerWorld* world = [] {
        auto* made = new BrokerWorld({.shards = 2, .seed = 1});
        made->make_topic("t", 4);
        return made;
    }();
    return *world;
}

std::vector<std::byte> bytes_of(const uint8_t* data, size_t size) {
    const auto* first = reinterpret_cast<const std::byte*>(data);
    return {first, first + size};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0 || size > 256 * 1024) return 0;
    BrokerWorld& world = node();
    const size_t cut = (size - 1) * data[0] / 256;
    std::vector<std::byte> head = bytes_of(data + 1, cut), tail = bytes_of(data + 1 + cut, size - 1 - cut);
    Client& first = world.connect();
    Client& second = world.connect();
    first.send_bytes(head);
    second.send_bytes(tail);
    world.run(penstock::millisecond_ns);
    first.send_bytes(tail);
    second.send_bytes(head);
    world.run(3 * penstock::millisecond_ns);
    first.close();
    second.close();
    check(first.wait_for_close() && second.wait_for_close(), "a connection did not end");
    const auto quiet = [&] {
        for (const auto& shard : world.shards)
            if (shard->listener().connections() + shard->listener().requests_in_use() > 0) return false;
        return true;
    };
    check(world.run_until(quiet, 30 * penstock::second_ns), "requests of a client that has gone are still there");
    for (const auto& shard : world.shards) {
        check(shard->listener().request_bytes() == 0, "request memory was not given back");
        check(shard->listener().arena_bytes() == 0, "an arena was not given back");
        check(shard->owner().lent_bytes() == 0, "lent slices were not given back");
    }
    world.clients.clear();
    return 0;
}
