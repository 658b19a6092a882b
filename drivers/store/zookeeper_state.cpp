#include "store/zookeeper_state.h"

#include <algorithm>
#include <ranges>
#include <utility>

namespace penstock::store {

namespace {

constexpr size_t reads_at_once = 16;    // of pieces: 8 MiB at the most
constexpr size_t removes_at_once = 200; // names only: far below what a request may be
constexpr int reading_attempts = 8;     // each is foiled by a snapshot that was made meanwhile, which is rare

std::string number(uint64_t value) { return std::to_string(value); }

}  // namespace

std::unexpected<Failure> EnsembleState::refusal(Errc code, std::string detail) const {
    return std::unexpected(Failure{{code}, "ZooKeeper, " + root_ + ": " + std::move(detail)});
}

std::unexpected<Failure> EnsembleState::failure(Outcome outcome, std::string_view doing) const {
    if (outcome == Outcome::over) return refusal(Errc::io, "the session ended (" + std::string(doing) + ")");
    const std::string why = outcome == Outcome::refused   ? session_.text()
                            : outcome == Outcome::missing ? std::string("a node is missing")
                                                          : std::string("a node is not as it was left");
    return refusal(Errc::failed, std::string(doing) + ": " + why);
}

Checked<void> EnsembleState::prepare() {
    for (size_t slash = root_.find('/', 1); slash != std::string::npos; slash = root_.find('/', slash + 1)) {
        const Outcome made = session_.create(root_.substr(0, slash), {});
        if (made != Outcome::done && made != Outcome::exists) return failure(made, "make the root");
    }
    if (const Outcome made = session_.create(root_, {}); made != Outcome::done && made != Outcome::exists)
        return failure(made, "make the root");
    std::vector<std::string> names;
    if (const Outcome listed = session_.children(root_, names); listed != Outcome::done)
        return failure(listed, "list the root");
    for (const std::string& name : names) {
        if (name == "election" || name == "log" || name == "snapshot" || name == "revision") continue;
        return refusal(Errc::refused, "holds \"" + name + "\", so it is not a Penstock cluster's: choose another "
                                      "zookeeper.root");
    }
    for (const char* folder : {"/election", "/log", "/snapshot"}) {
        const Outcome made = session_.create(root_ + folder, {});
        if (made != Outcome::done && made != Outcome::exists) return failure(made, "make a folder");
    }
    const Outcome made = session_.create(head_path(), encode(Head{}));
    if (made != Outcome::done && made != Outcome::exists) return failure(made, "make the revision node");
    auto at = position();
    if (!at) return std::unexpected(std::move(at.error()));
    return {};
}

Checked<EnsembleState::Position> EnsembleState::position() const {
    Node node;
    if (const Outcome got = session_.get(head_path(), node); got != Outcome::done)
        return failure(got, "read the revision node");
    const auto head = decode_head(node.data);
    if (!head) return refusal(Errc::corrupt, "its revision node is damaged, or another release's");
    return Position{*head, node.version};
}

/// The names with revisions in the range, in order.
Checked<std::vector<PieceName>> EnsembleState::list(const std::string& folder, uint64_t after, uint64_t through) const {
    std::vector<std::string> texts;
    if (const Outcome listed = session_.children(folder, texts); listed != Outcome::done)
        return failure(listed, "list " + folder);
    std::vector<PieceName> names;
    for (const std::string& text : texts) {
        const auto name = parse_piece_name(text);
        if (!name) return refusal(Errc::corrupt, "holds a strange node: " + folder + "/" + text);
        if (name->revision > after && name->revision <= through) names.push_back(*name);
    }
    std::ranges::sort(names);
    return names;
}

// --- Reading. False: something is missing that the revision node promised, as when a snapshot was made meanwhile.

Checked<EnsembleState::Everything> EnsembleState::read() const {
    for (int attempt = 0; attempt < reading_attempts; ++attempt) {
        auto at = position();
        if (!at) return std::unexpected(std::move(at.error()));
        Everything everything{.at = *at, .replay = {}};
        auto complete = read_snapshot(everything);
        if (complete && *complete) complete = read_log(everything);
        if (!complete) return std::unexpected(std::move(complete.error()));
        auto after = position();
        if (!after) return std::unexpected(std::move(after.error()));
        if (after->version != at->version) continue;
        if (*complete) return everything;
        return refusal(Errc::corrupt, "pieces of revisions up to " + number(at->head.revision) +
                                          " are missing: restore a backup of the ensemble");
    }
    return refusal(Errc::failed, "changes all the time while it is read: is another coordinator active?");
}

Checked<bool> EnsembleState::read_snapshot(Everything& into) const {
    const uint64_t revision = into.at.head.snapshot;
    if (revision == 0) return true;
    auto names = list(snapshot_folder(), revision - 1, revision);
    if (!names) return std::unexpected(std::move(names.error()));
    if (names->empty()) return false;
    return replay(snapshot_folder(), PieceKind::snapshot, *names, into.replay);
}

Checked<bool> EnsembleState::read_log(Everything& into) const {
    const Head& head = into.at.head;
    auto names = list(log_folder(), head.snapshot, head.revision);
    if (!names) return std::unexpected(std::move(names.error()));
    uint64_t revision = head.snapshot;
    for (const PieceName& name : *names) {
        if (name.revision != revision && name.revision != ++revision) return false;
    }
    if (revision != head.revision) return false;
    return replay(log_folder(), PieceKind::transaction, *names, into.replay);
}

/// Of whole transactions, or one snapshot. A batch of pieces at a time is in memory besides the rows.
Checked<bool> EnsembleState::replay(const std::string& folder, PieceKind kind, std::span<const PieceName> names,
                                    Replay& into) const {
    PieceName expected;
    uint32_t count = 0;   // of pieces of the transaction that `expected` belongs to
    for (; !names.empty(); names = names.subspan(std::min(reads_at_once, names.size()))) {
        const auto batch = names.first(std::min(reads_at_once, names.size()));
        std::vector<std::string> paths;
        for (const PieceName& name : batch) paths.push_back(folder + "/" + to_text(name));
        std::vector<Node> nodes;
        const Outcome got = session_.get(paths, nodes);
        if (got == Outcome::missing) return false;
        if (got != Outcome::done) return failure(got, "read the state");
        if (const Outcome renewed = session_.renew(); renewed != Outcome::done) return failure(renewed, "stay active");
        for (size_t i = 0; i < batch.size(); ++i) {
            const auto piece = decode_piece(nodes[i].data);
            if (!piece || piece->kind != kind || PieceName{piece->revision, piece->index} != batch[i])
                return refusal(Errc::corrupt, paths[i] + " is damaged: restore a backup of the ensemble");
            if (expected.index == count) expected = {batch[i].revision, 0}, count = piece->count;
            if (batch[i] != expected || piece->count != count) return false;
            ++expected.index;
            const bool ends = expected.index == count;
            if (!into.take(piece->changes) || (ends && !into.whole()))
                return refusal(Errc::corrupt, paths[i] + " does not make sense: restore a backup of the ensemble");
        }
    }
    return expected.index == count;
}

Checked<io::StoreContents> EnsembleState::load() const {
    auto everything = read();
    if (!everything) return std::unexpected(std::move(everything.error()));
    io::StoreContents contents{.revision = everything->at.head.revision, .rows = {}};
    auto& rows = everything->replay.rows();
    while (!rows.empty()) {
        auto row = rows.extract(rows.begin());   // moved, not copied: the state is in memory once
        contents.rows.push_back({std::move(row.key()), std::move(row.mapped())});
    }
    return contents;
}

// --- Writing

Checked<void> EnsembleState::take_over() {
    auto at = position();
    if (!at) return std::unexpected(std::move(at.error()));
    at_ = *at;
    return sweep();
}

Checked<void> EnsembleState::commit(const io::StoreTransaction& transaction) {
    if (transaction.revision != at_.head.revision + 1)
        return refusal(Errc::refused, "is at revision " + number(at_.head.revision) + ", not " +
                                          number(transaction.revision - 1) + ": somebody else has written to it");
    const std::vector<std::string> pieces = encode(transaction);
    log_pieces_ += pieces.size();
    return write_pieces(log_folder(), pieces, {.revision = transaction.revision, .snapshot = at_.head.snapshot});
}

Checked<void> EnsembleState::compact() {
    if (log_pieces_ <= log_pieces_max) return {};
    auto everything = read();
    if (!everything) return std::unexpected(std::move(everything.error()));
    const uint64_t revision = at_.head.revision;
    const std::vector<std::string> pieces = encode_snapshot(revision, everything->replay.rows());
    const Head next{.revision = revision, .snapshot = revision};
    if (auto written = write_pieces(snapshot_folder(), pieces, next); !written) return written;
    return sweep();
}

/// All but the last piece one by one, which nobody reads yet, and the last together with the revision node. A request
/// whose answer was lost is sent again, and then finds what it did itself: as the guard held, nobody else can have.
Checked<void> EnsembleState::write_pieces(const std::string& folder, std::span<const std::string> pieces,
                                          const Head& next) {
    const uint64_t revision = next.revision;
    for (uint32_t index = 0; index + 1 < pieces.size(); ++index) {
        const Change piece{.path = folder + "/" + to_text({revision, index}), .data = pieces[index]};
        const Outcome written = session_.write(std::span(&piece, 1));
        if (written != Outcome::done && written != Outcome::exists) return failure(written, "write a piece");
    }
    const std::string head = encode(next);
    const auto last = static_cast<uint32_t>(pieces.size() - 1);
    const Change changes[] = {
        {.path = folder + "/" + to_text({revision, last}), .data = pieces.back()},
        {.kind = Change::Kind::set, .path = head_path(), .data = head, .version = at_.version}};
    const Outcome written = session_.write(changes);
    const bool again = written == Outcome::exists || written == Outcome::changed;
    if (!again && written != Outcome::done) return failure(written, "commit");
    if (again) {
        auto now = position();
        if (!now) return std::unexpected(std::move(now.error()));
        if (now->version != at_.version + 1 || encode(now->head) != head) return failure(written, "commit");
    }
    at_ = {next, at_.version + 1};
    return {};
}

Checked<void> EnsembleState::sweep() {
    const Head& head = at_.head;
    auto snapshots = sweep(snapshot_folder(), head.snapshot, head.snapshot);
    if (!snapshots) return std::unexpected(std::move(snapshots.error()));
    auto log = sweep(log_folder(), head.snapshot + 1, head.revision);
    if (!log) return std::unexpected(std::move(log.error()));
    log_pieces_ = *log;
    return {};
}

/// Removes the pieces of revisions outside of the range; how many are left. A repeated request misses what it removed
/// before its answer was lost: list again.
Checked<size_t> EnsembleState::sweep(const std::string& folder, uint64_t kept_from, uint64_t kept_to) {
    while (true) {
        auto names = list(folder, 0, UINT64_MAX);
        if (!names) return std::unexpected(std::move(names.error()));
        const auto useless = std::ranges::stable_partition(*names, [&](const PieceName& name) {
            return name.revision >= kept_from && name.revision <= kept_to;
        });
        const size_t kept = names->size() - useless.size();
        if (useless.empty()) return kept;
        std::vector<Change> removes;
        for (const PieceName& name : useless | std::views::take(removes_at_once))
            removes.push_back({.kind = Change::Kind::remove, .path = folder + "/" + to_text(name), .data = {}});
        const Outcome removed = session_.write(removes);
        if (removed != Outcome::done && removed != Outcome::missing) return failure(removed, "remove old pieces");
    }
}

}  // namespace penstock::store
