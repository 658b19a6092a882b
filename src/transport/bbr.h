// Congestion control by a model of the path: its bandwidth and its round-trip time, as measured. It follows BBR,
// version 3 (draft-ietf-ccwg-bbr), whose names it uses.
//
// Stepped by its connection. Losses count only when there are many (2 % of a round trip's packets, and more than chance
// explains), or when everything in the round stood in a queue; so a path that loses at random does not slow it, where
// the draft would lower its bounds for any loss. Queues do slow it, since what is under way is kept near bandwidth
// times round trip. It probes for more bandwidth at intervals, as often as a Reno flow of the same size would fill the
// queue, so that both can live beside each other, and drains the queue now and then to see the path's own round trip.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/random.h"
#include "transport/congestion.h"

namespace penstock::transport {

class Bbr final : public CongestionControl {
public:
    Bbr(uint32_t packet_bytes, uint64_t seed);

    void on_sample(const CongestionSample& sample) override;
    void on_persistent_congestion(Nanos now) override;
    void set_packet_bytes(uint32_t bytes) override { packet_bytes_ = bytes; }

    uint64_t window_bytes() const override { return window_; }
    uint64_t bytes_per_s() const override;
    uint64_t burst_bytes() const override;

    enum class Mode : uint8_t { startup, drain, probe_down, probe_cruise, probe_refill, probe_up, probe_rtt };
    Mode mode() const { return mode_; }
    uint64_t bandwidth() const { return std::min(max_bandwidth(), bandwidth_low_); }
    int64_t round_trip_ns() const { return min_rtt_ns_; }

private:
    static constexpr uint64_t unlimited = UINT64_MAX;

    void update_round(const CongestionSample& sample);
    void update_losses(const CongestionSample& sample);
    void update_bandwidth(const CongestionSample& sample);
    void update_aggregation(const CongestionSample& sample);
    void update_round_trip(const CongestionSample& sample);
    void update_bounds_after_loss();
    void check_startup(const CongestionSample& sample);
    void check_drain(const CongestionSample& sample);
    void check_probes(const CongestionSample& sample);
    void check_probe_rtt(const CongestionSample& sample);
    void update_window(const CongestionSample& sample);

    void enter_startup();
    void enter_down(Nanos now);
    void enter_cruise();
    void enter_refill();
    void enter_up(Nanos now);
    void forget_lower_bounds();
    void handle_too_much_loss(const CongestionSample& sample);
    uint64_t quantum() const;
    void raise_upper_bound(const CongestionSample& sample);

    uint64_t max_bandwidth() const { return std::max(bandwidths_[0], bandwidths_[1]); }
    uint64_t product(double gain) const;            ///< of bandwidth and round trip
    uint64_t target(double gain) const;
    uint64_t window_min() const { return 4 * uint64_t{packet_bytes_}; }
    bool probes_bandwidth() const { return mode_ >= Mode::probe_down && mode_ <= Mode::probe_up; }
    bool queue_stands() const;
    bool too_much_loss(const CongestionSample& sample) const;
    bool time_to_probe(Nanos now) const;

    Random random_;
    uint32_t packet_bytes_;
    Mode mode_ = Mode::startup;
    uint64_t window_;
    double pacing_gain_ = 0, window_gain_ = 0;

    // Rounds: one for each round trip.
    uint64_t round_ = 0;
    uint64_t round_ends_at_ = 0;                    ///< of `delivered`
    bool round_began_ = false;

    // The model.
    uint64_t bandwidths_[2] = {};                   ///< the most of this cycle of probing, and of the one before
    uint64_t bandwidth_latest_ = 0, under_way_latest_ = 0;   ///< the most of this round
    uint64_t bandwidth_low_ = unlimited, under_way_low_ = unlimited;   ///< what losses of late allow
    uint64_t under_way_high_ = unlimited;           ///< what led to too much loss
    int64_t min_rtt_ns_ = 0;                        ///< 0: not measured
    Nanos min_rtt_at_;
    int64_t probed_rtt_ns_ = 0;
    Nanos probed_rtt_at_;
    bool probe_rtt_due_ = false;

    // Startup.
    bool full_ = false;                             ///< more sending brought no more bandwidth
    uint64_t full_bandwidth_ = 0;
    uint32_t full_rounds_ = 0;

    // Losses of the round.
    uint64_t round_lost_ = 0, round_delivered_ = 0;
    uint32_t round_loss_events_ = 0;
    int64_t round_rtt_ns_ = INT64_MAX;              ///< the least of the round

    // Acknowledgements that come in bunches: what arrived beyond the bandwidth, the most of the last ten rounds or so.
    Nanos bunch_began_at_;
    uint64_t bunch_bytes_ = 0;
    uint64_t extra_[2] = {};
    uint64_t extra_round_ = 0;

    // Cycles of probing for bandwidth.
    Nanos cycle_began_at_, phase_began_at_;
    int64_t cycle_ns_ = 0;
    uint64_t cycle_round_ = 0, phase_round_ = 0;
    uint32_t raises_ = 0;                           ///< rounds of this phase: the upper bound rises ever faster

    // The probe of the round trip.
    Nanos probe_rtt_until_ = never;                 ///< never: what is under way is still too much
    uint64_t window_before_ = 0;
};

}  // namespace penstock::transport
