#include "gradus/data/sampler.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>

#include "gradus/core/error.h"
#include "gradus/core/random.h"

namespace gradus {
namespace {

std::vector<Indices> cut(const Indices& order, int64_t batch_size, bool drop_last) {
  if (batch_size < 1)
    throw ParamError(fmt::format("batches: got a batch size of {}, wanted at least 1; try 64", batch_size));
  std::vector<Indices> batches;
  const auto n = int64_t(order.size());
  for (int64_t from = 0; from < n; from += batch_size) {
    const int64_t end = std::min(n, from + batch_size);
    if (drop_last && end - from < batch_size) break;
    batches.emplace_back(order.begin() + from, order.begin() + end);
  }
  return batches;
}

Indices shuffle_of(int64_t n, Generator& generator) {
  Indices order(static_cast<size_t>(n));
  permutation(order.data(), n, generator);
  return order;
}

// Each epoch has its own key, so that an epoch can be had without those before it.
Generator generator_of(uint64_t seed, int64_t epoch) { return Generator(seed, uint64_t(epoch) << 32); }

// A class whose samples are dealt in a random order, and in another one when too few are left.
class Deck {
 public:
  Deck(Indices samples, Generator& generator) : samples_(std::move(samples)), generator_(generator) {}
  void deal(int64_t count, Indices& batch) {
    if (order_.size() - next_ < size_t(count)) shuffle();
    for (; count > 0; --count) {
      if (next_ == order_.size()) shuffle();  // the class has fewer than were asked for
      batch.push_back(samples_[size_t(order_[next_++])]);
    }
  }

 private:
  void shuffle() {
    order_ = shuffle_of(int64_t(samples_.size()), generator_);
    next_ = 0;
  }
  Indices samples_, order_;
  size_t next_ = 0;
  Generator& generator_;
};

// One for each class that has a sample.
std::vector<Deck> decks_of(const char* sampler, const Tensor& labels, Generator& generator) {
  if (labels.rank() != 1)
    throw ShapeError(
        fmt::format("{}: labels have shape {}, wanted (N); pass one label a sample", sampler, text(labels.shape())));
  std::map<int64_t, Indices> by_class;
  const Tensor l = dense(labels);
  for (int64_t i = 0; i < l.numel(); ++i) by_class[l.data<int64_t>()[i]].push_back(i);
  std::vector<Deck> decks;
  for (auto& [label, samples] : by_class) decks.emplace_back(std::move(samples), generator);
  return decks;
}

}  // namespace

std::vector<Indices> ordered_batches(int64_t n, int64_t batch_size, bool drop_last) {
  Indices order(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) order[size_t(i)] = i;
  return cut(order, batch_size, drop_last);
}

std::vector<Indices> shuffled_batches(int64_t n, int64_t batch_size, bool drop_last, uint64_t seed, int64_t epoch) {
  Generator generator = generator_of(seed, epoch);
  return cut(shuffle_of(n, generator), batch_size, drop_last);
}

std::vector<Indices> class_balanced_batches(const Tensor& labels, int64_t batch_size, uint64_t seed, int64_t epoch) {
  Generator generator = generator_of(seed, epoch);
  std::vector<Deck> decks = decks_of("class_balanced_batches", labels, generator);
  const int64_t n = labels.numel();
  if (n == 0) throw ParamError("class_balanced_batches: got no sample, wanted at least one; check the labels");
  Indices order;
  while (int64_t(order.size()) < n)
    for (int64_t c : shuffle_of(int64_t(decks.size()), generator))
      if (int64_t(order.size()) < n) decks[size_t(c)].deal(1, order);
  return cut(order, batch_size, false);
}

std::vector<Indices> balanced_batches(const Tensor& labels, int64_t classes, int64_t per_class, uint64_t seed,
                                      int64_t epoch) {
  Generator generator = generator_of(seed, epoch);
  std::vector<Deck> decks = decks_of("balanced_batches", labels, generator);
  const auto known = int64_t(decks.size());
  if (classes < 1 || per_class < 1 || known < classes)
    throw ParamError(
        fmt::format("balanced_batches: got {} classes of {} samples each and data of {} classes, wanted positive "
                    "numbers and no more classes than there are; choose fewer",
                    classes, per_class, known));
  const int64_t batch_size = classes * per_class;
  std::vector<Indices> batches(size_t((labels.numel() + batch_size - 1) / batch_size));
  for (Indices& batch : batches) {
    const Indices chosen = shuffle_of(known, generator);
    for (int64_t c = 0; c < classes; ++c) decks[size_t(chosen[size_t(c)])].deal(per_class, batch);
  }
  return batches;
}

}  // namespace gradus
