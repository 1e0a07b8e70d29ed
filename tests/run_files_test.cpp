// What a training writes beside its checkpoint: metrics, event records, charts, pictures, and the mistakes it shows.
#include <gtest/gtest.h>

#include <cmath>

#include "files.h"
#include "gradus/cli/event_file.h"
#include "gradus/cli/line_chart.h"
#include "gradus/cli/metrics.h"
#include "gradus/cli/mistakes.h"
#include "gradus/cli/sample_image.h"
#include "gradus/cli/samples_file.h"
#include "gradus/data/npy.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/shape.h"
#include "thrown.h"

namespace gradus {
namespace {

EpochFigures figures_of(int64_t epoch) {
  return {epoch, 10 * epoch, 1.0 / double(epoch), 0.1, 2.5 * double(epoch), {{"test_accuracy", 0.75}}};
}

TEST(Metrics, ALineIsOneObject) {
  EXPECT_EQ(json_line(figures_of(2)),
            R"({"epoch":2,"step":20,"loss":0.5,"lr":0.1,"seconds":5.0,"test_accuracy":0.75})");
}

TEST(Metrics, AResumedTrainingGoesOnAfterItsCheckpoint) {
  const files::Folder folder;
  const std::string path = folder / "metrics.jsonl";
  EXPECT_TRUE(read_metrics(path, 5).empty());
  const auto lines = json_lines(path, {});
  for (int64_t epoch = 1; epoch <= 4; ++epoch) lines->add(figures_of(epoch));
  append_to_file(path, R"({"epoch":5,"st)");  // killed while it wrote
  EXPECT_EQ(read_metrics(path, 9).size(), 4u);
  const std::vector<EpochFigures> kept = read_metrics(path, 3);
  ASSERT_EQ(kept.size(), 3u);
  EXPECT_EQ(json_line(kept[2]), json_line(figures_of(3)));
  json_lines(path, kept)->add(figures_of(4));
  std::string wanted;
  for (int64_t epoch = 1; epoch <= 4; ++epoch) wanted += json_line(figures_of(epoch)) + "\n";
  const files::Bytes bytes = files::contents(path);
  EXPECT_EQ(std::string(bytes.begin(), bytes.end()), wanted);
}

TEST(Metrics, WhatIsNoLineOfOursIsLeftOut) {
  const files::Folder folder;
  const std::string path = folder / "m";
  append_to_file(path, "\n[]\n{\"epoch\": \"1\"}\n{\"epoch\":2,\"loss\":0.5}\n{\"epoch\":1,\"loss\":9}\n\xff\n");
  const std::vector<EpochFigures> kept = read_metrics(path, 9);
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_EQ(kept[0].epoch, 2);
  EXPECT_EQ(error_of<FileError>([&] { append_to_file(folder / "no/file", "x"); }),
            folder / "no/file" + ": cannot be written (No such file or directory); make room, and go on with --resume");
}

// The check value of CRC-32C is that of "123456789", 0xe3069283 (RFC 3720); masked as TensorFlow's record_writer.h has
// it.
TEST(EventFile, ARecordCarriesMaskedChecksums) {
  try {
    check_event_files();
  } catch (const ParamError& error) { GTEST_SKIP() << error.what(); }
  const std::string record = event_record("123456789");
  ASSERT_EQ(record.size(), 8 + 4 + 9 + 4u);
  EXPECT_EQ(record.substr(0, 8), std::string("\x09\0\0\0\0\0\0\0", 8));
  EXPECT_EQ(record.substr(12, 9), "123456789");
  const uint32_t masked = ((0xe3069283u >> 15) | (0xe3069283u << 17)) + 0xa282ead8u;
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(uint8_t(record[21 + i]), uint8_t(masked >> (8 * i))) << i;
}

TEST(LineChart, DrawsEveryPointAndNoOther) {
  const double nan = std::nan("");
  const std::string svg =
      line_chart_svg({{"a<b", {{1, 0.5}, {2, nan}, {3, 0.25}}}, {"c", {{1, 1}}}}, {"Loss", "epoch"});
  const auto count = [&](const std::string& what) {
    size_t n = 0;
    for (size_t at = svg.find(what); at != std::string::npos; at = svg.find(what, at + 1)) ++n;
    return n;
  };
  EXPECT_EQ(count("<circle"), 3u);
  EXPECT_EQ(count("<title>a&lt;b 1: 0.5</title>"), 1u);
  EXPECT_EQ(count("nan"), 0u);
  EXPECT_EQ(count("a<b"), 0u);
  EXPECT_EQ(count("</svg>"), 1u);
}

TEST(LineChart, LosesNoFigureOnEmptyOrConstantData) {
  const std::vector<std::vector<ChartLine>> cases = {
      {}, {{"none", {}}}, {{"one", {{1, 0}}}}, {{"flat", {{1, 5}, {2, 5}}}}};
  for (const std::vector<ChartLine>& lines : cases) {
    const std::string svg = line_chart_svg(lines, {"t", "x", true});
    EXPECT_EQ(svg.find("nan"), std::string::npos) << svg;
    EXPECT_EQ(svg.find("inf"), std::string::npos) << svg;
  }
}

TEST(LineChart, ManyPowersOfTenStandOnALogarithmicScale) {
  const auto height = [](const std::string& svg, const std::string& title) {
    const size_t at = svg.rfind("cy=\"", svg.find(title)) + 4;
    return std::stod(svg.substr(at));
  };
  const std::string svg = line_chart_svg({{"l", {{1, 1}, {2, 0.1}, {3, 0.01}}}}, {"Loss", "epoch"});
  EXPECT_NEAR(height(svg, "l 2: 0.1"), (height(svg, "l 1: 1<") + height(svg, "l 3: 0.01")) / 2, 0.11);
}

// The bytes of a 3×2 picture, as any program that reads BMP expects them.
TEST(SampleImage, IsABitmap) {
  const Tensor image = reshape(tensor({0, 1, 2, 3, 4, 5}), {1, 1, 2, 3});
  const std::string address = image_address(image, 0), head = "data:image/bmp;base64,";
  ASSERT_TRUE(address.starts_with(head));
  EXPECT_EQ(address.substr(head.size()),
            "Qk1OAAAAAAAAADYAAAAoAAAAAwAAAAIAAAABABgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAmZmZzMzM////AAAAAAAAMzMzZmZmAAAA");
  EXPECT_TRUE(drawable({5, 3, 8, 8}));
  EXPECT_FALSE(drawable({5, 2, 8, 8}));
  EXPECT_FALSE(drawable({5, 2}));
}

TEST(Mistakes, AreCountedByPairs) {
  const Confusion c = confusion_of(labels({0, 1, 1, 2, 0}), labels({0, 1, 2, 2, 2}), 3);
  EXPECT_EQ(c.counts, (std::vector<int64_t>{1, 0, 0, 0, 1, 0, 1, 1, 1}));
  EXPECT_EQ(c(2, 0), 1);
}

TEST(Mistakes, TheHardestComeFirst) {
  const Tensor scores = tensor({{0, 0}, {3, 0}, {0, 2}});
  const std::vector<HardSample> hard = hardest_samples(scores, labels({0, 1, 1}), 2);
  ASSERT_EQ(hard.size(), 2u);
  EXPECT_EQ(hard[0].sample, 1);
  EXPECT_EQ(hard[0].guess, 0);
  EXPECT_NEAR(hard[0].probability, 1 / (1 + std::exp(3.0)), 1e-12);
  EXPECT_NEAR(hard[0].guess_probability, 1 / (1 + std::exp(-3.0)), 1e-12);
  EXPECT_EQ(hard[1].sample, 0);
}

TEST(Mistakes, ANearestNeighbourOfAnotherClass) {
  const Tensor points = tensor({{0, 0}, {0.1, 0}, {5, 0}, {5.5, 0}, {5.75, 0}});
  const std::vector<FalseNeighbour> f = false_neighbours(points, labels({0, 0, 1, 1, 0}), 9);
  ASSERT_EQ(f.size(), 2u);
  EXPECT_EQ(f[0].sample, 3);
  EXPECT_EQ(f[0].neighbour, 4);
  EXPECT_EQ(f[1].sample, 4);
  EXPECT_TRUE(false_neighbours(tensor({{0, 0}}), labels({0}), 9).empty());
}

TEST(SamplesFile, TellsFormatsByTheirNames) {
  const files::Folder folder;
  const Tensor x = tensor({{1, 2}, {3, 4}});
  write_npz(folder / "a.npz", {{"features", x}, {"labels", labels({1, 0})}});
  write_npy(folder / "b.npy", x);
  append_to_file(folder / "c.csv", "x,y,label\n1,2,1\n3,4,0\n");
  for (const char* name : {"a.npz", "b.npy", "c.csv"}) {
    const Dataset samples = read_samples(folder / name, Dtype::float64);
    EXPECT_TRUE(files::same(samples["features"], tensor({{1, 2}, {3, 4}}, Dtype::float64))) << name;
    EXPECT_EQ(has_labels(samples), name != std::string("b.npy"));
  }
  EXPECT_EQ(read_samples(folder / "c.csv", Dtype::float32, 3)["features"].shape(), (Shape{2, 3}));
  files::put(folder / "d-ubyte", {0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 0, 255});
  EXPECT_TRUE(files::same(read_samples(folder / "d-ubyte", Dtype::float32)["features"],
                          tensor({0, 1}).alias({1, 1, 1, 2}, {2, 2, 2, 1})));
}

TEST(SamplesFile, RefusesWhatIsNoSample) {
  const files::Folder folder;
  const Tensor x = tensor({{1, 2}, {3, 4}});
  const auto refusal = [&](const std::string& name, const NamedTensors& arrays) {
    write_npz(folder / name, arrays);
    return error_of<FileError>([&] { read_samples(folder / name, Dtype::float32); }).substr((folder / "").size());
  };
  EXPECT_EQ(refusal("a.npz", {{"x", x}}),
            "a.npz: has no array 'features'; save it with numpy.savez(path, features=x, labels=y)");
  EXPECT_EQ(refusal("b.npz", {{"features", x}, {"labels", labels({1})}}),
            "b.npz: has 1 labels for 2 samples; save one a sample");
  EXPECT_EQ(refusal("c.npz", {{"features", x}, {"labels", labels({1, -1})}}),
            "c.npz: label -1 at 1 is outside [0, 10000); number the classes from 0");
  EXPECT_EQ(refusal("d.npz", {{"features", x}, {"labels", tensor({0.5, 1})}}),
            "d.npz: its labels are float32 (2), wanted whole numbers of shape (N); convert them");
  EXPECT_EQ(refusal("e.npz", {{"features", tensor({1, 2})}}),
            "e.npz: its features have shape (2), wanted (N, features) or (N, channels, height, width) and a sample; "
            "reshape them");
  EXPECT_EQ(
      error_of<FileError>([&] { read_samples("x.txt", Dtype::float32); }),
      "x.txt: its name ends like no format that is known, wanted .npz, .npy, .csv, .csv.gz or an IDX file …-ubyte; "
      "convert or rename it");
}

}  // namespace
}  // namespace gradus
