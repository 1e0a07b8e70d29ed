// Loader: the batches of a data set, epoch by epoch.
//
//   for (int64_t epoch = 0; epoch < epochs; ++epoch)
//     for (const Dataset& batch : loader.epoch(epoch)) use(batch["features"], batch["labels"]);
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "gradus/core/random.h"
#include "gradus/data/dataset.h"
#include "gradus/data/prefetch.h"

namespace gradus {

struct LoaderOptions {
  int64_t batch_size = 64;
  bool shuffle = true;
  bool drop_last = false;  // leave out a last batch that is smaller
  uint64_t seed = 0;
  /// What becomes of each batch, such as random_shift of its images. The generator's numbers depend on the seed, the
  /// epoch and the batch alone; with workers, several threads call it at once.
  std::function<Dataset(const Dataset& batch, Generator& generator)> transform = {};
  int workers = 0;    // threads that prepare batches ahead; without one a batch is prepared when it is reached
  int64_t ahead = 2;  // how many batches ahead, for each of them
};

class Loader {
 public:
  /// Which samples stand in which batch of an epoch.
  using Sampler = std::function<std::vector<Indices>(int64_t epoch)>;

  /// Throws ParamError unless batch_size >= 1, 0 <= workers <= 1024 and ahead >= 1. What is prepared does not depend on
  /// workers.
  explicit Loader(Dataset data, LoaderOptions options = {});
  /// The same with batches of your own, whatever the options say of them.
  Loader(Dataset data, Sampler sampler, LoaderOptions options = {});

  // The batches of one epoch; each is copied together when it is reached, or before by a worker.
  class Epoch {
   public:
    class Iterator {
     public:
      Iterator(const Epoch& epoch, size_t at);
      /// Throws what the transform threw for this batch, by whichever thread.
      Dataset operator*() const { return prefetch_ ? prefetch_->take(at_) : epoch_.prepared(at_); }
      Iterator& operator++() {
        ++at_;
        return *this;
      }
      bool operator!=(const Iterator& other) const { return at_ != other.at_; }

     private:
      const Epoch& epoch_;
      size_t at_;
      std::shared_ptr<Prefetch> prefetch_;  // ends with the last iterator that shares it
    };
    Iterator begin() const { return {*this, 0}; }
    Iterator end() const { return {*this, batches_.size()}; }
    size_t size() const { return batches_.size(); }

   private:
    friend class Loader;
    Epoch(const Loader& loader, int64_t number);
    Dataset prepared(size_t batch) const;

    Dataset data_;
    LoaderOptions options_;
    int64_t number_;
    std::vector<Indices> batches_;
  };

  /// The batches of epoch `number`; the same for the same seed, whatever came before.
  Epoch epoch(int64_t number) const { return {*this, number}; }
  const Dataset& data() const { return data_; }

 private:
  Dataset data_;
  LoaderOptions options_;
  Sampler sampler_;
};

}  // namespace gradus
