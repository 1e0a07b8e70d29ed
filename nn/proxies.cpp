#include "gradus/nn/proxies.h"

#include <fmt/core.h>

#include <cmath>

#include "gradus/core/error.h"
#include "gradus/nn/init.h"

namespace gradus {

WithProxies::WithProxies(std::shared_ptr<Module> inner, int64_t classes, int64_t width, Generator& generator)
    : inner_(std::move(inner)) {
  if (classes < 1 || width < 1)
    throw ParamError(
        fmt::format("WithProxies: got {} classes and a width of {}, wanted at least one of each; give the "
                    "numbers of the data and of the embedding",
                    classes, width));
  proxies_ = Tensor({classes, width});
  init::normal(proxies_, 0, 1 / std::sqrt(double(width)), generator);
  proxies_.requires_grad(true);
}

}  // namespace gradus
