// Initialisers: fill a parameter with random numbers of a spread that suits its fan.  A parameter's first extent is its
// outputs, the second its inputs, the rest is the receptive field, as in PyTorch.
#pragma once
#include "gradus/core/random.h"
#include "gradus/core/tensor.h"

namespace gradus::init {

/// How many inputs feed one output, and how many outputs one input feeds. Throws ShapeError below rank 2.
struct Fans {
  int64_t in, out;
};
Fans fans(const Tensor& t);

// Each writes over t, which must be dense float32 or float64, and takes one stream of the generator.
void uniform(Tensor& t, double low, double high, Generator& generator = default_generator());
void normal(Tensor& t, double mean = 0, double std = 1, Generator& generator = default_generator());
/// Whose magnitude the spread keeps: that of the values on the way forward, or of the gradients on the way back.
enum class Fan { in, out };
/// K. He et al., Delving deep into rectifiers, 2015: for a leaky ReLU of slope a behind the layer.
void kaiming_uniform(Tensor& t, double a = 0, Generator& generator = default_generator(), Fan fan = Fan::in);
void kaiming_normal(Tensor& t, double a = 0, Generator& generator = default_generator(), Fan fan = Fan::in);
/// X. Glorot, Y. Bengio, Understanding the difficulty of training deep feedforward neural networks, 2010.
void xavier_uniform(Tensor& t, double gain = 1, Generator& generator = default_generator());
void xavier_normal(Tensor& t, double gain = 1, Generator& generator = default_generator());

}  // namespace gradus::init
