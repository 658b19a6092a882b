// A Serving without connections: handlers' tools can be called one by one.
#pragma once

#include <memory>
#include <vector>

#include "broker/handler.h"

namespace penstock::broker {

class ServingRig final : public Serving, private Exchange {
public:
    ServingRig(const BrokerOptions& its_options, const TopicTable& its_topics) : Serving(its_options, its_topics) {}

    struct Asked {
        Call* call;
        Ask what;
    };
    std::vector<Asked> asked;
    std::vector<std::pair<Request*, bool>> finished;  ///< and whether there is a response to send

private:
    void ask(Call& call, Ask what) override {
        ++call.asks;
        asked.push_back({&call, what});
    }
    void finish(Request& request, Result<std::span<const Fragment>> response) override {
        finished.emplace_back(&request, response.has_value());
    }
    Exchange& exchange() override { return *this; }
};

}  // namespace penstock::broker
