#include "broker/topic_table.h"

#include "base/assert.h"

namespace penstock::broker {

TopicTable::TopicTable(const BrokerOptions& options)
    : options_(options), view_(std::make_shared<const ClusterView>()) {}

std::vector<const Topic*> TopicTable::prepare(std::shared_ptr<const ClusterView> view) {
    changes_.clear();
    for (const auto& topic : view->topics) {
        auto at = topics_.find(topic->id);
        if (at != topics_.end() && at->second.view->revision == topic->revision) continue;
        changes_.push_back({topic, settings_of(*topic, options_)});
    }
    next_view_ = std::move(view);
    std::vector<const Topic*> changed;
    for (const Topic& topic : changes_) changed.push_back(&topic);
    return changed;
}

void TopicTable::publish() {
    PENSTOCK_ASSERT(next_view_ != nullptr);
    view_ = std::move(next_view_);
    for (Topic& topic : changes_) topics_[topic.view->id] = std::move(topic);
    changes_.clear();
    if (topics_.size() != view_->topics.size())
        std::erase_if(topics_, [this](const auto& entry) { return view_->topic(entry.first) == nullptr; });
}

const Topic* TopicTable::find(std::string_view name) const {
    const TopicView* found = view_->topic(name);
    return found == nullptr ? nullptr : find(found->id);
}

const Topic* TopicTable::find(const Uuid& id) const {
    auto at = topics_.find(id);
    return at == topics_.end() ? nullptr : &at->second;
}

}  // namespace penstock::broker
