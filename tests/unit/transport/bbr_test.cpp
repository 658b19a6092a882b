// BBR on a path that is a bottleneck, a delay and a queue.
#include "transport/bbr.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "base/random.h"

namespace penstock::transport {
namespace {

constexpr uint32_t packet_bytes = 1500;

struct Path {
    double bytes_per_s = 12.5e6;              // 100 Mbit/s
    int64_t delay_ns = 20 * millisecond_ns;   // there and back, without the queue
    double queue_bytes = 250e3;               // a product of both
    double loss = 0;
};

/// Senders that always have something to send, each with a Bbr of its own, share the path. Acknowledgements come one
/// for each packet, and losses are noticed a round trip later.
class Model {
public:
    Model(const Path& of, size_t senders) : path(of) {
        for (size_t i = 0; i < senders; ++i) senders_.push_back(std::make_unique<Sender>(i + 1));
    }

    void run(int64_t ns) {
        const Nanos end = now_ + ns;
        constexpr int64_t step = 50 * microsecond_ns;
        for (; now_ < end; now_ += step) {
            for (size_t i = 0; i < senders_.size(); ++i) {
                acknowledge(*senders_[i]);
                send(i, step);
            }
            drain(step);
        }
    }
    uint64_t delivered(size_t sender) const { return senders_[sender]->delivered; }
    const Bbr& control(size_t sender) const { return senders_[sender]->bbr; }
    double queued() const { return queued_; }

    Path path;

private:
    struct Packet {
        Nanos sent_at, delivered_at, first_sent_at;
        uint64_t delivered = 0;
        size_t sender = 0;
    };
    struct Answer {
        Packet packet;
        bool lost = false;
    };
    struct Sender {
        explicit Sender(uint64_t seed) : bbr(packet_bytes, seed) {}
        Bbr bbr;
        uint64_t under_way = 0, delivered = 0;
        double tokens = 0;
        Nanos delivered_at{second_ns}, first_sent_at{second_ns};
        std::multimap<Nanos, Answer> answers;   ///< by when they arrive
    };

    void send(size_t index, int64_t step) {
        Sender& sender = *senders_[index];
        const auto burst = static_cast<double>(sender.bbr.burst_bytes());
        sender.tokens = std::min(sender.tokens + static_cast<double>(sender.bbr.bytes_per_s()) *
                                                     static_cast<double>(step) / second_ns, burst);
        while (sender.tokens > 0 && sender.under_way + packet_bytes <= sender.bbr.window_bytes()) {
            sender.tokens -= packet_bytes;
            if (sender.under_way == 0) sender.delivered_at = sender.first_sent_at = now_;
            sender.under_way += packet_bytes;
            const Packet packet{now_, sender.delivered_at, sender.first_sent_at, sender.delivered, index};
            const bool lost = queued_ + packet_bytes > path.queue_bytes ||
                              random_.chance(static_cast<uint64_t>(path.loss * 1e6), 1'000'000);
            if (lost) {
                const auto queued_ns = static_cast<int64_t>(queued_ / path.bytes_per_s * 1e9);
                sender.answers.emplace(now_ + path.delay_ns + queued_ns, Answer{packet, true});
            } else {
                queue_.push_back(packet);
                queued_ += packet_bytes;
            }
        }
    }
    void drain(int64_t step) {
        budget_ = std::min(budget_ + path.bytes_per_s * static_cast<double>(step) / 1e9, 2.0 * packet_bytes +
                           path.bytes_per_s * static_cast<double>(step) / 1e9);
        while (!queue_.empty() && budget_ >= packet_bytes) {
            budget_ -= packet_bytes;
            queued_ -= packet_bytes;
            Sender& sender = *senders_[queue_.front().sender];
            sender.answers.emplace(now_ + path.delay_ns, Answer{queue_.front()});
            queue_.pop_front();
        }
    }
    void acknowledge(Sender& sender) {
        while (!sender.answers.empty() && sender.answers.begin()->first <= now_) {
            const Answer answer = sender.answers.begin()->second;
            sender.answers.erase(sender.answers.begin());
            sender.under_way -= packet_bytes;
            CongestionSample sample{.now = now_, .bytes_under_way = sender.under_way};
            if (answer.lost) {
                sample.lost_bytes = packet_bytes;
            } else {
                sender.delivered += packet_bytes;
                sender.delivered_at = now_;
                sender.first_sent_at = answer.packet.sent_at;
                sample.acknowledged_bytes = packet_bytes;
                sample.round_trip_ns = now_ - answer.packet.sent_at;
                sample.rate = {.bytes = sender.delivered - answer.packet.delivered,
                               .interval_ns = std::max(answer.packet.sent_at - answer.packet.first_sent_at,
                                                       now_ - answer.packet.delivered_at),
                               .delivered_before = answer.packet.delivered};
            }
            sample.delivered = sender.delivered;
            sender.bbr.on_sample(sample);
        }
    }

    Nanos now_{second_ns};
    Random random_{1};
    std::vector<std::unique_ptr<Sender>> senders_;
    std::deque<Packet> queue_;
    double queued_ = 0, budget_ = 0;
};

/// Of the path's bandwidth, while it runs so long.
double used(Model& model, int64_t ns, size_t sender = 0) {
    const uint64_t before = model.delivered(sender);
    model.run(ns);
    return static_cast<double>(model.delivered(sender) - before) /
           (model.path.bytes_per_s * static_cast<double>(ns) / 1e9);
}

TEST(Bbr, fills_the_path_and_not_its_queue) {
    Model model({}, 1);
    model.run(second_ns);
    EXPECT_GT(used(model, 4 * second_ns), 0.9);
    EXPECT_LT(model.queued(), 1.5 * model.path.queue_bytes);
    const double bandwidth = static_cast<double>(model.control(0).bandwidth());
    EXPECT_NEAR(bandwidth, model.path.bytes_per_s, 0.1 * model.path.bytes_per_s);
    EXPECT_LT(model.control(0).round_trip_ns(), 22 * millisecond_ns);
}

TEST(Bbr, random_losses_cost_little) {
    Model model({.loss = 0.01}, 1);
    model.run(2 * second_ns);
    EXPECT_GT(used(model, 4 * second_ns), 0.85);
}

TEST(Bbr, follows_a_path_that_changes) {
    Model model({}, 1);
    model.run(2 * second_ns);
    model.path.bytes_per_s /= 2;
    model.run(4 * second_ns);
    EXPECT_GT(used(model, 2 * second_ns), 0.9);
    model.path.bytes_per_s *= 4;
    model.run(10 * second_ns);
    EXPECT_GT(used(model, 2 * second_ns), 0.8);
}

TEST(Bbr, persistent_congestion_starts_it_anew) {
    Model model({}, 1);
    model.run(2 * second_ns);
    Bbr control = model.control(0);
    control.on_persistent_congestion(Nanos(4 * second_ns));
    EXPECT_EQ(control.mode(), Bbr::Mode::startup);
    EXPECT_LE(control.window_bytes(), 4u * packet_bytes);
}

}  // namespace
}  // namespace penstock::transport
