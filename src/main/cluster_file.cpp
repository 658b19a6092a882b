#include "main/cluster_file.h"

#include <filesystem>
#include <fstream>
#include <system_error>

#include <fmt/format.h>

namespace penstock {

std::expected<void, std::string> check_cluster(const std::string& directory, const std::string& where,
                                               const Uuid& found) {
    const std::string path = directory + "/cluster";
    std::string known;
    if (std::ifstream(path) >> known) {
        if (!found.is_zero() && known == found.text()) return {};
        return std::unexpected(fmt::format(
            "{} holds {}, but this coordinator belongs to cluster {}: check zookeeper.root, or remove {} if it is to "
            "belong there from now on",
            where, found.is_zero() ? "no cluster" : "cluster " + found.text(), known, path));
    }
    if (found.is_zero()) return {};
    std::error_code error;
    std::filesystem::create_directories(directory, error);   // a failure shows right below
    std::ofstream file(path);
    file << found.text() << '\n' << std::flush;
    if (!file) return std::unexpected(fmt::format("cannot write {}: check data.directory", path));
    return {};
}

}  // namespace penstock
