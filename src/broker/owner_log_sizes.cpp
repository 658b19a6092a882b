// How large logs are: answered at once.
#include "broker/owner.h"

namespace penstock::broker {

void Owner::on_log_sizes(LogSizesCall& call) {
    for (LogSize& size : call.logs) {
        const log::Log* log = store_.find(size.key);
        size.there = log != nullptr;
        size.bytes = log != nullptr ? log->size_bytes() : 0;
    }
    call.space = store_.disk_space();
    answer(call);
}

}  // namespace penstock::broker
