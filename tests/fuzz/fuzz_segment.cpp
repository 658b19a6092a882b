// A file of records of a data directory that crashed: [u8 which] [u16 block] [bytes], laid over the file from that
// block on. Headers, batches and indexes are all in reach.
#include "storage_fuzz.h"

using namespace penstock;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    fuzz::Input input(data, size);
    const auto which = input.number<uint8_t>();
    const auto directory = fuzz::copy_directory();
    std::vector<io::FileId> pool;
    for (const io::FileEntry& file : directory->files())
        if (log::is_pool(file.file.kind)) pool.push_back(file.file);
    const io::FileId file = pool[which % pool.size()];
    const uint64_t blocks = log::geometry(file.kind).file_bytes / io::block_size;
    const uint64_t offset = input.number<uint16_t>() % blocks * io::block_size;
    fuzz::overwrite(*directory, file, offset, input.bytes(input.left()));
    fuzz::open_and_use(*directory);
    return 0;
}
