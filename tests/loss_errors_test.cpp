// Every wrong call of every loss is refused by the right kind of error, in one sentence that names the op, the
// argument, what it got and what it wanted, and leaves its inputs as they were.  Wrong calls are made from right ones
// by what the losses declare of their inputs and options; what declarations cannot say is in loss_error_texts_test.cpp.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>

#include "gradus/cli/loss_json.h"
#include "gradus/core/error.h"
#include "gradus/ops/certificate_samples.h"
#include "gradus/ops/dims.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/registry.h"

namespace gradus {
namespace {

using Options = std::vector<std::pair<std::string, std::variant<double, std::string>>>;

// ---- a right call -------------------------------------------------------------------------------

struct Sample {
  const LossEntry* loss;
  std::shared_ptr<LossPoint> point;
  std::string variant;
  Options options;
  std::vector<std::string> names;  // of the inputs
  std::vector<Tensor> inputs;      // undefined: a number, or absent

  const FormulaEntry& formula() const { return point->entry(); }
  const InputFacts& facts(int k) const { return point->facts(k); }
  int size() const { return int(inputs.size()); }
  bool has(int k) const { return inputs[size_t(k)].defined(); }
  bool required(int k) const { return !point->is_param(k); }
  bool by_dims() const { return formula().block || formula().compose; }
  // One of a Block's parameters that stands for all by one number.
  bool number(int k) const { return !required(k) && inputs[size_t(k)].numel() == 1; }
  const Shape& shape(int k) const { return inputs[size_t(k)].shape(); }
  int widest() const {
    for (int k = 0; k < size(); ++k)
      if (facts(k).role == Role::element) return k;
    return 0;
  }
  LossArguments call(int replaced = -1, const Tensor& by = {}) const {
    LossArguments a{{}, options};
    for (int k = 0; k < size(); ++k)
      if (has(k) && knows(*loss, names[size_t(k)]))
        a.inputs.emplace_back(names[size_t(k)], k == replaced ? by : inputs[size_t(k)]);
    return a;
  }
};

bool accepted(const LossEntry& loss, const LossArguments& call) {
  try {
    evaluate(loss, call);
    return true;
  } catch (const Error&) { return false; }
}

Options options_of(const LossEntry& loss, const LossVariant& v) {
  Options all;
  for (const auto& [i, x] : v.options) {
    const OptionFacts& o = *loss.formula(0)->option(i);
    if (o.kind == OptionFacts::choice) all.emplace_back(o.name, std::string(o.choices[int(x)]));
    else if (std::isnan(x)) all.emplace_back(o.name, std::string("none"));
    else all.emplace_back(o.name, x);
  }
  if (v.reduction != loss.about->reduction) all.emplace_back("reduction", std::string(name_of(v.reduction)));
  return all;
}

Sample sample_of(const LossEntry& loss, const LossVariant& v) {
  Sample s{&loss, std::make_shared<LossPoint>(loss, v), v.name, options_of(loss, v), {}, {}};
  for (int k = 0; k < s.formula().inputs; ++k) {
    std::string name = s.facts(k).name;
    if (const size_t at = name.find("{i}"); at != std::string::npos) name.replace(at, 3, "0");
    s.names.push_back(name);
  }
  return s;
}

// Right calls of a loss: of every variant, with parameters as tensors and as numbers.  Where none can be drawn, its
// example.
std::vector<Sample> samples_of(const LossEntry& loss) {
  std::vector<Sample> all;
  Generator generator(20);
  for (const LossVariant& v : variants_of(loss, 7))
    for (bool tensors : {true, false}) {
      Sample s = sample_of(loss, v);
      try {
        if (!draw_accepted(
                *s.point,
                {.space = space_of(*s.point, 2, 3, 4), .tensors = tensors, .defaults = true, .strided = tensors},
                generator))
          continue;
      } catch (const Error&) {
        continue;  // a variant of options that do not go together
      }
      s.inputs = s.point->inputs;
      if (accepted(loss, s.call())) all.push_back(std::move(s));
    }
  if (!all.empty()) return all;
  Sample s = sample_of(loss, variants_of(loss, 7)[0]);
  const LossArguments example = loss_arguments(loss, loss.examples[0].call);
  s.options = example.options;
  for (const std::string& name : s.names) {
    const auto given =
        std::find_if(example.inputs.begin(), example.inputs.end(), [&](const auto& in) { return in.first == name; });
    s.inputs.push_back(given == example.inputs.end() ? Tensor() : given->second);
  }
  EXPECT_TRUE(accepted(loss, s.call())) << loss.about->name;
  return {s};
}

// ---- a refusal ----------------------------------------------------------------------------------

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::vector<std::vector<double>> numbers_of(const LossArguments& call) {
  std::vector<std::vector<double>> all;
  for (const auto& [name, t] : call.inputs) all.push_back(t.defined() ? t.to_vector() : std::vector<double>{});
  return all;
}
bool same_bits(const std::vector<double>& a, const std::vector<double>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0);
}

// The call is refused by an error of this kind, whose one sentence begins with the op and has all these parts.
// Returns 1, for counting.
int expect_refused(const LossEntry& loss, const std::string& variant, const LossArguments& call,
                   const std::string& kind, const std::vector<std::string>& parts) {
  const std::vector<std::vector<double>> before = numbers_of(call);
  std::string got = "nothing", text;
  try {
    evaluate(loss, call);
  } catch (const Error& e) { got = e.kind(), text = e.what(); }
  const std::string where = std::string(loss.about->name) + " (" + variant + ")";
  std::string wanted;
  for (const std::string& part : parts) wanted += " [" + part + "]";
  EXPECT_EQ(got, kind) << where << ", wanted" << wanted << ", text: " << text;
  if (got == kind) {
    EXPECT_EQ(text.find(std::string(loss.about->name) + ": "), 0u) << where << ": " << text;
    EXPECT_FALSE(contains(text, "\n") || contains(text, ". ") || text.back() == '.')
        << where << " is not one sentence: " << text;
    for (const std::string& part : parts)
      EXPECT_TRUE(contains(text, part)) << where << ": no [" << part << "] in: " << text;
  }
  const std::vector<std::vector<double>> after = numbers_of(call);
  for (size_t i = 0; i < before.size(); ++i)
    EXPECT_TRUE(same_bits(before[i], after[i])) << where << ": " << call.inputs[i].first << " was changed";
  return 1;
}
int expect_refused(const Sample& s, const LossArguments& call, const std::string& kind,
                   const std::vector<std::string>& parts) {
  return expect_refused(*s.loss, s.variant, call, kind, parts);
}

// Calls fn for every sample of every loss.
int over_all(auto fn) {
  int refused = 0;
  for (const LossEntry* loss : losses())
    for (const Sample& s : samples_of(*loss)) refused += fn(s);
  testing::Test::RecordProperty("refused", refused);
  return refused;
}

// ---- shapes -------------------------------------------------------------------------------------

Tensor some_of(const Tensor& like, const Shape& shape) { return full(shape, 1, like.dtype()); }
Shape grown(Shape s, int axis, int64_t by = 1) {
  s[axis] += by;
  return s;
}
Shape longer(Shape s) {
  s.insert(0, 2);
  return s;
}

// Does the shape of input k follow from that of the widest?
bool follows(const Sample& s, int k) {
  const InputFacts& f = s.facts(k);
  return s.has(k) && k != s.widest() && s.required(k) && !f.broadcast && !f.leading &&
         (f.role == Role::element || f.role == Role::row);
}
bool any_follows(const Sample& s, bool in_columns) {
  for (int k = 0; k < s.size(); ++k)
    if (follows(s, k) && (!in_columns || s.facts(k).role == Role::element)) return true;
  return false;
}

int wrong_shape(const Sample& s, int k, const Shape& shape) {
  return expect_refused(s, s.call(k, some_of(s.inputs[size_t(k)], shape)), "ShapeError",
                        {s.names[size_t(k)], "has shape", text(shape), "wanted ("});
}

int wrong_shapes_of_roles(const Sample& s, int k) {
  const InputFacts& f = s.facts(k);
  const Shape& own = s.shape(k);
  const bool whole = s.formula().fold && s.formula().fold_axes(s.point->formula()) != just_the_class_axis;
  int refused = 0;
  if (k == s.widest()) {
    if (whole && !any_follows(s, true)) return 0;
    if (any_follows(s, false)) refused += wrong_shape(s, k, longer(own));
    for (int d = 0; d < own.rank(); ++d) {
      const bool columns = s.formula().fold && d == s.point->class_axis(own.rank());
      if (any_follows(s, columns)) refused += wrong_shape(s, k, grown(own, d));
    }
    return refused;
  }
  if (!f.broadcast) refused += wrong_shape(s, k, longer(own));
  for (int d = 0; d < own.rank(); ++d)
    if (own[d] > 1 && !(f.role == Role::column && s.by_dims())) refused += wrong_shape(s, k, grown(own, d));
  if (follows(s, k) && f.role == Role::element)
    refused += wrong_shape(s, k, {own.numel()});  // as many, but not as they should lie
  if (f.role == Role::scalar) refused += wrong_shape(s, k, {2});
  return refused;
}

// Has another input this letter, so that its extent is settled?
bool settled(const Sample& s, int k, char letter) {
  for (int j = 0; j < s.size(); ++j)
    if (j != k && s.has(j) && !s.number(j) &&
        contains(dims_for(s.facts(j).dims, s.shape(j).rank()).letters, std::string(1, letter)))
      return true;
  return false;
}
bool other_batched(const Sample& s, int k) {
  for (int j = 0; j < s.size(); ++j)
    if (j != k && s.has(j) && !s.number(j) && !s.facts(j).broadcast &&
        dims_for(s.facts(j).dims, s.shape(j).rank()).batch_at >= 0)
      return true;
  return false;
}
bool some_alternative_has(const char* dims, int rank) {
  const Dims d = dims_for(dims, rank);
  return d.flat || (d.batch_at >= 0 ? rank >= int(d.letters.size()) : rank == int(d.letters.size()));
}

int wrong_shapes_of_dims(const Sample& s, int k) {
  const InputFacts& f = s.facts(k);
  const Shape& own = s.shape(k);
  const Dims d = dims_for(f.dims, own.rank());
  if (d.flat || s.number(k)) return 0;
  const int letters = int(d.letters.size()), batch = own.rank() - letters;
  int refused = 0;
  if (!some_alternative_has(f.dims, own.rank() + 1)) refused += wrong_shape(s, k, longer(own));
  if (letters > (s.required(k) || f.optional ? 0 : 1) && !some_alternative_has(f.dims, letters - 1))
    refused += wrong_shape(s, k, Shape::filled(letters - 1, 2));
  const bool moves = d.batch_at == 0 && letters == 1;
  for (int axis = 0; axis < own.rank(); ++axis) {
    int letter = d.batch_at >= 0 && axis >= d.batch_at ? axis - batch : axis;
    bool of_batch = d.batch_at >= 0 && axis >= d.batch_at && axis < d.batch_at + batch;
    if (moves) of_batch = axis != s.point->class_axis(own.rank()), letter = 0;
    const bool wrong =
        of_batch ? other_batched(s, k) && !f.broadcast : settled(s, k, d.letters[size_t(letter)]) || f.boxes;
    if (wrong && own[axis] > 1) refused += wrong_shape(s, k, grown(own, axis));
  }
  return refused;
}

TEST(LossErrors, AWrongRankOrExtentIsAShapeErrorThatNamesBoth) {  // 5.6
  const int refused = over_all([](const Sample& s) {
    int n = 0;
    for (int k = 0; k < s.size(); ++k)
      if (s.has(k) && knows(*s.loss, s.names[size_t(k)]) && !contains(s.facts(k).name, "{i}"))
        n += s.by_dims() ? wrong_shapes_of_dims(s, k) : wrong_shapes_of_roles(s, k);
    return n;
  });
  EXPECT_GT(refused, 5000);
}

// ---- dtypes -------------------------------------------------------------------------------------

Tensor converted(const Tensor& t, Dtype dtype) {
  Tensor to(t.shape(), dtype);
  copy_elements(t, to);
  return to;
}
// Does the dtype of this input choose the formula?
bool chooses(const Sample& s, int k) {
  const FormulaEntry& first = *s.loss->formula(0);
  return s.loss->formula_count > 1 && k < first.inputs && first.input(k)->label;
}
int numbers_in(const Sample& s) {
  int n = 0;
  for (int k = 0; k < s.size(); ++k) n += s.has(k) && !s.facts(k).label && !s.facts(k).integer;
  return n;
}

TEST(LossErrors, AWrongDtypeIsADtypeErrorThatNamesIt) {
  const int refused = over_all([](const Sample& s) {
    int n = 0;
    for (int k = 0; k < s.size(); ++k) {
      if (!s.has(k) || !knows(*s.loss, s.names[size_t(k)])) continue;
      const InputFacts& f = s.facts(k);
      const std::string name = s.names[size_t(k)];
      const auto as = [&](Dtype d, const std::vector<std::string>& parts) {
        n += expect_refused(s, s.call(k, converted(s.inputs[size_t(k)], d)), "DtypeError", parts);
      };
      if (f.label || f.integer) {
        if (!s.formula().compose) as(Dtype::boolean, {name + " is bool", "wanted integer"});
        if (!chooses(s, k)) as(Dtype::float64, {name + " is float64", "wanted integer", "to(Dtype::int64)"});
        continue;
      }
      if (numbers_in(s) > 1) as(Dtype::float32, {name + " is ", "float32", "float64", "wanted the same", "to()"});
      const bool whole = f.range.only_ends || f.any_dtype || chooses(s, k);
      if (!whole) as(Dtype::int64, {name + " is ", "int64", "wanted", "to()"});
    }
    return n;
  });
  EXPECT_GT(refused, 5000);
}

// ---- values -------------------------------------------------------------------------------------

Tensor with_value(const Tensor& t, int64_t at, double value) {
  std::vector<double> v = t.to_vector();
  v[size_t(at)] = value;
  return tensor(v, t.shape(), t.dtype());
}
std::string number(double x) {
  char text[40];
  std::snprintf(text, sizeof text, "%g", x);
  return std::isnan(x) ? "nan" : text;
}
// Where element `at` of this shape is, as errors say it.
std::string place(const Shape& shape, int64_t at) {
  if (shape.rank() == 0) return "";
  if (shape.rank() == 1) return " " + std::to_string(at);
  Shape index = shape;
  for (int d = shape.rank() - 1; d >= 0; --d) {
    index[d] = at % shape[d];
    at /= shape[d];
  }
  return " at " + text(index);
}
std::vector<int64_t> places(const Tensor& t) {
  if (t.numel() < 2) return std::vector<int64_t>(size_t(t.numel()), 0);
  return {t.numel() / 2, t.numel() - 1};
}

// The numbers just outside a range, and no number.
std::vector<double> outside(const Range& r) {
  std::vector<double> bad;
  if (r.only_ends) return {0.5 * (r.low + r.high), r.high + 1, r.low - 1, std::nan("")};
  if (std::isfinite(r.low)) bad.push_back(r.open_low ? r.low : std::nextafter(r.low, -1e300)), bad.push_back(r.low - 1);
  if (std::isfinite(r.high))
    bad.push_back(r.open_high ? r.high : std::nextafter(r.high, 1e300)), bad.push_back(r.high + 1);
  if (!bad.empty()) bad.push_back(std::nan(""));
  return bad;
}

TEST(LossErrors, AValueOutsideItsRangeIsNamedWithItsPlace) {
  const int refused = over_all([](const Sample& s) {
    int n = 0;
    for (int k = 0; k < s.size(); ++k) {
      const InputFacts& f = s.facts(k);
      if (f.label || f.integer || !s.point->checks_range(k)) continue;
      if (!s.formula().checked(s.point->formula(), k) || !knows(*s.loss, s.names[size_t(k)])) continue;
      const std::string name = s.names[size_t(k)];
      for (double x : outside(s.point->range(k))) {
        if (!s.required(k) && !(f.optional && std::isnan(x))) {
          LossArguments call = s.call();
          std::erase_if(call.inputs, [&](const auto& in) { return in.first == name; });
          call.options.emplace_back(name, x);
          n += expect_refused(s, call, "ParamError", {name + " is " + number(x), "wanted"});
        }
        if (!s.has(k)) continue;
        for (int64_t at : places(s.inputs[size_t(k)]))
          n += expect_refused(s, s.call(k, with_value(s.inputs[size_t(k)], at, x)),
                              s.required(k) ? "DomainError" : "ParamError",
                              {name + " is " + number(x), s.number(k) ? "" : place(s.shape(k), at), "wanted"});
      }
    }
    return n;
  });
  EXPECT_GT(refused, 5000);
}

TEST(LossErrors, ABoxThatIsNoneIsADomainError) {
  const int refused = over_all([](const Sample& s) {
    int n = 0;
    for (int k = 0; k < s.size(); ++k)
      if (s.facts(k).boxes)
        for (int64_t corner : {2, 3})
          n += expect_refused(
              s, s.call(k, with_value(s.inputs[size_t(k)], 4 + corner, -50)), "DomainError",
              {s.names[size_t(k)] + " holds the box (", "-50", "at row 1", "wanted x1 <= x2 and y1 <= y2"});
    return n;
  });
  EXPECT_GT(refused, 10);
}

// How many classes a label may name; -1 where any number will do.
int64_t end_of(const Sample& s, int k) {
  const InputFacts& f = s.facts(k);
  if (f.role == Role::row) {
    const Shape& space = s.shape(s.widest());
    return space[s.point->class_axis(space.rank())];
  }
  if (!f.below) return -1;
  for (int j = 0; j < s.size(); ++j) {
    if (j == k || !s.has(j)) continue;
    const Shape& shape = s.shape(j);
    const Dims d = dims_for(s.facts(j).dims, shape.rank());
    const size_t at = d.letters.find(f.below);
    if (at == std::string::npos) continue;
    const int batch = shape.rank() - int(d.letters.size());
    int axis = int(at) + (d.batch_at >= 0 && int(at) >= d.batch_at ? batch : 0);
    if (d.batch_at == 0 && d.letters.size() == 1) axis = s.point->class_axis(shape.rank());
    return shape[axis] - d.plus[at] + f.up_to;
  }
  return -1;
}

TEST(LossErrors, ALabelOutsideItsRangeIsAnIndexErrorThatNamesItsRow) {
  const int refused = over_all([](const Sample& s) {
    int n = 0;
    for (int k = 0; k < s.size(); ++k) {
      const InputFacts& f = s.facts(k);
      if (!s.has(k) || !(f.label || f.integer) || s.formula().compose || !s.formula().checked(s.point->formula(), k))
        continue;
      const int64_t end = end_of(s, k), ignored = s.formula().ignored_label(s.point->formula(), k);
      std::vector<int64_t> bad;
      if (end >= 0) bad = {end, end + 1000, -1, INT64_MIN};
      else if (bounded(f.range)) bad = {int64_t(f.range.low) - 1};
      if (end < 0 && std::isfinite(f.range.high)) bad.push_back(int64_t(f.range.high) + 1);
      std::erase(bad, ignored);
      for (int64_t x : bad)
        for (int64_t at : places(s.inputs[size_t(k)])) {
          const Tensor t = s.inputs[size_t(k)].clone();
          Tensor spoiled(t.shape(), Dtype::int64);
          copy_elements(t, spoiled);
          spoiled.mutable_data<int64_t>()[at] = x;
          std::vector<std::string> parts = {(f.label ? "label " : s.names[size_t(k)] + " is ") + std::to_string(x),
                                            place(s.shape(k), at)};
          if (f.label) parts.push_back("is outside [0, " + std::to_string(end) + ")");
          else parts.push_back("wanted a whole number from ");
          n += expect_refused(s, s.call(k, spoiled), "IndexError", parts);
        }
    }
    return n;
  });
  EXPECT_GT(refused, 1000);
}

// ---- options and names --------------------------------------------------------------------------

LossArguments with_option(const Sample& s, const std::string& name, const std::variant<double, std::string>& value) {
  LossArguments call = s.call();
  std::erase_if(call.options, [&](const auto& o) { return o.first == name; });
  call.options.emplace_back(name, value);
  return call;
}

TEST(LossErrors, AnOptionOutsideItsRangeOrOfAnotherKindIsAParamError) {
  const int refused = over_all([](const Sample& s) {
    const FormulaEntry& first = *s.loss->formula(0);
    int n = 0;
    const auto wrong = [&](const char* name, const std::variant<double, std::string>& value,
                           const std::vector<std::string>& parts) {
      n += expect_refused(s, with_option(s, name, value), "ParamError", parts);
    };
    for (int i = 0; i < first.options; ++i) {
      const OptionFacts& o = *first.option(i);
      const std::string is = std::string(o.name) + " is ";
      if (o.kind == OptionFacts::choice) {
        wrong(o.name, std::string("mauve"),
              {is + "'mauve'", "wanted one of ", o.choices[0], o.choices[o.choice_count - 1]});
        wrong(o.name, 1.0, {is, "1", "wanted one of "});
        continue;
      }
      wrong(o.name, std::string("mauve"), {is + "'mauve'", "wanted a number"});
      if (!o.optional) wrong(o.name, std::string("none"), {is + "'none'", "wanted a number"});
      if (o.kind == OptionFacts::flag) {
        wrong(o.name, 2.0, {is + "2", "wanted 0 or 1"});
        wrong(o.name, std::nan(""), {is + "nan", "wanted 0 or 1"});
        continue;
      }
      const bool whole = o.kind == OptionFacts::integer;
      if (whole)
        for (double x : {0.5, std::nan(""), HUGE_VAL, 1e300})
          wrong(o.name, x, {is + number(x), "wanted a whole number"});
      else if (!o.optional) wrong(o.name, std::nan(""), {is + "nan", "wanted a"});
      for (double x : outside(o.range))
        if (!std::isnan(x)) {
          if (whole) x = std::floor(x) == x ? x : x < o.range.low ? o.range.low - 1 : o.range.high + 1;
          wrong(o.name, x, {is + number(x), "wanted "});
        }
      if (o.up_to) wrong(o.name, 1000.0, {is + "1000", "wanted at most "});
      if (o.below) wrong(o.name, 1000.0, {is + "1000", "wanted less than "});
    }
    return n;
  });
  EXPECT_GT(refused, 5000);
}

TEST(LossErrors, AnUnknownReductionIsAParamErrorThatListsThoseThereAre) {
  for (const LossEntry* loss : losses()) {
    const Sample s = samples_of(*loss)[0];
    if (loss->about->fixed) {
      expect_refused(s, with_option(s, "reduction", std::string("sum")), "ParamError", {"no parameter 'reduction'"});
      expect_refused(s, with_option(s, "empty", std::string("zero")), "ParamError", {"no parameter 'empty'"});
      continue;
    }
    expect_refused(s, with_option(s, "reduction", std::string("average")), "ParamError",
                   {"reduction is 'average', wanted one of none, sum, mean, batchmean, mean_active"});
    expect_refused(s, with_option(s, "reduction", 3.0), "ParamError", {"reduction is '3', wanted one of none, sum"});
    expect_refused(s, with_option(s, "empty", std::string("void")), "ParamError",
                   {"empty is 'void', wanted one of zero, nan, error"});
    expect_refused(s, with_option(s, "empty", 0.0), "ParamError", {"empty is '0', wanted one of zero, nan, error"});
    for (const char* special : {"sum_over_pos", "mean_per_row"})
      if (std::string(special) != name_of(loss->about->reduction) &&
          (std::string(loss->about->name) != "masked_reduce" || std::string(special) != "mean_per_row"))
        expect_refused(s, with_option(s, "reduction", std::string(special)), "ParamError",
                       {std::string("reduction is '") + special + "', wanted one of"});
  }
}

TEST(LossErrors, AnUnknownOrMissingNameIsAParamError) {
  for (const LossEntry* loss : losses()) {
    const Sample s = samples_of(*loss)[0];
    for (int k = 0; k < s.size(); ++k) {
      const std::string& name = s.names[size_t(k)];
      const bool numbered = name != s.facts(k).name;
      if (s.has(k)) {
        LossArguments misspelt = s.call();
        for (auto& in : misspelt.inputs)
          if (in.first == name) in.first += "x";
        const bool needed = s.required(k) && !s.facts(k).optional;
        const std::string unknown = "there is no input '" + name + (numbered ? "x'; " : "x'; did you mean '");
        expect_refused(s, misspelt, "ParamError",
                       {needed ? "input '" + std::string(s.facts(k).name) + "' is missing, wanted " : unknown});
        LossArguments beside = s.call();
        beside.inputs.emplace_back(name + "x", s.inputs[size_t(k)]);  // the very tensor of another
        expect_refused(s, beside, "ParamError", {unknown});
        LossArguments twice = s.call();
        twice.inputs.emplace_back(name, s.inputs[size_t(k)].clone());
        expect_refused(s, twice, "ParamError", {"input '" + name + "' is given twice"});
        LossArguments nothing = s.call();
        for (auto& in : nothing.inputs)
          if (in.first == name) in.second = Tensor();
        expect_refused(s, nothing, "ParamError", {"is an undefined tensor; pass a tensor"});
      }
      if (s.required(k) && !numbered)
        expect_refused(s, with_option(s, name, 1.0), "ParamError", {name + " is 1, wanted a tensor"});
    }
    expect_refused(s, with_option(s, "mauve_parameter", 1.0), "ParamError",
                   {"there is no parameter 'mauve_parameter'; "});
    for (int i = 0; i < loss->formula(0)->options; ++i) {
      LossArguments as_tensor = s.call();
      const std::string name = loss->formula(0)->option(i)->name;
      std::erase_if(as_tensor.options, [&](const auto& o) { return o.first == name; });
      as_tensor.inputs.emplace_back(name, ones({}));
      expect_refused(s, as_tensor, "ParamError", {name + " is a tensor, wanted "});
    }
  }
}

// ---- nothing to average -------------------------------------------------------------------------

// The parameters of a call, as its first formula has them.
std::unique_ptr<LossParameters> parameters_of(const Sample& s) {
  auto p = std::make_unique<LossParameters>(*s.loss);
  for (const auto& [name, value] : s.options)
    if (name != "reduction") p->set(name, value);
  return p;
}

TEST(LossErrors, AMeanOverNothingIsADomainErrorWhereAsked) {
  int refused = 0;
  Generator generator(3);
  for (const LossEntry* loss : losses()) {
    if (loss->about->fixed || loss->about->reduction == Reduction::sum) continue;  // no mean unless asked
    for (const LossVariant& v : variants_of(*loss, 7)) {
      Sample s = sample_of(*loss, v);
      try {
        draw(*s.point, {.space = space_of(*s.point, 2, 0, 3), .tensors = false, .defaults = true}, generator);
        s.inputs = s.point->inputs;
        if (loss->reduced(parameters_of(s)->get(), loss->about->reduction) == Reduction::sum_over_pos)
          continue;  // of no positive, by 1
        if (evaluate(*loss, with_option(s, "reduction", std::string("none"))).numel() > 0) continue;
      } catch (const Error&) { continue; }
      LossArguments call = with_option(s, "empty", std::string("error"));
      refused +=
          expect_refused(s, call, "DomainError",
                         {"nothing to average, the count is 0; pass at least one element that counts, or Empty::zero"});
      LossArguments sum = with_option(s, "reduction", std::string("sum"));
      EXPECT_EQ(evaluate(*loss, sum).item(), 0) << loss->about->name << " " << v.name;
    }
  }
  EXPECT_GT(refused, 300);
}

}  // namespace
}  // namespace gradus
