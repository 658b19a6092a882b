#include "sim/store.h"

#include <algorithm>
#include <utility>

namespace penstock::sim {

Result<io::StoreContents> Store::load() {
    if (crashed_) return fail(Errc::failed);
    if (load_failure_) return std::unexpected(*std::exchange(load_failure_, std::nullopt));
    io::StoreContents contents{.revision = medium_.revision, .rows = {}};
    for (const auto& [key, value] : medium_.rows) contents.rows.push_back({key, value});
    return contents;
}

Result<void> Store::submit(io::StoreTransaction transaction) {
    if (crashed_) return fail(Errc::failed);
    if (waiting_.size() + finished_.size() >= store_queue_max) return fail(Errc::would_block);
    waiting_.push_back(std::move(transaction));
    return {};
}

size_t Store::poll(std::span<io::StoreCompletion> out) {
    if (!held_) process(waiting_.size());
    const size_t count = std::min(out.size(), finished_.size());
    for (io::StoreCompletion& completion : out.first(count)) {
        completion = finished_.front();
        finished_.pop_front();
    }
    return count;
}

size_t Store::process(size_t count) {
    count = std::min(count, waiting_.size());
    for (size_t i = 0; i < count; ++i) {
        finished_.push_back(apply(waiting_.front()));
        waiting_.pop_front();
    }
    return count;
}

void Store::crash(size_t applied) {
    process(applied);
    waiting_.clear();
    finished_.clear();
    crashed_ = true;
}

void Store::fail_next(Error error, bool applied) { failure_ = {error, applied}; }

io::StoreCompletion Store::apply(const io::StoreTransaction& transaction) {
    if (transaction.revision != medium_.revision + 1)
        return {.token = transaction.token, .ok = false, .error = {Errc::refused}};
    if (const auto failure = std::exchange(failure_, std::nullopt)) {
        if (failure->applied) write(transaction);
        return {.token = transaction.token, .ok = false, .error = failure->error};
    }
    write(transaction);
    return {.token = transaction.token, .ok = true, .error = {}};
}

// Removes come last: a key in both lists ends up gone.
void Store::write(const io::StoreTransaction& transaction) {
    for (const io::StoreRow& row : transaction.puts) medium_.rows[row.key] = row.value;
    for (const std::string& key : transaction.removes) medium_.rows.erase(key);
    medium_.revision = transaction.revision;
}

}  // namespace penstock::sim
