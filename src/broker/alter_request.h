// What the handlers of AlterConfigs and IncrementalAlterConfigs have in common: the checks of each resource, and the
// way of a topic's new configs through the coordinator.
//
// The new configs are computed here from those of the latest view, and the coordinator takes them only if the topic
// still has the configs that they were computed from. If not, the view has moved on by the time that it says so: they
// are computed again, a few times at most. So concurrent changes of one topic do not undo each other, and the
// coordinator need not know what configs mean.
#pragma once

#include <span>

#include "broker/config_change.h"
#include "broker/handler.h"

namespace penstock::broker {

struct AlteredResource {
    wire::kafka::ConfigResourceType type = wire::kafka::ConfigResourceType::unknown;
    std::string_view name;
    std::span<ConfigOperation> operations;

    ErrorCode error = ErrorCode::none;
    std::string_view message = {};
    uint32_t forwarded = UINT32_MAX;   ///< its place in the call that is under way
};

struct Alteration {
    std::span<AlteredResource> resources;
    bool replaces = false;
    bool validate_only = false;
    uint32_t attempts = 0;
};

/// Judges all resources and asks the coordinator for what is left; without an open call after it, it is done.
void begin_alteration(Request& request, Serving& serving, Alteration& alteration);
/// The coordinator has answered. The same: without an open call it is done.
void go_on_alteration(Request& request, Serving& serving, Alteration& alteration);

/// Either handler. Kafka's requests differ in whether a config has an operation, and in what happens to the others.
template <class Asked, class Response, bool replaces>
struct AlterSteps {
    static void start(Request& request, wire::Reader& reader, Serving& serving) {
        Alteration& alteration = request.arena.make_array<Alteration>(1).front();
        request.state = &alteration;
        Asked asked;
        if (!decode_body(request, serving, reader, asked)) return;
        if (asked.resources.size() > limits::topics_per_request || !take(request.arena, asked, alteration))
            return serving.close(request);
        begin_alteration(request, serving, alteration);
        if (request.open_calls == 0) answer(request, serving);
    }

    static void resume(Request& request, Call&, Serving& serving) {
        go_on_alteration(request, serving, request.state_as<Alteration>());
        if (request.open_calls == 0) answer(request, serving);
    }

private:
    static bool take(Arena& arena, const Asked& asked, Alteration& alteration) {
        alteration.replaces = replaces;
        alteration.validate_only = asked.validate_only;
        alteration.resources = arena.make_array<AlteredResource>(asked.resources.size());
        if (alteration.resources.size() != asked.resources.size()) return false;
        for (size_t i = 0; i < asked.resources.size(); ++i) {
            const auto& from = asked.resources[i];
            AlteredResource& into = alteration.resources[i];
            into.type = from.type;
            into.name = from.name;
            into.operations = arena.make_array<ConfigOperation>(from.configs.size());
            if (into.operations.size() != from.configs.size()) return false;
            for (size_t k = 0; k < from.configs.size(); ++k) {
                into.operations[k] = {.name = from.configs[k].name, .value = from.configs[k].value};
                if constexpr (!replaces) into.operations[k].operation = from.configs[k].operation;
            }
        }
        return true;
    }

    static void answer(Request& request, Serving& serving) {
        if (request.connection == nullptr) return serving.respond_nothing(request);
        const auto& resources = request.state_as<Alteration>().resources;
        auto results = request.arena.make_array<typename Response::Result>(resources.size());
        if (results.size() != resources.size()) return serving.close(request);
        for (size_t i = 0; i < results.size(); ++i) {
            results[i].error_code = resources[i].error;
            if (!resources[i].message.empty()) results[i].error_message = resources[i].message;
            results[i].resource_type = resources[i].type;
            results[i].resource_name = resources[i].name;
        }
        Response response;
        response.results = results;
        serving.respond(request, response);
    }
};

}  // namespace penstock::broker
