// Two ways to write the focal loss, told apart by training: two networks that start alike, one under each.
//
//   focal_variants           a reduced size, some seconds
//   focal_variants --full    16 images of 224×244, 100 iterations, as the experiment was published; hours on a CPU
#include <gradus/gradus.h>

#include <cmath>
#include <cstdio>
#include <string>

using namespace gradus;

// A ResNet-18 trunk, 1/32 of the image's size, a 3×3 convolution to three maps, and the maps enlarged to the image.
struct Segmenter : Module {
  ResNet18 trunk;
  Conv2d head;

  explicit Segmenter(Generator& generator) : trunk(0, 3, generator), head(512, 3, 3, {.padding = 1}, true, generator) {}
  Tensor forward(const Tensor& images) override {
    const Tensor maps = head(trunk.trunk(images));
    return interpolate(maps, {images.size(2), images.size(3)}, Interpolation::bilinear, true);
  }
  void parts(Parts& p) override { p.module("trunk", trunk).module("head", head); }
};

struct Size {
  int64_t images, height, width;
  int iterations, log_every;
};

double apart(const Tensor& a, const Tensor& b) { return mean(abs(a.detach() - b.detach())).item(); }

int main(int argc, char** argv) {
  const bool full = argc > 1 && argv[1] == std::string("--full");
  const Size size = full ? Size{16, 224, 244, 100, 10} : Size{2, 32, 64, 6, 1};

  Generator generator(1);
  Segmenter one(generator), two(generator);
  one.to(Dtype::float64), two.to(Dtype::float64);
  two.load_state_dict(one.state_dict());
  SGD first(one.named_parameters(), {.lr = 1e-2}), second(two.named_parameters(), {.lr = 1e-2});

  std::printf("iteration  first layer apart  head apart  V1 - V2\n");
  bool as_expected = true;
  for (int i = 0; i < size.iterations; ++i) {
    const Tensor images = randn({size.images, 3, size.height, size.width}, Dtype::float64, generator);
    const Tensor labels = sigmoid(randn({size.images, 3, size.height, size.width}, Dtype::float64, generator));
    // V1 weighs by |label - p|, V2 by 1 - exp(-bce); and V2 gives alpha to both classes.
    const Tensor v1 = sigmoid_focal_loss(one(images), labels, {.variant = SigmoidFocal::absdiff});
    const Tensor v2 = sigmoid_focal_loss(two(images), labels, {.variant = SigmoidFocal::exp_bce});
    first.zero_grad(), second.zero_grad();
    backward(v1), backward(v2);
    first.step(), second.step();
    if (i % size.log_every) continue;
    const double weights = apart(one.trunk.conv1.weight, two.trunk.conv1.weight),
                 heads = apart(one.head.weight, two.head.weight), losses = v1.item() - v2.item();
    std::printf("%9d  %17.3e  %10.3e  %.5f\n", i, weights, heads, losses);
    // Around logits of 0 the difference is -0.028 in expectation: these are two losses, not two spellings of one.
    as_expected = as_expected && weights > 0 && heads > 0 && std::abs(losses + 0.029) < 0.012;
  }
  return as_expected ? 0 : 1;
}
