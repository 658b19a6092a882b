#include "store/zookeeper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <semaphore>

#include "store/zookeeper_server.h"
#include "store_contract.h"
#include "store/zookeeper_format.h"
#include "store/zookeeper_session.h"
#include "store/zookeeper_state.h"

namespace penstock::store {
namespace {

using tests::monotonic_now;
using tests::rows;
using tests::transaction;
using testing::HasSubstr;

constexpr int64_t timeout_ns = 4 * second_ns;

/// One for all tests: it takes half a second to start. Each test has a root of its own.
tests::ZooKeeperServer* server() {
    static const std::unique_ptr<tests::ZooKeeperServer> started = tests::ZooKeeperServer::start();
    return started.get();
}

std::string new_root() {
    static int last = 0;
    return "/penstock/" + std::to_string(++last);
}

/// A coordinator's store, and somebody who waits for it without polling.
class Candidate {
public:
    Candidate(const std::string& root, std::string name, const std::string& servers = server()->address(),
              int64_t session_timeout_ns = timeout_ns) {
        const Wake wake{[](void* self) { static_cast<Candidate*>(self)->woken_.release(); }, this};
        const ZooKeeperOptions options{.servers = servers, .root = root, .name = std::move(name),
                                       .session_timeout_ns = session_timeout_ns};
        auto opened = ZooKeeper::open(options, wake);
        EXPECT_TRUE(opened.has_value()) << opened.error().detail;
        store_ = std::move(*opened);
    }

    ZooKeeper& operator*() { return *store_; }
    ZooKeeper* operator->() { return store_.get(); }
    void wait() { woken_.acquire(); }
    void wait_for_role(io::StoreRole role) {
        while (store_->role(monotonic_now()) != role) wait();
    }
    std::string wait_for_news() {
        for (;; wait())
            if (const auto news = store_->poll_news()) return *news;
    }
    io::StoreCompletion next() {
        io::StoreCompletion completion;
        while (store_->poll(std::span(&completion, 1)) == 0) wait();
        return completion;
    }
    io::StoreCompletion write(io::StoreTransaction change) {
        EXPECT_TRUE(store_->submit(std::move(change)));
        return next();
    }
    /// Ends in an orderly way.
    void end() { store_.reset(); }

private:
    std::counting_semaphore<> woken_{0};
    std::unique_ptr<ZooKeeper> store_;
};

/// Somebody who does to nodes what nobody should.
class Intruder {
public:
    Intruder() {
        session_ = std::move(*Session::open(server()->address(), timeout_ns, {}));
        EXPECT_EQ(session_->wait_connected(timeout_ns), Outcome::done);
        session_->guard("/penstock");
    }
    void create(const std::string& path, std::string_view data) {
        EXPECT_EQ(session_->create(path, data), Outcome::done) << path;
    }
    void set(const std::string& path, std::string_view data) {
        const Change change{.kind = Change::Kind::set, .path = path, .data = data, .version = -1};
        EXPECT_EQ(session_->write(std::span(&change, 1)), Outcome::done) << path;
    }
    void remove(const std::string& path) {
        const Change change{.kind = Change::Kind::remove, .path = path, .data = {}};
        EXPECT_EQ(session_->write(std::span(&change, 1)), Outcome::done) << path;
    }
    std::string get(const std::string& path) {
        Node node;
        EXPECT_EQ(session_->get(path, node), Outcome::done) << path;
        return node.data;
    }
    std::vector<std::string> list(const std::string& path) {
        std::vector<std::string> names;
        EXPECT_EQ(session_->children(path, names), Outcome::done) << path;
        std::ranges::sort(names);
        return names;
    }

private:
    std::unique_ptr<Session> session_;
};

class ZooKeeperStore : public testing::Test {
protected:
    void SetUp() override {
        if (server() == nullptr) GTEST_SKIP() << "java or Debian's package zookeeper is not installed";
        root_ = new_root();
    }
    void fill(uint64_t transactions) {
        Candidate one(root_, "one");
        one.wait_for_role(io::StoreRole::active);
        for (uint64_t i = 1; i <= transactions; ++i)
            ASSERT_TRUE(one.write(transaction(i, {{"row/" + std::to_string(i), std::string(300, 'v')}})).ok);
    }
    std::string piece(uint64_t revision, uint32_t index = 0) {
        return root_ + "/log/" + to_text(PieceName{revision, index});
    }

    std::string root_;
};

TEST_F(ZooKeeperStore, TheSecondStandsByUntilTheFirstEnds) {
    Candidate first(root_, "host-a:9090");
    first.wait_for_role(io::StoreRole::active);
    Candidate second(root_, "host-b:9090");
    EXPECT_THAT(second.wait_for_news(), HasSubstr("connected with ZooKeeper at " + server()->address()));
    EXPECT_EQ(second.wait_for_news(), "standing by: host-a:9090 is active");
    EXPECT_EQ(second->role(monotonic_now()), io::StoreRole::standby);
    EXPECT_FALSE(second->submit(transaction(1, {{"a", "second"}})));
    ASSERT_TRUE(first.write(transaction(1, {{"a", "first"}})).ok);
    const Nanos ended_at = monotonic_now();
    first.end();
    second.wait_for_role(io::StoreRole::active);
    EXPECT_LT(monotonic_now() - ended_at, timeout_ns / 2) << "an orderly end need not wait for the session's";
    EXPECT_EQ(second->load()->rows.front().value, "first");
    EXPECT_TRUE(second.write(transaction(2, {{"a", "second"}})).ok);
}

TEST_F(ZooKeeperStore, TheLineClosesUp) {
    Candidate first(root_, "first");
    first.wait_for_role(io::StoreRole::active);
    auto second = std::make_unique<Candidate>(root_, "second");
    second->wait_for_news();
    second->wait_for_news();
    Candidate third(root_, "third");
    third.wait_for_news();
    EXPECT_EQ(third.wait_for_news(), "standing by: first is active");
    second.reset();   // third looks again, and finds first still before it
    first.end();
    third.wait_for_role(io::StoreRole::active);
}

TEST_F(ZooKeeperStore, WhoLostItsNodeWritesNothing) {
    Candidate deposed(root_, "deposed");
    deposed.wait_for_role(io::StoreRole::active);
    ASSERT_TRUE(deposed.write(transaction(1, {{"a", "1"}})).ok);
    Candidate next(root_, "next");
    next.wait_for_news();
    next.wait_for_news();
    Intruder intruder;
    intruder.remove(root_ + "/election/" + intruder.list(root_ + "/election").front());
    next.wait_for_role(io::StoreRole::active);
    // Both think so. The old one's write is large, so it begins with a piece that nobody would read.
    if (deposed->submit(transaction(2, {{"a", std::string(2 << 20, 'x')}}))) {
        EXPECT_FALSE(deposed.next().ok);
    }
    deposed.wait_for_role(io::StoreRole::lost);
    EXPECT_EQ(deposed->failure().error.code, Errc::io);
    EXPECT_FALSE(deposed->submit(transaction(2, {{"a", "again"}})));
    EXPECT_EQ(intruder.list(root_ + "/log").size(), 1u);
    EXPECT_EQ(next->load()->revision, 1u);
    EXPECT_TRUE(next.write(transaction(2, {{"a", "2"}})).ok);
}

// As right after a SIGCONT: nobody has told it, and the clock alone says that it is over.
TEST_F(ZooKeeperStore, TheLeaseEndsByTheClock) {
    Candidate one(root_, "one");
    one.wait_for_role(io::StoreRole::active);
    const Nanos now = monotonic_now();
    EXPECT_EQ(one->role(now + timeout_ns / 2), io::StoreRole::active);
    EXPECT_EQ(one->role(now + timeout_ns), io::StoreRole::lost);
    EXPECT_EQ(one->role(now), io::StoreRole::lost) << "for good";
    EXPECT_FALSE(one->submit(transaction(1, {{"a", "1"}})));
    EXPECT_EQ(one->failure().error.code, Errc::io);
    EXPECT_THAT(one->failure().detail, HasSubstr("has not confirmed for 3600 ms"));
}

TEST_F(ZooKeeperStore, TheLeaseIsRenewedWhileNothingIsWritten) {
    constexpr int64_t short_timeout_ns = 2 * second_ns;
    Candidate one(root_, "one", server()->address(), short_timeout_ns);
    one.wait_for_role(io::StoreRole::active);
    // Two leases from here: by then only renewals can have kept it.
    const Nanos end = monotonic_now() + 2 * short_timeout_ns;
    while (monotonic_now() < end) {
        ASSERT_EQ(one->role(monotonic_now()), io::StoreRole::active);
        ::usleep(20'000);
    }
}

TEST_F(ZooKeeperStore, ALostAnswerIsNotALostTransaction) {
    tests::CuttableRoad road(server()->port());
    Candidate one(root_, "one", road.address());
    one.wait_for_role(io::StoreRole::active);
    std::map<std::string, std::string> wanted;
    for (uint64_t revision = 1; revision <= 6; ++revision) {
        const std::string key = "row/" + std::to_string(revision);
        // Above the size of a confirmation; every other one has a piece that goes ahead, and the cut falls behind that.
        wanted[key] = std::string(revision % 2 == 0 ? 700 * 1024 : 4000, 'v');
        if (revision > 1) road.cut_behind_request(3000);
        EXPECT_TRUE(one.write(transaction(revision, {{key, wanted[key]}})).ok) << revision;
    }
    EXPECT_EQ(road.cuts(), 5);
    EXPECT_EQ(one->role(monotonic_now()), io::StoreRole::active);
    EXPECT_EQ(rows(*one->load()), wanted);
}

TEST_F(ZooKeeperStore, AServerThatIsKilledLosesNothing) {
    Candidate one(root_, "one");
    one.wait_for_role(io::StoreRole::active);
    std::map<std::string, std::string> wanted;
    for (uint64_t revision = 1; revision <= 40; ++revision) {
        const std::string key = "row/" + std::to_string(revision);
        ASSERT_TRUE(one->submit(transaction(revision, {{key, wanted[key] = std::to_string(revision)}})));
        if (revision % 20 == 0) server()->restart();
        ASSERT_TRUE(one.next().ok) << revision << ": " << one->failure().detail;
    }
    EXPECT_EQ(rows(*one->load()), wanted);
}

TEST_F(ZooKeeperStore, WhatWasNotCommittedIsSweptAway) {
    fill(3);
    const std::vector<std::string> pieces = encode(transaction(4, {{"a", std::string(2 << 20, 'x')}}));
    Intruder intruder;
    for (uint32_t index = 0; index + 1 < pieces.size(); ++index) intruder.create(piece(4, index), pieces[index]);
    const std::string half = encode_snapshot(3, {{"a", "half"}}).front();
    intruder.create(root_ + "/snapshot/" + to_text(PieceName{3, 0}), half);
    Candidate next(root_, "next");
    next.wait_for_role(io::StoreRole::active);
    EXPECT_EQ(intruder.list(root_ + "/log").size(), 3u);
    EXPECT_TRUE(intruder.list(root_ + "/snapshot").empty());
    EXPECT_EQ(next->load()->revision, 3u);
    EXPECT_TRUE(next.write(transaction(4, {{"a", "4"}})).ok);
    EXPECT_EQ(rows(*next->load()).at("a"), "4");
}

TEST_F(ZooKeeperStore, ALongLogBecomesASnapshot) {
    std::map<std::string, std::string> wanted;
    Intruder intruder;
    uint64_t revision = 0;
    for (int round = 0; round < 2; ++round) {   // the second snapshot replaces the first
        Candidate one(root_, "one");
        one.wait_for_role(io::StoreRole::active);
        EXPECT_EQ(rows(*one->load()), wanted);
        for (size_t i = 0; i < log_pieces_max + 10; ++i) {
            io::StoreTransaction change = transaction(++revision, {});
            const std::string key = "row/" + std::to_string(revision % 50);
            change.puts.push_back({key, wanted[key] = std::to_string(revision)});
            if (revision == 1) change.puts.push_back({"large", wanted["large"] = std::string(1 << 20, 'x')});
            ASSERT_TRUE(one.write(std::move(change)).ok) << one->failure().detail;
        }
        EXPECT_EQ(rows(*one->load()), wanted);
        EXPECT_LT(intruder.list(root_ + "/log").size(), 50u);
        const std::vector<std::string> snapshot = intruder.list(root_ + "/snapshot");
        EXPECT_EQ(snapshot.size(), 3u);   // a MiB and a little
        for (const std::string& name : snapshot) EXPECT_EQ(name.substr(0, 20), snapshot[0].substr(0, 20));
    }
}

TEST_F(ZooKeeperStore, RotIsRefused) {
    struct Case {
        const char* what;
        void (*damage)(Intruder&, const std::string& piece, const std::string& root);
    };
    const Case cases[] = {
        {"a bit", [](Intruder& i, const std::string& piece, const std::string&) {
             std::string data = i.get(piece);
             data[data.size() / 2] ^= 4;
             i.set(piece, data);
         }},
        {"an end", [](Intruder& i, const std::string& piece, const std::string&) {
             i.set(piece, i.get(piece).substr(0, 20));
         }},
        {"a loss", [](Intruder& i, const std::string& piece, const std::string&) { i.remove(piece); }},
        {"a swap", [](Intruder& i, const std::string& piece, const std::string& root) {
             i.set(piece, i.get(root + "/log/" + to_text(PieceName{1, 0})));
         }},
        {"a stranger", [](Intruder& i, const std::string&, const std::string& root) { i.create(root + "/log/x", ""); }},
        {"the revision", [](Intruder& i, const std::string&, const std::string& root) {
             i.set(root + "/revision", "x");
         }},
    };
    for (const Case& c : cases) {
        root_ = new_root();
        fill(3);
        Intruder intruder;
        c.damage(intruder, piece(2), root_);
        Candidate next(root_, "next");
        while (next->role(monotonic_now()) == io::StoreRole::standby) next.wait();
        if (next->role(monotonic_now()) == io::StoreRole::active) {
            EXPECT_FALSE(next->load()) << c.what;
        }
        EXPECT_EQ(next->role(monotonic_now()), io::StoreRole::lost) << c.what;
        EXPECT_EQ(next->failure().error.code, Errc::corrupt) << c.what;
        EXPECT_THAT(next->failure().detail, HasSubstr(root_)) << c.what;
    }
}

TEST_F(ZooKeeperStore, ARootThatHoldsSomethingElseIsRefused) {
    fill(1);
    Intruder intruder;
    intruder.create(root_ + "/somebody's", "");
    Candidate next(root_, "next");
    next.wait_for_role(io::StoreRole::lost);
    EXPECT_EQ(next->failure().error.code, Errc::refused);
    EXPECT_THAT(next->failure().detail, HasSubstr("choose another zookeeper.root"));
}

TEST_F(ZooKeeperStore, WithoutAServerItStandsByAndSaysSo) {
    Candidate one(root_, "one", "127.0.0.1:1");
    EXPECT_THAT(one.wait_for_news(), HasSubstr("no ZooKeeper server of 127.0.0.1:1 answers"));
    EXPECT_EQ(one->role(monotonic_now()), io::StoreRole::standby);
    const Nanos asked_at = monotonic_now();
    one.end();
    EXPECT_LT(monotonic_now() - asked_at, 2 * second_ns);
}

class ZooKeeperWorld final : public tests::StoreWorld {
public:
    ZooKeeperWorld() { reopen(); }
    io::Store& store() override { return **candidate_; }
    void wait() override { candidate_->wait(); }
    void reopen() override {
        candidate_.reset();
        candidate_ = std::make_unique<Candidate>(root_, "contract");
        candidate_->wait_for_role(io::StoreRole::active);
    }

private:
    std::string root_ = new_root();
    std::unique_ptr<Candidate> candidate_;
};

std::unique_ptr<tests::StoreWorld> make_zookeeper() {
    return server() != nullptr ? std::make_unique<ZooKeeperWorld>() : nullptr;
}

}  // namespace
}  // namespace penstock::store

namespace penstock::tests {

INSTANTIATE_TEST_SUITE_P(ZooKeeper, StoreContract, testing::Values(StoreDriver{"zookeeper", store::make_zookeeper}),
                         store_driver_name);

}  // namespace penstock::tests
