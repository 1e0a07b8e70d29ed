// Readers on good and on hostile bytes; splits, loaders and samplers.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <numeric>
#include <set>
#include <thread>

#include "gradus/core/error.h"
#include "gradus/core/philox.h"
#include "gradus/data/bytes.h"
#include "gradus/data/csv.h"
#include "gradus/data/digits.h"
#include "gradus/data/embedded.h"
#include "gradus/data/idx.h"
#include "gradus/data/knn.h"
#include "gradus/data/loader.h"
#include "gradus/data/meter.h"
#include "gradus/data/sampler.h"
#include "gradus/data/transforms.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/cast.h"
#include "gradus/ops/factories.h"
#include "gradus/tests/files.h"
#include "gradus/tests/thrown.h"

namespace gradus {
namespace {
namespace fs = std::filesystem;
using files::Bytes;
using files::Folder;
using files::gzipped;
using files::put;

Bytes bytes_of(const std::string& text) { return Bytes(text.begin(), text.end()); }

Bytes idx(std::vector<uint32_t> extents, Bytes elements) {
  Bytes all = {0, 0, 8, uint8_t(extents.size())};
  for (uint32_t e : extents)
    for (int shift : {24, 16, 8, 0}) all.push_back(uint8_t(e >> shift));
  all.insert(all.end(), elements.begin(), elements.end());
  return all;
}

Tensor parse_idx(const Bytes& b) { return read_idx("x.idx", b.data(), b.size()); }
Table parse_csv(const std::string& s) {
  return read_csv("x.csv", reinterpret_cast<const uint8_t*>(s.data()), s.size());
}

TEST(Data, IdxIsReadPlainAndPacked) {
  const Bytes file = idx({2, 3}, {1, 2, 3, 4, 5, 255});
  for (const Bytes& bytes : {file, gzipped(file)}) {
    const Tensor t = parse_idx(bytes);
    EXPECT_EQ(t.shape(), (Shape{2, 3}));
    EXPECT_EQ(t.dtype(), Dtype::uint8);
    EXPECT_EQ(t.to_vector(), (std::vector<double>{1, 2, 3, 4, 5, 255}));
  }
  EXPECT_EQ(parse_idx(idx({0, 5}, {})).numel(), 0);
}

TEST(Data, JoinedGzipFilesAreOne) {
  const Bytes file = idx({4}, {1, 2, 3, 4});
  Bytes joined = gzipped(Bytes(file.begin(), file.begin() + 6));
  const Bytes rest = gzipped(Bytes(file.begin() + 6, file.end()));
  joined.insert(joined.end(), rest.begin(), rest.end());
  EXPECT_EQ(parse_idx(joined).numel(), 4);
}

TEST(Data, DamagedIdxIsRefusedInOneSentence) {
  const Bytes good = idx({2, 3}, {1, 2, 3, 4, 5, 6});
  const auto message = [](const Bytes& b) { return error_of<FileError>([&] { parse_idx(b); }); };
  EXPECT_EQ(message({}), "x.idx: does not begin like an IDX file; wanted two zero bytes, a type and a rank");
  EXPECT_EQ(message(bytes_of("hello")),
            "x.idx: does not begin like an IDX file; wanted two zero bytes, a type and a rank");
  EXPECT_EQ(message({0, 0, 13, 1, 0, 0, 0, 0}),
            "x.idx: has IDX type 0x0d, wanted 0x08, unsigned bytes; convert the file");
  EXPECT_EQ(message({0, 0, 8, 0}), "x.idx: has rank 0, wanted 1 to 8; the file is damaged");
  EXPECT_EQ(message({0, 0, 8, 200}), "x.idx: has rank 200, wanted 1 to 8; the file is damaged");
  EXPECT_EQ(message(Bytes(good.begin(), good.begin() + 9)), "x.idx: ends within the IDX header; fetch the file again");
  EXPECT_EQ(message(Bytes(good.begin(), good.end() - 1)),
            "x.idx: ends after 5 of the 6 elements that its header names; fetch the file again");
  Bytes longer = good;
  longer.push_back(7);
  EXPECT_EQ(message(longer), "x.idx: goes on after the 6 elements that its header names; fetch the file again");
  Bytes cut = gzipped(good);
  cut.resize(cut.size() - 6);
  EXPECT_EQ(message(cut), "x.idx: the gzip data end too early; fetch the file again");
  Bytes flipped = gzipped(good);
  flipped[flipped.size() - 6] ^= 1;  // in the checksum
  EXPECT_EQ(message(flipped), "x.idx: the gzip data are damaged (incorrect data check); fetch the file again");
}

TEST(Data, AnAbsurdHeaderCostsNoMemory) {
  const auto resident = [] {
    rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss >> 10;  // the most it ever was, in MiB
  };
  const auto before = resident();
  EXPECT_EQ(error_of<FileError>([] { parse_idx(idx({0xffffffff, 0xffffffff}, {1})); }),
            "x.idx: its header asks for (4294967295) elements or more, wanted at most 2147483648; the file is damaged");
  EXPECT_EQ(error_of<FileError>([] { parse_idx(idx({400000000}, {1})); }),
            "x.idx: ends after 1 of the 400000000 elements that its header names; fetch the file again");
  EXPECT_LT(resident() - before, 100);
}

TEST(Data, FilesThatCannotBeReadAreNamed) {
  const Folder folder;
  const std::string path = folder.path.string();
  EXPECT_EQ(error_of<FileError>([&] { read_file(path + "/none"); }),
            path + "/none: cannot be opened (No such file or directory); check the path and its permissions");
  EXPECT_EQ(error_of<FileError>([&] { read_file(path); }), path + ": is a folder, wanted a file; name a file in it");
  EXPECT_EQ(error_of<FileError>([&] { read_file("/dev/zero"); }),
            "/dev/zero: is no regular file; copy its contents into one");
  put(folder / "big", Bytes(11));
  EXPECT_EQ(error_of<FileError>([&] { read_file(path + "/big", 10); }),
            path + "/big: has 11 bytes, wanted at most 10; this is not a data set that fits in memory");
  EXPECT_EQ(read_file(path + "/big").size(), 11u);
}

TEST(Data, AFolderOfIdxFilesIsADataset) {
  const Folder folder;
  put(folder / "train-images-idx3-ubyte", idx({2, 2, 2}, {0, 51, 102, 255, 1, 2, 3, 4}));
  put(folder / "train-labels-idx1-ubyte.gz", gzipped(idx({2}, {9, 0})));
  put(folder / "t10k-images-idx3-ubyte.gz", gzipped(idx({1, 2, 2}, {5, 6, 7, 8})));
  put(folder / "t10k-labels-idx1-ubyte", idx({1}, {3}));
  const Split both = read_idx_folder(folder.path.string());
  EXPECT_EQ(both.train["features"].shape(), (Shape{2, 1, 2, 2}));
  EXPECT_FLOAT_EQ(float(both.train["features"].at({0, 0, 0, 1})), 0.2f);
  EXPECT_EQ(both.train["labels"].to_vector(), (std::vector<double>{9, 0}));
  EXPECT_EQ(both.test.size(), 1);

  const std::string path = folder.path.string();
  put(folder / "t10k-labels-idx1-ubyte", idx({1}, {10}));
  EXPECT_EQ(error_of<FileError>([&] { read_idx_folder(path); }),
            path + "/t10k-labels-idx1-ubyte: label 10 at 0 is outside [0, 10); fetch the file again");
  put(folder / "t10k-labels-idx1-ubyte", idx({2}, {1, 2}));
  EXPECT_EQ(error_of<FileError>([&] { read_idx_folder(path); }),
            path + "/t10k-labels-idx1-ubyte: has 2 labels, but " + path +
                "/t10k-images-idx3-ubyte.gz has 1 images; fetch both again");
  fs::remove(folder.path / "t10k-labels-idx1-ubyte");
  EXPECT_EQ(error_of<FileError>([&] { read_idx_folder(path); }),
            path +
                ": there is no t10k-labels-idx1-ubyte and no t10k-labels-idx1-ubyte.gz; name a folder with the four "
                "IDX files of MNIST");
}

TEST(Data, EmnistsImagesArePutUpright) {
  const Folder folder;
  const std::string path = folder.path.string();
  put(folder / "emnist-letters-train-images-idx3-ubyte", idx({1, 2, 3}, {0, 51, 102, 153, 204, 255}));
  put(folder / "emnist-letters-train-labels-idx1-ubyte", idx({1}, {26}));
  put(folder / "emnist-letters-test-images-idx3-ubyte.gz", gzipped(idx({2, 2, 3}, Bytes(12, 255))));
  put(folder / "emnist-letters-test-labels-idx1-ubyte.gz", gzipped(idx({2}, {1, 61})));
  const Split both = read_idx_folder(path);
  EXPECT_EQ(both.train["features"].shape(), (Shape{1, 1, 3, 2}));
  const std::vector<double> upright = to(both.train["features"] * 5, Dtype::float64).to_vector();
  for (int i = 0; i < 6; ++i) EXPECT_NEAR(upright[size_t(i)], (std::vector{0, 3, 1, 4, 2, 5})[size_t(i)], 1e-6);
  EXPECT_EQ(both.train["labels"].to_vector(), std::vector<double>{26});
  EXPECT_EQ(both.test.size(), 2);
  EXPECT_EQ(error_of<FileError>([&] { read_idx_folder(path, 26); }),
            path + "/emnist-letters-train-labels-idx1-ubyte: label 26 at 0 is outside [0, 26); fetch the file again");
  put(folder / "emnist-digits-train-images-idx3-ubyte.gz", {});
  EXPECT_EQ(error_of<FileError>([&] { read_idx_folder(path); }),
            path + ": has the files of EMNIST's digits, letters, wanted one of them; give each a folder");
}

TEST(Data, CsvIsATableOfNumbers) {
  const Table table = parse_csv("a, b\n1, 2.5\r\n\n-3e2,+4\n");
  EXPECT_EQ(table.header, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(table.rows, 2);
  EXPECT_EQ(table.values, (std::vector<double>{1, 2.5, -300, 4}));
  EXPECT_TRUE(parse_csv("1,2").header.empty());
  const Table marked = parse_csv(
      "\xEF\xBB\xBF"
      "1,2\n3,4\n");  // by a spreadsheet's byte order mark
  EXPECT_EQ(marked.values, (std::vector<double>{1, 2, 3, 4}));
  EXPECT_TRUE(marked.header.empty());
}

TEST(Data, DamagedCsvIsRefusedByLineAndValue) {
  const auto message = [](const std::string& s) { return error_of<FileError>([&] { parse_csv(s); }); };
  EXPECT_EQ(message("1,2\n3\n"), "x.csv: line 2 has 1 values, wanted 2 as in the lines before; mend that line");
  EXPECT_EQ(message("1,2\n3,x\n"), "x.csv: line 2, value 2 is 'x', wanted a finite number; mend that line");
  EXPECT_EQ(message("1,2\n3,nan\n"), "x.csv: line 2, value 2 is 'nan', wanted a finite number; mend that line");
  EXPECT_EQ(message("1,2\n3,\n"), "x.csv: line 2, value 2 is '', wanted a finite number; mend that line");
  EXPECT_EQ(message("1,2\n3,12345678901234567890123x\n"),
            "x.csv: line 2, value 2 is '12345678901234567890...', wanted a finite number; mend that line");
  EXPECT_EQ(message("1.0x,2\n3,4\n"), "x.csv: line 1, value 1 is '1.0x', wanted a finite number; mend that line");
  EXPECT_EQ(message(""), "x.csv: has no line of numbers; wanted comma-separated values");
  EXPECT_EQ(message("a,b\n"), "x.csv: has no line of numbers; wanted comma-separated values");
  EXPECT_EQ(error_of<FileError>([] { classification_table("x.csv", parse_csv("1,2\n1,10\n"), 10); }),
            "x.csv: label 10 of sample 2 is no whole number in [0, 10); number the classes from 0");
  const Dataset precise = classification_table("x.csv", parse_csv("0.1,2,0\n"), 10, -1, Dtype::float64);
  EXPECT_EQ(precise["features"].to_vector(), (std::vector<double>{0.1, 2}));
}

TEST(Data, DigitsAreThoseOfTheFile) {
  const Dataset data = digits();
  EXPECT_EQ(data["features"].shape(), (Shape{1797, 1, 8, 8}));
  EXPECT_EQ(data.size(), 1797);
  // The first line of the file begins 0,0,5,13,9,1 and ends in its label.
  const std::vector<double> first = {0, 0, 5, 13, 9, 1};
  for (int64_t i = 0; i < 6; ++i) EXPECT_EQ(data["features"].at({0, 0, 0, i}) * 16, first[size_t(i)]);
  EXPECT_EQ(data["labels"].at({0}), 0);
  std::map<int64_t, int> count;
  for (double l : data["labels"].to_vector()) ++count[int64_t(l)];
  EXPECT_EQ(count[0], 178);  // as the data set's own description says
  EXPECT_EQ(count[1], 182);
  EXPECT_EQ(count[8], 174);
}

Dataset numbered(int64_t n) {
  Tensor x({n, 2}), y(Shape{n}, Dtype::int64);
  for (int64_t i = 0; i < n; ++i) x.set({i, 0}, double(i)), x.set({i, 1}, -double(i)), y.set({i}, double(i % 3));
  return Dataset({{"features", x}, {"labels", y}});
}

TEST(Data, ADatasetChecksItsFields) {
  EXPECT_EQ(error_of<ShapeError>([] { Dataset({{"x", zeros({3, 2})}, {"y", zeros({4})}}); }),
            "Dataset: field 'y' has shape (4), field 'x' has shape (3,2), wanted one first extent; check the number of "
            "samples");
  EXPECT_EQ(error_of<ParamError>([] { Dataset({{"x", zeros({3})}, {"x", zeros({3})}}); }),
            "Dataset: got two fields named 'x'; give each its own name");
  EXPECT_EQ(error_of<ParamError>([] { numbered(3)["label"]; }),
            "Dataset: there is no field 'label'; known are features, labels");
  EXPECT_EQ(error_of<IndexError>([] { numbered(3).rows({0, 3}); }),
            "Dataset: sample 3 is outside [0, 3); check the indices");
}

TEST(Data, ASplitKeepsEverySampleOnce) {
  const Dataset data = numbered(100);
  for (const char* by : {"", "labels"}) {
    const Split s = split(data, 0.2, 5, by);
    EXPECT_EQ(s.train.size() + s.test.size(), 100);
    EXPECT_NEAR(double(s.test.size()), 20, 1);
    std::set<double> seen;
    for (const Dataset& half : {s.train, s.test})
      for (int64_t i = 0; i < half.size(); ++i) {
        seen.insert(half["features"].at({i, 0}));
        EXPECT_EQ(half["labels"].at({i}), double(int64_t(half["features"].at({i, 0})) % 3));  // fields stay together
      }
    EXPECT_EQ(seen.size(), 100u);
    EXPECT_EQ(split(data, 0.2, 5, by).test["features"].to_vector(), s.test["features"].to_vector());
    EXPECT_NE(split(data, 0.2, 6, by).test["features"].to_vector(), s.test["features"].to_vector());
  }
  std::map<double, int> share;
  for (double l : split(data, 0.2, 5, "labels").test["labels"].to_vector()) ++share[l];
  for (const auto& [label, n] : share) EXPECT_EQ(n, 7);  // of 33 or 34
  EXPECT_EQ(split(numbered(2), 0.01, 0).test.size(), 1);
  EXPECT_EQ(error_of<ParamError>([&] { split(data, 1.5, 0); }),
            "split: got a test share of 1.5 for 100 samples, wanted a share between 0 and 1 and two samples; try 0.2");
}

std::vector<std::vector<double>> epoch_of(const Loader& loader, int64_t epoch) {
  std::vector<std::vector<double>> batches;
  for (const Dataset& batch : loader.epoch(epoch)) batches.push_back(batch["features"].to_vector());
  return batches;
}

TEST(Loader, EveryEpochHasEverySampleOnce) {  // coverage 0.25
  const Loader loader(numbered(10), {.batch_size = 4, .seed = 3});
  const auto batches = epoch_of(loader, 0);
  ASSERT_EQ(batches.size(), 3u);
  EXPECT_EQ(batches[2].size(), 4u);  // the last two samples, of two features
  std::set<double> seen;
  for (const auto& batch : batches)
    for (size_t i = 0; i < batch.size(); i += 2) seen.insert(batch[i]);
  EXPECT_EQ(seen.size(), 10u);
  EXPECT_EQ(loader.epoch(0).size(), 3u);
  EXPECT_EQ(Loader(numbered(10), {.batch_size = 4, .drop_last = true}).epoch(0).size(), 2u);
  EXPECT_EQ(Loader(numbered(10), {.batch_size = 100}).epoch(0).size(), 1u);
}

TEST(Loader, TheSeedAndTheEpochDecideTheOrder) {  // coverage 0.25
  const Loader a(numbered(50), {.batch_size = 8, .seed = 3}), b(numbered(50), {.batch_size = 8, .seed = 3}),
      c(numbered(50), {.batch_size = 8, .seed = 4});
  const auto later = epoch_of(a, 7);  // whatever came before
  EXPECT_EQ(epoch_of(a, 0), epoch_of(b, 0));
  EXPECT_EQ(epoch_of(b, 7), later);
  EXPECT_NE(epoch_of(a, 0), epoch_of(a, 1));
  EXPECT_NE(epoch_of(a, 0), epoch_of(c, 0));
  const Loader ordered(numbered(5), {.batch_size = 5, .shuffle = false});
  EXPECT_EQ(epoch_of(ordered, 3)[0][2], 1);
  EXPECT_EQ(error_of<ParamError>([] { Loader(numbered(5), {.batch_size = 0}); }),
            "Loader: got a batch size of 0, wanted at least 1; try 64");
}

// Every batch as bits, whoever prepares it: moved at random, and with its own rows.
std::vector<std::vector<double>> augmented(int workers, int64_t ahead, size_t from = 0) {
  const Dataset images({{"x", files::counting({40, 1, 6, 5}, Dtype::float32)}});
  const Loader loader(
      images, {.batch_size = 7,
               .seed = 5,
               .transform =
                   [](const Dataset& batch, Generator& generator) {
                     return Dataset({{"x", random_rotation(random_shift(batch["x"], 2, generator), 20, generator)}});
                   },
               .workers = workers,
               .ahead = ahead});
  std::vector<std::vector<double>> all;
  for (int64_t number : {0, 1, 9}) {
    const Loader::Epoch epoch = loader.epoch(number);
    for (Loader::Epoch::Iterator batch(epoch, from); batch != epoch.end(); ++batch) {
      all.push_back((*batch)["x"].to_vector());
      EXPECT_EQ((*batch)["x"].to_vector(), all.back()) << "asked again";
    }
  }
  return all;
}

TEST(Loader, WorkersChangeNoBit) {
  const auto alone = augmented(0, 1), from_the_middle = augmented(0, 1, 3);
  ASSERT_EQ(alone.size(), 18u);
  EXPECT_NE(alone[0], alone[6]) << "every epoch is moved in its own way";
  EXPECT_EQ(from_the_middle[0], alone[3]) << "a batch is the same wherever its epoch began";
  for (const int workers : {1, 2, 5})
    for (const int64_t ahead : {1, 3}) {
      EXPECT_EQ(augmented(workers, ahead), alone) << workers << " workers";
      EXPECT_EQ(augmented(workers, ahead, 3), from_the_middle);
    }
}

TEST(Loader, WhatAWorkerThrowsArrivesWithItsBatch) {
  for (const int workers : {0, 1, 3}) {
    const Loader loader(numbered(40), {.batch_size = 4,
                                       .shuffle = false,
                                       .transform =
                                           [](const Dataset& batch, Generator&) {
                                             if (batch["features"].at({0, 0}) == 12) throw DomainError("the fourth");
                                             return batch;
                                           },
                                       .workers = workers});
    size_t seen = 0;
    EXPECT_EQ(error_of<DomainError>([&] {
                for (const Dataset& batch : loader.epoch(0)) seen += size_t(batch.size()) / 4;
              }),
              "the fourth");
    EXPECT_EQ(seen, 3u) << workers << " workers";
  }
}

TEST(Loader, WorkersStayJustAheadAndEndWithTheEpoch) {
  std::atomic<int> made{0};
  const Loader loader(numbered(400), {.batch_size = 4,
                                      .transform =
                                          [&](const Dataset& batch, Generator&) {
                                            ++made;
                                            return batch;
                                          },
                                      .workers = 2,
                                      .ahead = 3});
  for (int stop_after : {0, 1, 10}) {
    made = 0;
    int taken = 0;
    {
      const Loader::Epoch epoch = loader.epoch(0);
      for (const Dataset& batch : epoch) {
        EXPECT_EQ(batch.size(), 4);
        if (taken++ == stop_after) break;
        EXPECT_LE(made, taken + 2 * 3);
      }
    }
    const int at_the_end = made;
    EXPECT_LE(at_the_end, taken + 2 * 3) << "the one in use, and three for each worker";
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    EXPECT_EQ(made, at_the_end) << "a worker outlived its epoch";
  }
  EXPECT_EQ(error_of<ParamError>([] { Loader(numbered(5), {.workers = -1}); }),
            "Loader: got -1 workers, wanted 0 to 1024; try 2");
  EXPECT_EQ(error_of<ParamError>([] { Loader(numbered(5), {.workers = 1, .ahead = 0}); }),
            "Loader: got 0 batches ahead, wanted at least 1; try 2");
  Prefetch prefetch([](size_t) { return numbered(1); }, 2, 5, 1, 1);
  EXPECT_EQ(prefetch.take(3).size(), 1);
  EXPECT_EQ(error_of<StateError>([&] { prefetch.take(2); }),
            "Prefetch: got 2, wanted at least 3, for what was before is gone; begin anew");
}

TEST(Loader, BalancedBatchesHavePClassesOfK) {
  const Dataset data = numbered(31);
  const auto batches = balanced_batches(data["labels"], 2, 4, 1, 0);
  EXPECT_EQ(batches.size(), 4u);
  std::set<int64_t> classes_seen;
  for (const Indices& batch : batches) {
    std::map<int64_t, std::set<int64_t>> by_class;
    for (int64_t i : batch) by_class[i % 3].insert(i);
    EXPECT_EQ(by_class.size(), 2u);
    for (const auto& [label, samples] : by_class) {
      EXPECT_EQ(samples.size(), 4u);
      classes_seen.insert(label);
    }
  }
  EXPECT_EQ(classes_seen.size(), 3u);
  EXPECT_EQ(balanced_batches(data["labels"], 2, 4, 1, 0), batches);
  EXPECT_NE(balanced_batches(data["labels"], 2, 4, 1, 1), batches);
  EXPECT_EQ(error_of<ParamError>([&] { balanced_batches(data["labels"], 4, 2, 1, 0); }),
            "balanced_batches: got 4 classes of 2 samples each and data of 3 classes, wanted positive numbers and no "
            "more classes than there are; choose fewer");
}

TEST(Data, NearestNeighboursVote) {
  const Tensor train = tensor({{0, 0}, {1, 0}, {0, 1}, {10, 10}, {11, 10}}), known = labels({0, 0, 1, 2, 2});
  const Tensor test = tensor({{0.1, 0.1}, {10, 11}, {0, 0.9}});
  EXPECT_DOUBLE_EQ(knn_accuracy(train, known, test, labels({0, 2, 1}), 1), 1);
  EXPECT_DOUBLE_EQ(knn_accuracy(train, known, test, labels({0, 2, 0}), 3), 1);  // two zeros outvote the nearer one
  EXPECT_DOUBLE_EQ(knn_accuracy(train, known, test, labels({0, 2, 1}), 2), 1);  // a tie goes to the nearer
  EXPECT_NEAR(knn_accuracy(train, known, test, labels({0, 0, 0}), 1), 1.0 / 3, 1e-15);
  EXPECT_EQ(error_of<ParamError>([&] { knn_accuracy(train, known, test, labels({0, 2, 1}), 6); }),
            "knn_accuracy: got k = 6 for 5 training samples, wanted 1 to that many; try 5");
}

TEST(Data, ARunningMeanWeighsItsParts) {
  RunningMean m;
  EXPECT_TRUE(std::isnan(m.mean()));
  m.add(1, 3);
  m.add(5);
  EXPECT_DOUBLE_EQ(m.mean(), 2);
  m.reset();
  EXPECT_TRUE(std::isnan(m.mean()));
}

TEST(Data, MnistIsRead) {
  const char* folder = std::getenv("GRADUS_DATA");
  if (!folder || !fs::exists(fs::path(folder) / "mnist")) GTEST_SKIP() << "GRADUS_DATA names no folder with mnist/";
  const Split mnist = read_idx_folder(std::string(folder) + "/mnist");
  EXPECT_EQ(mnist.train["features"].shape(), (Shape{60000, 1, 28, 28}));
  EXPECT_EQ(mnist.test["labels"].shape(), (Shape{10000}));
  EXPECT_EQ(mnist.train["labels"].at({0}), 5);  // the first digits of both halves, known from everywhere
  EXPECT_EQ(mnist.test["labels"].at({0}), 7);
}

}  // namespace
}  // namespace gradus
