#include "transport/bbr.h"

#include <algorithm>
#include <cmath>

namespace penstock::transport {

namespace {

constexpr double startup_gain = 2.77, drain_gain = 0.35, down_gain = 0.9, up_gain = 1.25;
constexpr double window_gain = 2.0, up_window_gain = 2.25, probe_rtt_window_gain = 0.5;
/// Slower than the path by this, so that what was queued by mistake goes away.
constexpr double pacing_margin = 0.99;
constexpr double loss_tolerated = 0.02, loss_cut = 0.7, headroom = 0.85;
constexpr double still_growing = 1.25;
constexpr uint32_t full_after_rounds = 3, startup_loss_events = 6;
constexpr uint64_t initial_packets = 32;
constexpr int64_t initial_rtt_ns = millisecond_ns;
constexpr int64_t min_rtt_life_ns = 10 * second_ns, probe_rtt_interval_ns = 5 * second_ns;
/// The draft's 200 ms suit the Internet; in a data centre this is a hundred round trips.
constexpr int64_t probe_rtt_ns = 10 * millisecond_ns;
constexpr int64_t cycle_ns_min = 2 * second_ns, cycle_ns_spread = second_ns;
constexpr uint64_t cycle_rounds_max = 63;
/// A sender that has too little to send cannot fill the path: it stops trying after so many rounds.
constexpr uint64_t up_rounds_max = 6;
/// Less than this may be a machine that is busy.
constexpr int64_t queue_ns_min = 2 * millisecond_ns;
constexpr uint64_t extra_rounds = 5;
constexpr uint64_t quantum_max = 64 * 1024;

uint64_t scaled(uint64_t value, double by) { return static_cast<uint64_t>(static_cast<double>(value) * by); }

}  // namespace

Bbr::Bbr(uint32_t packet_bytes, uint64_t seed)
    : random_(seed), packet_bytes_(packet_bytes), window_(initial_packets * packet_bytes) {
    enter_startup();
}

uint64_t Bbr::product(double gain) const {
    if (min_rtt_ns_ == 0) return initial_packets * packet_bytes_;
    return static_cast<uint64_t>(gain * static_cast<double>(bandwidth()) * static_cast<double>(min_rtt_ns_) /
                                 static_cast<double>(second_ns));
}

uint64_t Bbr::quantum() const {
    return std::clamp<uint64_t>(bytes_per_s() / 1000, 2 * uint64_t{packet_bytes_}, quantum_max);
}

uint64_t Bbr::target(double gain) const {
    const uint64_t extra = full_ ? std::max(extra_[0], extra_[1]) : 0;
    return std::max(product(gain) + extra, 3 * quantum()) + (mode_ == Mode::probe_up ? 2 * packet_bytes_ : 0);
}

uint64_t Bbr::bytes_per_s() const {
    if (bandwidth() == 0 || max_bandwidth() == 0) {
        const int64_t rtt = min_rtt_ns_ == 0 ? initial_rtt_ns : min_rtt_ns_;
        return scaled(window_, startup_gain * static_cast<double>(second_ns) / static_cast<double>(rtt));
    }
    return std::max<uint64_t>(scaled(bandwidth(), pacing_gain_ * pacing_margin), packet_bytes_);
}

uint64_t Bbr::burst_bytes() const { return quantum(); }

void Bbr::on_sample(const CongestionSample& sample) {
    update_round(sample);
    update_bandwidth(sample);
    update_losses(sample);
    update_aggregation(sample);
    check_startup(sample);
    check_drain(sample);
    check_probes(sample);
    update_round_trip(sample);
    check_probe_rtt(sample);
    update_window(sample);
    if (round_began_) {
        bandwidth_latest_ = under_way_latest_ = 0;
        round_lost_ = round_delivered_ = 0;
        round_loss_events_ = 0;
        round_rtt_ns_ = INT64_MAX;
    }
}

void Bbr::update_round(const CongestionSample& sample) {
    round_began_ = sample.rate.interval_ns > 0 && sample.rate.delivered_before >= round_ends_at_;
    if (!round_began_) return;
    ++round_;
    round_ends_at_ = sample.delivered;
}

void Bbr::update_bandwidth(const CongestionSample& sample) {
    const DeliveryRate& rate = sample.rate;
    // Less than a round trip cannot be: acknowledgements came faster than what they acknowledge.
    if (rate.interval_ns <= 0 || rate.interval_ns < min_rtt_ns_) return;
    const auto measured = static_cast<uint64_t>(static_cast<double>(rate.bytes) * static_cast<double>(second_ns) /
                                                static_cast<double>(rate.interval_ns));
    bandwidth_latest_ = std::max(bandwidth_latest_, measured);
    under_way_latest_ = std::max(under_way_latest_, rate.bytes);
    if (measured >= max_bandwidth() || !rate.sender_limited) bandwidths_[0] = std::max(bandwidths_[0], measured);
}

/// Of a round's packets, of which as many as are under way belong to it even if it has only begun. A few packets lose
/// more than their share by chance: it takes twice the deviation of what is tolerated.
bool Bbr::too_much_loss(const CongestionSample& sample) const {
    const uint64_t all = std::max(round_lost_ + round_delivered_, sample.bytes_under_way);
    const double tolerated = loss_tolerated * static_cast<double>(all) / packet_bytes_;
    const double lost = static_cast<double>(round_lost_) / packet_bytes_;
    return lost > std::max(2.0, tolerated + 2 * std::sqrt(tolerated));
}

void Bbr::update_losses(const CongestionSample& sample) {
    round_lost_ += sample.lost_bytes;
    round_delivered_ += sample.acknowledged_bytes;
    if (sample.lost_bytes > 0) ++round_loss_events_;
    if (mode_ == Mode::probe_up && too_much_loss(sample)) handle_too_much_loss(sample);
    if (sample.round_trip_ns) round_rtt_ns_ = std::min(round_rtt_ns_, *sample.round_trip_ns);
    const bool holds_back = mode_ == Mode::drain || mode_ == Mode::probe_down || mode_ == Mode::probe_cruise;
    if (round_began_ && holds_back && (too_much_loss(sample) || (round_lost_ > 0 && queue_stands())))
        update_bounds_after_loss();
}

/// Nothing in this round came through without waiting: a loss then is a queue that overflowed, and others are in it.
bool Bbr::queue_stands() const {
    return round_rtt_ns_ != INT64_MAX && round_rtt_ns_ > min_rtt_ns_ + std::max(min_rtt_ns_ / 4, queue_ns_min);
}

void Bbr::handle_too_much_loss(const CongestionSample& sample) {
    under_way_high_ = std::max(sample.bytes_under_way + sample.lost_bytes, scaled(target(1), loss_cut));
    enter_down(sample.now);
}

void Bbr::update_bounds_after_loss() {
    if (bandwidth_low_ == unlimited) bandwidth_low_ = max_bandwidth();
    if (under_way_low_ == unlimited) under_way_low_ = window_;
    bandwidth_low_ = std::max(bandwidth_latest_, scaled(bandwidth_low_, loss_cut));
    under_way_low_ = std::max(under_way_latest_, scaled(under_way_low_, loss_cut));
}

void Bbr::forget_lower_bounds() { bandwidth_low_ = under_way_low_ = unlimited; }

/// Acknowledgements of many packets at once leave the sender without anything under way, unless it may have more.
void Bbr::update_aggregation(const CongestionSample& sample) {
    if (sample.acknowledged_bytes == 0 || max_bandwidth() == 0) return;
    const auto expected = static_cast<uint64_t>(static_cast<double>(bandwidth()) *
                                                static_cast<double>(sample.now - bunch_began_at_) /
                                                static_cast<double>(second_ns));
    if (bunch_bytes_ <= expected) {
        bunch_began_at_ = sample.now;
        bunch_bytes_ = 0;
    }
    bunch_bytes_ += sample.acknowledged_bytes;
    const uint64_t since = bunch_bytes_ > expected ? bunch_bytes_ - expected : 0;
    if (round_ >= extra_round_ + extra_rounds) {
        extra_round_ = round_;
        extra_[1] = extra_[0];
        extra_[0] = 0;
    }
    extra_[0] = std::max(extra_[0], std::min(since, window_));
}

void Bbr::enter_startup() {
    mode_ = Mode::startup;
    pacing_gain_ = startup_gain;
    window_gain_ = window_gain;
}

void Bbr::check_startup(const CongestionSample& sample) {
    if (mode_ != Mode::startup || !round_began_) return;
    if (too_much_loss(sample) && round_loss_events_ >= startup_loss_events) {
        full_ = true;
        under_way_high_ = std::max(product(1), under_way_latest_);
    } else if (!sample.rate.sender_limited) {
        if (max_bandwidth() >= scaled(full_bandwidth_, still_growing)) {
            full_bandwidth_ = max_bandwidth();
            full_rounds_ = 0;
        } else if (++full_rounds_ >= full_after_rounds) {
            full_ = true;
        }
    }
    if (!full_) return;
    mode_ = Mode::drain;
    pacing_gain_ = drain_gain;
}

void Bbr::check_drain(const CongestionSample& sample) {
    if (mode_ == Mode::drain && sample.bytes_under_way <= product(1)) enter_down(sample.now);
}

void Bbr::enter_down(Nanos now) {
    if (mode_ == Mode::probe_up) {
        bandwidths_[1] = bandwidths_[0];
        bandwidths_[0] = 0;
    }
    mode_ = Mode::probe_down;
    pacing_gain_ = down_gain;
    window_gain_ = window_gain;
    cycle_began_at_ = now;
    cycle_ns_ = cycle_ns_min + static_cast<int64_t>(random_.below(static_cast<uint64_t>(cycle_ns_spread)));
    cycle_round_ = round_;
}

void Bbr::enter_cruise() {
    mode_ = Mode::probe_cruise;
    pacing_gain_ = 1;
}

void Bbr::enter_refill() {
    mode_ = Mode::probe_refill;
    forget_lower_bounds();
    pacing_gain_ = 1;
    phase_round_ = round_;
}

void Bbr::enter_up(Nanos now) {
    mode_ = Mode::probe_up;
    pacing_gain_ = up_gain;
    window_gain_ = up_window_gain;
    phase_round_ = round_;
    phase_began_at_ = now;
    raises_ = 0;
}

/// As often as a Reno flow of this size would fill the queue, and after two or three seconds in any case.
bool Bbr::time_to_probe(Nanos now) const {
    const uint64_t rounds = std::min(product(1) / packet_bytes_, cycle_rounds_max);
    return now - cycle_began_at_ >= cycle_ns_ || round_ >= cycle_round_ + std::max<uint64_t>(rounds, 1);
}

void Bbr::check_probes(const CongestionSample& sample) {
    const uint64_t under_way = sample.bytes_under_way;
    switch (mode_) {
        case Mode::probe_down: {
            if (time_to_probe(sample.now)) return enter_refill();
            const uint64_t high = under_way_high_ == unlimited ? unlimited : scaled(under_way_high_, headroom);
            if (under_way <= std::min(product(1), high)) enter_cruise();
            return;
        }
        case Mode::probe_cruise:
            if (time_to_probe(sample.now)) enter_refill();
            return;
        case Mode::probe_refill:
            if (round_began_ && round_ > phase_round_) enter_up(sample.now);
            return;
        case Mode::probe_up: {
            raise_upper_bound(sample);
            const bool filled = sample.now - phase_began_at_ > min_rtt_ns_ && under_way >= product(up_gain);
            if (filled || round_ >= phase_round_ + up_rounds_max) enter_down(sample.now);
            return;
        }
        case Mode::startup:
        case Mode::drain:
        case Mode::probe_rtt: return;
    }
}

/// While the bound is what holds us back it grows: by a packet in the first round, by twice as many in each later one.
void Bbr::raise_upper_bound(const CongestionSample& sample) {
    if (under_way_high_ == unlimited || sample.bytes_under_way + sample.acknowledged_bytes < under_way_high_) return;
    if (round_began_) raises_ = std::min(raises_ + 1, 20u);
    const double share =
        static_cast<double>(sample.acknowledged_bytes) / static_cast<double>(std::max(window_, window_min()));
    under_way_high_ += scaled(uint64_t{packet_bytes_} << raises_, share);
}

void Bbr::update_round_trip(const CongestionSample& sample) {
    if (!sample.round_trip_ns) return;
    const int64_t measured = std::max<int64_t>(*sample.round_trip_ns, 1);
    probe_rtt_due_ = probed_rtt_ns_ > 0 && sample.now - probed_rtt_at_ > probe_rtt_interval_ns;
    if (probed_rtt_ns_ == 0 || measured < probed_rtt_ns_ || probe_rtt_due_) {
        probed_rtt_ns_ = measured;
        probed_rtt_at_ = sample.now;
    }
    if (min_rtt_ns_ == 0 || probed_rtt_ns_ < min_rtt_ns_ || sample.now - min_rtt_at_ > min_rtt_life_ns) {
        min_rtt_ns_ = probed_rtt_ns_;
        min_rtt_at_ = probed_rtt_at_;
    }
}

void Bbr::check_probe_rtt(const CongestionSample& sample) {
    if (mode_ != Mode::probe_rtt) {
        if (!probe_rtt_due_ || !full_) return;
        mode_ = Mode::probe_rtt;
        pacing_gain_ = 1;
        window_before_ = window_;
        probe_rtt_until_ = never;
        probe_rtt_due_ = false;
        return;
    }
    if (probe_rtt_until_ == never) {
        if (sample.bytes_under_way > std::max(product(probe_rtt_window_gain), window_min())) return;
        probe_rtt_until_ = sample.now + probe_rtt_ns;
        phase_round_ = round_;
    } else if (sample.now >= probe_rtt_until_ && round_ > phase_round_) {
        probed_rtt_at_ = sample.now;
        window_ = std::max(window_, window_before_);
        forget_lower_bounds();
        enter_down(sample.now);
        enter_cruise();
    }
}

void Bbr::update_window(const CongestionSample& sample) {
    const uint64_t wanted = target(window_gain_);
    if (full_) window_ = std::min(window_ + sample.acknowledged_bytes, wanted);
    else if (window_ < wanted || sample.delivered < initial_packets * packet_bytes_)
        window_ += sample.acknowledged_bytes;
    uint64_t bound = unlimited;
    if (probes_bandwidth() && mode_ != Mode::probe_cruise) bound = under_way_high_;
    else if ((mode_ == Mode::probe_cruise || mode_ == Mode::probe_rtt) && under_way_high_ != unlimited)
        bound = scaled(under_way_high_, headroom);
    bound = std::min(bound, under_way_low_);
    if (mode_ == Mode::probe_rtt) bound = std::min(bound, product(probe_rtt_window_gain));
    window_ = std::max(std::min(window_, bound), window_min());
}

void Bbr::on_persistent_congestion(Nanos now) {
    const uint64_t seed = random_.next();
    *this = Bbr(packet_bytes_, seed);
    window_ = window_min();
    bunch_began_at_ = cycle_began_at_ = now;
}

}  // namespace penstock::transport
