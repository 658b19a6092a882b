#include "broker/topic_table.h"

#include <gtest/gtest.h>

namespace penstock::broker {
namespace {

Uuid id_of(uint8_t n) {
    Uuid id;
    id.bytes[0] = n;
    return id;
}

std::shared_ptr<const TopicView> topic(uint8_t n, uint64_t revision, const char* max_bytes = "100") {
    TopicView view;
    view.name = "t" + std::to_string(n);
    view.id = id_of(n);
    view.revision = revision;
    view.configs = {{"max.message.bytes", max_bytes}};
    return std::make_shared<const TopicView>(std::move(view));
}

std::shared_ptr<const ClusterView> view(std::vector<std::shared_ptr<const TopicView>> topics) {
    auto view = std::make_shared<ClusterView>();
    view->topics = std::move(topics);
    view->seal();
    return view;
}

std::vector<std::string> update(TopicTable& table, std::shared_ptr<const ClusterView> next) {
    std::vector<std::string> names;
    for (const Topic* topic : table.prepare(std::move(next))) names.push_back(topic->view->name);
    table.publish();
    return names;
}

TEST(TopicTable, is_empty_before_the_first_view) {
    TopicTable table{{}};
    EXPECT_EQ(table.view().revision, 0u);
    EXPECT_EQ(table.find("t1"), nullptr);
    EXPECT_EQ(table.find(id_of(1)), nullptr);
}

TEST(TopicTable, reports_what_changed_and_nothing_else) {
    TopicTable table{{}};
    EXPECT_EQ(update(table, view({topic(1, 1), topic(2, 1)})).size(), 2u);
    EXPECT_EQ(table.find("t1")->settings.max_message_bytes, 100u);
    EXPECT_EQ(table.find(id_of(2))->view->name, "t2");
    const Topic* kept = table.find("t1");
    EXPECT_EQ(update(table, view({topic(1, 1), topic(2, 5, "200"), topic(3, 5)})),
              (std::vector<std::string>{"t2", "t3"}));
    EXPECT_EQ(table.find("t2")->settings.max_message_bytes, 200u);
    EXPECT_EQ(table.find("t1"), kept);
}

TEST(TopicTable, shows_a_view_only_when_it_is_published) {
    TopicTable table{{}};
    update(table, view({topic(1, 1)}));
    const auto changed = table.prepare(view({topic(1, 2, "300"), topic(2, 2)}));
    ASSERT_EQ(changed.size(), 2u);
    EXPECT_EQ(changed[0]->settings.max_message_bytes, 300u);
    EXPECT_EQ(table.find("t1")->settings.max_message_bytes, 100u);
    EXPECT_EQ(table.find("t2"), nullptr);
    table.publish();
    EXPECT_EQ(table.find("t1")->settings.max_message_bytes, 300u);
    EXPECT_NE(table.find("t2"), nullptr);
}

TEST(TopicTable, forgets_topics_that_vanish) {
    TopicTable table{{}};
    update(table, view({topic(1, 1), topic(2, 1)}));
    EXPECT_TRUE(update(table, view({topic(2, 1)})).empty());
    EXPECT_EQ(table.find("t1"), nullptr);
    EXPECT_EQ(table.find(id_of(1)), nullptr);
    EXPECT_NE(table.find("t2"), nullptr);
}

TEST(TopicTable, knows_a_topic_made_anew_under_an_old_name) {
    TopicTable table{{}};
    update(table, view({topic(1, 1)}));
    TopicView again = *topic(1, 7);
    again.id = id_of(9);
    EXPECT_EQ(update(table, view({std::make_shared<const TopicView>(again)})).size(), 1u);
    EXPECT_EQ(table.find("t1")->view->id, id_of(9));
    EXPECT_EQ(table.find(id_of(1)), nullptr);
}

}  // namespace
}  // namespace penstock::broker
