// One handler of a group's API at a time: a request goes in as bytes, its calls are answered by the test in place of
// the group and of the coordinator, and the response is decoded.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "buffer_streams.h"
#include "broker/connection.h"
#include "broker/group_call.h"
#include "broker/group_place.h"
#include "broker/handlers.h"

namespace penstock::broker {

class GroupRig : private Serving, private Exchange {
public:
    /// Topic "t" has two partitions, the second led by broker 2; the internal one has 4, all led by broker 1.
    explicit GroupRig(bool offsets_topic_exists = true) : Serving(options_, topics_) {
        options_.node_id = NodeId(1);
        options_.shard_count = 2;
        time.now = Nanos{second_ns};
        view_.brokers = {{.id = NodeId(1), .host = "one", .port = 9092, .shard_count = 2, .alive = true},
                         {.id = NodeId(2), .host = "two", .port = 9093, .shard_count = 2, .alive = true}};
        add_topic("t", make_uuid(1, 1), {1, 2});
        if (offsets_topic_exists) add_topic(std::string(offsets_topic), make_uuid(1, 2), {1, 1, 1, 1});
        else publish();
        connection_.client_host = "/1.2.3.4";
    }

    void add_topic(const std::string& name, const Uuid& id, const std::vector<int32_t>& leaders) {
        TopicView topic;
        topic.name = name;
        topic.id = id;
        for (const int32_t leader : leaders) topic.partitions.emplace_back().leader = NodeId(leader);
        view_.topics.push_back(std::make_shared<const TopicView>(topic));
        publish();
    }
    Uuid topic_id() const { return make_uuid(1, 1); }

    /// What has been asked and not answered.
    std::deque<Call*> asked;
    uint32_t cancels = 0;

    template <class C>
    C& next() {
        EXPECT_FALSE(asked.empty());
        Call* call = asked.front();
        asked.pop_front();
        return static_cast<C&>(*call);
    }
    void answer(Call& call) {
        call.asks = 0;
        --request_->open_calls;
        request_->handler->resume(*request_, call, *this);
    }

    template <class M>
    void start(const M& message, int16_t version) {
        EXPECT_TRUE(asked.empty());
        request_ = std::make_unique<Request>();
        frame_ = std::make_unique<Arena>(16 * mib);
        wire::Writer writer(*frame_);
        EXPECT_TRUE(wire::encode(writer, message, version));
        request_->header.key = static_cast<int16_t>(M::key);
        request_->header.version = version;
        request_->header.client_id = "client";
        request_->connection = &connection_;
        request_->handler = find_handler(request_->header.key);
        wire::Reader reader(writer.finish(), request_->arena);
        finished = closed = false;
        response_.clear();
        request_->handler->start(*request_, reader, *this);
    }
    template <class M>
    M response() {
        EXPECT_TRUE(finished && !closed);
        const Fragment whole{response_.data(), static_cast<uint32_t>(response_.size())};
        decoded_ = std::make_unique<Arena>(16 * mib);
        wire::Reader reader({&whole, 1}, *decoded_);
        M message;
        int32_t correlation = 0;
        const int16_t version = request_->header.version;
        EXPECT_EQ(reader.number<int32_t>() + 4, static_cast<int32_t>(response_.size()));
        EXPECT_TRUE(wire::decode_response_header(reader, api_of(M::key), version, correlation));
        EXPECT_TRUE(wire::decode(reader, message, version));
        EXPECT_EQ(reader.remaining(), 0u);
        return message;
    }
    /// The whole of it, where one call is made: `serve` stands for the group.
    template <class Response, class C, class M>
    Response ask(const M& message, int16_t version, auto serve) {
        start(message, version);
        C& call = next<C>();
        serve(call);
        answer(call);
        return response<Response>();
    }
    /// Where the answer needs no group.
    template <class Response, class M>
    Response ask(const M& message, int16_t version) {
        start(message, version);
        EXPECT_TRUE(asked.empty());
        return response<Response>();
    }
    /// As the Listener does when the deadline comes, or (`gone`) the client goes.
    void time_out(bool gone = false) {
        request_->timed_out = true;
        if (gone) request_->connection = nullptr;
        cancel_calls(*request_);
    }
    Nanos deadline() const { return request_->deadline(); }

    bool finished = false;
    bool closed = false;
    bool silent() const { return finished && !closed && response_.empty(); }

private:
    void publish() {
        auto view = std::make_shared<ClusterView>(view_);
        view->seal();
        topics_.prepare(view);
        topics_.publish();
    }
    void ask(Call& call, Ask what) override {
        ++call.asks;
        if (what == Ask::start) asked.push_back(&call);
        else ++cancels;
    }
    void finish(Request& request, Result<std::span<const Fragment>> response) override {
        EXPECT_FALSE(finished);
        EXPECT_EQ(request.open_calls, 0u);
        finished = true;
        closed = !response.has_value();
        timers_.cancel(request);
        if (closed) return;
        for (const Fragment& fragment : *response)
            response_.insert(response_.end(), fragment.data, fragment.data + fragment.size);
    }
    Exchange& exchange() override { return *this; }

    BrokerOptions options_;
    TopicTable topics_{{}};
    ClusterView view_;
    BufferStreams streams_;
    FrameMemory memory_{16 * mib, streams_};
    Connection connection_{io::ConnectionId{7}, streams_, memory_, 1 << 20, Nanos{second_ns}};
    std::unique_ptr<Request> request_;
    std::unique_ptr<Arena> frame_, decoded_;
    std::vector<std::byte> response_;
};

}  // namespace penstock::broker
