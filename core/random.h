// Random numbers for the CPU: a generator that hands out streams, and fills of plain memory.
//
// Every fill takes one stream; its elements depend on the generator's state and their index alone, so they are the same
// for any number of threads.
#pragma once
#include <atomic>
#include <cstdint>

namespace gradus {

/// A seed and the number of the next stream. Copies go their own ways; several threads may draw from one generator,
/// but then who gets which stream is up to chance.
class Generator {
 public:
  struct State {
    uint64_t seed;
    uint64_t stream;
    bool operator==(const State&) const = default;
  };

  explicit Generator(uint64_t seed = 0, uint64_t stream = 0) : seed_(seed), stream_(stream) {}
  explicit Generator(State state) : Generator(state.seed, state.stream) {}
  Generator(const Generator& other) : Generator(other.state()) {}
  Generator& operator=(const Generator& other);

  uint64_t seed() const { return seed_.load(std::memory_order_relaxed); }
  uint64_t stream() const { return stream_.load(std::memory_order_relaxed); }

  /// A stream of random numbers that this generator gives to nobody else.
  uint64_t next_stream() { return stream_.fetch_add(1, std::memory_order_relaxed); }

  /// What is to be saved and restored for the same numbers to come again.
  State state() const { return {seed(), stream()}; }
  void set_state(State state);

 private:
  std::atomic<uint64_t> seed_;
  std::atomic<uint64_t> stream_;
};

/// The generator of the process, for those who do not bring one. Seeded with 0 at the start.
Generator& default_generator();

/// Starts the default generator anew.
void manual_seed(uint64_t seed);

/// Uniform in [low, high). Throws ParamError unless low <= high, both finite and not further apart than T can say.
void fill_uniform(float* out, int64_t n, float low, float high, Generator& generator);
void fill_uniform(double* out, int64_t n, double low, double high, Generator& generator);

/// Normally distributed. Throws ParamError unless mean and std are finite and std >= 0.
void fill_normal(float* out, int64_t n, float mean, float std, Generator& generator);
void fill_normal(double* out, int64_t n, double mean, double std, Generator& generator);

/// Uniform whole numbers in [low, high). Throws ParamError unless low < high.
void fill_integers(int64_t* out, int64_t n, int64_t low, int64_t high, Generator& generator);

/// 1 (true) with probability p, else 0. Throws ParamError unless 0 <= p <= 1.
void fill_bernoulli(bool* out, int64_t n, double p, Generator& generator);
void fill_bernoulli(uint8_t* out, int64_t n, double p, Generator& generator);

/// The numbers 0 to n - 1 in random order.
void permutation(int64_t* out, int64_t n, Generator& generator);

}  // namespace gradus
