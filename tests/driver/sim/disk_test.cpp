#include "sim/disk.h"

#include "../disk_contract.h"

namespace penstock::tests {

namespace {

class SimDiskWorld final : public DiskWorld {
public:
    explicit SimDiskWorld(const sim::DirectoryOptions& options)
        : directory_(options), disk_(std::make_unique<sim::Disk>(directory_)) {}
    ~SimDiskWorld() override {
        for (const std::string& violation : directory_.violations()) ADD_FAILURE() << violation;
    }
    io::Disk& disk() override { return *disk_; }
    void reopen() override {
        disk_.reset();
        disk_ = std::make_unique<sim::Disk>(directory_);
    }

private:
    sim::Directory directory_;
    std::unique_ptr<sim::Disk> disk_;
};

std::unique_ptr<DiskWorld> make(const sim::DirectoryOptions& options) {
    return std::make_unique<SimDiskWorld>(options);
}

// With gaps of zeros, as files have them: that is all in which the simulator is stricter by default.
INSTANTIATE_TEST_SUITE_P(Drivers, DiskContract,
    testing::Values(DiskDriver{"sim", [] { return make({.seed = 1, .zero_gaps = true}); }},
                    DiskDriver{"sim_narrow", [] { return make({.seed = 2, .queue_depth = 2, .zero_gaps = true}); }}),
    disk_driver_name);

}  // namespace
}  // namespace penstock::tests
