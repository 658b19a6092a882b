#include "store/sqlite.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <semaphore>

#include "base/random.h"
#include "store_contract.h"

namespace penstock::store {
namespace {

using tests::rows;
using tests::transaction;

class Folder {
public:
    Folder() {
        char name[] = "/tmp/penstock-store-XXXXXX";
        path_ = ::mkdtemp(name);
    }
    ~Folder() { std::filesystem::remove_all(path_); }
    const std::string& path() const { return path_; }
    std::string database() const { return path_ + "/coordinator.db"; }

private:
    std::string path_;
};

// Waits for completions without polling: the driver's wake releases it.
struct Waiter {
    std::counting_semaphore<> woken{0};
    Wake wake() {
        return {[](void* self) { static_cast<Waiter*>(self)->woken.release(); }, this};
    }
    io::StoreCompletion next(Sqlite& store) {
        io::StoreCompletion completion;
        while (store.poll(std::span(&completion, 1)) == 0) woken.acquire();
        return completion;
    }
};

class SqliteWorld final : public tests::StoreWorld {
public:
    SqliteWorld() { reopen(); }
    io::Store& store() override { return *store_; }
    void wait() override { waiter_.woken.acquire(); }
    void reopen() override {
        store_.reset();
        store_ = std::move(*Sqlite::open(folder_.path(), waiter_.wake()));
    }

private:
    Folder folder_;
    Waiter waiter_;
    std::unique_ptr<Sqlite> store_;
};

void fill(const std::string& path, uint64_t transactions) {
    Waiter waiter;
    auto store = Sqlite::open(path, waiter.wake());
    ASSERT_TRUE(store.has_value()) << store.error().detail;
    for (uint64_t i = 1; i <= transactions; ++i) {
        ASSERT_TRUE((*store)->submit(transaction(i, {{"row/" + std::to_string(i), std::string(300, 'v')}})));
        ASSERT_TRUE(waiter.next(**store).ok);
    }
}

void run_sql(const std::string& path, const char* sql) {
    sqlite3* handle = nullptr;
    ASSERT_EQ(sqlite3_open(path.c_str(), &handle), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(handle, sql, nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(handle);
    sqlite3_close(handle);
}

TEST(Sqlite, ANewStoreIsEmpty) {
    Folder folder;
    auto store = Sqlite::open(folder.path() + "/new/deep", {});
    ASSERT_TRUE(store.has_value()) << store.error().detail;
    auto contents = (*store)->load();
    ASSERT_TRUE(contents.has_value());
    EXPECT_EQ(contents->revision, 0u);
    EXPECT_TRUE(contents->rows.empty());
}

TEST(Sqlite, TheEndWaitsForWhatWasSubmitted) {
    Folder folder;
    {
        auto store = std::move(*Sqlite::open(folder.path(), {}));
        for (uint64_t i = 1; i <= 10; ++i) ASSERT_TRUE(store->submit(transaction(i, {{"a", std::to_string(i)}})));
    }
    auto contents = (*Sqlite::open(folder.path(), {}))->load();
    EXPECT_EQ(contents->revision, 10u);
}

TEST(Sqlite, AWrongRevisionIsRefusedAndEndsIt) {
    Folder folder;
    fill(folder.path(), 2);
    Waiter waiter;
    auto store = std::move(*Sqlite::open(folder.path(), waiter.wake()));
    ASSERT_TRUE(store->submit(transaction(2, {{"a", "again"}})));
    auto completion = waiter.next(*store);
    EXPECT_FALSE(completion.ok);
    EXPECT_EQ(completion.error.code, Errc::refused);
    EXPECT_NE(store->detail().find("is at revision 2"), std::string::npos) << store->detail();
    ASSERT_TRUE(store->submit(transaction(3, {{"a", "right"}})));
    completion = waiter.next(*store);
    EXPECT_FALSE(completion.ok);
    EXPECT_EQ(completion.error.code, Errc::failed);
    store.reset();
    EXPECT_EQ((*Sqlite::open(folder.path(), {}))->load()->revision, 2u);
}

TEST(Sqlite, ASecondWriterIsRefused) {
    Folder folder;
    auto first = std::move(*Sqlite::open(folder.path(), {}));
    auto second = Sqlite::open(folder.path(), {});
    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(second.error().error.code, Errc::refused);
    EXPECT_NE(second.error().detail.find("pid " + std::to_string(::getpid())), std::string::npos)
        << second.error().detail;
    first.reset();
    EXPECT_TRUE(Sqlite::open(folder.path(), {}).has_value());
}

TEST(Sqlite, AnotherProgramOnTheDatabaseIsNoticed) {
    Folder folder;
    fill(folder.path(), 1);
    sqlite3* handle = nullptr;
    ASSERT_EQ(sqlite3_open(folder.database().c_str(), &handle), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(handle, "BEGIN EXCLUSIVE", nullptr, nullptr, nullptr), SQLITE_OK);
    auto store = Sqlite::open(folder.path(), {});
    ASSERT_FALSE(store.has_value());
    EXPECT_EQ(store.error().error.code, Errc::refused);
    EXPECT_NE(store.error().detail.find("locked"), std::string::npos) << store.error().detail;
    sqlite3_close(handle);
}

TEST(Sqlite, WhatIsNotOursIsRefused) {
    struct Case {
        const char* sql;
        Errc error;
        const char* message;
    };
    for (const Case& c : {Case{"PRAGMA application_id = 1", Errc::refused, "not a Penstock"},
                          Case{"PRAGMA user_version = 99", Errc::unsupported, "schema version 99"}}) {
        Folder folder;
        fill(folder.path(), 1);
        run_sql(folder.database(), c.sql);
        auto store = Sqlite::open(folder.path(), {});
        ASSERT_FALSE(store.has_value());
        EXPECT_EQ(store.error().error.code, c.error);
        EXPECT_NE(store.error().detail.find(c.message), std::string::npos) << store.error().detail;
        EXPECT_NE(store.error().detail.find(folder.database()), std::string::npos);
    }
    Folder folder;
    std::ofstream(folder.database()) << std::string(8192, 'x');
    auto store = Sqlite::open(folder.path(), {});
    ASSERT_FALSE(store.has_value());
    EXPECT_EQ(store.error().error.code, Errc::corrupt);
}

TEST(Sqlite, WhatWasChangedBesideItsChecksumIsRefused) {
    for (const char* sql : {"UPDATE state SET value = x'00' WHERE key = 'row/2'",
                            "UPDATE state SET key = 'row/9' WHERE key = 'row/2'", "UPDATE meta SET revision = 2",
                            "DELETE FROM state WHERE key = 'row/2'"}) {
        Folder folder;
        fill(folder.path(), 3);
        run_sql(folder.database(), sql);
        auto store = Sqlite::open(folder.path(), {});
        ASSERT_TRUE(store.has_value());
        auto contents = (*store)->load();
        ASSERT_FALSE(contents.has_value());
        EXPECT_EQ(contents.error().code, Errc::corrupt);
        EXPECT_NE((*store)->detail().find("restore a backup"), std::string::npos) << (*store)->detail();
    }
}

// A flipped byte anywhere: the store opens with everything as it was, or says that it cannot. Never anything else.
TEST(Sqlite, RotIsFoundOrHarmless) {
    Folder folder;
    fill(folder.path(), 40);
    const auto wanted = rows(*(*Sqlite::open(folder.path(), {}))->load());
    std::string image;
    {
        std::ifstream in(folder.database(), std::ios::binary);
        image.assign(std::istreambuf_iterator<char>(in), {});
    }
    Random random(7);
    int found = 0;
    for (int round = 0; round < 150; ++round) {
        std::string damaged = image;
        damaged[random.below(image.size())] ^= static_cast<char>(1 << random.below(8));
        std::filesystem::remove(folder.database() + "-wal");
        std::ofstream(folder.database(), std::ios::binary) << damaged;
        auto store = Sqlite::open(folder.path(), {});
        if (!store) {
            ++found;
            EXPECT_FALSE(store.error().detail.empty());
            continue;
        }
        auto contents = (*store)->load();
        if (!contents) {
            ++found;
            EXPECT_FALSE((*store)->detail().empty());
            continue;
        }
        EXPECT_EQ(rows(*contents), wanted) << round;
        EXPECT_EQ(contents->revision, 40u) << round;
    }
    EXPECT_GT(found, 50);
}

TEST(Sqlite, AnImpossibleDirectorySaysSo) {
    Folder folder;
    std::ofstream(folder.path() + "/file") << "x";
    auto store = Sqlite::open(folder.path() + "/file/below", {});
    ASSERT_FALSE(store.has_value());
    EXPECT_NE(store.error().detail.find("cannot create"), std::string::npos) << store.error().detail;
}

TEST(Sqlite, AWriteThatFailsEndsItAndKeepsWhatWasThere) {
    Folder folder;
    fill(folder.path(), 3);
    {
        Waiter waiter;
        auto store = std::move(*Sqlite::open(folder.path(), waiter.wake()));
        std::signal(SIGXFSZ, SIG_IGN);
        rlimit before{};
        ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
        rlimit small = before;
        small.rlim_cur = 64 * 1024;  // as if the disk were full
        ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
        ASSERT_TRUE(store->submit(transaction(4, {{"big", std::string(1 << 20, 'x')}})));
        const auto completion = waiter.next(*store);
        ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
        EXPECT_FALSE(completion.ok);
        EXPECT_FALSE(store->detail().empty());
        ASSERT_TRUE(store->submit(transaction(4, {{"small", "x"}})));
        EXPECT_FALSE(waiter.next(*store).ok);
    }
    auto contents = (*Sqlite::open(folder.path(), {}))->load();
    EXPECT_EQ(contents->revision, 3u);
    EXPECT_EQ(contents->rows.size(), 3u);
}

// Writes for ever; says every revision that is durable.
[[noreturn]] void write_until_killed(const std::string& path, int report) {
    Waiter waiter;
    auto store = std::move(*Sqlite::open(path, waiter.wake()));
    uint64_t revision = store->load()->revision;
    while (true) {
        ++revision;
        const std::string value = std::to_string(revision) + std::string(revision % 3000, '.');
        std::vector<io::StoreRow> puts{{"a", value}, {"b", value}, {"c/" + std::to_string(revision), ""}};
        if (!store->submit(transaction(revision, std::move(puts))) || !waiter.next(*store).ok) ::_exit(1);
        if (::write(report, &revision, sizeof revision) != sizeof revision) ::_exit(1);
    }
}

TEST(Sqlite, WhatWasConfirmedSurvivesKill) {
    Folder folder;
    Random random(11);
    uint64_t last = 0;
    for (int round = 0; round < 12; ++round) {
        int pipe[2];
        ASSERT_EQ(::pipe2(pipe, O_CLOEXEC), 0);
        const pid_t child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) write_until_killed(folder.path(), pipe[1]);
        ::close(pipe[1]);
        const uint64_t patience = random.below(60);  // some are killed before their first transaction is done
        uint64_t confirmed = last;
        for (uint64_t i = 0; i < patience; ++i)
            if (::read(pipe[0], &confirmed, sizeof confirmed) != sizeof confirmed) break;
        ::kill(child, SIGKILL);
        uint64_t more = 0;
        while (::read(pipe[0], &more, sizeof more) == sizeof more) confirmed = more;
        ::close(pipe[0]);
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        ASSERT_TRUE(WIFSIGNALED(status));

        auto store = Sqlite::open(folder.path(), {});
        ASSERT_TRUE(store.has_value()) << store.error().detail;
        auto contents = (*store)->load();
        ASSERT_TRUE(contents.has_value()) << (*store)->detail();
        EXPECT_GE(contents->revision, confirmed);
        EXPECT_LE(contents->revision, confirmed + 1);
        last = contents->revision;
        if (last == 0) continue;
        const auto all = rows(*contents);
        EXPECT_EQ(all.size(), last + 2);  // whole transactions only
        EXPECT_EQ(all.at("a"), all.at("b"));
        EXPECT_EQ(all.at("a"), std::to_string(last) + std::string(last % 3000, '.'));
    }
    EXPECT_GT(last, 50u);
}

std::unique_ptr<tests::StoreWorld> make_sqlite() { return std::make_unique<SqliteWorld>(); }

}  // namespace
}  // namespace penstock::store

namespace penstock::tests {

INSTANTIATE_TEST_SUITE_P(Sqlite, StoreContract, testing::Values(StoreDriver{"sqlite", store::make_sqlite}),
                         store_driver_name);

}  // namespace penstock::tests
