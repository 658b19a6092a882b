#include "store/zookeeper_election.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace penstock::store {

namespace {

constexpr size_t number_digits = 10;
constexpr int64_t patience_ns = second_ns;

std::string prefix_of(uint64_t session) {
    std::array<char, 16> digits;
    const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), session, 16);
    return "c-" + std::string(digits.data(), end) + "-";
}

std::string_view number_of(std::string_view name) { return name.substr(name.size() - number_digits); }

}  // namespace

/// In the order of their numbers. Names that are not numbered are somebody else's.
Outcome Election::list(std::vector<std::string>& names) {
    const Outcome outcome = session_.children(folder_, names);
    std::erase_if(names, [](const std::string& name) { return name.size() <= number_digits; });
    std::ranges::sort(names, {}, [](const std::string& name) { return number_of(name); });
    return outcome;
}

// The answer to a creation may be lost, and a second node of ours would stand in our own way: look before each try.
Outcome Election::stand(std::string_view name) {
    const std::string prefix = prefix_of(session_.id());
    while (true) {
        std::vector<std::string> names;
        if (const Outcome listed = list(names); listed != Outcome::done) return listed;
        const auto own = std::ranges::find_if(names, [&](const std::string& n) { return n.starts_with(prefix); });
        if (own != names.end()) {
            own_ = *own;
            return Outcome::done;
        }
        const Outcome created = session_.create_numbered(folder_ + "/" + prefix, name);
        if (created != Outcome::done && created != Outcome::unknown) return created;
        if (session_.wait_connected(patience_ns) == Outcome::over) return Outcome::over;
    }
}

Outcome Election::look() {
    while (true) {
        std::vector<std::string> names;
        if (const Outcome listed = list(names); listed != Outcome::done) return listed;
        const auto own = std::ranges::find(names, own_);
        if (own == names.end()) return Outcome::over;
        elected_ = own == names.begin();
        active_.clear();
        if (elected_) return Outcome::done;
        Node first;
        const Outcome named = session_.get(folder_ + "/" + names.front(), first);
        if (named == Outcome::missing) continue;
        if (named != Outcome::done) return named;
        active_ = first.data;
        const Outcome watched = session_.watch(folder_ + "/" + *std::prev(own));
        if (watched != Outcome::missing) return watched;  // else it went meanwhile
    }
}

}  // namespace penstock::store
