#include "gradus/data/loader.h"

#include <fmt/core.h>

#include "gradus/core/error.h"
#include "gradus/data/sampler.h"

namespace gradus {
namespace {

constexpr int most_workers = 1024;

// The streams of a batch's transform: apart from those of the order, and from those of every other batch.
uint64_t first_stream(int64_t epoch, size_t batch) {
  return uint64_t{1} << 62 | uint64_t(epoch) << 36 | uint64_t(batch) << 12;
}

Loader::Sampler sampler_of(int64_t n, const LoaderOptions& o) {
  if (o.batch_size < 1)
    throw ParamError(fmt::format("Loader: got a batch size of {}, wanted at least 1; try 64", o.batch_size));
  if (!o.shuffle) return [=](int64_t) { return ordered_batches(n, o.batch_size, o.drop_last); };
  return [=](int64_t epoch) { return shuffled_batches(n, o.batch_size, o.drop_last, o.seed, epoch); };
}

}  // namespace

Loader::Loader(Dataset data, LoaderOptions options) : Loader(data, sampler_of(data.size(), options), options) {}

Loader::Loader(Dataset data, Sampler sampler, LoaderOptions options)
    : data_(std::move(data)), options_(std::move(options)), sampler_(std::move(sampler)) {
  if (options_.workers < 0 || options_.workers > most_workers)
    throw ParamError(fmt::format("Loader: got {} workers, wanted 0 to {}; try 2", options_.workers, most_workers));
  if (options_.ahead < 1)
    throw ParamError(fmt::format("Loader: got {} batches ahead, wanted at least 1; try 2", options_.ahead));
}

Loader::Epoch::Epoch(const Loader& loader, int64_t number)
    : data_(loader.data_), options_(loader.options_), number_(number), batches_(loader.sampler_(number)) {}

Dataset Loader::Epoch::prepared(size_t batch) const {
  const Dataset rows = data_.rows(batches_[batch]);
  if (!options_.transform) return rows;
  Generator generator(options_.seed, first_stream(number_, batch));
  return options_.transform(rows, generator);
}

Loader::Epoch::Iterator::Iterator(const Epoch& epoch, size_t at) : epoch_(epoch), at_(at) {
  if (epoch.options_.workers > 0 && at < epoch.size())
    prefetch_ = std::make_shared<Prefetch>([&epoch](size_t batch) { return epoch.prepared(batch); }, at, epoch.size(),
                                           epoch.options_.workers, size_t(epoch.options_.ahead));
}

}  // namespace gradus
