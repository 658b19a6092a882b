// The superblock of a data directory that crashed. First byte even: the file holds the bytes as they are. Odd: a row of
// [u8 place] [u8 generation] [u8 shards] [u8 clean] [u64 journal bytes], each made a valid copy in its place.
#include "storage_fuzz.h"

using namespace penstock;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    fuzz::Input input(data, size);
    const auto how = input.number<uint8_t>();
    const auto directory = fuzz::copy_directory();
    const io::FileId file{io::FileKind::super, 0};
    if ((how & 1) == 0) directory->replace(file, input.bytes(input.left()));
    while ((how & 1) != 0 && input.left() > 0) {
        log::SuperBlock super = fuzz::super_block();
        const uint64_t place = input.number<uint8_t>() % 4;
        super.generation = input.number<uint8_t>();
        super.shard_count = input.number<uint8_t>();
        super.clean = input.number<uint8_t>();
        super.journal_bytes = input.number<uint64_t>();
        log::Bytes block(io::block_size);
        log::write_super(block, super);
        fuzz::overwrite(*directory, file, place * io::block_size, block);
    }
    fuzz::open_and_use(*directory);
    return 0;
}
