#include "gradus/cli/embedding_picture.h"

#include <fmt/core.h>

#include "gradus/data/pca.h"
#include "gradus/data/scatter_svg.h"

namespace gradus {

std::string embedding_svg(const Tensor& embedded, const Tensor& labels) {
  const PrincipalComponents p = principal_components(embedded);
  const auto axis = [&](size_t k) {
    return fmt::format("component {}: {:.0f} % of the variance", k + 1, 100 * p.explained[k]);
  };
  return scatter_svg(p.coordinates, labels,
                     {fmt::format("Embedding of {} test samples", labels.numel()), axis(0), axis(1)});
}

}  // namespace gradus
