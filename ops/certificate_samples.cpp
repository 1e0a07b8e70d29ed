#include "gradus/ops/certificate_samples.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "gradus/core/error.h"
#include "gradus/ops/dims.h"
#include "gradus/ops/registry.h"

namespace gradus {
namespace {

constexpr int64_t run_length = 4;  // lanes of the numbers that trace

double uniform(Generator& generator, double low, double high) {
  double x;
  fill_uniform(&x, 1, low, high, generator);
  return x;
}
double normal(Generator& generator) {
  double x;
  fill_normal(&x, 1, 0.0, 1.0, generator);
  return x;
}
int64_t integer(Generator& generator, int64_t high) {
  int64_t x;
  fill_integers(&x, 1, 0, high, generator);
  return x;
}
double pick(const std::vector<double>& from, Generator& generator) {
  return from[size_t(integer(generator, int64_t(from.size())))];
}

bool inside(double x, const Range& r) {
  return x >= r.low && x <= r.high && !(r.open_low && x == r.low) && !(r.open_high && x == r.high);
}
std::vector<double> inside(std::vector<double> values, const Range& r) {
  std::erase_if(values, [&](double x) { return !inside(x, r); });
  return values;
}

// A grid within the range, with its ends where they belong to it.
std::vector<double> grid(const Range& r) {
  if (r.only_ends) return {r.low, r.high};
  if (std::isfinite(r.low) && std::isfinite(r.high)) {
    const double w = r.high - r.low;
    return inside({r.low, r.low + w / 4, r.low + w / 2, r.low + w * 3 / 4, r.high}, r);
  }
  const std::vector<double> wide = inside({-2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2}, r);
  if (wide.size() > 1) return wide;
  return std::isfinite(r.low) ? inside({r.low, r.low + 0.5, r.low + 1, r.low + 2}, r)
                              : inside({r.high, r.high - 0.5, r.high - 1, r.high - 2}, r);
}

double spread(const Range& r, Generator& generator) {
  if (r.only_ends) return uniform(generator, 0, 1) < 0.2 ? r.low : r.high;  // of a mask, most is kept
  if (std::isfinite(r.low) && std::isfinite(r.high)) return r.low + (r.high - r.low) * uniform(generator, 0.05, 0.95);
  if (std::isfinite(r.low)) return r.low + std::exp(0.7 * normal(generator));
  if (std::isfinite(r.high)) return r.high - std::exp(0.7 * normal(generator));
  return 1.5 * normal(generator);
}

double saturating(const Range& r, Generator& generator) {
  if (r.only_ends) return spread(r, generator);
  if (std::isfinite(r.low) && std::isfinite(r.high))
    return r.low +
           (r.high - r.low) * pick({1e-3, 0.01, 0.3, 0.7, 0.99, 1 - 1e-3}, generator) * uniform(generator, 0.999, 1);
  const double size = pick({0.05, 0.5, 2, 20}, generator) * uniform(generator, 0.8, 1.2);
  if (std::isfinite(r.low)) return r.low + size;
  if (std::isfinite(r.high)) return r.high - size;
  return uniform(generator, 0, 1) < 0.5 ? size : -size;
}

double extreme(const Range& r, Generator& generator, bool infinite) {
  constexpr double inf = range::inf;
  if (r.only_ends) return spread(r, generator);
  if (infinite && uniform(generator, 0, 1) < 0.2)
    if (const std::vector<double> ends = inside({-inf, inf}, r); !ends.empty()) return pick(ends, generator);
  std::vector<double> values = {-1e4, -1, -1e-30, 0, 1e-30, 0.5, 1, 1e4};
  if (std::isfinite(r.low)) values.push_back(r.low);
  if (std::isfinite(r.high)) values.push_back(r.high);
  return pick(inside(values, r), generator);
}

double one_value(Style style, const Range& r, Generator& generator) {
  switch (style) {
    case Style::smooth: return spread(r, generator);
    case Style::saturated: return saturating(r, generator);
    case Style::extreme: return extreme(r, generator, false);
    case Style::infinite: return extreme(r, generator, true);
    default: return r.only_ends ? (uniform(generator, 0, 1) < 0.3 ? r.low : r.high) : pick(grid(r), generator);
  }
}

// The values that are tried for an option, beside its default.
std::vector<double> values_of(const OptionFacts& o) {
  if (o.tolerance) return {};
  switch (o.kind) {
    case OptionFacts::flag: return {0, 1};
    case OptionFacts::choice: {
      std::vector<double> all(static_cast<size_t>(o.choice_count));
      std::iota(all.begin(), all.end(), 0.0);
      return all;
    }
    case OptionFacts::integer: return inside({0, 1, 2, -1}, o.range);
    default: break;
  }
  const Range& r = o.range;
  if (std::isfinite(r.low) && std::isfinite(r.high))
    return inside({r.low, r.low + 0.1 * (r.high - r.low), r.low + 0.5 * (r.high - r.low)}, r);
  if (bounded(r)) return inside({0, 0.3, 1, 2, 3}, r);
  return {-0.7, 0, 0.4, 2};
}

// An option whose default is outside its own range must be given, as a number of classes.
constexpr double required_count = 6;
bool is_required(const OptionFacts& o, double usual) {
  return o.kind == OptionFacts::integer && !inside(usual, o.range);
}

bool takes_labels(const FormulaEntry& f) {
  for (int k = 0; k < f.inputs; ++k)
    if (f.input(k)->label) return true;
  return false;
}

std::string word(const OptionFacts& o, double x) {
  if (o.kind == OptionFacts::choice) return fmt::format("{}={}", o.name, o.choices[int(x)]);
  return std::isnan(x) ? fmt::format("{}=none", o.name) : fmt::format("{}={:g}", o.name, x);
}

// ---- shapes and tensors -------------------------------------------------------------------------

// A tensor of this shape that is not dense: its dimensions lie in reversed order, with gaps.
Tensor strided_tensor(const Shape& shape, Dtype dtype) {
  Shape strides = shape;
  int64_t step = 2;
  for (int d = 0; d < shape.rank(); ++d) {
    strides[d] = step;
    step *= std::max<int64_t>(1, shape[d]);
  }
  return Tensor({std::max<int64_t>(1, step)}, dtype).alias(shape, strides);
}

Tensor filled(const std::vector<double>& values, const Shape& shape, bool strided, Dtype dtype) {
  Tensor from(shape, Dtype::float64);
  std::copy(values.begin(), values.end(), from.mutable_data<double>());
  Tensor to = strided ? strided_tensor(shape, dtype) : Tensor(shape, dtype);
  copy_elements(from, to);
  return to;
}

// Are its inputs shaped by their dims, as those of Blocks and compositions?
bool by_dims(const FormulaEntry& f) { return f.block || f.compose; }

Dims dims_of(const LossPoint& point, int k, const Plan& plan) {
  const std::vector<Dims> all = alternatives(point.facts(k).dims);
  return all[size_t(plan.alternative) % all.size()];
}

// The extents of the letters, for a space of rows × columns: small, and no two alike.
Extents extents_for(const LossPoint& point, const Plan& plan) {
  const Shape& space = plan.space;
  Extents extents;
  std::fill(std::begin(extents.of), std::end(extents.of), int64_t(-1));
  std::string letters;
  bool batched = false;
  for (int k = 0; k < point.entry().inputs; ++k) {
    const Dims d = dims_of(point, k, plan);
    batched |= d.batch_at >= 0;
    for (char c : d.letters)
      if (letters.find(c) == std::string::npos) letters += c;
  }
  const int64_t columns = space.rank() ? space.back() : 1,
                rows = space.rank() > 1 ? space.numel() / std::max<int64_t>(1, columns) : 1;
  const int64_t few = letters.size() > 1 ? std::min<int64_t>(columns, 4) : columns;
  const std::vector<int64_t> sizes =
      batched ? std::vector<int64_t>{few, few + 1, 2, 3} : std::vector<int64_t>{std::min<int64_t>(rows, 7), few, 4, 2};
  for (size_t i = 0; i < letters.size(); ++i) extents[letters[i]] = sizes[std::min<size_t>(i, 3)];
  if (batched && letters.find('N') != std::string::npos) extents['N'] = rows;
  if (point.entry().deduce) point.entry().deduce(point.formula(), extents);
  return extents;
}

Shape block_shape(const LossPoint& point, int k, const Plan& plan) {
  const Dims d = dims_of(point, k, plan);
  const Extents extents = extents_for(point, plan);
  Shape batch = plan.space;
  if (batch.rank()) batch.erase(batch.rank() - 1);
  Shape shape;
  const bool moves = d.batch_at == 0 && d.letters.size() == 1;
  for (size_t i = 0; i <= d.letters.size(); ++i) {
    if (d.batch_at == int(i))
      for (int64_t e : batch) shape.push_back(e);
    if (i < d.letters.size() && !moves) shape.push_back(extents[d.letters[i]] + d.plus[i]);
  }
  if (moves) shape.insert(point.class_axis(shape.rank() + 1), extents[d.letters[0]] + d.plus[0]);
  return shape;
}

Shape shape_of(const LossPoint& point, int k, const Plan& plan, int axis) {
  if (by_dims(point.entry())) return block_shape(point, k, plan);
  Shape shape = plan.space;
  switch (point.facts(k).role) {
    case Role::element: break;
    case Role::row:
      if (point.entry().fold) shape.erase(axis);
      break;
    case Role::column: return {plan.space[axis]};
    default: return {};
  }
  if (plan.broadcast && point.is_param(k) && shape.rank() > 0) {
    if (shape.rank() > 1) shape.erase(0);
    else shape[0] = 1;
  }
  return shape;
}

}  // namespace

const char* name_of(Style s) {
  constexpr const char* names[] = {"smooth", "ties", "runs", "saturated", "extreme", "infinite"};
  return names[int(s)];
}

std::string to_string(const Plan& p) {
  return fmt::format("{} {} {}{}{}{}", name_of(p.style), name_of(p.dtype), text(p.space), p.strided ? " strided" : "",
                     p.broadcast ? " broadcast" : "",
                     p.tensors    ? ""
                     : p.defaults ? " default parameters"
                                  : " numbers");
}

std::vector<LossVariant> variants_of(const LossEntry& loss, uint64_t seed) {
  const FormulaEntry& first = *loss.formula(0);
  const Formula defaults(first, first.construct);
  LossVariant usual{"defaults", {}};
  for (int i = 0; i < first.options; ++i)
    if (is_required(*first.option(i), first.get(defaults.get(), i))) {
      usual.options.emplace_back(i, required_count);
      usual.name += ", " + word(*first.option(i), required_count);
    }
  std::vector<LossVariant> options{usual};
  std::vector<std::pair<int, std::vector<double>>> choices;
  for (int i = 0; i < first.options; ++i) {
    const OptionFacts& o = *first.option(i);
    std::vector<double> values = values_of(o);
    std::erase(values, first.get(defaults.get(), i));
    for (double x : values) {
      options.push_back({word(o, x), usual.options});
      options.back().options.emplace_back(i, x);  // the last one holds
    }
    if (!values.empty()) choices.emplace_back(i, std::move(values));
  }
  Generator generator(seed);
  for (int mix = 0; choices.size() > 1 && mix < 3; ++mix) {
    LossVariant v{"", usual.options};
    for (const auto& [i, values] : choices) {
      v.options.emplace_back(i, pick(values, generator));
      v.name += (v.name.empty() ? "" : ", ") + word(*first.option(i), v.options.back().second);
    }
    options.push_back(std::move(v));
  }
  const bool labelled = takes_labels(first);
  std::vector<LossVariant> variants;
  for (bool integer_target : {true, false}) {
    if (integer_target && !labelled) continue;
    for (LossVariant v : options) {
      v.integer_target = integer_target;
      Formula primary(first, first.construct);
      for (auto [i, x] : v.options) first.set(primary.get(), i, x);
      std::vector<int> chosen;
      const std::string plain = v.name;
      for (Reduction asked : {loss.about->reduction, Reduction::mean_per_row,
                              Reduction::mean}) {  // a reduction may choose another formula
        v.formula = loss.choose(primary.get(), integer_target, asked);
        v.reduction = asked;
        if (std::find(chosen.begin(), chosen.end(), v.formula) != chosen.end()) continue;
        if (!chosen.empty()) v.name = fmt::format("{}, reduction={}", plain, name_of(asked));
        chosen.push_back(v.formula);
        if (takes_labels(*loss.formula(v.formula)) == integer_target) variants.push_back(v);
      }
    }
  }
  return variants;
}

// ---- a point ------------------------------------------------------------------------------------

LossPoint::LossPoint(const LossEntry& loss, const LossVariant& variant) : loss_(loss) {
  const FormulaEntry& first = *loss.formula(0);
  const Formula primary(first, first.construct);
  for (auto [i, x] : variant.options) first.set(primary.get(), i, x);
  chosen_ = chosen_formula(loss, primary.get(), variant.integer_target, variant.reduction);
  for (int k = 0; k < entry().inputs; ++k)
    defaults_.push_back(is_param(k) ? entry().param(chosen_->get(), k)->number() : 0);
}

double LossPoint::default_number(int k) const { return defaults_[size_t(k)]; }
bool LossPoint::checks_range(int k) const { return bounded(facts(k).range); }

Range LossPoint::range(int k) const {
  Range r = facts(k).range;
  if (!facts(k).to_last_column) return r;
  for (int j = 0; j < entry().inputs; ++j)
    if (facts(j).role == Role::element) {
      const Shape& shape = inputs[size_t(j)].shape();
      r.high = double(shape[class_axis(shape.rank())] - 1);
      break;
    }
  return r;
}

int LossPoint::class_axis(int rank) const {
  if (!entry().fold && !by_dims(entry())) return 0;
  const int64_t axis = entry().class_axis(formula());
  if (axis == 1 && rank == 1) return 0;
  return int(axis < 0 ? axis + rank : axis);
}
int LossPoint::least_rank() const {
  if (entry().compose) return 1;
  if (!entry().fold) return 0;
  if (const int axes = entry().fold_axes(formula()); axes != just_the_class_axis) return std::max(1, axes);
  const int64_t axis = entry().class_axis(formula());
  return axis == 1 ? 1 : int(axis < 0 ? -axis : axis + 1);
}

std::vector<const Tensor*> LossPoint::bind(const std::vector<Tensor>& given) const {
  std::vector<const Tensor*> required;
  for (int k = 0; k < entry().inputs; ++k) {
    if (Param* param = entry().param(chosen_->get(), k))
      *param = given[size_t(k)].defined() ? Param(given[size_t(k)]) : Param(numbers[size_t(k)]);
    else required.push_back(&given[size_t(k)]);
  }
  return required;
}

Tensor LossPoint::value(const std::vector<Tensor>& given, Reduction reduction, Empty empty) const {
  const std::vector<const Tensor*> required = bind(given);
  return apply(*loss_.about, *chosen_, required.data(), int(required.size()), reduction, empty);
}
Tensor LossPoint::derivative(const std::vector<Tensor>& given, Reduction reduction,
                             const std::vector<Tensor>& direction) const {
  const std::vector<const Tensor*> required = bind(given);
  return derivative_along(*loss_.about, *chosen_, required.data(), int(required.size()), reduction, direction);
}

// ---- drawing ------------------------------------------------------------------------------------

namespace {

// One draw of all inputs of a point.
class Drawing {
 public:
  Drawing(LossPoint& point, const Plan& plan, Generator& generator)
      : point_(point), plan_(plan), generator_(generator), axis_(point.class_axis(plan.space.rank())) {
    in_runs_ = plan.style == Style::runs || (plan.style == Style::infinite && uniform(generator, 0, 1) < 0.5);
    if (by_dims(point.entry())) extents_ = extents_for(point, plan);
    if (!point.entry().fold) return;
    columns_ = plan.space[axis_];
    for (int d = axis_ + 1; d < plan.space.rank(); ++d) inner_ *= plan.space[d];
  }

  void run() {
    const size_t n = size_t(point_.entry().inputs);
    point_.inputs.assign(n, Tensor());
    point_.numbers.assign(n, 0.0);
    for (size_t k = 0; k < n; ++k) {
      const InputFacts& facts = point_.facts(int(k));
      // A mask can make a result infinite by itself, which is not what extreme numbers are to show.
      const bool mask = facts.range.only_ends && plan_.style == Style::extreme;
      if (facts.optional && !plan_.tensors) {
        point_.numbers[k] = std::nan("");
        continue;
      }
      if (point_.is_param(int(k)) && !facts.integer && (!plan_.tensors || mask)) {
        const bool usual = plan_.defaults || facts.range.only_ends;  // a mask of one number would leave nothing
        point_.numbers[k] = usual ? point_.default_number(int(k)) : one_value(Style::ties, facts.range, generator_);
        continue;
      }
      const Shape shape = shape_of(point_, int(k), plan_, axis_);
      const bool everywhere = facts.role == Role::element && shape == plan_.space;
      std::vector<double> values = facts.label || facts.integer ? labels(int(k), shape.numel())
                                                                : share(shape.numel(), facts.role, everywhere, [&] {
                                                                    Range range = facts.range;
                                                                    if (facts.to_last_column)
                                                                      range.high = double(columns_ - 1);
                                                                    return one_value(plan_.style, range, generator_);
                                                                  });
      if (point_.entry().make_acceptable)
        point_.entry().make_acceptable(point_.formula(), int(k), values.data(), int64_t(values.size()), extents_);
      if (facts.boxes) {
        order_boxes(values);
        for (size_t i = 0; i + 3 < values.size();
             i += 4)  // at a box without an inside there is only one side to look at
          for (size_t low : {i, i + 1})
            if (values[low] == values[low + 2] && plan_.style != Style::extreme && plan_.style != Style::infinite)
              values[low + 2] += 0.5;
      }
      if (everywhere && (plan_.style == Style::ties || plan_.style == Style::runs)) meet(values, facts.range);
      if (everywhere) earlier_.push_back(values);
      point_.inputs[k] =
          filled(values, shape, plan_.strided, facts.label || facts.integer ? Dtype::int64 : plan_.dtype);
    }
  }

 private:
  int64_t row_of(int64_t element) const { return element / (columns_ * inner_) * inner_ + element % inner_; }
  int64_t column_of(int64_t element) const { return element / inner_ % columns_; }

  // n values; in runs, neighbouring rows (or elements, where there are no rows) share theirs.
  std::vector<double> share(int64_t n, Role role, bool everywhere, auto next) const {
    const bool sharing = in_runs_ && role != Role::column && role != Role::scalar;
    std::map<int64_t, double> drawn;
    std::vector<double> values;
    for (int64_t i = 0; i < n; ++i) {
      int64_t key = i;
      if (sharing) key = everywhere ? row_of(i) / run_length * columns_ + column_of(i) : i / run_length;
      if (!drawn.count(key)) drawn[key] = next();
      values.push_back(drawn[key]);
    }
    return values;
  }

  std::vector<double> labels(int k, int64_t n) const {
    const InputFacts& facts = point_.facts(k);
    const int64_t ignored = point_.entry().ignored_label(point_.formula(), k);
    const int64_t end = facts.below ? extents_[facts.below] + facts.up_to : facts.integer ? 3 : columns_;
    return share(n, Role::row, false, [&] {
      const bool out = ignored != never_ignored && uniform(generator_, 0, 1) < 0.2;
      return double(out ? ignored : integer(generator_, std::max<int64_t>(1, end)));
    });
  }

  // Some rows become those of an earlier input, so that inputs tie with each other.
  void meet(std::vector<double>& values, const Range& range) const {
    if (earlier_.empty()) return;
    std::map<int64_t, const std::vector<double>*> source;
    for (size_t i = 0; i < values.size(); ++i) {
      const int64_t row = row_of(int64_t(i)), key = in_runs_ ? row / run_length : row;
      if (!source.count(key))
        source[key] = uniform(generator_, 0, 1) < 0.3 ? &earlier_[size_t(integer(generator_, int64_t(earlier_.size())))]
                                                      : nullptr;
      if (source[key] && inside((*source[key])[i], range) && !range.only_ends) values[i] = (*source[key])[i];
    }
  }

  LossPoint& point_;
  const Plan& plan_;
  Generator& generator_;
  int axis_;
  bool in_runs_;
  int64_t columns_ = 1, inner_ = 1;
  Extents extents_;
  std::vector<std::vector<double>> earlier_;  // values of the element inputs so far
};

}  // namespace

void order_boxes(std::vector<double>& values) {
  for (size_t i = 0; i + 3 < values.size(); i += 4)
    for (size_t low : {i, i + 1})
      if (values[low] > values[low + 2]) std::swap(values[low], values[low + 2]);
}

Shape space_of(const LossPoint& point, int rank, int64_t rows, int64_t columns) {
  rank = std::max(rank, point.least_rank());
  if (by_dims(point.entry()))
    return rank == 1 ? Shape{columns} : rank == 2 ? Shape{rows, columns} : Shape{rows / 2 + 1, 2, columns};
  if (!point.entry().fold) {
    if (rank == 0) return {};
    if (rank == 1) return {rows * columns};
    return rank == 2 ? Shape{rows, columns} : Shape{rows / 2 + 1, columns, 2};
  }
  if (rank == 1) return {columns};
  Shape space = Shape::filled(rank, 1);
  const int axis = point.class_axis(rank);
  space[axis] = columns;
  if (rank == 2) space[1 - axis] = rows;
  else
    for (int d = 0, left = 0; d < rank; ++d)
      if (d != axis) space[d] = left++ ? 2 : rows / 2 + 1;
  return space;
}

void draw(LossPoint& point, const Plan& plan, Generator& generator) { Drawing(point, plan, generator).run(); }

bool draw_accepted(LossPoint& point, const Plan& plan, Generator& generator) {
  constexpr int tries = 20;
  for (int i = 0; i < tries; ++i) {
    draw(point, plan, generator);
    try {
      point.value(point.inputs, Reduction::none);
      return true;
    } catch (const DomainError&) {
    } catch (const IndexError&) {
    } catch (const ShapeError&) {}
  }
  return false;
}

namespace {

bool all_finite(const std::vector<double>& values) {
  return std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
}

// Only what made a value that is not finite is drawn again: of a Map its element, of a Block its problem.
void draw_again(LossPoint& point, const Plan& plan, const std::vector<double>& values, Generator& generator) {
  const std::vector<Tensor> before = point.inputs;
  const std::vector<double> numbers = point.numbers;
  draw(point, plan, generator);
  point.numbers = numbers;
  for (size_t k = 0; k < before.size(); ++k) {
    if (!before[k].defined()) continue;
    const size_t n = size_t(before[k].numel());
    if (n < values.size() || n % values.size() || !(before[k].shape() == point.inputs[k].shape())) {
      point.inputs[k] = before[k];
      continue;
    }
    std::vector<double> mixed = before[k].to_vector();
    const std::vector<double> fresh = point.inputs[k].to_vector();
    for (size_t i = 0; i < n; ++i)
      if (!std::isfinite(values[i / (n / values.size())])) mixed[i] = fresh[i];
    point.inputs[k] = filled(mixed, before[k].shape(), plan.strided, before[k].dtype());
  }
}

// Does every value come from elements of its own, which lie together?
bool apart(const FormulaEntry& f) {
  if (f.fold || f.compose) return false;
  for (int k = 0; k < f.inputs && f.block; ++k)
    if (std::string(f.input(k)->dims).rfind('*', 0) != 0 && *f.input(k)->dims) return false;
  return !f.block || !*f.result;
}

}  // namespace

bool draw_finite(LossPoint& point, const Plan& plan, Generator& generator) {
  constexpr int tries = 100;
  const bool by_parts = apart(point.entry());
  std::vector<double> values;
  for (int i = 0; i < tries; ++i) {
    if (by_parts && !values.empty()) draw_again(point, plan, values, generator);
    else draw(point, plan, generator);
    try {
      values = point.value(point.inputs, Reduction::none).to_vector();
      if (all_finite(values)) return true;
    } catch (const DomainError&) {  // a sample that the loss refuses
    } catch (const IndexError&) {
    } catch (const ShapeError&) {}
  }
  return false;
}

}  // namespace gradus
