#include "cli/table.h"

#include <algorithm>

#include "base/assert.h"

namespace penstock::cli {

namespace {

constexpr std::string_view column_gap = "  ";

void append_line(std::string& out, const std::vector<std::string>& cells, const std::vector<Column>& columns,
                 const std::vector<size_t>& widths) {
    std::string line;
    for (size_t i = 0; i < cells.size(); ++i) {
        if (i > 0) line += column_gap;
        const size_t padding = widths[i] - display_width(cells[i]);
        if (columns[i].right) line.append(padding, ' ');
        line += cells[i];
        if (!columns[i].right) line.append(padding, ' ');
    }
    while (!line.empty() && line.back() == ' ') line.pop_back();
    out += line;
    out += '\n';
}

}  // namespace

size_t display_width(std::string_view text) {
    size_t width = 0;
    for (const char c : text) {
        const bool continuation = (static_cast<unsigned char>(c) & 0xc0) == 0x80;
        if (!continuation) ++width;
    }
    return width;
}

void Table::add(std::vector<std::string> cells) {
    PENSTOCK_ASSERT(cells.size() == columns_.size());
    for (std::string& cell : cells) {
        for (char& c : cell) {
            const auto byte = static_cast<unsigned char>(c);
            if (byte < 0x20 || byte == 0x7f) c = '?';
        }
        if (cell.empty()) cell += '-';
    }
    rows_.push_back(std::move(cells));
}

std::string Table::text() const {
    std::vector<std::string> titles;
    std::vector<size_t> widths;
    for (const Column& column : columns_) {
        titles.push_back(column.title);
        widths.push_back(display_width(column.title));
    }
    for (const auto& row : rows_) {
        for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], display_width(row[i]));
    }
    std::string out;
    append_line(out, titles, columns_, widths);
    for (const auto& row : rows_) append_line(out, row, columns_, widths);
    return out;
}

}  // namespace penstock::cli
