// Miners: which pairs and triplets of a batch a metric loss is computed on.  They look at distances and labels and give
// positions; no gradient flows through them.  Of equal distances the lowest position is taken.
//
//   const Tensor d = cdist(embedded, embedded, {});
//   const Triplets t = mine_triplets(d, labels, Hardness::semi_hard, 0.2);
//   loss = triplet_margin_loss(index_select(embedded, 0, t.anchor), …
#pragma once
#include <cstdint>

#include "gradus/core/tensor.h"

namespace gradus {

/// Positions in the batch, int64 (M) each, sorted by anchor, positive, negative; M may be 0.
struct Triplets {
  Tensor anchor, positive, negative;
};
/// Positions of pairs (M): of one label, and of two.
struct Pairs {
  Tensor anchor, positive;        // each ordered pair of one label
  Tensor other_anchor, negative;  // each ordered pair of two labels
};

/// Where the negative stands, seen from the anchor: at random distance; nearer than the positive; farther, but within
/// the margin; or beyond it, where the loss is 0 already.
enum class Hardness : uint8_t { all, hard, semi_hard, easy };

/// All triplets of that hardness: d(a, n) < d(a, p) is hard, d(a, p) <= d(a, n) < d(a, p) + margin is semi-hard, the
/// rest is easy. distances (N,N), labels int64 (N). Throws ShapeError or DtypeError where they are not.
Triplets mine_triplets(const Tensor& distances, const Tensor& labels, Hardness hardness = Hardness::all,
                       double margin = 0.2);

/// One triplet an anchor: its farthest positive and its nearest negative. Anchors that lack one are left out.
Triplets batch_hard_triplets(const Tensor& distances, const Tensor& labels);

/// One triplet an anchor: its nearest positive, and its nearest negative of that hardness to it; where there is none,
/// the nearest negative of all.
Triplets easy_positive_triplets(const Tensor& distances, const Tensor& labels, Hardness negative = Hardness::semi_hard,
                                double margin = 0.2);

/// Positive pairs farther apart than pos_margin and negative pairs nearer than neg_margin; the defaults take all.
Pairs mine_pairs(const Tensor& distances, const Tensor& labels, double pos_margin = -1, double neg_margin = 1e300);

}  // namespace gradus
