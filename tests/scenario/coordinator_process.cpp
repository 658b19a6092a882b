#include "scenario/coordinator_process.h"

#include "base/assert.h"
#include "scenario/node_streams.h"

namespace penstock::scenario {

CoordinatorProcess::CoordinatorProcess(sim::DatagramNetwork& datagrams, sim::StoreMedium& medium,
                                       const CoordinatorProcessOptions& options)
    : options_(options),
      store_(medium),
      link_(datagrams, sim::LinkOptions{.host = options.host}),
      streams_(link_, node_streams(options.seed, options.secret)) {
    store_.set_role(options.role);
    // The port is taken from the start, and refuses: silence would cost brokers a time-out.
    const auto listening = streams_.listen({options.host, options.port, io::Road::native});
    PENSTOCK_ASSERT(listening.has_value());
    streams_.stop_listening();
}

CoordinatorProcess::~CoordinatorProcess() = default;

bool CoordinatorProcess::turn(Nanos now) {
    if (over_ || (deadline_ > now && !link_.has_arrivals())) return false;
    const io::StoreRole role = store_.role(now);
    if (role == io::StoreRole::lost) {
        close_all(now);
        over_ = true;
        return true;
    }
    if (role == io::StoreRole::active && !server_) become_active(now);
    if (over_) return true;
    const bool worked = server_ ? server_->turn(now) : streams_.turn(now);
    while (coordinator_ && coordinator_->poll_note()) {}
    over_ = coordinator_ && coordinator_->failure();
    const Nanos next = server_ ? server_->next_deadline() : streams_.next_deadline();
    deadline_ = worked ? now + microsecond_ns : next;
    return true;
}

void CoordinatorProcess::become_active(Nanos now) {
    const auto contents = store_.load();
    auto state = contents ? coordinator::State::load(*contents) : std::unexpected(std::string("no state"));
    if (!state) {
        over_ = true;
        return;
    }
    coordinator_.emplace(options_.coordinator, std::move(*state), now);
    server_.emplace(*coordinator_, streams_, store_);
    const auto listening = streams_.listen({options_.host, options_.port, io::Road::native});
    PENSTOCK_ASSERT(listening.has_value());
}

Nanos CoordinatorProcess::next_deadline() const {
    if (over_) return never;
    return link_.has_arrivals() ? Nanos(0) : deadline_;
}

void CoordinatorProcess::close_all(Nanos now) {
    streams_.shut_down();
    streams_.turn(now);
}

}  // namespace penstock::scenario
