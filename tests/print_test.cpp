// Tensors as text, character by character as NumPy lays them out.
#include "gradus/core/print.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "gradus/core/convert.h"
#include "gradus/ops/activation.h"
#include "gradus/ops/cast.h"
#include "gradus/ops/compare.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/ranges.h"
#include "gradus/ops/shape.h"

namespace {

using namespace gradus;
using nlohmann::json;

Dtype dtype_named(const std::string& name) {
  for (int d = 0; d <= int(Dtype::bfloat16); ++d)
    if (name == name_of(Dtype(d))) return Dtype(d);
  throw std::runtime_error("no dtype " + name);
}

template <class E> E element_of(const json& v) {
  if constexpr (std::is_integral_v<E>) return E(v.get<int64_t>());
  else return convert<E>(v.is_string() ? std::stod(v.get<std::string>()) : v.get<double>());
}

// The case's elements: listed, or start + step i.
Tensor tensor_of(const json& c) {
  const auto extents = c.at("shape").get<std::vector<int64_t>>();
  Tensor t(Shape(extents.data(), extents.data() + extents.size()), dtype_named(c.at("dtype")));
  visit(t.dtype(), [&]<class E>(Type<E>) {
    E* to = t.mutable_data<E>();
    for (int64_t i = 0; i < t.numel(); ++i)
      to[i] = c.contains("values") ? element_of<E>(c["values"][size_t(i)])
                                   : convert<E>(c["start"].get<double>() + c["step"].get<double>() * double(i));
  });
  return t;
}

TEST(Print, AsNumPyDoes) {
  std::ifstream file(GRADUS_SOURCE_DIR "/tests/data/print.json");
  const json cases = json::parse(file);
  EXPECT_GT(cases.size(), 150u);
  for (const json& c : cases)
    EXPECT_EQ(to_string(tensor_of(c)), c.at("text").get<std::string>()) << c["dtype"] << " " << c["shape"];
}

TEST(Print, NamesWhatTheElementsDoNotShow) {
  EXPECT_EQ(to_string(tensor({{1, 2.5}, {3, 4}}, Dtype::float64)),
            "tensor([[1. , 2.5],\n        [3. , 4. ]], dtype=float64)");
  EXPECT_EQ(to_string(tensor({1, 2})), "tensor([1., 2.])");
  EXPECT_EQ(to_string(zeros({2, 0})), "tensor([], shape=(2,0), dtype=float32)");
  EXPECT_EQ(to_string(arange(2000)), "tensor([   0,    1,    2, ..., 1997, 1998, 1999], shape=(2000))");
  EXPECT_EQ(to_string(Tensor()), "tensor(undefined)");
}

TEST(Print, ShowsWhereAGradientIsAskedFor) {
  const Tensor x = tensor({1, -2}).requires_grad(true);
  EXPECT_EQ(to_string(x), "tensor([ 1., -2.], requires_grad=True)");
  EXPECT_EQ(to_string(relu(x)), "tensor([1., 0.], requires_grad=True)");
  EXPECT_EQ(to_string(x.detach()), "tensor([ 1., -2.])");
}

TEST(Print, FollowsTheStridesOfViews) {
  const Tensor x = reshape(to(arange(6), Dtype::float32), {2, 3});
  EXPECT_EQ(to_string(transpose(x, 0, 1)), "tensor([[0., 3.],\n        [1., 4.],\n        [2., 5.]])");
  EXPECT_EQ(to_string(expand(tensor({7}), {3})), "tensor([7., 7., 7.])");
  EXPECT_EQ(to_string(slice(arange(10), 0, 1, 8, 3)), "tensor([1, 4, 7])");
}

TEST(Print, ToAStream) {
  std::ostringstream stream;
  stream << (tensor({1, 3}) > 2) << ' ' << scalar(0.1, Dtype::float64) << ' ' << Shape{2, 3};
  EXPECT_EQ(stream.str(), "tensor([False,  True]) tensor(0.1, dtype=float64) (2,3)");
}

}  // namespace
