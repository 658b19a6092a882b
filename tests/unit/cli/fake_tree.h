// A small /proc and /sys of a test's own: files and links below a folder that goes away with it.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "cli/fact_reader.h"

namespace penstock::cli {

class FakeTree {
public:
    FakeTree() {
        std::string name = std::filesystem::temp_directory_path() / "penstock-tree-XXXXXX";
        if (::mkdtemp(name.data()) != nullptr) root_ = name;
    }
    ~FakeTree() {
        std::error_code ignored;
        if (!root_.empty()) std::filesystem::remove_all(root_, ignored);
    }
    FakeTree(const FakeTree&) = delete;
    FakeTree& operator=(const FakeTree&) = delete;

    const std::string& root() const { return root_; }
    FactReader reader() const { return FactReader(root_); }

    void file(std::string_view path, std::string_view text) const {
        std::ofstream(prepare(path), std::ios::binary) << text;
    }
    void folder(std::string_view path) const { std::filesystem::create_directories(root_ + std::string(path)); }
    /// A link to another path of the tree, relative as the kernel's are.
    void link(std::string_view path, std::string_view target) const {
        const std::filesystem::path from = prepare(path);
        std::filesystem::create_symlink(
            std::filesystem::path(root_ + std::string(target)).lexically_relative(from.parent_path()), from);
    }

private:
    std::string prepare(std::string_view path) const {
        const std::filesystem::path whole = root_ + std::string(path);
        std::filesystem::create_directories(whole.parent_path());
        return whole;
    }

    std::string root_;
};

}  // namespace penstock::cli
