#include "gradus/data/retrieval.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>

#include "gradus/core/error.h"
#include "gradus/data/neighbours.h"

namespace gradus {
namespace {

// What one query contributes.
struct Answer {
  bool counts = false;
  double r_precision = 0, map_at_r = 0;
  int64_t first_hit = 0;  // from 1; 0: none among those asked for
};

Answer answer_of(const Neighbours& nearest, const int64_t* labels, int64_t label, int64_t relevant) {
  Answer a{.counts = true};
  int64_t hits = 0;
  for (int64_t i = 0; i < int64_t(nearest.size()); ++i) {
    if (labels[nearest[size_t(i)]] != label) continue;
    if (a.first_hit == 0) a.first_hit = i + 1;
    if (i < relevant) a.map_at_r += double(++hits) / double(i + 1);
  }
  a.r_precision = double(hits) / double(relevant);
  a.map_at_r /= double(relevant);
  return a;
}

void check(const Tensor& embeddings, const Tensor& labels, const std::vector<int64_t>& recall_at) {
  if (embeddings.rank() < 1 || labels.rank() != 1 || labels.shape()[0] != embeddings.shape()[0])
    throw ShapeError(
        fmt::format("retrieval_scores: embeddings have shape {} and labels {}, wanted (N,...) and (N); pass one label "
                    "a sample",
                    text(embeddings.shape()), text(labels.shape())));
  if (!computes(embeddings.dtype()) || labels.dtype() != Dtype::int64)
    throw DtypeError(fmt::format("retrieval_scores: got {} and labels {}, wanted float32 or float64 and int64; convert",
                                 describe(embeddings), describe(labels)));
  for (int64_t k : recall_at)
    if (k < 1) throw ParamError(fmt::format("retrieval_scores: got recall at {}, wanted at least 1; try 1, 2, 4", k));
}

}  // namespace

RetrievalScores retrieval_scores(const Tensor& embeddings, const Tensor& labels,
                                 const std::vector<int64_t>& recall_at) {
  check(embeddings, labels, recall_at);
  const Tensor d = dense(labels);
  const auto* label = d.data<int64_t>();
  std::map<int64_t, int64_t> sizes;
  for (int64_t i = 0; i < d.numel(); ++i) ++sizes[label[i]];
  const int64_t farthest = recall_at.empty() ? 1 : *std::max_element(recall_at.begin(), recall_at.end());
  const auto relevant = [&](int64_t query) { return sizes.at(label[query]) - 1; };

  std::vector<Answer> answers(static_cast<size_t>(d.numel()));
  for_each_neighbours(
      embeddings, embeddings, Self::left_out, [&](int64_t q) { return std::max(relevant(q), farthest); },
      [&](int64_t q, const Neighbours& nearest) {
        if (relevant(q) > 0) answers[size_t(q)] = answer_of(nearest, label, label[q], relevant(q));
      });

  RetrievalScores scores;
  for (int64_t k : recall_at) scores.recall_at.emplace_back(k, 0);
  for (const Answer& a : answers) {
    if (!a.counts) continue;
    ++scores.queries;
    scores.precision_at_1 += a.first_hit == 1;
    scores.r_precision += a.r_precision;
    scores.map_at_r += a.map_at_r;
    for (auto& [k, recall] : scores.recall_at) recall += a.first_hit != 0 && a.first_hit <= k;
  }
  const double n = double(std::max<int64_t>(scores.queries, 1));
  scores.precision_at_1 /= n, scores.r_precision /= n, scores.map_at_r /= n;
  for (auto& [k, recall] : scores.recall_at) recall /= n;
  return scores;
}

}  // namespace gradus
