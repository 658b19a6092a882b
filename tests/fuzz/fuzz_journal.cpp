// A journal of a data directory that crashed. First byte: bit 0 chooses sealed or raw, bit 1 the shard, bit 2 whether
// the commits of the run stay in front. Sealed: a row of [u8 entries] [u8 commit that it vouches for] [u16 size]
// [entries], each made a valid commit, so that the entries are decoded and replayed. Raw: the bytes as they are.
#include "storage_fuzz.h"

using namespace penstock;

namespace {

void seal_commits(sim::Directory& directory, io::FileId journal, uint32_t shard, bool keep, fuzz::Input& input) {
    uint64_t sequence = 1, at = 0;
    auto ring = directory.contents(journal);
    if (!keep) std::ranges::fill(ring, std::byte{0});
    log::CommitHeader header;
    while (at < ring.size() && log::open_commit(std::span(ring).subspan(at), fuzz::generation(), header)) {
        at += header.size;
        sequence = header.sequence + 1;
    }
    while (input.left() > 0) {
        header = {.sequence = sequence, .shard = static_cast<uint16_t>(shard)};
        header.entry_count = input.number<uint8_t>();
        header.durable_through = std::min<uint64_t>(input.number<uint8_t>(), sequence++);
        const auto entries = input.bytes(input.number<uint16_t>());
        log::Bytes commit(log::header_size);
        commit.insert(commit.end(), entries.begin(), entries.end());
        log::seal_commit(commit, fuzz::generation(), header);
        if (at + commit.size() > ring.size()) break;
        std::ranges::copy(commit, ring.begin() + static_cast<std::ptrdiff_t>(at));
        at += commit.size();
    }
    directory.replace(journal, ring);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    fuzz::Input input(data, size);
    const auto how = input.number<uint8_t>();
    const auto directory = fuzz::copy_directory();
    const uint32_t shard = how >> 1 & 1;
    const io::FileId journal = log::journal_file_of(shard, fuzz::generation().number);
    if ((how & 1) != 0) seal_commits(*directory, journal, shard, (how & 4) != 0, input);
    else if ((how & 4) != 0) fuzz::overwrite(*directory, journal, 0, input.bytes(input.left()));
    else directory->replace(journal, input.bytes(input.left()));
    fuzz::open_and_use(*directory);
    return 0;
}
