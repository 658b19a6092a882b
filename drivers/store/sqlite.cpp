#include "store/sqlite.h"

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <filesystem>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "base/assert.h"
#include "limits.h"
#include "store/database.h"
#include "store/lock_file.h"

namespace penstock::store {

namespace {
}

struct Sqlite::Impl {
    LockFile lock;
    Database database;  // the caller's until the thread starts, and the thread's from then on
    Wake wake;
    std::thread thread;

    mutable std::mutex mutex;
    std::condition_variable changed;
    std::deque<io::StoreTransaction> waiting;
    std::deque<io::StoreCompletion> finished;
    size_t under_way = 0;  // submitted, and its completion not polled
    std::string detail;
    bool failed = false;
    bool stopping = false;

    bool start();
    void run();
};

Sqlite::Sqlite(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Checked<std::unique_ptr<Sqlite>> Sqlite::open(const std::string& directory, Wake wake) {
    std::error_code error;
    std::filesystem::create_directories(directory, error);
    if (error)
        return std::unexpected(Failure{{Errc::io, error.value()},
                                           "cannot create the directory " + directory + ": " + error.message()});
    auto impl = std::make_unique<Impl>();
    impl->wake = wake;
    const std::string lock_path = directory + "/coordinator.lock";
    if (auto locked = impl->lock.lock(lock_path); !locked) {
        const bool held = locked.error().code == Errc::refused;
        return std::unexpected(Failure{
            locked.error(), held ? "the directory " + directory + " is used by another coordinator (" +
                                       impl->lock.holder() + "): stop it, or choose another data.directory"
                                 : "cannot lock " + lock_path + ": " + std::strerror(locked.error().os_error)});
    }
    if (auto opened = impl->database.open(directory + "/coordinator.db"); !opened)
        return std::unexpected(Failure{opened.error(), impl->database.detail()});
    return std::unique_ptr<Sqlite>(new Sqlite(std::move(impl)));
}

Sqlite::~Sqlite() {
    if (!impl_->thread.joinable()) return;
    {
        std::lock_guard guard(impl_->mutex);
        impl_->stopping = true;
    }
    impl_->changed.notify_one();
    impl_->thread.join();
}

Result<io::StoreContents> Sqlite::load() {
    PENSTOCK_ASSERT(!impl_->thread.joinable());  // once, at start: before the first transaction
    auto contents = impl_->database.load();
    if (!contents) impl_->detail = impl_->database.detail();
    return contents;
}

Result<void> Sqlite::submit(io::StoreTransaction transaction) {
    if (!impl_->thread.joinable() && !impl_->start()) return fail(Errc::failed);
    {
        std::lock_guard guard(impl_->mutex);
        if (impl_->under_way >= limits::store_transactions_max) return fail(Errc::would_block);
        ++impl_->under_way;
        impl_->waiting.push_back(std::move(transaction));
    }
    impl_->changed.notify_one();
    return {};
}

size_t Sqlite::poll(std::span<io::StoreCompletion> out) {
    std::lock_guard guard(impl_->mutex);
    const size_t count = std::min(out.size(), impl_->finished.size());
    for (io::StoreCompletion& completion : out.first(count)) {
        completion = impl_->finished.front();
        impl_->finished.pop_front();
    }
    impl_->under_way -= count;
    return count;
}

std::string Sqlite::detail() const {
    std::lock_guard guard(impl_->mutex);
    return impl_->detail;
}

bool Sqlite::Impl::start() {
    try {
        thread = std::thread([this] { run(); });
        return true;
    } catch (const std::system_error& error) {
        detail = std::string("cannot start the store's thread: ") + error.what();
        return false;
    }
}

void Sqlite::Impl::run() {
    std::unique_lock guard(mutex);
    while (true) {
        changed.wait(guard, [this] { return stopping || !waiting.empty(); });
        if (waiting.empty()) return;
        const io::StoreTransaction transaction = std::move(waiting.front());
        waiting.pop_front();
        const bool refuse = failed;
        guard.unlock();
        const Result<void> result = refuse ? fail(Errc::failed) : database.apply(transaction);
        guard.lock();
        if (!result && !failed) {
            failed = true;
            detail = database.detail();
        }
        finished.push_back({transaction.token, result.has_value(), result ? Error{} : result.error()});
        guard.unlock();
        if (wake.call != nullptr) wake.call(wake.context);
        guard.lock();
    }
}

}  // namespace penstock::store
