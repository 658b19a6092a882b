// Single requests of the SDK against a whole broker: where they go, and how they end.
#include "client/call.h"

#include <gtest/gtest.h>

#include "scenario/consumer_calls.h"
#include "wire/kafka/delete_groups.h"
#include "wire/kafka/describe_groups.h"
#include "wire/kafka/metadata.h"

namespace penstock::scenario {
namespace {

using client::CallOptions;
using client::Failure;
using client::Target;
using client::Typed;
using wire::kafka::DescribeGroupsRequest;
using wire::kafka::DescribeGroupsResponse;
using wire::kafka::MetadataRequest;
using wire::kafka::MetadataResponse;

const auto all_is_well = [](const auto&) { return Failure(); };
const auto of_the_group = [](const DescribeGroupsResponse& response) {
    return Failure{client::code_of(response.groups[0].error_code), "as the broker says"};
};

TEST(Call, AsksAnyBrokerTheControllerAndCoordinators) {
    BrokerWorld world;
    world.make_topic("t", 1);
    SdkClient sdk(world);
    for (const Target target : {Target::any, Target::controller}) {
        MetadataRequest request;
        Typed<MetadataRequest, MetadataResponse, decltype(all_is_well)> call(
            *sdk.cluster, {.target = target, .group = {}, .deadline = world.clock.now() + 5 * second_ns}, request,
            all_is_well);
        ASSERT_TRUE(world.run_until([&] { return call.done(); }));
        EXPECT_EQ(call.failure().code, PENSTOCK_OK) << call.failure().detail;
        EXPECT_EQ(call.response().topics.size(), 1u);
    }
    const std::string_view name = "g";
    DescribeGroupsRequest request;
    request.groups = {&name, 1};
    Typed<DescribeGroupsRequest, DescribeGroupsResponse, decltype(of_the_group)> call(
        *sdk.cluster, {.target = Target::coordinator, .group = "g", .deadline = world.clock.now() + 30 * second_ns},
        request, of_the_group);
    ASSERT_TRUE(world.run_until([&] { return call.done(); }));
    EXPECT_EQ(call.failure().code, static_cast<penstock_error>(ErrorCode::group_id_not_found));
}

TEST(Call, TriesAgainUntilItsDeadlineAndTellsWhy) {
    BrokerWorld world;
    SdkClient sdk(world);
    int answers = 0;
    const auto not_yet = [&](const MetadataResponse&) {
        return ++answers < 4 ? Failure{PENSTOCK_TIMED_OUT, "not yet"} : Failure();
    };
    MetadataRequest request;
    Typed<MetadataRequest, MetadataResponse, decltype(not_yet)> patient(
        *sdk.cluster, {.group = {}, .deadline = world.clock.now() + 10 * second_ns}, request, not_yet);
    ASSERT_TRUE(world.run_until([&] { return patient.done(); }));
    EXPECT_EQ(patient.failure().code, PENSTOCK_OK);
    EXPECT_EQ(answers, 4);

    const auto never_well = [](const MetadataResponse&) { return Failure{PENSTOCK_TIMED_OUT, "never"}; };
    const Nanos deadline = world.clock.now() + 3 * second_ns;
    Typed<MetadataRequest, MetadataResponse, decltype(never_well)> hopeless(
        *sdk.cluster, {.group = {}, .deadline = deadline}, request, never_well);
    ASSERT_TRUE(world.run_until([&] { return hopeless.done(); }));
    EXPECT_EQ(hopeless.failure().code, PENSTOCK_TIMED_OUT);
    EXPECT_EQ(hopeless.failure().detail, "never");
    EXPECT_LT(world.clock.now() - deadline, 100 * millisecond_ns);
}

TEST(Call, ALostAnswerIsUnknownUnlessItMayBeRepeated) {
    for (const bool repeatable : {true, false}) {
        BrokerWorld world;
        SdkClient sdk(world);
        MetadataRequest request;
        bool asked = false;
        // The broker goes while the request is under way: it is asked, and what it says is not heard.
        const auto well = [&](const MetadataResponse&) { return Failure(); };
        Typed<MetadataRequest, MetadataResponse, decltype(well)> first(
            *sdk.cluster, {.group = {}, .deadline = world.clock.now() + 10 * second_ns}, request, well);
        ASSERT_TRUE(world.run_until([&] { return first.done(); }));
        Typed<MetadataRequest, MetadataResponse, decltype(well)> call(
            *sdk.cluster, {.group = {}, .deadline = world.clock.now() + 60 * second_ns, .repeatable = repeatable},
            request, well);
        sdk.turn();   // sent
        asked = true;
        world.crash_broker(1);
        world.start_broker();
        ASSERT_TRUE(world.run_until([&] { return call.done(); }, 120 * second_ns));
        EXPECT_TRUE(asked);
        EXPECT_EQ(call.failure().code, repeatable ? PENSTOCK_OK : PENSTOCK_UNKNOWN) << call.failure().detail;
    }
}

}  // namespace
}  // namespace penstock::scenario
