// Readers on any bytes: every input is read, or refused by one FileError that names it, in bounded memory.
//
// The small files of tests/data/fuzz are replayed, each whole one is cut and flipped at every byte, and then all are
// mutated for GRADUS_FUZZ_SECONDS (1) per format from GRADUS_FUZZ_SEED (1, so that a failure repeats).
#include <gtest/gtest.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <new>
#include <random>

#include "gradus/cli/commands.h"
#include "gradus/core/error.h"
#include "gradus/core/pool.h"
#include "gradus/data/csv.h"
#include "gradus/data/idx.h"
#include "gradus/data/texts.h"
#include "gradus/tests/files.h"

namespace {
thread_local constinit size_t bytes_asked = 0;  // of operator new, by this thread

void* counted(size_t bytes) noexcept {
  bytes_asked += bytes;
  return std::malloc(std::max<size_t>(bytes, 1));
}
}  // namespace

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"  // g++ 12 inlines one of them and not the other
void* operator new(size_t bytes) {
  if (void* p = counted(bytes)) return p;
  throw std::bad_alloc();
}
void* operator new[](size_t bytes) { return operator new(bytes); }
void* operator new(size_t bytes, const std::nothrow_t&) noexcept { return counted(bytes); }
void* operator new[](size_t bytes, const std::nothrow_t&) noexcept { return counted(bytes); }
void operator delete(void* p) noexcept { std::free(p); }
void operator delete[](void* p) noexcept { std::free(p); }
void operator delete(void* p, size_t) noexcept { std::free(p); }
void operator delete[](void* p, size_t) noexcept { std::free(p); }
void operator delete(void* p, const std::nothrow_t&) noexcept { std::free(p); }
void operator delete[](void* p, const std::nothrow_t&) noexcept { std::free(p); }
#pragma GCC diagnostic pop

namespace {

using namespace gradus;
namespace fs = std::filesystem;
using files::Bytes;
using files::gzipped;
using files::put;
using Random = std::mt19937_64;

// What an input may cost, however large it says it is: the readers' pieces of 1 MiB, and what a byte becomes unpacked
// (gzip: a thousand) or parsed.
constexpr size_t flat_cost = size_t{24} << 20, cost_per_byte = 16'000;

constexpr size_t longest = 4096;  // of what mutation makes

// Silence on standard output while one is alive.
class Quiet {
 public:
  Quiet() : output_(::dup(STDOUT_FILENO)) {
    static std::FILE* nowhere = std::fopen("/dev/null", "w");
    std::fflush(stdout);
    ::dup2(::fileno(nowhere), STDOUT_FILENO);
  }
  ~Quiet() {
    std::fflush(stdout);
    ::dup2(output_, STDOUT_FILENO);
    ::close(output_);
  }
  Quiet(const Quiet&) = delete;

 private:
  int output_;
};

// A file that goes with the process, for the command that reads by path.
const std::string& scratch_file() {
  struct Scratch {
    std::string path = (fs::temp_directory_path() / "gradus_fuzz_XXXXXX").string();
    Scratch() { ::close(::mkstemp(path.data())); }
    ~Scratch() { fs::remove(path); }
  };
  static const Scratch scratch;
  return scratch.path;
}

struct Format {
  const char* name;  // and the folder of its corpus
  std::string file;  // what a refusal must name
  void (*read)(const Format&, const Bytes&);
  std::vector<std::string> words;  // what mutation sows
};

void PrintTo(const Format& format, std::ostream* stream) { *stream << format.name; }

void read_as_idx(const Format& f, const Bytes& b) { read_idx(f.file, b.data(), b.size()); }
void read_as_csv(const Format& f, const Bytes& b) {
  const Table table = read_csv(f.file, b.data(), b.size());
  classification_table(f.file, table, 10, -1);
}
void read_as_texts(const Format& f, const Bytes& b) {
  const Texts texts = read_texts(f.file, b.data(), b.size());
  if (texts.labelled()) learn_wording(texts).encode(texts);
}
void read_as_json(const Format& f, const Bytes& b) {
  put(f.file, b);
  static int status;
  static CLI::App app;
  static const bool added = (add_conformance(app, status), true);
  const Quiet quiet;
  if (added) app.parse("conformance " + f.file);
}

const std::vector<Format>& formats() {
  static const std::vector<std::string> numbers = {
      "-1", "1e999", "-0", "1e-400", "9223372036854775808", "18446744073709551616", "nan", "inf", "0x10", "1e5", "0.5"};
  static const auto also = [](std::vector<std::string> more) {
    more.insert(more.end(), numbers.begin(), numbers.end());
    return more;
  };
  static const std::vector<Format> all = {
      {"idx", "x.idx", read_as_idx, {{"\xff\xff\xff\xff"}, {"\x7f\xff\xff\xff"}, {"\x80"}, {"\1\1\1\1"}}},
      {"csv", "x.csv", read_as_csv, also({",", "\n", "\r\n", ",,", "\"", "label"})},
      {"jsonl", "x.jsonl", read_as_texts,
       also({"\n", "\"text\"", "\"label\"", "[", "]", "{", "}", ",", ":", "\\ud800"})},
      {"json", scratch_file(), read_as_json,
       also({"null", "true", "[", "]", "{", "}", ",", ":", "\"shape\"", "\"int64\"", "\"bool\"", "\"inf\"", "\\u0000",
             "\"mean\"", "\"none\"", "[[1]]", "{}"})}};
  return all;
}

// Why a text is not one sentence that names the file; "" when it is.
std::string flaw(const std::string& text, const std::string& file) {
  if (!text.starts_with(file + ": ")) return "it does not begin with the file's name";
  if (std::any_of(text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; })) return "it is not printable";
  std::string own = text;  // without what it quotes of the file
  if (const size_t first = own.find('\''); first != std::string::npos) own.erase(first, own.rfind('\'') - first);
  if (own.back() == '.' || own.find(". ") != std::string::npos) return "it is more than a sentence";
  return "";
}

// What is wrong with how a reader takes these bytes; "" when nothing is.
std::string trouble(const Format& format, const Bytes& bytes) {
  const size_t asked = bytes_asked;
  const int64_t held = pool::figures().held_bytes;
  std::string wrong;
  try {
    format.read(format, bytes);
  } catch (const FileError& error) {
    if (const std::string why = flaw(error.what(), format.file); !why.empty())
      wrong = "'" + std::string(error.what()) + "': " + why;
  } catch (const std::exception& error) { wrong = std::string("another error: ") + error.what(); }
  const size_t cost = bytes_asked - asked + size_t(std::max<int64_t>(0, pool::figures().held_bytes - held));
  if (wrong.empty() && cost > flat_cost + cost_per_byte * bytes.size())
    wrong = "it asked for " + std::to_string(cost) + " bytes of memory";
  return wrong;
}

// Fails the test, and leaves the input in a file to look at.
void expect_no_trouble(const Format& format, const Bytes& bytes, const std::string& what) {
  const std::string wrong = trouble(format, bytes);
  if (wrong.empty()) return;
  const fs::path kept = fs::temp_directory_path() / (std::string("gradus_fuzz_failure.") + format.name);
  put(kept, bytes);
  ADD_FAILURE() << format.name << ", " << what << " (kept as " << kept << "): " << wrong;
}

std::map<std::string, Bytes> corpus(const Format& format) {
  std::map<std::string, Bytes> all;
  for (const auto& entry : fs::directory_iterator(fs::path(GRADUS_SOURCE_DIR) / "tests/data/fuzz" / format.name))
    all[entry.path().filename().string()] = files::contents(entry.path());
  return all;
}
bool is_good(const std::string& name) { return name.starts_with("good"); }

class Fuzz : public testing::TestWithParam<Format> {};

TEST_P(Fuzz, TheCorpusIsReadOrRefused) {
  const Format& format = GetParam();
  int read = 0;
  for (const auto& [name, bytes] : corpus(format)) {
    expect_no_trouble(format, bytes, name);
    if (!is_good(name)) continue;
    EXPECT_NO_THROW(format.read(format, bytes)) << name;
    ++read;
  }
  EXPECT_GE(read, 3);
}

TEST_P(Fuzz, EveryTruncationOfAGoodFile) {
  const Format& format = GetParam();
  for (const auto& [name, bytes] : corpus(format))
    for (size_t n = 0; is_good(name) && n < bytes.size(); ++n)
      expect_no_trouble(format, Bytes(bytes.begin(), bytes.begin() + int64_t(n)),
                        name + ", cut at " + std::to_string(n));
}

TEST_P(Fuzz, EveryFlippedBitOfAGoodFile) {
  const Format& format = GetParam();
  for (const auto& [name, good] : corpus(format))
    for (size_t bit = 0; is_good(name) && bit < 8 * good.size(); ++bit) {
      Bytes bytes = good;
      bytes[bit / 8] ^= uint8_t(1 << bit % 8);
      expect_no_trouble(format, bytes, name + ", bit " + std::to_string(bit));
    }
}

// ---- mutation -----------------------------------------------------------------------------------

size_t below(Random& random, size_t n) { return n ? random() % n : 0; }

void insert(Bytes& bytes, size_t at, const uint8_t* from, size_t n) {
  bytes.insert(bytes.begin() + int64_t(at), from, from + n);
}

// One small change.
void mutate(Bytes& bytes, const Format& format, const std::vector<Bytes>& others, Random& random) {
  const size_t at = below(random, bytes.size()), run = 1 + below(random, std::min<size_t>(bytes.size() - at, 16));
  switch (random() % 8) {
    case 0:
      if (!bytes.empty()) bytes[at] ^= uint8_t(1 << random() % 8);
      break;
    case 1:
      if (!bytes.empty()) bytes[at] = uint8_t(random());
      break;
    case 2: bytes.resize(at); break;
    case 3:
      if (!bytes.empty()) bytes.erase(bytes.begin() + int64_t(at), bytes.begin() + int64_t(at + run));
      break;
    case 4:
      if (!bytes.empty()) insert(bytes, at, Bytes(bytes.begin() + int64_t(at), bytes.end()).data(), run);
      break;
    case 5: {  // goes on as another file
      const Bytes& other = others[below(random, others.size())];
      const size_t from = below(random, other.size());
      bytes.resize(at);
      insert(bytes, at, other.data() + from, other.size() - from);
      break;
    }
    default: {
      const std::string& word = format.words[below(random, format.words.size())];
      if (random() % 2 && !bytes.empty())
        bytes.erase(bytes.begin() + int64_t(at), bytes.begin() + int64_t(std::min(bytes.size(), at + word.size())));
      insert(bytes, at, reinterpret_cast<const uint8_t*>(word.data()), word.size());
    }
  }
  if (bytes.size() > longest) bytes.resize(longest);
}

double seconds() {
  const char* given = std::getenv("GRADUS_FUZZ_SECONDS");
  return given ? std::atof(given) : 1;
}
uint64_t seed() {
  const char* given = std::getenv("GRADUS_FUZZ_SEED");
  return given ? std::strtoull(given, nullptr, 10) : 1;
}

TEST_P(Fuzz, MutationsAreReadOrRefused) {
  const Format& format = GetParam();
  Random random(seed());
  std::vector<Bytes> seeds;
  for (const auto& [name, bytes] : corpus(format))
    if (bytes.size() <= longest) seeds.push_back(bytes);
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds());
  int64_t executions = 0;
  while (!HasFailure() && std::chrono::steady_clock::now() < end) {
    Bytes bytes = seeds[below(random, seeds.size())];
    for (size_t k = 1 + below(random, 6); k > 0; --k) mutate(bytes, format, seeds, random);
    if (random() % 4 == 0) bytes = gzipped(bytes);
    expect_no_trouble(format, bytes, "execution " + std::to_string(executions));
    ++executions;
  }
  std::printf("%s: %lld executions, GRADUS_FUZZ_SEED=%llu\n", format.name, static_cast<long long>(executions),
              static_cast<unsigned long long>(seed()));
  EXPECT_GT(executions, 0);
}

INSTANTIATE_TEST_SUITE_P(Readers, Fuzz, testing::ValuesIn(formats()),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
