// How far long work is, on stderr: a bar that is drawn again and again on a terminal; elsewhere, where that would be
// noise, a line whenever another tenth is done.
#pragma once

#include <cstdint>
#include <string>

namespace penstock::cli {

class Progress {
public:
    /// `fd` must outlive it. `what` names the things that are counted: "partitions moved".
    Progress(int fd, bool terminal, std::string what, uint64_t total);
    /// On stderr.
    Progress(std::string what, uint64_t total);
    ~Progress();   ///< leaves the last state of the bar on a line of its own
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    void show(uint64_t done);

private:
    int fd_;
    bool terminal_;
    std::string what_;
    uint64_t total_;
    std::string shown_;          ///< the bar on the terminal
    int64_t tenths_ = -1;        ///< of the last line elsewhere
};

}  // namespace penstock::cli
