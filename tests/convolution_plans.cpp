// Does cuDNN have a plan for the convolutions of the models?  From a file that describes a GPU, where there is none:
//   convolution_plans PROPERTIES.json
// On a machine with one, `convolution_plans --describe` prints what such a file would hold.
#include <fmt/core.h>

#include <cstdio>
#include <cstring>
#include <exception>
#include <fstream>
#include <iterator>

#include "gradus/cuda/cudnn_plan.h"

namespace {

using gradus::ConvolutionCall;
using gradus::Dtype;
using Wanted = ConvolutionCall::Wanted;

struct Form {
  const char* name;
  int64_t images, groups, channels, filters, size, kernel, stride, padding, dilation;
};
constexpr Form forms[] = {
    {"lenet5, first", 64, 1, 1, 6, 28, 5, 1, 2, 1},
    {"lenet5, second", 64, 1, 6, 16, 14, 5, 1, 0, 1},
    {"resnet18, stem", 8, 1, 3, 64, 224, 7, 2, 3, 1},
    {"resnet18, block", 8, 1, 64, 64, 56, 3, 1, 1, 1},
    {"resnet18, halving", 8, 1, 64, 128, 56, 3, 2, 1, 1},
    {"resnet18, shortcut", 8, 1, 64, 128, 56, 1, 2, 0, 1},
    {"dilated", 4, 1, 8, 8, 20, 3, 1, 2, 2},
    {"grouped", 4, 4, 8, 8, 20, 3, 1, 1, 1},
    {"depthwise", 4, 16, 1, 1, 20, 3, 1, 1, 1},
};

ConvolutionCall call_of(const Form& f, Wanted wanted, Dtype dtype) {
  ConvolutionCall c;
  c.wanted = wanted, c.dtype = dtype;
  c.images = f.images, c.groups = f.groups, c.channels = f.channels, c.filters = f.filters;
  for (int d = 0; d < 2; ++d) {
    c.image[d] = f.size, c.kernel[d] = f.kernel, c.stride[d] = f.stride, c.padding[d] = f.padding;
    c.dilation[d] = f.dilation;
    c.output[d] = (f.size + 2 * f.padding - f.dilation * (f.kernel - 1) - 1) / f.stride + 1;
  }
  return c;
}

int without_a_plan(const gradus::cudnn::Descriptor& properties) {
  int without = 0;
  for (const Form& form : forms)
    for (const Wanted wanted : {Wanted::output, Wanted::input, Wanted::weight}) {
      static constexpr const char* names[] = {"output", "gradient of the input", "gradient of the weight"};
      const auto plan = gradus::cudnn::plan_for(call_of(form, wanted, Dtype::float32), properties);
      if (plan) fmt::print("{}, {}: {} bytes of workspace\n", form.name, names[int(wanted)], plan->workspace_bytes);
      else fmt::print("{}, {}: NO PLAN\n", form.name, names[int(wanted)]), ++without;
    }
  return without;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 2) {
    fmt::print(stderr, "usage: convolution_plans PROPERTIES.json | --describe\n");
    return 2;
  }
  if (!std::strcmp(argv[1], "--describe")) {
    fmt::print("{}\n", gradus::cudnn::json_of(gradus::cudnn::properties_of(0)));
    return 0;
  }
  std::ifstream file(argv[1]);
  const std::string json((std::istreambuf_iterator<char>(file)), {});
  return without_a_plan(gradus::cudnn::properties_from(json)) > 0;
} catch (const std::exception& e) {
  fmt::print(stderr, "convolution_plans: {}\n", e.what());
  return 1;
}
