// The report of a training: one page that needs nothing else.
#pragma once
#include <string>

#include "gradus/cli/training.h"

namespace gradus {

/// HTML with its style and pictures inside, readable in light and dark: the scores, curves over the epochs, for a
/// classifier the confusion matrix and the hardest samples, for an embedding its picture and false neighbours; the
/// options, versions and hashes. It loads nothing and runs no script.
std::string report_html(const TrainOptions& options, const Data& data, const TrainResult& result);

}  // namespace gradus
