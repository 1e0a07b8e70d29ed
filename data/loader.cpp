#include "gradus/data/loader.h"

#include <fmt/core.h>

#include "gradus/core/error.h"
#include "gradus/data/sampler.h"

namespace gradus {

Loader::Loader(Dataset data, LoaderOptions options) : data_(std::move(data)) {
  if (options.batch_size < 1)
    throw ParamError(fmt::format("Loader: got a batch size of {}, wanted at least 1; try 64", options.batch_size));
  const int64_t n = data_.size();
  if (options.shuffle)
    sampler_ = [=](int64_t epoch) {
      return shuffled_batches(n, options.batch_size, options.drop_last, options.seed, epoch);
    };
  else sampler_ = [=](int64_t) { return ordered_batches(n, options.batch_size, options.drop_last); };
}

}  // namespace gradus
