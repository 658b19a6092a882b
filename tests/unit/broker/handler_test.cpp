#include "broker/handler.h"

#include <gtest/gtest.h>

#include "broker/serving_rig.h"

namespace penstock::broker {
namespace {

TEST(Serving, counts_open_calls_and_cancels_each_once) {
    BrokerOptions options;
    options.shard = 3;
    TopicTable topics{{}};
    ServingRig serving(options, topics);
    Request request;
    AppendCall first, second, ended;
    serving.start_call(request, first, 1);
    serving.start_call(request, second, 2);
    serving.start_call(request, ended, 2);
    EXPECT_EQ(request.open_calls, 3u);
    EXPECT_EQ(first.home, 3u);
    EXPECT_EQ(first.owner, 1u);
    ended.asks = 0;  // answered
    --request.open_calls;
    serving.cancel_calls(request);
    serving.cancel_calls(request);
    ASSERT_EQ(serving.asked.size(), 5u);
    EXPECT_EQ(serving.asked[3].call, &first);
    EXPECT_EQ(serving.asked[3].what, Ask::cancel);
    EXPECT_EQ(serving.asked[4].call, &second);
    EXPECT_EQ(request.open_calls, 2u);
    EXPECT_EQ(first.asks, 2);
}

TEST(Serving, uses_fetch_calls_again) {
    BrokerOptions options;
    TopicTable topics{{}};
    ServingRig serving(options, topics);
    Request request;
    FetchCall& call = serving.take_fetch_call(request);
    EXPECT_NE(&serving.take_fetch_call(request), &call);
    EXPECT_EQ(request.fetch_calls.size(), 2u);
    serving.start_call(request, call, 0);
    call.asks = 0;
    --request.open_calls;
    serving.release_slices(request, call);
    EXPECT_EQ(serving.asked.back().what, Ask::release);
    EXPECT_EQ(request.open_calls, 1u);
}

TEST(Serving, finishes_with_a_response_without_one_or_with_an_end) {
    BrokerOptions options;
    TopicTable topics{{}};
    ServingRig serving(options, topics);
    Request request;
    serving.respond_nothing(request);
    serving.close(request);
    ASSERT_EQ(serving.finished.size(), 2u);
    EXPECT_TRUE(serving.finished[0].second);
    EXPECT_FALSE(serving.finished[1].second);
}

}  // namespace
}  // namespace penstock::broker
