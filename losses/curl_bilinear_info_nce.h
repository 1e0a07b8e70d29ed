// CURL: InfoNCE by a bilinear form that is learned, against keys that are not.
#pragma once
#include "gradus/core/pairs.h"

namespace gradus {

struct CurlBilinearInfoNce {
  static constexpr Input<CurlBilinearInfoNce> inputs[] = {array("query", "ND"), constant(array("key", "NE")),
                                                          array("weight", "DE")};
  static constexpr const char* result = "N";

  static constexpr About about = {
      .name = "curl_bilinear_info_nce",
      .family = "contrastive",
      .summary =
          "Each query is to find its own key in the batch by a bilinear form; the keys come from a momentum encoder "
          "and stay.",
      .formula = "s_ij = q_i·W k_j;  logΣexp_j s_ij - s_ii",
      .gradient = "G = softmax_j s_ij - [j = i];  to the query G k Wᵀ, to the weight qᵀ G k, to the key none",
      .edges = "a single row has nothing to be told from: 0",
      .paper =
          "M. Laskin, A. Srinivas, P. Abbeel, CURL: Contrastive Unsupervised Representations for Reinforcement "
          "Learning, 2020",
      .aliases = "CURL",
      .kind = "pairs",
  };
  static constexpr Example examples[] = {
      {R"({"query": [[1.0, 0.0], [0.0, 1.0]], "key": [[1.0], [3.0]], "weight": [[1.0], [-1.0]]})", 2.1269280110429727,
       "by hand: the scores are (1, 3) and (-1, -3), so 2 + log(1 + exp(-2)) of both rows"},
  };

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const Projected<T> query(c, Rows<T>(c, 0), 2);
    in_batch(c, query.rows, Rows<T>(c, 1), T(1.0));
    query.settle(c);
  }
};
inline constexpr Loss<CurlBilinearInfoNce> curl_bilinear_info_nce;

}  // namespace gradus
