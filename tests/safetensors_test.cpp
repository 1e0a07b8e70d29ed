// Safetensors: written and read back, by other programs too, and whatever hostile bytes are.
#include "gradus/data/safetensors.h"

#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>

#include "gradus/data/atomic_file.h"
#include "gradus/ops/factories.h"
#include "gradus/tests/files.h"
#include "gradus/tests/thrown.h"

namespace gradus {
namespace {
using files::Bytes;
using files::counting;
using files::Folder;

constexpr Dtype all_dtypes[] = {Dtype::float32, Dtype::float64, Dtype::int64,   Dtype::int32,
                                Dtype::uint8,   Dtype::boolean, Dtype::float16, Dtype::bfloat16};

NamedTensors one_of_each() {
  NamedTensors all;
  for (const Dtype dtype : all_dtypes) all.emplace_back(name_of(dtype), counting({2, 3}, dtype));
  all.emplace_back("number", counting({}, Dtype::float64));
  all.emplace_back("nothing", counting({0, 4}, Dtype::float32));
  all.emplace_back("a \"strange\" name \xc3\xa4", counting({1}, Dtype::uint8));
  return all;
}

const Tensor* find(const NamedTensors& all, const std::string& name) {
  const auto it = std::find_if(all.begin(), all.end(), [&](const auto& entry) { return entry.first == name; });
  return it == all.end() ? nullptr : &it->second;
}

void expect_same(const NamedTensors& got, const NamedTensors& wanted) {
  ASSERT_EQ(got.size(), wanted.size());
  for (const auto& [name, t] : wanted) {
    const Tensor* found = find(got, name);
    ASSERT_TRUE(found) << name;
    EXPECT_TRUE(files::same(*found, t)) << name;
  }
}

TensorFile parse(const Bytes& bytes) { return read_safetensors("x", bytes.data(), bytes.size()); }

// A file with this header and so many bytes of elements.
Bytes file_of(const std::string& header, size_t elements = 0) {
  Bytes all(8 + header.size() + elements);
  const uint64_t length = header.size();
  std::memcpy(all.data(), &length, 8);
  std::memcpy(all.data() + 8, header.data(), header.size());
  return all;
}
std::string refusal(const std::string& header, size_t elements = 0) {
  return error_of<FileError>([&] { parse(file_of(header, elements)); });
}

TEST(Safetensors, WhatIsWrittenIsReadBack) {
  const Folder folder;
  const NamedTensors tensors = one_of_each();
  const Metadata metadata = {{"config", R"({"lr": 0.1})"}, {"empty", ""}};
  write_safetensors(folder / "all", tensors, metadata);
  const TensorFile file = read_safetensors(folder / "all");
  expect_same(file.tensors, tensors);
  EXPECT_EQ(file.metadata, metadata);
  EXPECT_TRUE(file.checked);
  EXPECT_EQ(folder.names(), std::vector<std::string>{"all"});
}

TEST(Safetensors, AStridedTensorIsWrittenAsItsElements) {
  const Folder folder;
  write_safetensors(folder / "t", {{"t", counting({2, 3}, Dtype::float32).alias({3, 2}, {1, 3})}});
  EXPECT_EQ(read_safetensors(folder / "t").tensors[0].second.to_vector(), (std::vector<double>{0, 3, 1, 4, 2, 5}));
}

TEST(Safetensors, WhatPythonWroteIsRead) {
  const TensorFile file = read_safetensors(GRADUS_SOURCE_DIR "/tests/data/files/python.safetensors");
  EXPECT_FALSE(file.checked);
  EXPECT_EQ(file.metadata, (Metadata{{"made by", "safetensors"}}));
  expect_same(file.tensors, {{"float32", counting({2, 3}, Dtype::float32)},
                             {"float64", counting({4}, Dtype::float64)},
                             {"float16", counting({2, 2}, Dtype::float16)},
                             {"int64", counting({}, Dtype::int64)},
                             {"int32", counting({3, 1}, Dtype::int32)},
                             {"uint8", counting({5}, Dtype::uint8)},
                             {"bool", counting({2, 2}, Dtype::boolean)},
                             {"empty", counting({0, 3}, Dtype::float32)}});
}

TEST(Safetensors, PlainPythonReadsWhatIsWritten) {
  if (!files::python_has("zlib")) GTEST_SKIP() << "there is no python3";
  const Folder folder;
  write_safetensors(folder / "x", {{"b", counting({2, 2}, Dtype::uint8)}, {"a", counting({1, 2}, Dtype::float32)}},
                    {{"key", "value"}});
  EXPECT_EQ(files::output_of(files::python() + " " GRADUS_SOURCE_DIR "/tests/read_safetensors.py " + folder / "x"),
            "a F32 (1,2) 000000000000803f\nb U8 (2,2) 00010203\nkey = value\n");
}

TEST(Safetensors, PythonsSafetensorsReadsWhatIsWritten) {
  if (!files::python_has("safetensors.numpy")) GTEST_SKIP() << "Python's safetensors is not installed";
  const Folder folder;
  NamedTensors tensors = one_of_each();
  tensors.erase(std::find_if(tensors.begin(), tensors.end(), [](const auto& e) { return e.first == "bfloat16"; }));
  write_safetensors(folder / "x", tensors, {{"key", "value"}});
  const std::string program =
      "import sys; from safetensors import safe_open; from safetensors.numpy import load_file; "
      "f = load_file(sys.argv[1]); assert len(f) == 10, len(f); "
      "assert f[\"float16\"].tolist() == [[0, 1, 2], [3, 4, 5]]; assert f[\"bool\"].tolist()[0] == [False, True, "
      "False]; "
      "assert f[\"nothing\"].shape == (0, 4); assert f[\"number\"].shape == (); "
      "assert safe_open(sys.argv[1], \"np\").metadata()[\"key\"] == \"value\"";
  EXPECT_EQ(files::output_of(files::python() + " -c '" + program + "' " + folder / "x"), "");
}

TEST(Safetensors, ATruncatedOrFlippedFileIsRefused) {
  const Folder folder;
  write_safetensors(folder / "x", {{"w", counting({2, 2}, Dtype::float32)}, {"flag", counting({2}, Dtype::boolean)}},
                    {{"config", "{}"}});
  // Where the flip makes the checksum's key another one, the file is one without a checksum.
  files::spoil(files::contents(folder / "x"), parse, [](const TensorFile& file) { return !file.checked; });
}

TEST(Safetensors, AFlipInElementsIsNamed) {
  const Folder folder;
  write_safetensors(folder / "x", {{"w", counting({2}, Dtype::float32)}});
  Bytes bytes = files::contents(folder / "x");
  bytes.back() ^= 1;
  const std::string text = error_of<FileError>([&] { parse(bytes); });
  EXPECT_TRUE(text.starts_with("x: its contents have the checksum crc32:")) << text;
  EXPECT_TRUE(text.ends_with("; the file is damaged, or was changed by a program that kept the old checksum")) << text;
}

TEST(Safetensors, AbsurdHeadersAreRefused) {
  const std::string end = "; the file is damaged or no safetensors file";
  EXPECT_EQ(error_of<FileError>([] { parse({1, 2, 3}); }), "x: has 3 bytes, wanted at least 8" + end);
  EXPECT_EQ(error_of<FileError>([] { parse(Bytes(100, 0xff)); }),
            "x: asks for a header of 18446744073709551615 bytes, wanted at most 92" + end);
  EXPECT_EQ(refusal(""), "x: its header is no JSON from its byte 1 on" + end);
  EXPECT_EQ(refusal("[]"), "x: its header is no object of tensors" + end);
  EXPECT_EQ(refusal("7"), "x: its header is no object of tensors" + end);
  EXPECT_EQ(refusal("{} {}"), "x: its header is no JSON from its byte 4 on" + end);
  EXPECT_EQ(refusal(R"({"a":{"dtype":"F32","shape":[1]}})", 4),
            "x: its header does not say dtype, shape and two data_offsets of 'a'" + end);
  EXPECT_EQ(refusal(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}})", 4),
            "x: its header does not say dtype, shape and two data_offsets of 'a'" + end);
  EXPECT_EQ(refusal(R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", 4),
            "x: its header has a value of the wrong kind at 'a'" + end);
  EXPECT_EQ(refusal(R"({"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}})", 4),
            "x: its header has a value of the wrong kind at 'a'" + end);
  EXPECT_EQ(refusal(R"({"a":{"colour":"F32"}})"),
            "x: its header says 'colour' of 'a', wanted dtype, shape and data_offsets" + end);
  EXPECT_EQ(refusal(R"({"__metadata__":{"a":1}})"),
            "x: its header has a value of the wrong kind at '__metadata__'" + end);
  EXPECT_EQ(refusal(R"({"a":{"dtype":"U16","shape":[1],"data_offsets":[0,2]}})", 2),
            "x: 'a' has dtype U16, wanted F32, F64, F16, BF16, I64, I32, U8 or BOOL; convert it first");
  EXPECT_EQ(refusal(R"({"a":{"dtype":"U8","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,1]}})", 1),
            "x: 'a' has rank 9, wanted at most 8; reshape it first");
}

TEST(Safetensors, DuplicateKeysAreRefused) {
  const std::string a = R"("a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]})";
  EXPECT_EQ(refusal("{" + a + "," + a + "}", 1),
            "x: its header names 'a' twice; the file is damaged or no safetensors file");
  EXPECT_EQ(refusal(R"({"__metadata__":{"k":"1","k":"2"}})"),
            "x: its header names the metadata 'k' twice; the file is damaged or no safetensors file");
  EXPECT_EQ(refusal(R"({"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1),
            "x: its header has a value of the wrong kind at 'a'; the file is damaged or no safetensors file");
}

TEST(Safetensors, OverlapsGapsAndOverflowsAreRefused) {
  const auto two = [](const std::string& first, const std::string& second, size_t elements) {
    return refusal(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":)" + first +
                       R"(},"b":{"dtype":"U8","shape":[4],"data_offsets":)" + second + "}}",
                   elements);
  };
  const std::string end = "; the file is damaged or no safetensors file";
  EXPECT_EQ(two("[0,4]", "[4,8]", 8), "nothing was thrown");
  EXPECT_EQ(two("[4,8]", "[0,4]", 8), "nothing was thrown");
  EXPECT_EQ(two("[0,4]", "[2,6]", 8), "x: 'b' lies at 2 to 6, wanted it to begin at 4" + end);
  EXPECT_EQ(two("[0,4]", "[5,9]", 9), "x: 'b' lies at 5 to 9, wanted it to begin at 4" + end);
  EXPECT_EQ(two("[0,4]", "[4,9]", 8), "x: 'b' lies at 4 to 9, but only 8 bytes of elements are there" + end);
  EXPECT_EQ(two("[0,4]", "[4,2]", 8), "x: 'b' lies at 4 to 2, wanted it to begin at 4" + end);
  EXPECT_EQ(two("[0,4]", "[4,8]", 9), "x: has 9 bytes of elements, its header names 8" + end);
  EXPECT_EQ(refusal(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", 4),
            "x: 'a' is float32 (2) and has 4 bytes, wanted 8" + end);
  EXPECT_EQ(refusal(R"({"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}})"),
            "x: 'a': has shape (4611686018427387904,4), wanted one that memory can hold; the file is damaged");
  EXPECT_EQ(refusal(R"({"a":{"dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,0]}})"),
            "x: 'a' has an extent of 18446744073709551615" + end);
  EXPECT_TRUE(refusal(R"({"a":{"dtype":"BOOL","shape":[1],"data_offsets":[0,1]}})", 1) == "nothing was thrown");
}

TEST(Safetensors, DepthAndLengthCostNothing) {
  EXPECT_EQ(refusal(std::string(50'000'000, '[')),
            "x: its header is no object of tensors; the file is damaged or no safetensors file");
  std::string deep = R"({"a":)";
  for (int i = 0; i < 1'000'000; ++i) deep += R"({"a":)";
  EXPECT_EQ(
      refusal(deep),
      "x: its header says 'a' of 'a', wanted dtype, shape and data_offsets; the file is damaged or no safetensors "
      "file");
  EXPECT_EQ(refusal(R"({"a":{"shape":[[[[)"),
            "x: its header has a value of the wrong kind at 'a'; the file is damaged or no safetensors file");
}

TEST(Safetensors, WrongNamesAreRefusedAndNothingIsWritten) {
  const Folder folder;
  const Tensor t = zeros({1});
  const auto text = [&](const NamedTensors& tensors, const Metadata& metadata = {}) {
    return error_of<ParamError>([&] { write_safetensors(folder / "x", tensors, metadata); });
  };
  const std::string path = folder / "x";
  EXPECT_EQ(text({{"a", Tensor()}}),
            "write_safetensors: 'a' for " + path + " is undefined, wanted a tensor; leave it out");
  EXPECT_EQ(text({{"a", t}, {"a", t}}),
            "write_safetensors: the name 'a' for " + path + " is there twice, wanted another; rename it");
  EXPECT_EQ(text({{"__metadata__", t}}), "write_safetensors: the name '__metadata__' for " + path +
                                             " is the format's own, wanted another; rename it");
  EXPECT_EQ(text({{"a", t}}, {{"checksum", "1"}}),
            "write_safetensors: the metadata for " + path + " have a key 'checksum', which is written here; rename it");
  EXPECT_EQ(text({{"\xff", t}}),
            "write_safetensors: a name or metadata for " + path + " is no UTF-8 text, wanted text; rename it");
  EXPECT_TRUE(folder.names().empty());
}

// ---- files that are complete at any time --------------------------------------------------------

TEST(AtomicFile, AnOldFileIsReplacedWithItsPermissions) {
  const Folder folder;
  files::put(folder / "x", {1, 2, 3});
  ASSERT_EQ(::chmod((folder / "x").c_str(), 0640), 0);
  write_file(folder / "x", {{"ab", 2}, {"c", 1}});
  EXPECT_EQ(files::contents(folder / "x"), (Bytes{'a', 'b', 'c'}));
  struct stat facts;
  ASSERT_EQ(::stat((folder / "x").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 07777, 0640u);
}

TEST(AtomicFile, ALinkStays) {
  const Folder folder;
  files::put(folder / "real", {1});
  std::filesystem::create_symlink("real", folder / "link");
  write_file(folder / "link", {{"new", 3}});
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link"));
  EXPECT_EQ(files::contents(folder / "real"), (Bytes{'n', 'e', 'w'}));
}

TEST(AtomicFile, StaleTemporaryFilesAreSwept) {
  const Folder folder;
  for (const char* name : {"x.123.0.tmp", "x.99999.17.tmp", "x.tmp", "x.1.tmp", "x.a.b.tmp", "y.1.2.tmp"})
    files::put(folder / name, {1});
  files::put(folder / "x.55.5.tmp", {1});  // of a writer that lives
  const int held = ::open((folder / "x.55.5.tmp").c_str(), O_RDONLY);
  ASSERT_EQ(::flock(held, LOCK_EX), 0);
  write_file(folder / "x", {{"new", 3}});
  ::close(held);
  auto names = folder.names();
  std::sort(names.begin(), names.end());
  EXPECT_EQ(names, (std::vector<std::string>{"x", "x.1.tmp", "x.55.5.tmp", "x.a.b.tmp", "x.tmp", "y.1.2.tmp"}));
}

TEST(AtomicFile, WhatCannotBeWrittenLeavesTheOldFile) {
  const Folder folder;
  EXPECT_EQ(error_of<FileError>([&] { write_file(folder / "no/x", {{"a", 1}}); }),
            folder / "no/x" +
                ": cannot be written (No such file or directory); make its folder, or choose one that is there");
  EXPECT_EQ(error_of<FileError>([&] { write_file(folder.path.string(), {{"a", 1}}); }),
            folder.path.string() + ": is a folder, wanted a file or nothing; choose another path");
  EXPECT_EQ(error_of<FileError>([] { write_file("/dev/null", {{"a", 1}}); }),
            "/dev/null: is no regular file, wanted a file or nothing; choose another path");

  files::put(folder / "x", {7});
  const rlimit small = {1000, RLIM_INFINITY};
  rlimit before;
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto old = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const Bytes much(100'000);
  const std::string text = error_of<FileError>([&] { write_file(folder / "x", {{much.data(), much.size()}}); });
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, old);
  EXPECT_EQ(text, folder / "x" +
                      ": cannot be written (File too large), and is as it was; make room or choose a path that can be "
                      "written");
  EXPECT_EQ(files::contents(folder / "x"), Bytes{7});
  EXPECT_EQ(folder.names(), std::vector<std::string>{"x"});
}

}  // namespace
}  // namespace gradus
