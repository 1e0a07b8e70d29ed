// Transforms of features and images.
#include "gradus/data/transforms.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "gradus/core/threads.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/rearrange.h"
#include "gradus/ops/shape.h"
#include "gradus/tests/fill.h"
#include "gradus/tests/thrown.h"

namespace gradus {
namespace {

// n images of one channel whose pixels are 1, 2, 3 …
Tensor counted(int64_t n, int64_t height, int64_t width) {
  Tensor images({n, 1, height, width});
  for (int64_t i = 0; i < images.numel(); ++i) images.mutable_data<float>()[i] = float(i % (height * width) + 1);
  return images;
}

std::vector<double> image(const Tensor& images, int64_t i) { return select(images, 0, i).to_vector(); }

TEST(Transforms, FeaturesComeToOneScale) {
  const Tensor train = tensor({{1, 5, -1}, {3, 5, 1}, {5, 5, 3}}), test = tensor({{7, 6, 0}});
  const Rescaling standard = standardisation(train);
  const double third = std::sqrt(1.5);
  for (const auto& [i, wanted] : {std::pair{0, -third}, {1, 0.0}, {2, third}})
    EXPECT_NEAR(standard(train).at({i, 0}), wanted, 1e-6);
  EXPECT_EQ(standard(train).at({1, 1}), 0);  // it never changes
  EXPECT_NEAR(standard(test).at({0, 0}), 2 * third, 1e-6);
  const Rescaling range = min_max_scaling(train, -1, 1);
  EXPECT_EQ(range(train).to_vector(), (std::vector<double>{-1, -1, -1, 0, -1, 0, 1, -1, 1}));
  EXPECT_EQ(range(test).at({0, 0}), 2);
  EXPECT_EQ(min_max_scaling(train)(train).at({1, 0}), 0.5);
}

TEST(Transforms, NormaliseIsByChannel) {
  const Tensor images = tensor({1, 2, 3, 4, 5, 6, 7, 8}, {1, 2, 2, 2});
  EXPECT_EQ(normalise(images, {1, 5}, {2, 0.5}).to_vector(), (std::vector<double>{0, 0.5, 1, 1.5, 0, 2, 4, 6}));
}

TEST(Transforms, ShiftsMoveByWholePixels) {
  Generator generator(1);
  const Tensor images = counted(200, 4, 3), moved = random_shift(images, 1, generator);
  std::set<std::pair<int64_t, int64_t>> seen;
  for (int64_t i = 0; i < 200; ++i) {
    bool found = false;
    for (int64_t dy = -1; dy <= 1; ++dy)
      for (int64_t dx = -1; dx <= 1; ++dx) {
        const Tensor by_pad = pad(select(images, 0, i), {dx, -dx, dy, -dy});  // a negative amount crops
        if (by_pad.to_vector() == image(moved, i)) found = true, seen.insert({dy, dx});
      }
    EXPECT_TRUE(found) << i;
  }
  EXPECT_EQ(seen.size(), 9u);
}

TEST(Transforms, CropsAreWindowsOfThePaddedImage) {
  Generator generator(2);
  const Tensor images = counted(200, 4, 3), cropped = random_crop(images, {3, 2}, 1, generator);
  EXPECT_EQ(cropped.shape(), (Shape{200, 1, 3, 2}));
  std::set<std::pair<int64_t, int64_t>> seen;
  for (int64_t i = 0; i < 200; ++i) {
    const Tensor padded = pad(select(images, 0, i), {1, 1, 1, 1});
    for (int64_t top = 0; top <= 3; ++top)
      for (int64_t left = 0; left <= 3; ++left)
        if (slice(slice(padded, 1, top, top + 3), 2, left, left + 2).to_vector() == image(cropped, i))
          seen.insert({top, left});
  }
  EXPECT_EQ(seen.size(), 16u);
}

TEST(Transforms, FlipsMirrorAboutHalf) {
  Generator generator(3);
  const Tensor images = counted(1000, 2, 3), flipped = random_flip(images, 0.5, generator);
  int64_t mirrored = 0;
  for (int64_t i = 0; i < 1000; ++i) {
    const bool is = image(flipped, i) == flip(select(images, 0, i), {2}).to_vector();
    EXPECT_TRUE(is || image(flipped, i) == image(images, i)) << i;
    mirrored += is;
  }
  EXPECT_NEAR(double(mirrored), 500, 65);
  EXPECT_EQ(random_flip(images, 0, generator).to_vector(), images.to_vector());
}

TEST(Transforms, RotationIsPyTorchsGridSample) {
  const nlohmann::json wanted = fill::reference("rotation.json");
  fill::expect_values(rotated(fill::pattern(1, {3, 2, 5, 4}), {30, -75, 200}), wanted, "rotated");
  // A quarter turn counter-clockwise: the right column becomes the upper row.
  const Tensor turned = rotated(tensor({1, 2, 3, 4}, {1, 1, 2, 2}, Dtype::float64), {90});
  const std::vector<double> quarter = {2, 4, 1, 3};
  for (size_t i = 0; i < 4; ++i) EXPECT_NEAR(turned.to_vector()[i], quarter[i], 1e-12);
  Generator generator(4);
  const Tensor images = counted(50, 5, 5), little = random_rotation(images, 20, generator);
  EXPECT_NE(image(little, 0), image(little, 1));
  EXPECT_EQ(image(little, 0)[12], 13);  // the middle stays
  EXPECT_EQ(random_rotation(images, 0, generator).to_vector(), images.to_vector());
}

TEST(Transforms, TheSeedDecidesAndThreadsDoNot) {
  const Tensor images = counted(20, 6, 6);
  const auto all = [&](uint64_t seed) {
    Generator g(seed);
    return random_flip(random_crop(random_rotation(random_shift(images, 2, g), 30, g), 5, 1, g), 0.5, g).to_vector();
  };
  const int before = threads();
  set_threads(1);
  const auto alone = all(7);
  set_threads(4);
  EXPECT_EQ(all(7), alone);
  set_threads(before);
  EXPECT_NE(all(8), alone);
}

TEST(Transforms, WhatDoesNotFitIsNamed) {
  const Tensor images = counted(2, 4, 3);
  EXPECT_EQ(error_of<ShapeError>([] { random_flip(zeros({2, 3})); }),
            "random_flip: images have shape (2,3), wanted (N,channels,H,W); reshape them");
  EXPECT_EQ(error_of<DtypeError>([] { standardisation(labels({1})); }),
            "standardisation: got int64 (1), wanted float32 or float64; convert it with to()");
  EXPECT_EQ(error_of<ShapeError>([] { min_max_scaling(zeros({0, 2})); }),
            "min_max_scaling: features have shape (0,2), wanted (N,...) with a sample");
  EXPECT_EQ(error_of<ParamError>([] { min_max_scaling(zeros({1, 2}), 1, 1); }),
            "min_max_scaling: got [1, 1], wanted low < high; exchange them");
  EXPECT_EQ(error_of<ParamError>([&] { normalise(images, {0, 0}, {1}); }),
            "normalise: got 2 means and 1 deviations for 1 channels, wanted one for each, deviations positive; check "
            "them");
  EXPECT_EQ(error_of<ParamError>([&] { random_shift(images, -1); }),
            "random_shift: got -1 pixels, wanted at least 0; try 2");
  EXPECT_EQ(error_of<ParamError>([&] { random_rotation(images, -1); }),
            "random_rotation: got -1 degrees, wanted at least 0; try 10");
  EXPECT_EQ(error_of<ParamError>([&] { random_crop(images, 5); }),
            "random_crop: got a window of (5,5) on images of (4,3) with a padding of 0, wanted one that fits; make it "
            "smaller");
  EXPECT_EQ(error_of<ParamError>([&] { rotated(images, {10}); }),
            "rotated: got 1 angles for 2 images, wanted one for each; repeat it");
}

}  // namespace
}  // namespace gradus
