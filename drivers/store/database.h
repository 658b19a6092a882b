// The database behind Sqlite: schema, rows with checksums, one transaction at a time. Blocks; one thread at a time.
//
//     state(key, value, crc)        crc: of key and value
//     meta(revision, digest, crc)   one row; digest: the sum of state's crcs; crc: of revision and digest
#pragma once

#include <cstdint>
#include <string>

#include "io/store.h"

struct sqlite3;
struct sqlite3_stmt;

namespace penstock::store {

class Database {
public:
    Database() = default;
    ~Database();
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    /// Creates the schema in a new file; verifies a file that exists. detail() says more about a failure.
    Result<void> open(const std::string& path);
    Result<io::StoreContents> load();
    Result<void> apply(const io::StoreTransaction& transaction);
    const std::string& detail() const { return detail_; }

private:
    std::unexpected<Error> failure(const char* doing);
    std::unexpected<Error> refusal(Errc code, std::string detail);
    Result<void> execute(const char* sql);
    Result<int64_t> read_number(const char* sql);
    Result<void> prepare(const char* sql, sqlite3_stmt*& statement);
    Result<void> configure();
    Result<void> verify();
    Result<void> create_schema();
    Result<void> write(const io::StoreTransaction& transaction);
    Result<void> step(sqlite3_stmt* statement);

    struct Meta {
        uint64_t revision = 0;
        uint64_t digest = 0;
    };
    Result<Meta> read_meta();
    Result<void> write_meta(const Meta& meta);
    /// The checksum of the row that has the key; 0 if there is none.
    Result<uint64_t> stored_checksum(const std::string& key);

    std::string path_;
    std::string detail_;
    sqlite3* handle_ = nullptr;
    sqlite3_stmt* put_ = nullptr;
    sqlite3_stmt* remove_ = nullptr;
    sqlite3_stmt* find_ = nullptr;
    sqlite3_stmt* set_meta_ = nullptr;
};

}  // namespace penstock::store
