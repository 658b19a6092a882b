// Frames in files, as tcpdump has them.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/assert.h"
#include "base/bytes.h"

namespace penstock::dpdk {

using Frames = std::vector<std::vector<std::byte>>;

inline constexpr size_t pcap_header_bytes = 24, pcap_record_bytes = 16;

/// Of a file of this machine's byte order; when they were seen does not matter.
inline Frames read_pcap(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    PENSTOCK_ASSERT(bytes.size() >= pcap_header_bytes);
    const auto* data = reinterpret_cast<const std::byte*>(bytes.data());
    const auto magic = load_le<uint32_t>(data);
    PENSTOCK_ASSERT(magic == 0xa1b2c3d4 || magic == 0xa1b23c4d);   // of microseconds, of nanoseconds
    Frames frames;
    for (size_t at = pcap_header_bytes; at < bytes.size();) {
        PENSTOCK_ASSERT(at + pcap_record_bytes <= bytes.size());
        const auto size = load_le<uint32_t>(data + at + 8);
        at += pcap_record_bytes;
        PENSTOCK_ASSERT(size <= bytes.size() - at);
        frames.emplace_back(data + at, data + at + size);
        at += size;
    }
    return frames;
}

inline void write_pcap(const std::filesystem::path& path, const Frames& frames) {
    std::ofstream file(path, std::ios::binary);
    const auto put = [&](std::span<const std::byte> bytes) {
        file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    };
    std::byte header[pcap_header_bytes]{};
    store_le<uint32_t>(header, 0xa1b2c3d4);
    store_le<uint16_t>(header + 4, 2);   // version 2.4
    store_le<uint16_t>(header + 6, 4);
    store_le<uint32_t>(header + 16, 1 << 16);
    store_le<uint32_t>(header + 20, 1);   // Ethernet
    put(header);
    for (const auto& frame : frames) {
        std::byte record[pcap_record_bytes]{};
        store_le(record + 8, static_cast<uint32_t>(frame.size()));
        store_le(record + 12, static_cast<uint32_t>(frame.size()));
        put(record);
        put(frame);
    }
}

}  // namespace penstock::dpdk
