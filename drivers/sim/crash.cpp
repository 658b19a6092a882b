#include "sim/crash.h"

#include <algorithm>
#include <bit>
#include <charconv>

#include "base/assert.h"
#include "sim/directory.h"

namespace penstock::sim {

namespace {

constexpr const char* mode_names[] = {"none", "all", "only", "without", "front", "back", "mask", "random"};
constexpr uint64_t subset_bits_max = 20;

template <class T>
bool take_number(std::string_view& text, T& out) {
    if (text.empty() || text.front() != '/') return false;
    const auto [end, error] = std::from_chars(text.data() + 1, text.data() + text.size(), out);
    if (error != std::errc{}) return false;
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    return true;
}

/// Which sectors of block `block` of a write of `blocks` blocks a choice keeps, the subsets aside.
uint32_t kept_sectors(const CrashChoice& choice, size_t item, size_t block, size_t blocks, Random& random,
                      uint64_t fate) {
    const uint32_t first = static_cast<uint32_t>(block) * sectors_per_block;
    const uint32_t total = static_cast<uint32_t>(blocks) * sectors_per_block;
    uint32_t kept = 0;
    switch (choice.mode) {
        case CrashMode::none: return 0;
        case CrashMode::only: return item == choice.item ? all_sectors : 0;
        case CrashMode::without: return item == choice.item ? 0 : all_sectors;
        case CrashMode::front:
        case CrashMode::back:
            if (item != choice.item) return all_sectors;
            for (uint32_t i = 0; i < sectors_per_block; ++i) {
                const uint32_t sector = first + i;
                if (choice.mode == CrashMode::front ? sector < choice.sectors : sector + choice.sectors >= total)
                    kept |= 1u << i;
            }
            return kept;
        case CrashMode::random:
            if (fate % 3 == 0) return 0;
            if (fate % 3 == 1) return all_sectors;
            return static_cast<uint32_t>(random.below(all_sectors + 1));
        case CrashMode::all:
        case CrashMode::mask: break;
    }
    return all_sectors;
}

/// Spends one bit of `bits` on each bit set in `mask`; returns those that were set in both.
uint32_t take_bits(uint64_t& bits, uint32_t mask) {
    uint32_t taken = 0;
    for (uint32_t i = 0; i < 32; ++i) {
        if ((mask >> i & 1) == 0) continue;
        if ((bits & 1) != 0) taken |= 1u << i;
        bits >>= 1;
    }
    return taken;
}

}  // namespace

std::string CrashChoice::text() const {
    std::string out = mode_names[static_cast<size_t>(mode)];
    switch (mode) {
        case CrashMode::only:
        case CrashMode::without: return out + "/" + std::to_string(item);
        case CrashMode::front:
        case CrashMode::back: return out + "/" + std::to_string(item) + "/" + std::to_string(sectors);
        case CrashMode::mask:
        case CrashMode::random: return out + "/" + std::to_string(bits);
        case CrashMode::none:
        case CrashMode::all: break;
    }
    return out;
}

std::optional<CrashChoice> CrashChoice::parse(std::string_view text) {
    const std::string_view name = text.substr(0, text.find('/'));
    for (size_t i = 0; i < std::size(mode_names); ++i) {
        if (name != mode_names[i]) continue;
        CrashChoice choice{.mode = static_cast<CrashMode>(i)};
        text.remove_prefix(name.size());
        bool ok = true;
        const bool torn = choice.mode == CrashMode::front || choice.mode == CrashMode::back;
        if (torn || choice.mode == CrashMode::only || choice.mode == CrashMode::without)
            ok = take_number(text, choice.item);
        if (ok && torn) ok = take_number(text, choice.sectors);
        if (choice.mode == CrashMode::mask || choice.mode == CrashMode::random) ok = take_number(text, choice.bits);
        if (ok && text.empty()) return choice;
    }
    return std::nullopt;
}

std::vector<Directory::CrashItem> Directory::collect_crash_items() const {
    std::vector<CrashItem> items;
    for (const auto& [id, file] : files_)
        for (const Write& write : file->cached)
            items.push_back({.file = id, .content = file.get(), .first_block = write.first_block,
                             .blocks = &write.blocks, .number = write.number});
    for (const auto& [due, operation] : operations_) {
        const auto file = files_.find(operation.op.file);
        if (operation.op.kind == io::DiskOpKind::create && file == files_.end())
            items.push_back({.kind = CrashItem::Kind::create, .file = operation.op.file, .number = operation.number});
        else if (!operation.blocks.empty() && file != files_.end() && file->second == operation.file)
            items.push_back({.file = operation.op.file, .content = operation.file.get(),
                             .first_block = operation.op.offset / io::block_size, .blocks = &operation.blocks,
                             .number = operation.number});
    }
    std::ranges::sort(items, {}, &CrashItem::number);
    for (const Removed& removed : removed_)
        if (!files_.contains(removed.file))
            items.push_back({.kind = CrashItem::Kind::remove, .file = removed.file, .removed = &removed});
    return items;
}

size_t Directory::crash_items() const { return collect_crash_items().size(); }

// Null blocks were superseded by something durable. A sector that equals the durable one changes nothing.
uint32_t Directory::changing_sectors(const CrashItem& item, size_t block) const {
    const BlockRef& written = (*item.blocks)[block];
    if (!written) return 0;
    return differing_sectors(*written, *durable_block(*item.content, item.first_block + block));
}

std::vector<CrashChoice> Directory::crash_choices(size_t count_max, uint64_t seed) const {
    const std::vector<CrashItem> items = collect_crash_items();
    std::vector<CrashChoice> choices;
    if (count_max == 0) return choices;
    uint64_t bits = 0;
    for (const CrashItem& item : items) {
        if (bits > subset_bits_max) break;
        if (item.kind != CrashItem::Kind::write) ++bits;
        else
            for (size_t i = 0; i < item.blocks->size(); ++i)
                bits += static_cast<uint64_t>(std::popcount(changing_sectors(item, i)));
    }
    if (bits <= subset_bits_max && (uint64_t{1} << bits) <= count_max) {
        for (uint64_t mask = 0; mask < uint64_t{1} << bits; ++mask)
            choices.push_back({.mode = CrashMode::mask, .bits = mask});
        return choices;
    }
    choices = {{.mode = CrashMode::all}, {.mode = CrashMode::none}};
    Random random(seed);
    std::vector<CrashChoice> extremes;
    for (uint32_t i = 0; i < items.size(); ++i) {
        extremes.push_back({.mode = CrashMode::without, .item = i});
        if (items.size() > 1) extremes.push_back({.mode = CrashMode::only, .item = i});
        const uint64_t sectors = items[i].sectors();
        if (sectors < 2) continue;
        const auto front = static_cast<uint32_t>(random.between(1, sectors - 1));
        const auto back = static_cast<uint32_t>(random.between(1, sectors - 1));
        extremes.push_back({.mode = CrashMode::front, .item = i, .sectors = front});
        extremes.push_back({.mode = CrashMode::back, .item = i, .sectors = back});
    }
    for (size_t i = extremes.size(); i > 1; --i) std::swap(extremes[i - 1], extremes[random.below(i)]);
    // Two thirds for the extremes: random choices find what no extreme does, so some always run.
    for (const CrashChoice& choice : extremes)
        if (choices.size() < count_max - count_max / 3) choices.push_back(choice);
    while (choices.size() < count_max) choices.push_back({.mode = CrashMode::random, .bits = random.next() >> 32});
    choices.resize(count_max);
    return choices;
}

std::unique_ptr<Directory> Directory::crash(const CrashChoice& choice) const {
    DirectoryOptions options = options_;
    options.seed = mix64(options_.seed + event_count_);
    options.capacity_bytes = options.operations_max = 0;
    auto out = std::make_unique<Directory>(options);
    out->now_ = now_;
    for (const auto& [id, file] : files_) out->files_.emplace(id, durable_copy(*file));
    Random random(choice.bits);
    uint64_t bits = choice.bits;
    const std::vector<CrashItem> items = collect_crash_items();
    for (size_t n = 0; n < items.size(); ++n) {
        const CrashItem& item = items[n];
        const uint64_t fate = random.next();
        if (item.kind == CrashItem::Kind::write) {
            for (size_t i = 0; i < item.blocks->size(); ++i)
                out->keep_sectors(item, i,
                                  choice.mode == CrashMode::mask
                                      ? take_bits(bits, changing_sectors(item, i))
                                      : kept_sectors(choice, n, i, item.blocks->size(), random, fate));
            const bool torn = choice.mode == CrashMode::random && fate % 3 == 2;
            if (torn && random.chance(1, 2)) out->spoil_sector(item, random.below(item.blocks->size()), random);
            continue;
        }
        const bool kept = choice.mode == CrashMode::mask ? take_bits(bits, 1) != 0
                                                         : kept_sectors(choice, n, 0, 1, random, fate % 2) != 0;
        // A remove that was kept leaves nothing; one that was lost brings its file back.
        if (item.kind == CrashItem::Kind::remove && !kept) {
            out->files_.emplace(item.file, durable_copy(*item.removed->content));
        } else if (item.kind == CrashItem::Kind::create && kept) {
            auto file = std::make_shared<File>();
            file->garbage_seed = mix64(item.number);
            out->files_.emplace(item.file, std::move(file));
        }
    }
    return out;
}

std::shared_ptr<Directory::File> Directory::durable_copy(const File& file) {
    auto copy = std::make_shared<File>();
    copy->garbage_seed = file.garbage_seed;
    copy->durable = copy->visible = file.durable;
    copy->durable_size = copy->visible_size = file.durable_size;
    return copy;
}

void Directory::keep_sectors(const CrashItem& item, size_t block, uint32_t sectors) {
    const BlockRef& written = (*item.blocks)[block];
    if (!written || sectors == 0) return;
    File& file = *files_.at(item.file);
    const uint64_t index = item.first_block + block;
    const BlockRef mixed = mix_blocks(durable_block(file, index), written, sectors);
    file.durable.set(index, mixed);
    file.visible.set(index, mixed);
    file.durable_size = file.visible_size = std::max(file.durable_size, (index + 1) * io::block_size);
}

// The sector under the head when the power went: neither old nor new. Its neighbours are what they are.
void Directory::spoil_sector(const CrashItem& item, size_t block, Random& random) {
    const BlockRef& written = (*item.blocks)[block];
    if (!written) return;
    // Even if the bytes do not change: the device wrote the sector all the same.
    File& file = *files_.at(item.file);
    const BlockRef before = durable_block(file, item.first_block + block);
    const BlockRef mixed = mix_blocks(before, garbage_block(random.next()), 1u << random.below(sectors_per_block));
    file.durable.set(item.first_block + block, mixed);
    file.visible.set(item.first_block + block, mixed);
    file.durable_size = file.visible_size =
        std::max(file.durable_size, (item.first_block + block + 1) * io::block_size);
}

}  // namespace penstock::sim
