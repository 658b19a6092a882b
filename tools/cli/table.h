// Plain text tables: a header line in capitals, columns two spaces apart, numbers to the right. No box drawing, so that
// awk and cut can read them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace penstock::cli {

struct Column {
    std::string title;
    bool right = false;  ///< aligned to the right: numbers
};

class Table {
public:
    explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

    /// One cell a column. Control characters in a cell are shown as '?', so that data cannot steer the terminal.
    void add(std::vector<std::string> cells);
    bool empty() const { return rows_.empty(); }
    std::string text() const;

private:
    std::vector<Column> columns_;
    std::vector<std::vector<std::string>> rows_;
};

/// Columns that `text` takes on a terminal, counting each UTF-8 character as one.
size_t display_width(std::string_view text);

}  // namespace penstock::cli
