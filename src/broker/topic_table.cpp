#include "broker/topic_table.h"

namespace penstock::broker {

TopicTable::TopicTable(const log::LogConfig& default_log)
    : default_log_(default_log), view_(std::make_shared<const ClusterView>()) {}

std::vector<const Topic*> TopicTable::update(std::shared_ptr<const ClusterView> view) {
    std::vector<const Topic*> changed;
    for (const auto& topic : view->topics) {
        auto [at, added] = topics_.try_emplace(topic->id);
        if (!added && at->second.view->revision == topic->revision) continue;
        at->second = {topic, settings_of(*topic, default_log_)};
        changed.push_back(&at->second);
    }
    view_ = std::move(view);
    if (topics_.size() != view_->topics.size())
        std::erase_if(topics_, [this](const auto& entry) { return view_->topic(entry.first) == nullptr; });
    return changed;
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
