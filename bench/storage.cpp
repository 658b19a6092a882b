// The storage engine on a real disk, without a network: closed-loop appends that are answered when durable.
//
//   storage_bench DIRECTORY APPEND_BYTES DEPTH LOGS SECONDS
//
// Prints one line of JSON: MiB/s, appends/s, latency percentiles in microseconds. Compare with fio in the same minute
// (bench/storage.py does).
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <filesystem>
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "log/recover.h"
#include "log/store.h"
#include "socket/clock.h"
#include "uring/disk.h"
#include "uring/ring.h"

namespace {

using namespace penstock;

struct Waiting {
    Nanos since;
    Offset offset;
};

struct Producer {
    log::Log* log = nullptr;
    std::deque<Waiting> waiting;
};

struct Load {
    uint64_t bytes;
    uint32_t depth;
    uint32_t logs;
    double seconds;
};

[[noreturn]] void die(const char* what, const std::string& why) {
    std::fprintf(stderr, "storage_bench: %s: %s\n", what, why.c_str());
    std::exit(1);
}

class Bench {
public:
    Bench(const char* path, const Load& load) : load_(load) {
        std::filesystem::create_directories(path);
        auto ring = uring::Ring::create();
        if (!ring) die("io_uring", ring.error().detail);
        ring_ = std::move(*ring);
        auto directory = uring::DataDirectory::open({.path = path});
        if (!directory) die(path, directory.error().detail);
        directory_ = std::move(*directory);
        auto disk = uring::Disk::create(*ring_, *directory_);
        if (!disk) die(path, disk.error().detail);
        disk_ = std::move(*disk);
        Nanos before = socket::monotonic_now();
        auto opened = log::open_directory(*disk_, {});
        if (!opened) die(path, opened.error().detail);
        open_ms_ = static_cast<double>(socket::monotonic_now() - before) / millisecond_ns;
        log::StoreOptions options;
        options.pool_bytes = 4 * gib;
        options.pool_refill_bytes_per_s = 0;
        store_ = std::make_unique<log::Store>(options, std::move(opened->shards[0]), *disk_, socket::read_time());
        body_.assign(load.bytes - log::batch_header_size, 'x');
        fragment_ = {reinterpret_cast<const std::byte*>(body_.data()), static_cast<uint32_t>(body_.size())};
    }

    void run() {
        create_logs();
        // The pool first: what is measured is appending to files that are ready.
        while (store_->counters().files_ready < 1408) turn();
        latencies_us_.reserve(1 << 22);
        Nanos begin = socket::monotonic_now();
        Nanos end = begin + static_cast<int64_t>(load_.seconds * second_ns);
        uint64_t done = 0;
        for (Nanos now = begin; now < end; now = socket::monotonic_now()) {
            store_->on_turn(socket::read_time());
            done += answer(socket::monotonic_now());
            fill(socket::monotonic_now());
            store_->submit(socket::read_time());
            wait();
        }
        double took = static_cast<double>(socket::monotonic_now() - begin) / second_ns;
        report(done, took);
        drain();
    }

private:
    void turn() {
        Time time = socket::read_time();
        store_->on_turn(time);
        store_->submit(time);
        wait();
    }

    void wait() {
        ring_->wait_until(std::min(socket::monotonic_now() + 10 * millisecond_ns, store_->next_deadline()));
    }

    void create_logs() {
        for (uint32_t i = 0; i < load_.logs; ++i) {
            log::LogKey key;
            key.topic_id.bytes[0] = 1;
            key.partition = static_cast<int32_t>(i);
            log::Log* log = store_->find(key);
            producers_.push_back({log != nullptr ? log : *store_->create(key, {}, socket::read_time()), {}});
        }
    }

    uint64_t answer(Nanos now) {
        uint64_t done = 0;
        for (Producer& producer : producers_) {
            while (!producer.waiting.empty() && producer.waiting.front().offset < producer.log->durable_offset()) {
                latencies_us_.push_back(static_cast<float>(now - producer.waiting.front().since) / 1000);
                producer.waiting.pop_front();
                --under_way_;
                ++done;
            }
        }
        return done;
    }

    void fill(Nanos now) {
        uint32_t refused = 0;
        while (under_way_ < load_.depth && refused < producers_.size()) {
            Producer& producer = producers_[next_++ % producers_.size()];
            log::BatchToAppend batch;
            std::memset(batch.header, 0, sizeof batch.header);
            store_be<int32_t>(batch.header + 8, static_cast<int32_t>(load_.bytes - 12));
            batch.body = {&fragment_, 1};
            auto offset = store_->append(*producer.log, batch, socket::read_time());
            if (!offset) {
                ++refused;
                continue;
            }
            producer.waiting.push_back({now, *offset});
            ++under_way_;
        }
        refusals_ += refused;
    }

    void report(uint64_t done, double took) {
        std::ranges::sort(latencies_us_);
        auto at = [&](double p) {
            if (latencies_us_.empty()) return 0.0;
            auto index = static_cast<size_t>(p * static_cast<double>(latencies_us_.size() - 1));
            return static_cast<double>(latencies_us_[index]);
        };
        const log::StoreCounters& c = store_->counters();
        std::printf("{\"append_bytes\": %llu, \"depth\": %u, \"logs\": %u, \"mib_per_s\": %.1f, "
                    "\"appends_per_s\": %.0f, "
                    "\"p50_us\": %.0f, \"p99_us\": %.0f, \"p999_us\": %.0f, \"max_us\": %.0f, \"refusals\": %llu, "
                    "\"commits\": %llu, \"journal_mib\": %llu, \"segment_mib\": %llu, \"segment_writes\": %llu, "
                    "\"checkpoints\": %llu, \"open_ms\": %.1f}\n",
                    static_cast<unsigned long long>(load_.bytes), load_.depth, load_.logs,
                    static_cast<double>(done * load_.bytes) / took / mib, static_cast<double>(done) / took, at(0.5),
                    at(0.99), at(0.999), at(1), static_cast<unsigned long long>(refusals_),
                    static_cast<unsigned long long>(c.commits), static_cast<unsigned long long>(c.commit_bytes / mib),
                    static_cast<unsigned long long>(c.segment_write_bytes / mib),
                    static_cast<unsigned long long>(c.segment_writes), static_cast<unsigned long long>(c.checkpoints),
                    open_ms_);
    }

    void drain() {
        store_->begin_stop();
        while (!store_->drained()) turn();
        store_.reset();
    }

    Load load_;
    std::unique_ptr<uring::Ring> ring_;
    std::unique_ptr<uring::DataDirectory> directory_;
    std::unique_ptr<uring::Disk> disk_;
    std::unique_ptr<log::Store> store_;
    std::vector<Producer> producers_;
    std::vector<float> latencies_us_;
    std::string body_;
    Fragment fragment_;
    size_t next_ = 0;
    uint32_t under_way_ = 0;
    uint64_t refusals_ = 0;
    double open_ms_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc != 6) {
        std::fprintf(stderr, "usage: storage_bench DIRECTORY APPEND_BYTES DEPTH LOGS SECONDS\n");
        return 2;
    }
    Load load{std::strtoull(argv[2], nullptr, 10), static_cast<uint32_t>(std::atoi(argv[3])),
              static_cast<uint32_t>(std::atoi(argv[4])), std::atof(argv[5])};
    if (load.bytes < 100 || load.depth == 0 || load.logs == 0 || load.seconds <= 0) {
        std::fprintf(stderr, "storage_bench: at least 100 bytes, depth 1, 1 log, and a duration above 0\n");
        return 2;
    }
    Bench(argv[1], load).run();
    return 0;
}
