// What happened in a run, as one number: equal seeds must give equal ones. And as a trace, for whoever wants to read
// it.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>

#include "base/random.h"
#include "base/units.h"

namespace penstock::sim {

class History {
public:
    explicit History(bool verbose = false) : verbose_(verbose) {}

    /// Something happened, with these numbers to it.
    void add(Nanos now, std::initializer_list<uint64_t> numbers) {
        hash_ = mix64(hash_ ^ static_cast<uint64_t>(now.value));
        for (const uint64_t number : numbers) hash_ = mix64(hash_ ^ number);
    }
    /// For the reader of a trace only.
    void note(const std::string& text) const;

    /// The present of the run, for notes.
    void set_time(Nanos now) { now_ = now; }
    Nanos now() const { return now_; }
    bool verbose() const { return verbose_; }
    uint64_t hash() const { return hash_; }

private:
    uint64_t hash_ = 0;
    Nanos now_;
    bool verbose_;
};

}  // namespace penstock::sim
