// A checkpoint of a data directory that crashed. First byte: bit 0 chooses sealed or raw, bit 1 shard, bit 2 slot.
// Sealed: a row of [u8 entries] [u8 replay_from] [u8 flags: base, consistent] [u16 size] [entries], each made a valid
// frame behind the last. Raw: the file holds the bytes as they are.
#include "storage_fuzz.h"

using namespace penstock;

namespace {

log::Bytes seal_frames(fuzz::Input& input) {
    log::Bytes slot;
    for (uint64_t number = 1; input.left() > 0 && slot.size() < mib; ++number) {
        log::FrameHeader header{.number = number};
        header.entry_count = input.number<uint8_t>();
        header.replay_from = input.number<uint8_t>();
        const auto flags = input.number<uint8_t>();
        header.base_begin = flags & 1;
        header.consistent = flags >> 1 & 1;
        const auto entries = input.bytes(input.number<uint16_t>());
        log::Bytes frame(log::header_size);
        frame.insert(frame.end(), entries.begin(), entries.end());
        log::seal_frame(frame, fuzz::generation(), header);
        slot.insert(slot.end(), frame.begin(), frame.end());
    }
    return slot;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    fuzz::Input input(data, size);
    const auto how = input.number<uint8_t>();
    const auto directory = fuzz::copy_directory();
    const io::FileId file = log::checkpoint_file(how >> 1 & 1, fuzz::generation().number, how >> 2 & 1);
    if ((how & 1) != 0) directory->replace(file, seal_frames(input));
    else directory->replace(file, input.bytes(input.left()));
    fuzz::open_and_use(*directory);
    return 0;
}
