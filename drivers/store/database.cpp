#include "store/database.h"

#include <sqlite3.h>

#include <utility>

#include "base/crc32c.h"

namespace penstock::store {

namespace {

constexpr int application_id = 0x50656e73;  // "Pens": file(1) and we know the file by it
constexpr int schema_version = 1;

Errc code_of(int sqlite_code) {
    switch (sqlite_code & 0xff) {
        case SQLITE_FULL: return Errc::disk_full;
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB: return Errc::corrupt;
        case SQLITE_BUSY:
        case SQLITE_LOCKED: return Errc::refused;
        case SQLITE_IOERR:
        case SQLITE_CANTOPEN:
        case SQLITE_READONLY:
        case SQLITE_PERM: return Errc::io;
        default: return Errc::failed;
    }
}

int64_t checksum(std::string_view key, std::string_view value) {
    const uint32_t of_key = crc32c(std::as_bytes(std::span(key)));
    const auto size = static_cast<uint32_t>(key.size());  // so that a byte cannot move from key to value
    const uint32_t with_size = crc32c(of_key, std::as_bytes(std::span(&size, 1)));
    return crc32c(with_size, std::as_bytes(std::span(value)));
}

int64_t checksum(uint64_t revision, uint64_t digest) {
    const uint64_t both[] = {revision, digest};
    return crc32c(std::as_bytes(std::span(both)));
}

// `value` must outlive the statement's next step.
void bind_text(sqlite3_stmt* statement, int index, const std::string& value) {
    sqlite3_bind_text64(statement, index, value.data(), value.size(), SQLITE_STATIC, SQLITE_UTF8);
}

}  // namespace

Database::~Database() {
    for (sqlite3_stmt* statement : {put_, remove_, find_, set_meta_}) sqlite3_finalize(statement);
    if (handle_ != nullptr) sqlite3_close(handle_);
}

std::unexpected<Error> Database::failure(const char* doing) {
    const int code = sqlite3_extended_errcode(handle_);
    const int os_error = sqlite3_system_errno(handle_);
    detail_ = path_ + ": " + doing + ": " + sqlite3_errmsg(handle_) + " (SQLite " + std::to_string(code) + ")";
    return fail(code_of(code), os_error);
}

std::unexpected<Error> Database::refusal(Errc code, std::string detail) {
    detail_ = path_ + ": " + std::move(detail);
    return fail(code);
}

Result<void> Database::execute(const char* sql) {
    if (sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) return failure(sql);
    return {};
}

Result<void> Database::prepare(const char* sql, sqlite3_stmt*& statement) {
    if (sqlite3_prepare_v2(handle_, sql, -1, &statement, nullptr) != SQLITE_OK) return failure(sql);
    return {};
}

Result<int64_t> Database::read_number(const char* sql) {
    sqlite3_stmt* statement = nullptr;
    if (auto ok = prepare(sql, statement); !ok) return std::unexpected(ok.error());
    Result<int64_t> number = 0;
    if (sqlite3_step(statement) == SQLITE_ROW) number = sqlite3_column_int64(statement, 0);
    else number = failure(sql);
    sqlite3_finalize(statement);
    return number;
}

Result<void> Database::step(sqlite3_stmt* statement) {
    Result<void> result;
    if (sqlite3_step(statement) != SQLITE_DONE) result = failure("write");
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return result;
}

Result<void> Database::open(const std::string& path) {
    path_ = path;
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    if (sqlite3_open_v2(path.c_str(), &handle_, flags, nullptr) != SQLITE_OK) return failure("open");
    if (auto ok = configure(); !ok) return ok;
    auto tables = read_number("SELECT count(*) FROM sqlite_master");
    if (!tables) return std::unexpected(tables.error());
    if (auto ok = *tables == 0 ? create_schema() : verify(); !ok) return ok;
    if (auto ok = prepare("INSERT INTO state(key, value, crc) VALUES(?1, ?2, ?3) "
                          "ON CONFLICT(key) DO UPDATE SET value = ?2, crc = ?3", put_); !ok) return ok;
    if (auto ok = prepare("DELETE FROM state WHERE key = ?1", remove_); !ok) return ok;
    if (auto ok = prepare("SELECT crc FROM state WHERE key = ?1", find_); !ok) return ok;
    return prepare("UPDATE meta SET revision = ?1, digest = ?2, crc = ?3", set_meta_);
}

// Exclusive: the lock that the first write takes is kept, so no other program writes in between, and there is no shared
// memory file. Full: a commit is on stable storage when it returns.
Result<void> Database::configure() {
    for (const char* sql : {"PRAGMA locking_mode = EXCLUSIVE", "PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL",
                            "PRAGMA trusted_schema = OFF"})
        if (auto ok = execute(sql); !ok) return ok;
    auto synchronous = read_number("PRAGMA synchronous");
    if (!synchronous) return std::unexpected(synchronous.error());
    if (*synchronous != 2) return refusal(Errc::refused, "this SQLite does not offer full synchronous mode");
    return {};
}

Result<void> Database::create_schema() {
    const std::string sql =
        "BEGIN IMMEDIATE;"
        "PRAGMA application_id = " + std::to_string(application_id) + ";"
        "PRAGMA user_version = " + std::to_string(schema_version) + ";"
        "CREATE TABLE state(key TEXT PRIMARY KEY, value BLOB NOT NULL, crc INTEGER NOT NULL) WITHOUT ROWID;"
        "CREATE TABLE meta(one INTEGER PRIMARY KEY CHECK(one = 1), revision INTEGER NOT NULL,"
        " digest INTEGER NOT NULL, crc INTEGER NOT NULL);"
        "INSERT INTO meta VALUES(1, 0, 0, " + std::to_string(checksum(uint64_t{0}, 0)) + ");"
        "COMMIT";
    return execute(sql.c_str());
}

Result<void> Database::verify() {
    auto id = read_number("PRAGMA application_id");
    if (!id) return std::unexpected(id.error());
    if (*id != application_id) return refusal(Errc::refused, "is not a Penstock coordinator's database");
    auto version = read_number("PRAGMA user_version");
    if (!version) return std::unexpected(version.error());
    if (*version != schema_version)
        return refusal(Errc::unsupported, "has schema version " + std::to_string(*version) + ", this program knows " +
                                              std::to_string(schema_version) + ": it was written by another release");
    sqlite3_stmt* statement = nullptr;
    if (auto ok = prepare("PRAGMA quick_check(1)", statement); !ok) return ok;
    Result<void> result;
    if (sqlite3_step(statement) != SQLITE_ROW) result = failure("check");
    else if (std::string found = reinterpret_cast<const char*>(sqlite3_column_text(statement, 0)); found != "ok")
        result = refusal(Errc::corrupt, "is damaged (" + found + "): restore a backup");
    sqlite3_finalize(statement);
    return result;
}

Result<io::StoreContents> Database::load() {
    io::StoreContents contents;
    auto meta = read_meta();
    if (!meta) return std::unexpected(meta.error());
    contents.revision = meta->revision;
    uint64_t digest = 0;
    sqlite3_stmt* statement = nullptr;
    if (auto ok = prepare("SELECT key, value, crc FROM state ORDER BY key", statement); !ok)
        return std::unexpected(ok.error());
    Result<io::StoreContents> result = io::StoreContents{};
    int code = SQLITE_DONE;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        auto text = [&](int column) {
            const auto* data = static_cast<const char*>(sqlite3_column_blob(statement, column));
            const auto size = static_cast<size_t>(sqlite3_column_bytes(statement, column));
            return size == 0 ? std::string() : std::string(data, size);
        };
        io::StoreRow row{text(0), text(1)};
        if (sqlite3_column_int64(statement, 2) != checksum(row.key, row.value)) {
            result = refusal(Errc::corrupt, "row \"" + row.key + "\" fails its checksum: restore a backup");
            break;
        }
        digest += static_cast<uint64_t>(sqlite3_column_int64(statement, 2));
        contents.rows.push_back(std::move(row));
    }
    if (code == SQLITE_DONE && digest != meta->digest)
        result = refusal(Errc::corrupt, "has lost rows, or has some too many: restore a backup");
    else if (code == SQLITE_DONE) result = std::move(contents);
    else if (code != SQLITE_ROW) result = failure("load");
    sqlite3_finalize(statement);
    return result;
}

Result<Database::Meta> Database::read_meta() {
    sqlite3_stmt* statement = nullptr;
    if (auto ok = prepare("SELECT revision, digest, crc FROM meta", statement); !ok) return std::unexpected(ok.error());
    Result<Meta> result;
    if (sqlite3_step(statement) != SQLITE_ROW) {
        result = failure("read the revision");
    } else {
        result->revision = static_cast<uint64_t>(sqlite3_column_int64(statement, 0));
        result->digest = static_cast<uint64_t>(sqlite3_column_int64(statement, 1));
        if (sqlite3_column_int64(statement, 2) != checksum(result->revision, result->digest))
            result = refusal(Errc::corrupt, "its revision fails its checksum: restore a backup");
    }
    sqlite3_finalize(statement);
    return result;
}

Result<void> Database::write_meta(const Meta& meta) {
    sqlite3_bind_int64(set_meta_, 1, static_cast<int64_t>(meta.revision));
    sqlite3_bind_int64(set_meta_, 2, static_cast<int64_t>(meta.digest));
    sqlite3_bind_int64(set_meta_, 3, checksum(meta.revision, meta.digest));
    return step(set_meta_);
}

Result<uint64_t> Database::stored_checksum(const std::string& key) {
    bind_text(find_, 1, key);
    Result<uint64_t> crc = 0;
    const int code = sqlite3_step(find_);
    if (code == SQLITE_ROW) crc = static_cast<uint64_t>(sqlite3_column_int64(find_, 0));
    else if (code != SQLITE_DONE) crc = failure("read");
    sqlite3_reset(find_);
    return crc;
}

Result<void> Database::apply(const io::StoreTransaction& transaction) {
    if (auto ok = execute("BEGIN IMMEDIATE"); !ok) return ok;
    auto written = write(transaction);
    if (written) written = execute("COMMIT");
    if (written) return {};
    const std::string why = detail_;
    static_cast<void>(execute("ROLLBACK"));  // a failed COMMIT may have rolled back by itself
    detail_ = why;
    return written;
}

Result<void> Database::write(const io::StoreTransaction& transaction) {
    auto meta = read_meta();
    if (!meta) return std::unexpected(meta.error());
    if (meta->revision + 1 != transaction.revision)
        return refusal(Errc::refused, "is at revision " + std::to_string(meta->revision) + ", not " +
                                          std::to_string(transaction.revision - 1) +
                                          ": somebody else has written to it");
    meta->revision = transaction.revision;
    for (const io::StoreRow& row : transaction.puts) {
        auto before = stored_checksum(row.key);
        if (!before) return std::unexpected(before.error());
        const int64_t crc = checksum(row.key, row.value);
        meta->digest += static_cast<uint64_t>(crc) - *before;
        bind_text(put_, 1, row.key);
        sqlite3_bind_blob64(put_, 2, row.value.data(), row.value.size(), SQLITE_STATIC);
        sqlite3_bind_int64(put_, 3, crc);
        if (auto ok = step(put_); !ok) return ok;
    }
    for (const std::string& key : transaction.removes) {
        auto before = stored_checksum(key);
        if (!before) return std::unexpected(before.error());
        meta->digest -= *before;
        bind_text(remove_, 1, key);
        if (auto ok = step(remove_); !ok) return ok;
    }
    return write_meta(*meta);
}

}  // namespace penstock::store
