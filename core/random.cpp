// Fills of memory with random numbers, in blocks of fixed size over the threads.
#include "gradus/core/random.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "gradus/core/error.h"
#include "gradus/core/philox.h"
#include "gradus/core/threads.h"

namespace gradus {
namespace {

constexpr int64_t chunk = 16384;  // elements a task fills: some 50 µs of work

// Fills `out` run by run: f(bits, run) writes the `per_block` elements that share a block of random bits.
template <int per_block, class Out, class F> void fill_blocks(Out* out, int64_t n, Generator& generator, F f) {
  const uint64_t seed = generator.seed(), stream = generator.next_stream();
  parallel_for((n + chunk - 1) / chunk, [=](int64_t task) {
    const auto bits = [=](int64_t i) { return philox(seed, stream, static_cast<uint64_t>(i / per_block)); };
    const int64_t end = std::min(n, (task + 1) * chunk);
    int64_t i = task * chunk;
    for (; i + per_block <= end; i += per_block) f(bits(i), out + i);
    if (i < end) {
      Out run[per_block];
      f(bits(i), run);
      std::copy_n(run, end - i, out + i);
    }
  });
}

template <class T> void check_uniform(T low, T high) {
  if (low <= high && std::isfinite(high - low)) return;
  throw ParamError(
      fmt::format("fill_uniform: got the range [{}, {}), wanted finite bounds with low <= high, "
                  "choose a range that fits the dtype",
                  low, high));
}

template <class T> void check_normal(T mean, T std) {
  if (std::isfinite(mean) && std >= 0 && std::isfinite(std)) return;
  throw ParamError(fmt::format(
      "fill_normal: got mean {} and std {}, wanted both finite and std >= 0, choose such values", mean, std));
}

template <class Out> void fill_flags(Out* out, int64_t n, double p, Generator& generator) {
  if (!(p >= 0 && p <= 1)) {
    throw ParamError(fmt::format("fill_bernoulli: got p = {}, wanted a probability, choose p in [0, 1]", p));
  }
  const uint64_t bound = bernoulli_bound(p);
  fill_blocks<4>(out, n, generator, [=](const Philox4& bits, Out* run) {
    for (int i = 0; i < 4; ++i) run[i] = bernoulli_from(bits.word[i], bound);
  });
}

}  // namespace

Generator& Generator::operator=(const Generator& other) {
  set_state(other.state());
  return *this;
}

void Generator::set_state(State state) {
  seed_.store(state.seed, std::memory_order_relaxed);
  stream_.store(state.stream, std::memory_order_relaxed);
}

Generator& default_generator() {
  static Generator generator;
  return generator;
}

void manual_seed(uint64_t seed) { default_generator().set_state({seed, 0}); }

void fill_uniform(float* out, int64_t n, float low, float high, Generator& generator) {
  check_uniform(low, high);
  fill_blocks<4>(out, n, generator, [=](const Philox4& bits, float* run) {
    for (int i = 0; i < 4; ++i) run[i] = spread(uniform_from(bits.word[i]), low, high);
  });
}

void fill_uniform(double* out, int64_t n, double low, double high, Generator& generator) {
  check_uniform(low, high);
  fill_blocks<2>(out, n, generator, [=](const Philox4& bits, double* run) {
    for (int i = 0; i < 2; ++i) {
      run[i] = spread(uniform_from(joined(bits.word[2 * i], bits.word[2 * i + 1])), low, high);
    }
  });
}

void fill_normal(float* out, int64_t n, float mean, float std, Generator& generator) {
  check_normal(mean, std);
  fill_blocks<4>(out, n, generator, [=](const Philox4& bits, float* run) {
    const auto [a, b] = normal_from(bits.word[0], bits.word[1]);
    const auto [c, d] = normal_from(bits.word[2], bits.word[3]);
    const float standard[4] = {a, b, c, d};
    for (int i = 0; i < 4; ++i) run[i] = std::fma(standard[i], std, mean);
  });
}

void fill_normal(double* out, int64_t n, double mean, double std, Generator& generator) {
  check_normal(mean, std);
  fill_blocks<2>(out, n, generator, [=](const Philox4& bits, double* run) {
    const auto [a, b] = normal_from(joined(bits.word[0], bits.word[1]), joined(bits.word[2], bits.word[3]));
    run[0] = std::fma(a, std, mean);
    run[1] = std::fma(b, std, mean);
  });
}

void fill_integers(int64_t* out, int64_t n, int64_t low, int64_t high, Generator& generator) {
  if (low >= high) {
    throw ParamError(fmt::format("fill_integers: got the range [{}, {}), wanted low < high, widen it", low, high));
  }
  const uint64_t range = static_cast<uint64_t>(high) - static_cast<uint64_t>(low);
  fill_blocks<1>(out, n, generator, [=](const Philox4& bits, int64_t* run) {
    *run = static_cast<int64_t>(static_cast<uint64_t>(low) + integer_below(range, bits));
  });
}

void fill_bernoulli(bool* out, int64_t n, double p, Generator& generator) { fill_flags(out, n, p, generator); }
void fill_bernoulli(uint8_t* out, int64_t n, double p, Generator& generator) { fill_flags(out, n, p, generator); }

void permutation(int64_t* out, int64_t n, Generator& generator) {
  const uint64_t seed = generator.seed(), stream = generator.next_stream();
  std::iota(out, out + n, int64_t{0});
  for (int64_t i = n - 1; i > 0; --i) {  // Fisher and Yates: the last place takes any of the rest
    const uint64_t range = static_cast<uint64_t>(i) + 1;
    std::swap(out[i], out[integer_below(range, philox(seed, stream, static_cast<uint64_t>(i)))]);
  }
}

}  // namespace gradus
