#include "shard/roads.h"

#include <algorithm>

#include "base/assert.h"

namespace penstock::shard {

io::Streams& Roads::road_of(io::ConnectionId connection) {
    if (!is_native(connection)) return tcp_;
    PENSTOCK_ASSERT(native_ != nullptr);
    return *native_;
}

Result<uint16_t> Roads::listen(const io::Address& address) {
    if (address.road == io::Road::tcp) return tcp_.listen(address);
    return native_ != nullptr ? native_->listen(address) : fail(Errc::unsupported);
}

void Roads::stop_listening() {
    tcp_.stop_listening();
    if (native_ != nullptr) native_->stop_listening();
}

Result<io::ConnectionId> Roads::connect(const io::Address& address) {
    if (address.road == io::Road::tcp) return tcp_.connect(address);
    if (native_ == nullptr) return fail(Errc::unsupported);
    const Result<io::ConnectionId> id = native_->connect(address);
    if (!id) return id;
    return io::ConnectionId{id->value | native_connection};
}

Result<void> Roads::send(io::ConnectionId connection, std::span<const Fragment> fragments, uint64_t token) {
    return road_of(connection).send(own(connection), fragments, token);
}

void Roads::pause(io::ConnectionId connection) { road_of(connection).pause(own(connection)); }

void Roads::resume(io::ConnectionId connection) { road_of(connection).resume(own(connection)); }

void Roads::close(io::ConnectionId connection) { road_of(connection).close(own(connection)); }

void Roads::release(const io::ReceiveBuffer& buffer) {
    if ((buffer.index & native_buffer) == 0) return tcp_.release(buffer);
    io::ReceiveBuffer native = buffer;
    native.index &= ~native_buffer;
    native_->release(native);
}

double Roads::free_buffer_share() const {
    const double tcp = tcp_.free_buffer_share();
    return native_ != nullptr ? std::min(tcp, native_->free_buffer_share()) : tcp;
}

size_t Roads::poll(std::span<io::StreamEvent> out) {
    if (native_ == nullptr) return tcp_.poll(out);
    native_first_ = !native_first_;
    size_t count = 0;
    for (const bool native : {native_first_, !native_first_}) {
        const auto rest = out.subspan(count);
        if (!native) {
            count += tcp_.poll(rest);
            continue;
        }
        const size_t polled = native_->poll(rest);
        for (io::StreamEvent& event : rest.first(polled)) {
            event.connection.value |= native_connection;
            if (event.kind == io::StreamEventKind::received) event.buffer.index |= native_buffer;
        }
        count += polled;
    }
    return count;
}

}  // namespace penstock::shard
