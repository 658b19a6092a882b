#include "broker/repairs.h"

#include <algorithm>

#include "limits.h"

namespace penstock::broker {

/// Asks the next where nobody is asked any more, or for too long.
bool Repairs::pass_on(Nanos now) {
    bool worked = false;
    std::erase_if(repairs_, [&](Repair& repair) {
        if (now < repair.until) return false;
        worked = true;
        if (repair.left.empty()) {
            store_.give_up(repair.batches.id);
            return true;
        }
        repair.asked = repair.left.back();
        repair.left.pop_back();
        repair.until = now + limits::repair_wait_ns;
        repair.to_ask = true;
        return false;
    });
    return worked;
}

std::optional<RepairAsk> Repairs::poll() {
    const auto found = std::ranges::find(repairs_, true, &Repair::to_ask);
    if (found == repairs_.end()) return std::nullopt;
    found->to_ask = false;
    return RepairAsk{found->batches, found->asked};
}

/// A late answer is as good as any; only that of the one who is asked now is waited for.
void Repairs::on_answer(uint64_t id, NodeId broker, std::span<const std::byte> batches, Nanos now) {
    const auto found = std::ranges::find(repairs_, id, [](const Repair& repair) { return repair.batches.id; });
    if (found == repairs_.end()) return;
    if (!batches.empty() && store_.repair(id, batches)) {
        repairs_.erase(found);
        return;
    }
    if (found->asked == broker) found->until = now;
}

Nanos Repairs::next_deadline() const {
    Nanos at = never;
    for (const Repair& repair : repairs_) at = std::min(at, repair.until);
    return at;
}

}  // namespace penstock::broker
