// The main of a fuzz target in a plain build: runs every file of the corpus, then seeded mutations of each (cut short,
// bits flipped, bytes overwritten, pieces repeated), and prints one TAP line for each file. The same files always give
// the same inputs. A crash names the file and the mutation; `target FILE --mutation N` runs exactly that input again.
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

constexpr uint64_t mutations_per_file = 300;
constexpr size_t input_bytes_max = 1 << 20;

char running[512] = "nothing";  // what the handler of a crash names

// Named *_on_crash: only what a signal handler may call.
void name_input_on_crash(int signal_number) {
    constexpr std::string_view prefix = "# crashed on ";
    [[maybe_unused]] ssize_t ignored = write(STDERR_FILENO, prefix.data(), prefix.size());
    ignored = write(STDERR_FILENO, running, std::strlen(running));
    ignored = write(STDERR_FILENO, "\n", 1);
    std::signal(signal_number, SIG_DFL);
    raise(signal_number);
}

struct Random {
    uint64_t state;
    uint64_t next() {  // splitmix64
        uint64_t z = state += 0x9e3779b97f4a7c15;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }
    size_t below(size_t n) { return static_cast<size_t>(next() % n); }
};

std::vector<uint8_t> mutate(std::vector<uint8_t> bytes, uint64_t mutation) {
    if (mutation == 0 || bytes.empty()) return bytes;
    Random random{mutation};
    if (mutation <= mutations_per_file / 4) {
        bytes.resize(random.below(bytes.size()));
        return bytes;
    }
    static constexpr uint8_t telling[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    for (size_t edits = 1 + random.below(4); edits > 0; --edits) {
        const size_t at = random.below(bytes.size());
        switch (random.below(4)) {
            case 0: bytes[at] = static_cast<uint8_t>(bytes[at] ^ (1u << random.below(8))); break;
            case 1: bytes[at] = telling[random.below(sizeof telling)]; break;
            case 2: bytes[at] = static_cast<uint8_t>(random.next()); break;
            default: {
                const size_t length = 1 + random.below(std::min<size_t>(bytes.size() - at, 64));
                const std::vector<uint8_t> piece(bytes.begin() + static_cast<ptrdiff_t>(at),
                                                 bytes.begin() + static_cast<ptrdiff_t>(at + length));
                const size_t to = random.below(bytes.size());
                bytes.insert(bytes.begin() + static_cast<ptrdiff_t>(to), piece.begin(), piece.end());
            }
        }
    }
    return bytes;
}

std::vector<uint8_t> contents(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::vector<uint8_t> bytes(input_bytes_max);
    file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    bytes.resize(static_cast<size_t>(file.gcount()));
    return bytes;
}

void run(const std::filesystem::path& path, const std::vector<uint8_t>& bytes, uint64_t mutation) {
    const auto number = static_cast<unsigned long long>(mutation);
    std::snprintf(running, sizeof running, "%s --mutation %llu", path.c_str(), number);
    // A copy of exactly this size, so that the sanitizers see a read past its end.
    const std::vector<uint8_t> input = mutate(bytes, mutation);
    LLVMFuzzerTestOneInput(input.data(), input.size());
}

std::vector<std::filesystem::path> files_of(const std::filesystem::path& path) {
    if (!std::filesystem::is_directory(path)) return {path};
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(path)) files.push_back(entry.path());
    std::ranges::sort(files);
    return files;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc == 4 && std::string_view(argv[2]) == "--mutation") {
        run(argv[1], contents(argv[1]), std::strtoull(argv[3], nullptr, 10));
        return 0;
    }
    if (argc != 2) {
        std::fprintf(stderr, "usage: %s CORPUS_FOLDER | FILE [--mutation N]\n", argv[0]);
        return 2;
    }
    for (const int signal_number : {SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGALRM}) {
        std::signal(signal_number, name_input_on_crash);
    }
    const auto files = files_of(argv[1]);
    std::printf("1..%zu\n", files.size());
    for (size_t i = 0; i < files.size(); ++i) {
        const std::vector<uint8_t> bytes = contents(files[i]);
        alarm(60);  // an input that hangs is as wrong as one that crashes
        for (uint64_t mutation = 0; mutation <= mutations_per_file; ++mutation) run(files[i], bytes, mutation);
        std::printf("ok %zu %s\n", i + 1, files[i].filename().c_str());
        std::fflush(stdout);
    }
    return files.empty() ? 1 : 0;
}
