// The convolutions that are proven: against plain loops, and their gradients by certificate.
#pragma once
#include "gradus/ops/conv.h"

namespace gradus {

struct ConvCase {
  Shape x, w;
  Conv2dOptions options;
};

inline const ConvCase conv_cases[] = {
    {{2, 3, 5, 6}, {4, 3, 3, 3}, {}},
    {{1, 1, 4, 4}, {1, 1, 1, 1}, {}},
    {{2, 4, 5, 5}, {6, 4, 1, 1}, {}},
    {{2, 4, 5, 5}, {6, 4, 1, 1}, {.stride = 2}},
    {{2, 2, 7, 6}, {3, 2, 3, 2}, {.stride = {2, 1}, .padding = {1, 2}}},
    {{1, 2, 8, 9}, {2, 2, 3, 3}, {.stride = 2, .padding = 2, .dilation = {2, 3}}},
    {{2, 4, 5, 4}, {6, 2, 3, 3}, {.padding = 1, .groups = 2}},
    {{2, 3, 5, 5}, {3, 1, 3, 3}, {.stride = 3, .padding = 1, .groups = 3}},
    {{1, 2, 2, 2}, {2, 2, 5, 5}, {.padding = 3}},
    {{3, 2, 4, 4}, {2, 2, 4, 4}, {}},
    {{0, 2, 4, 4}, {2, 2, 3, 3}, {}},
};

}  // namespace gradus
