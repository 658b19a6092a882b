// The coordinator's state in ZooKeeper: a log of transactions over a snapshot, and one node that says how far it
// counts.
//
//     ROOT/revision                       revision, and that of the snapshot; the only node that is ever changed
//     ROOT/log/<revision>-<index>         pieces of a transaction
//     ROOT/snapshot/<revision>-<index>    pieces of all rows as of a revision
//
// Why rows are not nodes of their own: a request to ZooKeeper is bounded by 1 MiB, and fencing one broker may change a
// million rows at once, atomically. So a transaction is written as pieces that nobody reads yet, and the last one
// goes into one `multi` with the change of the revision node, by its version: that is the commit. An ordinary
// transaction is one piece, hence one request. And a successor reads a few large nodes instead of a million small ones.
//
// What is left of a coordinator that ended between pieces lies beyond the revision and is swept away by its successor
// before it writes; from then on nobody else can write, for every request is guarded by the election node. Pieces
// and snapshots that the present snapshot replaces are swept as well. After log_pieces_max pieces a new snapshot is
// made, so the nodes in a folder, and their listing, stay bounded.
//
// Each piece has a checksum and knows its place: load() refuses rot, gaps and strange nodes.
// Used by the store's thread; load() also by its caller's, and at any time: it only reads.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/store.h"
#include "store/failure.h"
#include "store/zookeeper_format.h"
#include "store/zookeeper_session.h"

namespace penstock::store {

/// Of the log, before a snapshot replaces it: bounds what a successor reads, and the listing of the folder.
inline constexpr size_t log_pieces_max = 1000;

class EnsembleState {
public:
    EnsembleState(Session& session, std::string root) : session_(session), root_(std::move(root)) {}

    // A failure is Errc::io where only the session ended: then the state is as well as it was.

    /// Makes the root and its folders where they are missing; refuses a root that holds something else.
    Checked<void> prepare();
    /// When elected, before the first commit: removes what does not count, and notes how far the log goes.
    Checked<void> take_over();
    Checked<void> commit(const io::StoreTransaction& transaction);
    /// Replaces the log by a snapshot if it has become long.
    Checked<void> compact();
    Checked<io::StoreContents> load() const;

private:
    struct Position {
        Head head;
        int32_t version = 0;   ///< of the revision node
    };
    struct Everything {
        Position at;
        Replay replay;
    };

    std::string log_folder() const { return root_ + "/log"; }
    std::string snapshot_folder() const { return root_ + "/snapshot"; }
    std::string head_path() const { return root_ + "/revision"; }
    std::unexpected<Failure> refusal(Errc code, std::string detail) const;
    std::unexpected<Failure> failure(Outcome outcome, std::string_view doing) const;
    Checked<Position> position() const;
    Checked<std::vector<PieceName>> list(const std::string& folder, uint64_t after, uint64_t through) const;
    Checked<Everything> read() const;
    Checked<bool> read_snapshot(Everything& into) const;
    Checked<bool> read_log(Everything& into) const;
    Checked<bool> replay(const std::string& folder, PieceKind kind, std::span<const PieceName> names,
                         Replay& into) const;
    Checked<void> write_pieces(const std::string& folder, std::span<const std::string> pieces, const Head& next);
    Checked<void> sweep();
    Checked<size_t> sweep(const std::string& folder, uint64_t kept_from, uint64_t kept_to);

    Session& session_;
    std::string root_;
    Position at_;
    size_t log_pieces_ = 0;
};

}  // namespace penstock::store
