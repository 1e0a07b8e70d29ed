#include "gradus/ops/certificate.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <tuple>

#include "gradus/core/error.h"
#include "gradus/ops/certificate_steps.h"
#include "gradus/ops/registry.h"

namespace gradus {
namespace {

constexpr int most_redraws = 4;

uint64_t hash(const std::string& text) {  // FNV-1a: the same samples everywhere
  uint64_t h = 1469598103934665603u;
  for (unsigned char c : text) h = (h ^ c) * 1099511628211u;
  return h;
}

// Everything that is known so far about one loss.
class Certification {
 public:
  Certification(const LossEntry& loss, const CertifyOptions& options) : loss_(loss), options_(options) {
    certificate_.loss = loss.about->name;
  }

  Certificate run() {
    std::vector<LossVariant> variants = variants_of(loss_, options_.seed + hash(certificate_.loss));
    if (options_.brief) keep_one_of_each_formula(variants);
    std::vector<bool> chosen(size_t(loss_.formula_count), false);
    for (size_t v = 0; v < variants.size() && !stopped(); ++v) {
      variant_ = variants[v].name;
      if (loss_.formula_count > 1) variant_ += fmt::format(" (formula {})", variants[v].formula);
      generator_ = Generator(options_.seed + hash(certificate_.loss + variant_));
      LossPoint point(loss_, variants[v]);
      if (!accepts(point)) continue;
      const bool first = !chosen[size_t(variants[v].formula)];
      chosen[size_t(variants[v].formula)] = true;
      if (options_.mutation == Mutation::none) sweep(point, first ? 4 : 1);
      const std::vector<Plan> plans = plans_for(point, first && !options_.brief);
      usual_ = 0;
      for (size_t p = 0; p < plans.size() && !stopped(); ++p)
        check(point, plans[p], reductions_for(plans[p], p + v, p == 0));
      if (options_.mutation != Mutation::none) continue;
      check_float32(point, first && !options_.brief);
      if (first) check_degenerate(point);
    }
    for (size_t i = 0; i < chosen.size() && !stopped(); ++i)
      if (!chosen[i]) certificate_.failures.push_back(fmt::format("formula {} is never chosen", i));
    if (options_.mutation == Mutation::none && !options_.brief) account_for_visits(variants);
    conclude();
    return std::move(certificate_);
  }

 private:
  static void keep_one_of_each_formula(std::vector<LossVariant>& variants) {
    std::vector<int> seen;
    std::erase_if(variants, [&](const LossVariant& v) {
      if (std::find(seen.begin(), seen.end(), v.formula) != seen.end()) return true;
      seen.push_back(v.formula);
      return false;
    });
  }

  bool stopped() const { return options_.stop_at_failure && !certificate_.failures.empty(); }

  // A variant may be refused, as class_dim = 7 is; that is noted, and only the defaults must be accepted.
  bool accepts(LossPoint& point) {
    try {
      if (!draw_accepted(point, {.style = Style::smooth, .space = space_of(point, 2, 4, 4)}, generator_))
        draw(point, {.style = Style::smooth, .space = space_of(point, 2, 4, 4)}, generator_);
      point.value(point.inputs, Reduction::none);
      return true;
    } catch (const Error& e) {
      certificate_.skipped.push_back(fmt::format("{}: {}", variant_, e.what()));
      return false;
    }
  }

  // ---- what is run where ------------------------------------------------------------------------

  static std::vector<Plan> plans_for(const LossPoint& point, bool thorough) {
    const auto space = [&](int rank, int64_t rows, int64_t columns) { return space_of(point, rank, rows, columns); };
    std::vector<Plan> plans = {
        {.style = Style::smooth, .space = space(2, 9, 3)},
        {.style = Style::ties, .space = space(2, 5, 4)},
        {.style = Style::smooth, .space = space(3, 5, 3), .tensors = false, .strided = true},
    };
    const auto alternating = [&plans] {
      for (size_t i = 0; i < plans.size(); ++i) plans[i].alternative = int(i);
      return plans;
    };
    if (!thorough) return alternating();
    const Plan more[] = {
        {.style = Style::ties, .space = space(1, 3, 7), .tensors = false, .defaults = true},
        {.style = Style::runs, .space = space(2, 9, 3)},
        {.style = Style::saturated, .space = space(2, 6, 4), .strided = true},
        {.style = Style::smooth, .space = space(3, 6, 3), .broadcast = true},
        {.style = Style::ties, .space = space(3, 6, 3), .strided = true},
        {.style = Style::smooth, .space = space(2, 1, 1)},
        {.style = Style::smooth, .space = space(2, 3, 135)},
    };
    plans.insert(plans.end(), std::begin(more), std::end(more));
    return alternating();
  }

  std::vector<Reduction> reductions_for(const Plan& plan, size_t turn, bool all) const {
    if (loss_.about->fixed) return {loss_.about->reduction};
    if (all) return {Reduction::none, Reduction::sum, Reduction::mean, Reduction::batchmean, Reduction::mean_active};
    // The number of active values jumps at a tie, so its mean is differentiable only away from ties.
    const Reduction others[] = {Reduction::mean, Reduction::sum, Reduction::batchmean, Reduction::mean_active};
    return {Reduction::none, others[turn % (plan.style == Style::smooth ? 4 : 3)]};
  }

  // ---- step 0 -----------------------------------------------------------------------------------

  void sweep(LossPoint& point, int rounds) {
    for (int i = 0; i < rounds; ++i)
      for (Style style : {Style::smooth, Style::ties, Style::runs, Style::saturated, Style::infinite})
        for (bool tensors : {true, false}) {
          const bool rows = point.entry().fold || point.entry().block || point.entry().compose;
          const Plan plan{.style = style,
                          .space = rows ? space_of(point, 2, 24, 2 + i) : space_of(point, 1, 64, 4),
                          .tensors = tensors};
          if (draw_accepted(point, plan, generator_)) visit(point, visits_);
        }
  }

  // A Block has no lanes: there a branch cannot go both ways in one pack.
  bool lanes() const { return !loss_.formula(0)->block; }

  std::string missing(const Visit& v) const {
    std::string text;
    const auto add = [&](bool seen, const char* what) {
      if (!seen) text += (text.empty() ? "never " : ", never ") + std::string(what);
    };
    add(v.seen_true, "true"), add(v.seen_false, "false"), add(v.seen_mixed || !lanes(), "mixed");
    return text;
  }

  bool all_visited() const {
    return std::all_of(visits_.begin(), visits_.end(), [this](const auto& v) { return missing(v.second).empty(); });
  }

  // In a Fold, rows are lanes: a branch on the column's index alone goes one way in all of them, always.  That is what
  // a branch is taken for which went both ways in very many random packs and never parted one.
  bool by_column(const std::vector<LossVariant>& variants, const Visit& v) const {
    const bool folds = std::any_of(variants.begin(), variants.end(),
                                   [&](const LossVariant& variant) { return loss_.formula(variant.formula)->fold; });
    return folds && v.seen_true && v.seen_false && !v.seen_mixed;
  }

  void account_for_visits(const std::vector<LossVariant>& variants) {
    constexpr int more_rounds = 10;  // for branches that random samples seldom take
    for (int i = 0; i < more_rounds && !all_visited(); ++i) {
      std::vector<LossVariant> more = variants_of(loss_, options_.seed + uint64_t(i) + 1);  // options mixed anew
      more.insert(more.end(), variants.begin(), variants.end());
      for (const LossVariant& v : more) {
        LossPoint point(loss_, v);
        try {
          sweep(point, 1);
        } catch (const Error&) {  // a variant that is refused was noted before
        }
      }
    }
    certificate_.sites = int64_t(visits_.size());
    for (const auto& [site, visit] : visits_)
      if (by_column(variants, visit)) certificate_.uniform.push_back(to_string(site));
      else if (const std::string what = missing(visit); !what.empty())
        certificate_.unvisited.push_back(to_string(site) + ": " + what);
    certificate_.rows.push_back({"all", "", "", 0, certificate_.sites, 0});
  }

  // ---- steps 1 to 4 -----------------------------------------------------------------------------

  struct Done {
    Reduction reduction;
    Report differences;
    StepResult duals;
  };

  void check(LossPoint& point, const Plan& plan, const std::vector<Reduction>& reductions) {
    for (int attempt = 0;; ++attempt) {
      if (!draw_finite(point, plan, generator_)) {
        if (draw_accepted(point, plan, generator_)) fail(plan, "none", 1, "no sample has finite values");
        else certificate_.skipped.push_back(fmt::format("{}, {}: every sample is refused", variant_, to_string(plan)));
        return;
      }
      std::vector<Done> results;
      // One element by itself may cancel to nothing, as 1 - cos does.
      for (double v : point.value(point.inputs, Reduction::none).to_vector()) usual_ = std::max(usual_, std::abs(v));
      bool told = true;
      for (Reduction r : reductions) {
        results.push_back(check_reduction(point, plan, r));
        told = told && results.back().differences.inconclusive == 0;
        if (!told && attempt < most_redraws) break;
      }
      if (!told && attempt < most_redraws) {
        ++certificate_.redrawn;
        continue;
      }
      for (const Done& d : results) enter(point, plan, d);
      return;
    }
  }

  Done check_reduction(const LossPoint& point, const Plan& plan, Reduction reduction) {
    const int64_t most = plan.space.numel() > 100 ? 12 : 0;
    const bool alone = plan.broadcast;
    const PointCheck at(point, reduction, alone, options_.mutation, generator_.next_stream() + options_.seed,
                        plan.space.numel() == 1 ? usual_ : 0, visits_, &certificate_.mutated);
    Done done{reduction, {}, {}};
    if (at.empty()) return done;
    // Where a part is frozen by definition, the gradient is not the derivative of the value; dual numbers freeze it
    // too.
    if (!*loss_.about->frozen)
      done.differences =
          at.differences(plan.style == Style::smooth || plan.style == Style::saturated, most, options_.stop_at_failure);
    if (done.differences.trouble.empty()) done.duals = at.duals(done.differences, most);
    return done;
  }

  void enter(const LossPoint& point, const Plan& plan, const Done& d) {
    const std::string reduction = name_of(d.reduction);
    const Report& r = d.differences;
    certificate_.inconclusive += r.inconclusive;
    certificate_.excluded += r.excluded;
    certificate_.kinks += int64_t(r.kinks.size());
    for (size_t k = 0; k < r.inputs.size(); ++k) {
      const Tally& t = r.inputs[k];
      const std::string input = point.facts(int(k)).name;
      count(reduction, input, 1, t.points, t.worst);
      count(reduction, input, 3, t.second_order, t.worst_second_order);
      count(reduction, input, 4, t.one_sided, t.worst_one_sided);
    }
    for (const Agreement& a : d.duals.inputs) count(reduction, point.facts(a.input).name, 2, a.cases, a.worst);
    if (r.failures || !r.trouble.empty())
      fail(plan, reduction, r.failure && r.failure->second_order ? 3 : 1, to_string(r));
    if (d.duals.failure) fail(plan, reduction, 2, *d.duals.failure);
    if (!r.kinks.empty() && !*loss_.about->kinks) {
      const Kink& kink = r.kinks[0];
      fail(plan, reduction, 4,
           fmt::format("an undeclared kink: {} element {}, slope {:g} below and {:g} above",
                       point.facts(kink.input).name, kink.element, kink.below, kink.above));
    }
  }

  // ---- steps 5 and 6 ----------------------------------------------------------------------------

  void check_float32(LossPoint& point, bool thorough) {
    const auto plan = [&](Style style, int rank, int64_t rows, int64_t columns, bool strided) {
      return Plan{
          .style = style, .space = space_of(point, rank, rows, columns), .strided = strided, .dtype = Dtype::float32};
    };
    std::vector<Plan> plans = {plan(Style::smooth, 2, 9, 3, false), plan(Style::ties, 3, 5, 3, true)};
    if (thorough) {
      plans.push_back(plan(Style::saturated, 2, 6, 4, false));
      plans.push_back(plan(Style::smooth, 2, 3, 135, false));
      const bool all_pairs =
          std::string_view(loss_.about->family) == "ranking";  // of a row's entries: its square in time
      plans.push_back(plan(Style::smooth, 2, 5, all_pairs ? 515 : 4099, false));
    }
    for (size_t p = 0; p < plans.size(); ++p) {
      if (!draw_finite(point, plans[p], generator_)) {
        if (draw_accepted(point, plans[p], generator_)) fail(plans[p], "none", 5, "no sample has finite values");
        continue;
      }
      std::vector<Reduction> reductions = {Reduction::none, p % 2 ? Reduction::sum : Reduction::mean};
      if (loss_.about->fixed) reductions = {loss_.about->reduction};
      for (Reduction r : reductions) {
        const StepResult result = compare_float32(point, r, generator_.next_stream());
        for (const Agreement& a : result.inputs) count(name_of(r), point.facts(a.input).name, 5, a.cases, a.worst);
        if (result.failure) fail(plans[p], name_of(r), 5, *result.failure);
      }
    }
  }

  void check_degenerate(LossPoint& point) {
    int64_t cases = 0;
    for (Dtype dtype : {Dtype::float64, Dtype::float32})
      for (auto check : {check_nothing, check_extremes}) {
        ++cases;
        if (const auto wrong = check(point, dtype, generator_))
          certificate_.failures.push_back(fmt::format("step 6 at {}: {}", variant_, *wrong));
      }
    count("", "", 6, cases, 0);
  }

  void count(const std::string& reduction, const std::string& input, int step, int64_t cases, double worst) {
    if (cases == 0) return;
    const auto same = std::find_if(certificate_.rows.begin(), certificate_.rows.end(), [&](const CertificateRow& row) {
      return row.step == step && row.input == input && row.reduction == reduction && row.variant == variant_;
    });
    if (same == certificate_.rows.end()) certificate_.rows.push_back({variant_, reduction, input, step, cases, worst});
    else same->cases += cases, same->worst = std::max(same->worst, worst);
  }

  void fail(const Plan& plan, const std::string& reduction, int step, const std::string& what) {
    certificate_.failures.push_back(
        fmt::format("step {} at {}, {}, {}: {}", step, variant_, reduction, to_string(plan), what));
  }

  void conclude() {
    certificate_.complete = certificate_.failures.empty() && certificate_.unvisited.empty() &&
                            certificate_.inconclusive == 0 && !certificate_.rows.empty();
    std::stable_sort(certificate_.rows.begin(), certificate_.rows.end(),
                     [](const CertificateRow& a, const CertificateRow& b) {
                       return std::tie(a.step, a.variant, a.reduction) < std::tie(b.step, b.variant, b.reduction);
                     });
  }

  const LossEntry& loss_;
  const CertifyOptions& options_;
  Generator generator_;
  std::string variant_;
  double usual_ = 0;  // the largest value of this variant so far
  Visits visits_;
  Certificate certificate_;
};

}  // namespace

Certificate certify(const LossEntry& loss, const CertifyOptions& options) { return Certification(loss, options).run(); }

std::string to_string(const Certificate& c, bool verbose) {
  std::string text = fmt::format("{}: {}\n", c.loss, c.complete ? "complete" : "INCOMPLETE");
  for (int step = 0; step < 7; ++step) {
    int64_t cases = 0;
    double worst = 0;
    for (const CertificateRow& row : c.rows)
      if (row.step == step) cases += row.cases, worst = std::max(worst, row.worst);
    if (cases == 0) continue;
    text += fmt::format("  {} {:<22} {:>7} cases", step, certificate_steps[step], cases);
    text += step == 0 || step == 6 ? "\n" : fmt::format(", worst {:.1e}\n", worst);
  }
  text += fmt::format("  {} kinks, {} excluded, {} redrawn, {} inconclusive\n", c.kinks, c.excluded, c.redrawn,
                      c.inconclusive);
  for (const std::string& u : c.unvisited) text += "  unvisited " + u + "\n";
  const size_t shown = verbose ? c.failures.size() : std::min<size_t>(c.failures.size(), 5);
  for (size_t i = 0; i < shown; ++i) text += "  FAILED " + c.failures[i] + "\n";
  if (shown < c.failures.size()) text += fmt::format("  … and {} more failures\n", c.failures.size() - shown);
  if (!verbose) return text;
  for (const std::string& s : c.uniform) text += "  decided by the column alone " + s + "\n";
  for (const std::string& s : c.skipped) text += "  skipped " + s + "\n";
  for (const CertificateRow& row : c.rows)
    text += fmt::format("    step {} {:<28} {:<12} {:<12} {:>6} cases, worst {:.1e}\n", row.step, row.variant,
                        row.reduction, row.input, row.cases, row.worst);
  return text;
}

}  // namespace gradus
