#include "sim/store.h"

#include <memory>

#include "store_contract.h"

namespace penstock::tests {
namespace {

class SimStoreWorld final : public StoreWorld {
public:
    io::Store& store() override { return *store_; }
    void wait() override { FAIL() << "poll() has everything"; }
    void reopen() override { store_ = std::make_unique<sim::Store>(medium_); }

private:
    sim::StoreMedium medium_;
    std::unique_ptr<sim::Store> store_ = std::make_unique<sim::Store>(medium_);
};

std::unique_ptr<StoreWorld> make() { return std::make_unique<SimStoreWorld>(); }

INSTANTIATE_TEST_SUITE_P(Sim, StoreContract, testing::Values(StoreDriver{"sim", make}), store_driver_name);

}  // namespace
}  // namespace penstock::tests
