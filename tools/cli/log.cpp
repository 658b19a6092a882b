// penstock log inspect
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/inspect_disk.h"
#include "cli/inspector.h"
#include "cli/options.h"
#include "cli/table.h"
#include "wire/compression.h"

namespace penstock::cli {

namespace {

using Json = nlohmann::ordered_json;

struct InspectCommand {
    std::vector<std::string> paths;
    bool batches = false;
};

Json producers_json(const log::ProducerTable& producers) {
    Json json = Json::array();
    producers.for_each([&](const log::ProducerTable::Producer& producer) {
        const log::ProducerBatch& last = producer.last();
        json.push_back({{"producer_id", producer.id}, {"epoch", last.epoch}, {"batches", producer.count},
                        {"last_sequence", last.last_sequence()}, {"last_offset", last.last_offset()},
                        {"last_ms", last.timestamp}});
    });
    return json;
}

std::string topic_label(const log::LogKey& key) { return fmt::format("{}/{}", key.topic_id.text(), key.partition); }

Json report_json(const std::string& path, const InspectReport& report) {
    Json json{{"path", path}, {"damaged", report.damage_count > 0}, {"damage_count", report.damage_count},
              {"damage", report.damage}, {"shards", Json::array()}, {"logs", Json::array()},
              {"files_ready", report.files_ready}};
    if (report.super) {
        json["storage_id"] = report.super->storage_id.text();
        json["generation"] = report.super->generation;
        json["clean"] = report.super->clean != 0;
    }
    for (const InspectedShard& s : report.shards) {
        json["shards"].push_back({{"shard", s.shard}, {"commits", s.commits}, {"first_sequence", s.first_sequence},
                                  {"last_sequence", s.last_sequence}, {"durable_through", s.durable_through},
                                  {"replayed", s.replayed}, {"cut", s.cut}, {"refused", s.refused}});
    }
    for (const InspectedLog& l : report.logs) {
        json["logs"].push_back({{"topic_id", l.key.topic_id.text()}, {"partition", l.key.partition}, {"shard", l.shard},
                                {"start_offset", l.start_offset}, {"end_offset", l.end_offset}, {"bytes", l.bytes},
                                {"batches", l.batches}, {"records", l.records}, {"segments", l.segments},
                                {"files", l.files}, {"producers", producers_json(l.producers)},
                                {"damaged", l.damaged}});
    }
    return json;
}

std::string report_text(const std::string& path, const InspectReport& report) {
    std::string text = fmt::format("Data directory {}\n", printable(path));
    if (report.super) {
        text += fmt::format("  storage {}, generation {}, {} shard{}, {}\n", report.super->storage_id.text(),
                            report.super->generation, report.super->shard_count,
                            report.super->shard_count == 1 ? "" : "s",
                            report.super->clean != 0 ? "stopped cleanly" : "running, or not stopped cleanly");
    }
    Table shards({{"SHARD", true}, {"COMMITS", true}, {"SEQUENCES"}, {"DURABLE THROUGH", true}, {"REPLAYED", true},
                  {"CUT", true}, {"STATE"}});
    for (const InspectedShard& s : report.shards) {
        shards.add({std::to_string(s.shard), show_count(s.commits),
                    s.commits == 0 ? "" : fmt::format("{}-{}", s.first_sequence, s.last_sequence),
                    std::to_string(s.durable_through), show_count(s.replayed), show_count(s.cut),
                    s.refused.empty() ? "good" : "DAMAGED"});
    }
    if (!shards.empty()) text += "\n" + shards.text();
    Table logs({{"TOPIC ID/PARTITION"}, {"SHARD", true}, {"START", true}, {"END", true}, {"RECORDS", true},
                {"BATCHES", true}, {"BYTES", true}, {"SEGMENTS", true}, {"FILES", true}, {"PRODUCERS", true},
                {"STATE"}});
    for (const InspectedLog& l : report.logs) {
        logs.add({topic_label(l.key), std::to_string(l.shard), std::to_string(l.start_offset),
                  std::to_string(l.end_offset), show_count(l.records), show_count(l.batches), show_count(l.bytes),
                  std::to_string(l.segments), std::to_string(l.files), show_count(l.producers.size()),
                  l.damaged == 0 ? "good" : "DAMAGED"});
    }
    if (!logs.empty()) text += "\n" + logs.text();
    if (report.super) text += fmt::format("\n{} pool files are ready for use.\n", show_count(report.files_ready));
    if (report.damage_count == 0) return text + "No damage found.\n";
    text += fmt::format("\nDAMAGE, {} finding{}:\n", show_count(report.damage_count),
                        report.damage_count == 1 ? "" : "s");
    for (const std::string& line : report.damage) text += "  " + printable(line) + "\n";
    if (report.damage_count > report.damage.size()) {
        text += fmt::format("  and {} more\n", show_count(report.damage_count - report.damage.size()));
    }
    return text;
}

std::string batch_line(const log::LogKey& key, io::FileId file, const wire::BatchHeader& h) {
    const std::string producer =
        h.producer_id < 0 ? std::string()
                          : fmt::format("  producer {} epoch {} sequence {}", h.producer_id, h.producer_epoch,
                                        h.base_sequence);
    return fmt::format("{}  {}  offsets {}-{}  epoch {}  {} records  {} bytes  {}  {}{}{}\n", topic_label(key),
                       file_label(file), h.base_offset.value, h.last_offset().value, h.leader_epoch.value,
                       h.record_count, h.total_bytes(), wire::to_string(h.codec()), show_timestamp(h.max_timestamp),
                       producer, h.is_control() ? "  control" : "");
}

Outcome<int> inspect_paths(Context& context, const InspectCommand& command) {
    Json json = Json::array();
    bool damaged = false;
    for (const std::string& path : command.paths) {
        const auto target = find_inspect_target(path);
        if (!target) return std::unexpected(target.error());
        const auto disk = InspectDisk::open(target->directory);
        if (!disk) return std::unexpected(disk.error());
        InspectOptions options{.only = target->file, .on_batch = {}};
        if (command.batches && !context.globals.json) {
            options.on_batch = [&](const log::LogKey& key, io::FileId file, const wire::BatchHeader& header) {
                context.out.write(batch_line(key, file, header));
            };
        }
        const InspectReport report = inspect(**disk, options);
        damaged = damaged || report.damage_count > 0;
        if (context.globals.json) json.push_back(report_json(path, report));
        else context.out.write(report_text(path, report));
    }
    if (context.globals.json) context.out.write(json.dump(2) + "\n");
    return damaged ? exit_failed : exit_ok;
}

}  // namespace

void add_log(CLI::App& app, Selected& selected) {
    CLI::App* noun = app.add_subcommand("log", "Look at data on disk, without a broker");
    noun->require_subcommand(1);
    auto command = std::make_shared<InspectCommand>();
    CLI::App* verb = noun->add_subcommand(
        "inspect", "Read a broker's data directory, or one of its files, and find damage; writes nothing");
    verb->add_option("PATH", command->paths, "Data directories, or files in them")
        ->required()
        ->type_name("")
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    verb->add_flag("--batches", command->batches, "List every batch, too");
    add_examples(*verb,
                 "  penstock log inspect /var/lib/penstock\n"
                 "  penstock log inspect /var/lib/penstock --batches\n"
                 "  penstock log inspect /var/lib/penstock/pool-1m/0000000007\n"
                 "\nExit code 1 if there is damage. Stop the broker first: what it is just writing can look damaged.");
    verb->callback([command, &selected] { selected = [command](Context& c) { return inspect_paths(c, *command); }; });
    add_examples(*noun, "  penstock log inspect /var/lib/penstock");
}

}  // namespace penstock::cli
