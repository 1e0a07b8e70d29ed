// Loader: the batches of a data set, epoch by epoch.
//
//   for (int64_t epoch = 0; epoch < epochs; ++epoch)
//     for (const Dataset& batch : loader.epoch(epoch)) use(batch["features"], batch["labels"]);
#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "gradus/data/dataset.h"

namespace gradus {

struct LoaderOptions {
  int64_t batch_size = 64;
  bool shuffle = true;
  bool drop_last = false;  // leave out a last batch that is smaller
  uint64_t seed = 0;
};

class Loader {
 public:
  /// Which samples stand in which batch of an epoch.
  using Sampler = std::function<std::vector<Indices>(int64_t epoch)>;

  /// Throws ParamError unless batch_size >= 1.
  explicit Loader(Dataset data, LoaderOptions options = {});
  Loader(Dataset data, Sampler sampler) : data_(std::move(data)), sampler_(std::move(sampler)) {}

  // The batches of one epoch; each is copied together when it is reached.
  class Epoch {
   public:
    class Iterator {
     public:
      Iterator(const Epoch& epoch, size_t at) : epoch_(epoch), at_(at) {}
      Dataset operator*() const { return epoch_.data_.rows(epoch_.batches_[at_]); }
      Iterator& operator++() {
        ++at_;
        return *this;
      }
      bool operator!=(const Iterator& other) const { return at_ != other.at_; }

     private:
      const Epoch& epoch_;
      size_t at_;
    };
    Epoch(Dataset data, std::vector<Indices> batches) : data_(std::move(data)), batches_(std::move(batches)) {}
    Iterator begin() const { return {*this, 0}; }
    Iterator end() const { return {*this, batches_.size()}; }
    size_t size() const { return batches_.size(); }

   private:
    Dataset data_;
    std::vector<Indices> batches_;
  };

  /// The batches of epoch `number`; the same for the same seed, whatever came before.
  Epoch epoch(int64_t number) const { return {data_, sampler_(number)}; }
  const Dataset& data() const { return data_; }

 private:
  Dataset data_;
  Sampler sampler_;
};

}  // namespace gradus
