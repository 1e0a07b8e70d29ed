// NumPy's files: written and read back, by NumPy too, and whatever hostile bytes are.
#include "gradus/data/npy.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <cstring>

#include "gradus/data/zip.h"
#include "gradus/ops/factories.h"
#include "gradus/tests/files.h"
#include "gradus/tests/thrown.h"

namespace gradus {
namespace {
using files::Bytes;
using files::counting;
using files::Folder;

const std::string samples = GRADUS_SOURCE_DIR "/tests/data/files/";

Tensor parse(const Bytes& bytes) { return read_npy("x", bytes.data(), bytes.size()); }
NamedTensors parse_npz(const Bytes& bytes) { return read_npz("x", bytes.data(), bytes.size()); }

NamedTensors numpys_arrays() {
  return {{"float32", counting({2, 3}, Dtype::float32)}, {"float64", counting({4}, Dtype::float64)},
          {"float16", counting({2, 2}, Dtype::float16)}, {"int64", counting({}, Dtype::int64)},
          {"int32", counting({3, 1}, Dtype::int32)},     {"uint8", counting({5}, Dtype::uint8)},
          {"bool", counting({2, 2}, Dtype::boolean)},    {"empty", counting({0, 3}, Dtype::float32)}};
}

bool same(const NamedTensors& a, const NamedTensors& b) {
  bool equal = a.size() == b.size();
  for (size_t i = 0; equal && i < a.size(); ++i)
    equal = a[i].first == b[i].first && files::same(a[i].second, b[i].second);
  return equal;
}

// A .npy file with this header and so many bytes of elements.
Bytes npy(const std::string& header, size_t elements = 0, uint8_t version = 1) {
  std::string text = "\x93NUMPY";
  for (const size_t byte : {size_t{version}, size_t{0}, header.size() & 0xff, header.size() >> 8}) text += char(byte);
  if (version > 1) text.append(2, '\0');
  text += header;
  text.append(elements, '\0');
  return Bytes(text.begin(), text.end());
}
std::string refusal(const std::string& header, size_t elements = 0) {
  return error_of<FileError>([&] { parse(npy(header, elements)); });
}

TEST(Npy, WhatIsWrittenIsReadBack) {
  const Folder folder;
  for (const auto& [name, t] : numpys_arrays()) {
    write_npy(folder / "x.npy", t);
    EXPECT_TRUE(files::same(read_npy(folder / "x.npy"), t)) << name;
    EXPECT_EQ((files::contents(folder / "x.npy").size() - size_t(t.numel() * size_of(t.dtype()))) % 64, 0u);
  }
  EXPECT_EQ(error_of<DtypeError>([&] { write_npy(folder / "y", zeros({1}, Dtype::bfloat16)); }),
            "write_npy: " + folder / "y" + " is bfloat16, wanted a dtype that NumPy has; convert it with to(float32)");
}

TEST(Npy, WhatNumPyWroteIsRead) {
  EXPECT_TRUE(files::same(read_npy(samples + "fortran.npy"), counting({2, 3, 4}, Dtype::float32)));
  EXPECT_TRUE(same(read_npz(samples + "stored.npz"), numpys_arrays()));
  EXPECT_TRUE(same(read_npz(samples + "packed.npz"), numpys_arrays()));
}

TEST(Npy, NumPyReadsWhatIsWritten) {
  if (!files::python_has("numpy")) GTEST_SKIP() << "Python's numpy is not installed";
  const Folder folder;
  write_npy(folder / "x.npy", counting({2, 3, 4}, Dtype::float32));
  write_npz(folder / "stored.npz", numpys_arrays());
  write_npz(folder / "packed.npz", numpys_arrays(), true);
  const std::string program =
      "import sys, numpy as np; folder = sys.argv[1]; "
      "assert (np.load(folder + \"/x.npy\") == np.arange(24, dtype=\"float32\").reshape(2, 3, 4)).all()\n"
      "for name in \"stored\", \"packed\":\n"
      "  ours, theirs = np.load(f\"{folder}/{name}.npz\"), np.load(f\"{sys.argv[2]}/{name}.npz\")\n"
      "  assert list(ours) == list(theirs), list(ours)\n"
      "  for key in theirs:\n"
      "    assert ours[key].dtype == theirs[key].dtype and ours[key].shape == theirs[key].shape, key\n"
      "    assert (ours[key] == theirs[key]).all(), key\n";
  EXPECT_EQ(files::output_of(files::python() + " -c '" + program + "' " + folder.path.string() + " " + samples), "");
  EXPECT_EQ(files::output_of(files::python() + " -m zipfile -t " + folder / "packed.npz"), "Done testing\n");
}

TEST(Npy, OtherSpellingsOfTheHeaderAreRead) {
  for (const char* header : {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n",
                             "{\"shape\":(2,),'descr':'<f4','fortran_order':True}",
                             "{'shape': (2), "
                             "'fortran_order': False, 'descr': '<f4'}   "})
    for (uint8_t version : {1, 2, 3}) EXPECT_EQ(parse(npy(header, 8, version)).shape(), Shape{2}) << header;
}

TEST(Npy, AbsurdHeadersAreRefused) {
  const std::string end = "; the file is damaged or no plain NumPy array";
  EXPECT_EQ(error_of<FileError>([] { parse({}); }),
            "x: does not begin like a .npy file; the file is damaged or no NumPy array");
  EXPECT_EQ(error_of<FileError>([] { parse(npy("{}", 0, 9)); }),
            "x: is a .npy file of version 9.0, wanted 1.0 to 3.0; save it again");
  EXPECT_EQ(refusal("{}"), "x: its header does not name descr, fortran_order and shape" + end);
  EXPECT_EQ(refusal("{'descr': [('a', '<f4')], 'shape': (1,)}"),
            "x: its header has no word in quotes where one was expected" + end);
  EXPECT_EQ(refusal("{'descr': '<f4', 'descr': '<f4'}"), "x: its header names 'descr' twice" + end);
  EXPECT_EQ(refusal("{'order': 1}"), "x: its header names 'order', wanted descr, fortran_order and shape" + end);
  EXPECT_EQ(refusal("{'fortran_order': 1}"), "x: its header says neither True nor False of fortran_order" + end);
  EXPECT_EQ(refusal("{'shape': (-1,)}"), "x: its header has no number where an extent was expected" + end);
  EXPECT_EQ(refusal("{'shape': (99999999999999999999,)}"), "x: its header has an extent that no memory can hold" + end);
  EXPECT_EQ(refusal("{'shape': (1,1,1,1,1,1,1,1,1)}"), "x: its header has a rank above 8" + end);
  EXPECT_EQ(refusal("{'shape': ((((1,))))}"), "x: its header has no number where an extent was expected" + end);
  EXPECT_EQ(refusal("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} 7", 4),
            "x: its header goes on after its dictionary" + end);
  EXPECT_EQ(refusal("{'descr': '>f4', 'fortran_order': False, 'shape': (1,)}", 4),
            "x: has dtype '>f4', wanted <f2, <f4, <f8, <i4, <i8, |u1 or |b1; convert it with astype");
  EXPECT_EQ(refusal("{'descr': '<f4', 'fortran_order': False, 'shape': (3,)}", 8),
            "x: has 8 bytes of elements, wanted 12 for float32 (3); the file is damaged");
  EXPECT_EQ(refusal("{'descr': '<f8', 'fortran_order': False, 'shape': (4611686018427387904,)}"),
            "x: has shape (4611686018427387904), wanted one that memory can hold; the file is damaged");
}

TEST(Npy, ATruncatedOrFlippedFileIsRefusedOrRead) {  // the format has no checksum: a flipped element is another number
  const Folder folder;
  write_npy(folder / "x", counting({2, 3}, Dtype::float32));
  files::spoil(files::contents(folder / "x"), parse, [](const Tensor& t) { return t.numel() <= 24; });
}

TEST(Npz, WhatIsWrittenIsReadBack) {
  const Folder folder;
  for (const bool compressed : {false, true}) {
    write_npz(folder / "x.npz", numpys_arrays(), compressed);
    EXPECT_TRUE(same(read_npz(folder / "x.npz"), numpys_arrays()));
    const Bytes first = files::contents(folder / "x.npz");
    write_npz(folder / "x.npz", numpys_arrays(), compressed);
    EXPECT_EQ(files::contents(folder / "x.npz"), first) << "the bytes depend on the time";
  }
  write_npz(folder / "x.npz", {});
  EXPECT_TRUE(read_npz(folder / "x.npz").empty());
  EXPECT_EQ(error_of<ParamError>([&] { write_npz(folder / "y", {{"a", zeros({1})}, {"a", zeros({1})}}); }),
            "write_npz: the name 'a' for " + folder / "y" + " is there twice, wanted another; rename it");
}

TEST(Npz, ATruncatedOrFlippedArchiveIsRefusedOrUnchanged) {  // of what nobody reads, such as times, any bit may flip
  const NamedTensors arrays = {{"a", counting({3}, Dtype::float32)}, {"b", counting({2, 2}, Dtype::uint8)}};
  const Folder folder;
  for (const bool compressed : {false, true}) {
    write_npz(folder / "x", arrays, compressed);
    files::spoil(files::contents(folder / "x"), parse_npz, [&](const NamedTensors& got) { return same(got, arrays); });
  }
  files::spoil(files::contents(samples + "packed.npz"), parse_npz,
               [](const NamedTensors& got) { return same(got, numpys_arrays()); });
}

Bytes archive(std::initializer_list<std::pair<std::string, Bytes>> members, bool compressed = false) {
  std::vector<ZipMember> list;
  for (const auto& [name, bytes] : members) list.push_back({name, bytes});
  return zipped("test", list, compressed);
}
std::string refusal_of(const Bytes& bytes) {
  return error_of<FileError>([&] { parse_npz(bytes); });
}
// Writes two bytes at the place that lies `from` bytes behind the n-th occurrence of a mark.
Bytes changed(Bytes bytes, const char* mark, int nth, size_t from, uint16_t value) {
  size_t at = 0;
  for (int found = 0; at + 4 <= bytes.size(); ++at)
    if (std::memcmp(bytes.data() + at, mark, 4) == 0 && found++ == nth) break;
  bytes.at(at + from) = uint8_t(value);
  bytes.at(at + from + 1) = uint8_t(value >> 8);
  return bytes;
}

TEST(Npz, HostileArchivesAreRefused) {
  const std::string end = "; the file is damaged or no zip archive", shape =
                                                                         "{'descr': '|u1', 'fortran_order': False, "
                                                                         "'shape': (4,)}";
  const Bytes good = npy(shape, 4), two = archive({{"a.npy", good}, {"b.npy", good}});
  const char *local = "PK\3\4", *central = "PK\1\2", *last = "PK\5\6";
  EXPECT_EQ(refusal_of({}), "x: has 0 bytes, wanted at least 22" + end);
  EXPECT_EQ(refusal_of(Bytes(100)), "x: has no directory of its members" + end);
  EXPECT_EQ(refusal_of(archive({{"a.txt", {}}})),
            "x: holds 'a.txt', wanted arrays named *.npy alone; save the arrays again");
  EXPECT_EQ(refusal_of(archive({{"a.npy", good}, {"a.npy", good}})), "x: has two members 'a.npy'" + end);
  EXPECT_EQ(refusal_of(changed(two, central, 1, 42, 0)), "x: has no member 'b.npy' where its directory says" + end);
  EXPECT_EQ(refusal_of(changed(two, central, 0, 8, 1)), "x: 'a.npy' is encrypted, wanted plain members; save it again");
  EXPECT_EQ(refusal_of(changed(two, central, 0, 10, 12)),
            "x: 'a.npy' is packed by method 12, wanted stored or deflated; save it again");
  EXPECT_EQ(refusal_of(changed(two, central, 0, 24, 9999)),
            "x: says that 'a.npy' unpacks from " + std::to_string(good.size()) + " to 9999 bytes" + end);
  EXPECT_EQ(refusal_of(changed(two, central, 0, 16, 1)),
            "x: has a member 'a.npy' that does not fit its checksum" + end);
  EXPECT_EQ(refusal_of(changed(two, last, 0, 10, 3)), "x: is one of several parts" + end);
  EXPECT_EQ(refusal_of(changed(changed(two, last, 0, 10, 0xffff), last, 0, 8, 0xffff)),
            "x: is a zip64 archive, wanted one below 4 GiB; save fewer arrays");
  EXPECT_EQ(refusal_of(changed(two, last, 0, 12, 1)),
            "x: has a directory that does not end where its last record begins" + end);
  // The first member's extra field reaches over the second: both records say so, and it is stored twice as long.
  Bytes overlapping = changed(two, central, 0, 20, uint16_t(good.size() + 40));
  overlapping = changed(overlapping, central, 0, 24, uint16_t(good.size() + 40));
  EXPECT_EQ(refusal_of(overlapping), "x: has a member 'b.npy' that overlaps another" + end);
  EXPECT_EQ(refusal_of(changed(two, local, 0, 28, 0xfff0)), "x: ends within a record" + end);
}

TEST(Npz, ABombIsRefusedBeforeItUnpacks) {
  const Bytes zeros_packed =
      archive({{"a.npy", npy("{'descr': '|u1', 'fortran_order': False, 'shape': (9000000,)}", 9'000'000)}}, true);
  EXPECT_LT(zeros_packed.size(), 10'000u);
  EXPECT_EQ(error_of<FileError>([&] { read_npz("x", zeros_packed.data(), zeros_packed.size(), 1'000'000); }),
            "x: unpacks to 9000071 bytes, wanted at most 1000000; raise the limit if that is meant");
  Bytes liar = archive({{"a.npy", npy("{}", 100)}}, true);
  liar = changed(liar, "PK\1\2", 0, 26, 0x7fff);  // two gigabytes from some bytes
  EXPECT_NE(refusal_of(liar).find("says that 'a.npy' unpacks from"), std::string::npos);
}

}  // namespace
}  // namespace gradus
