// What a formula declares and returns, and the plain entry through which the rest of the house uses it.
//
// A loss is one struct in losses/: inputs with roles, options, and functions that are templates on a number type T.
// No tensor and no device is named here; the compiled entry works on raw strided views.
#pragma once
#include <cstddef>
#include <cstdint>
#include <utility>

#include "gradus/core/dtype.h"
#include "gradus/core/number.h"
#include "gradus/core/ref.h"

namespace gradus {

class Tensor;

// ---- what a formula declares --------------------------------------------------------------------

constexpr double none = __builtin_nan("");  // of an optional number that is not there

// An input with a default: a number, or a tensor that may train.
class Param {
 public:
  Param(double number) : number_(number) {}  // NOLINT: `{.delta = 0.5}` is the way to say it
  Param(const Tensor& tensor);               // NOLINT: shares the tensor
  bool is_tensor() const { return bool(tensor_); }
  double number() const { return number_; }
  Tensor tensor() const;

 private:
  double number_ = 0;
  Ref<Counted> tensor_;
};

// Along which axes an input varies.  The class axis is the one that a Fold folds; a Map has none.
enum class Role : uint8_t {
  element,  // everywhere, as the first input does
  row,      // one value a row: not along the class axis
  column,   // one value a class: only along the class axis
  scalar,   // one value for all
  array,    // of a Block: along the axes that its `dims` name
};

// The values an input or option may take.
struct Range {
  double low, high;
  bool open_low = false, open_high = false;
  bool only_ends = false;  // just the two values low and high, as in targets of -1 or +1
};
constexpr bool bounded(const Range& r) { return r.low != -__builtin_huge_val() || r.high != __builtin_huge_val(); }
namespace range {
constexpr double inf = __builtin_huge_val();
inline constexpr Range any{-inf, inf}, positive{0, inf, true}, non_negative{0, inf}, unit{0, 1},
    signs{-1, 1, false, false, true}, zero_or_one{0, 1, false, false, true};
}  // namespace range

struct InputFacts {
  const char* name = "";
  Role role = Role::element;
  Range range = range::any;
  bool differentiable = true;
  bool label = false;     // an integer class index; arrives as -1 where ignored
  bool in_count = false;  // the divisor of `mean` depends on it
  bool broadcast = false; // it and the first input broadcast to each other
  bool leading = false;   // may lack the last axis, which it is then the same along
  bool any_dtype = false; // integers and bools are taken as numbers
  bool to_last_column = false;  // of a Fold: its range ends at the number of the last column
  // Of an array: a letter for each axis, the same letter for the same extent; '*' for the axes along which problems
  // follow one another; "C+1": one more; "A|BA": either; "~A": all axes as one.
  const char* dims = "";
  bool integer = false;   // whole numbers; they arrive as int64
  char below = 0;         // … each less than the extent of this letter
  bool up_to = false;     // … or equal to it
  bool boxes = false;     // rows x1 y1 x2 y2 with x1 <= x2, y1 <= y2; any other is a DomainError
  bool optional = false;  // absent when its parameter is NaN; of a composition, when it is not given
};
template <class L> struct Input : InputFacts {
  Param L::* param = nullptr;      // null: the caller always passes a tensor
  int64_t L::* ignored = nullptr;  // of labels: the value that means "leave this row out"
  bool L::* checked = nullptr;     // the range is checked where this flag is set; null: always
  // NOLINTNEXTLINE(google-explicit-constructor): `element("input")` is one
  constexpr Input(InputFacts facts, Param L::* param = nullptr, int64_t L::* ignored = nullptr)
      : InputFacts(facts), param(param), ignored(ignored) {}
};

// The spelling of `inputs`: a required input by its name; one with a default by its name and the Param that carries it.
constexpr InputFacts element(const char* name, Range r = range::any) { return {name, Role::element, r}; }
constexpr InputFacts row(const char* name, Range r = range::any) { return {name, Role::row, r}; }
constexpr InputFacts column(const char* name, Range r = range::any) { return {name, Role::column, r}; }
template <class L> constexpr Input<L> element(const char* name, Param L::* p, Range r = range::any) {
  return {element(name, r), p};
}
template <class L> constexpr Input<L> row(const char* name, Param L::* p, Range r = range::any) {
  return {row(name, r), p};
}
template <class L> constexpr Input<L> column(const char* name, Param L::* p, Range r = range::any) {
  return {column(name, r), p};
}
template <class L> constexpr Input<L> scalar(const char* name, Param L::* p, Range r = range::any) {
  return {InputFacts{name, Role::scalar, r}, p};
}
// Of a Block: numbers, whole numbers of any value, indices along the axis of a letter, lengths up to its extent.
constexpr InputFacts array(const char* name, const char* dims, Range r = range::any) {
  InputFacts facts{name, Role::array, r};
  facts.dims = dims;
  return facts;
}
template <class L> constexpr Input<L> array(const char* name, const char* dims, Param L::* p, Range r = range::any) {
  return {array(name, dims, r), p};
}
constexpr InputFacts integers(const char* name, const char* dims, Range r = range::any) {
  InputFacts facts = array(name, dims, r);
  facts.differentiable = false;
  facts.integer = true;
  return facts;
}
template <class L>
constexpr Input<L> indices(const char* name, const char* dims, char below, int64_t L::* ignored = nullptr) {
  InputFacts facts = integers(name, dims);
  facts.label = true;
  facts.below = below;
  return {facts, nullptr, ignored};
}
constexpr InputFacts lengths(const char* name, const char* dims, char up_to) {
  InputFacts facts = integers(name, dims, range::non_negative);
  facts.below = up_to;
  facts.up_to = true;
  return facts;
}
// Boxes x1 y1 x2 y2, one a problem.
constexpr InputFacts boxes(const char* name) {
  InputFacts facts = array(name, "*D");
  facts.boxes = true;
  return facts;
}
template <class I> constexpr I optional(I input) {
  input.optional = true;
  return input;
}
template <class L> constexpr Input<L> label(const char* name, int64_t L::* ignored) {
  return {InputFacts{name, Role::row, range::any, false, true}, nullptr, ignored};
}
template <class I> constexpr I constant(I input) {  // no gradient flows to it
  input.differentiable = false;
  return input;
}
template <class I> constexpr I in_count(I input) {
  input.in_count = true;
  return input;
}
template <class I> constexpr I broadcast(I input) {
  input.broadcast = true;
  return input;
}
template <class I> constexpr I leading(I input) {
  input.leading = true;
  return input;
}
template <class I> constexpr I to_last_column(I input) {
  input.to_last_column = true;
  return input;
}
template <class I> constexpr I any_dtype(I input) {
  input.any_dtype = true;
  return input;
}
template <class L> constexpr Input<L> checked_if(Input<L> input, bool L::* flag) {
  input.checked = flag;
  return input;
}

// A plain member that never trains.  Values travel as double: a flag is 0 or 1, a choice its place in the list, and
// an `optional` number is NaN when it is none.
struct OptionFacts {
  enum Kind : uint8_t { number, integer, flag, choice };
  const char* name = "";
  Kind kind = number;
  Range range = range::any;
  bool optional = false;
  const char* const* choices = nullptr;
  int choice_count = 0;
  char up_to = 0, below = 0;  // of a Block: at most, or less than, the extent of this letter
  bool tolerance = false;     // the gradient is only right where it is tiny, so that certificates leave it at its default
};
template <class L> struct Option : OptionFacts {
  double L::* as_number = nullptr;
  int64_t L::* as_integer = nullptr;
  bool L::* as_flag = nullptr;
  uint8_t L::* as_choice = nullptr;
};
template <class L>
constexpr Option<L> option(const char* name, double L::* m, Range r = range::any, bool optional = false) {
  return {{name, OptionFacts::number, r, optional}, m};
}
template <class L> constexpr Option<L> up_to(char letter, Option<L> o) {
  o.up_to = letter;
  return o;
}
template <class L> constexpr Option<L> below(char letter, Option<L> o) {
  o.below = letter;
  return o;
}
template <class L> constexpr Option<L> tolerance(Option<L> o) {
  o.tolerance = true;
  return o;
}
template <class L> constexpr Option<L> option(const char* name, int64_t L::* m, Range r = range::any) {
  return {{name, OptionFacts::integer, r}, nullptr, m};
}
template <class L> constexpr Option<L> option(const char* name, bool L::* m) {
  return {{name, OptionFacts::flag, range::unit}, nullptr, nullptr, m};
}
template <class L, int N>
constexpr Option<L> option(const char* name, uint8_t L::* m, const char* const (&choices)[N]) {
  return {{name, OptionFacts::choice, range::any, false, choices, N}, nullptr, nullptr, nullptr, m};
}

// A number from an independent source.  `call` is JSON, inputs and options by name: {"input": [1, 2], "delta": 0.5}.
struct Example {
  const char* call;
  double value;
  const char* source;
};

// What is returned of the values: all of them, their sum, Σ value / Σ count, Σ value / first extent, Σ value / number
// of values that are not zero, Σ value / max(1, Σ count), or the mean over rows of each row's own mean.
enum class Reduction : uint8_t { none, sum, mean, batchmean, mean_active, sum_over_pos, mean_per_row };
// What a mean over nothing is: 0 with gradient exactly 0, NaN with gradient exactly 0, or a DomainError.
enum class Empty : uint8_t { zero, nan, error };

// The description every loss carries, as data.
struct About {
  const char* name;      // canonical; the line in losses/list.txt
  const char* family;    // "regression", "classification", …
  int tier = 1;
  const char* summary;   // one sentence: what it is for
  const char* formula;   // plain text
  const char* gradient;  // with respect to the first input, plain text
  const char* kinks = "";  // where it is not differentiable and what is returned there; "" when smooth
  const char* edges = "";  // what happens with empty, ignored or extreme inputs
  const char* paper = "";
  const char* aliases = "";  // what other libraries call it, "; " between them
  const char* frozen = "";   // what the gradient takes for constant although it moves, so that it is no derivative
  const char* kind = "";     // "metric", "penalty", …; "" for what its formula is: map, fold or block
  Reduction reduction = Reduction::mean;  // where the caller names none
  bool fixed = false;        // the reduction is always this one: distances, metrics, penalties
  bool logical = false;      // the values are truths: a bool tensor
};

// ---- what its functions return ------------------------------------------------------------------

template <class T, int N> struct Scored { T value; T grad[N]; };  // counts 1
template <class T, int N> struct Weighed { T value, count; T grad[N]; T count_grad[N]; };  // counts what it says
template <class T, int N> struct Grads { T grad[N]; };
template <class T> struct Scored<T, 0> { T value; };  // of a metric
template <class T> struct Weighed<T, 0> { T value, count; };
template <class T> struct Grads<T, 0> {};
template <class T, int N> struct CountedGrads { T grad[N]; T count_grad[N]; };  // where the count depends on an input
template <class T, class K> struct Finished { T value, count; K constants; };
template <class T> struct Column { Index<T> index; int64_t count; };  // which column this is, and of how many

// ---- compile-time facts -------------------------------------------------------------------------

template <class A, size_t N> constexpr int length_of(const A (&)[N]) { return int(N); }
template <class L> constexpr int arity = length_of(L::inputs);
template <class L> constexpr int required_inputs = [] {
  int n = 0;
  for (int k = 0; k < arity<L>; ++k) n += L::inputs[k].param == nullptr;
  return n;
}();
template <class L> constexpr int gradients = [] {
  int n = 0;
  for (int k = 0; k < arity<L>; ++k) n += L::inputs[k].differentiable;
  return n;
}();
template <class L, int K> constexpr int gradient_of = [] {  // input K is the how-manieth that has a gradient
  int n = 0;
  for (int k = 0; k < K; ++k) n += L::inputs[k].differentiable;
  return n;
}();
template <bool B, class X, class Y> struct choose_type { using type = X; };
template <class X, class Y> struct choose_type<false, X, Y> { using type = Y; };
template <class L, class T, int K> using Arg = typename choose_type<L::inputs[K].label, Index<T>, T>::type;

// fn.template operator()<K, G>() for each differentiable input K, the G-th of them.
// (Device code may index L::inputs by constants only, hence the compile-time loop.)
template <class L, class Fn> GRADUS_FN void each_gradient(Fn fn) {
  [&]<size_t... K>(std::index_sequence<K...>) {
    (
        [&] {
          if constexpr (L::inputs[K].differentiable) fn.template operator()<int(K), gradient_of<L, int(K)>>();
        }(),
        ...);
  }(std::make_index_sequence<arity<L>>{});
}
struct Positions { int k[8] = {}, n = 0; };
// The inputs that finish() sees: those that do not vary along the row.
template <class L> constexpr Positions row_level = [] {
  Positions p;
  for (int k = 0; k < arity<L>; ++k)
    if (L::inputs[k].role == Role::row || L::inputs[k].role == Role::scalar) p.k[p.n++] = k;
  return p;
}();

// A Fold has a State and Constants; everything else with an eval is a Map.
template <class L> concept Fold = requires {
  typename L::template State<Num<double, 1>>;
  typename L::template Constants<Num<double, 1>>;
};

// ---- the plain entry ----------------------------------------------------------------------------

constexpr int max_inputs = 8;
constexpr int64_t never_ignored = INT64_MIN;  // the ignored label of an input that ignores none

// Strided elements seen as outer × column × inner.  data null: not given, or not wanted.
struct View {
  void* data = nullptr;
  int64_t stride[3] = {0, 0, 0};  // in elements
};
struct Problem {  // the first value outside its range, in the order of the elements
  int input = -1;
  double value = 0;
  int64_t at[3] = {0, 0, 0};  // of a Map: the element's row-major number; of a Fold: outer, column, inner
};
struct Totals { double value = 0, count = 0, active = 0; };  // active: how many values are not zero

struct Call {
  const void* formula = nullptr;  // an L, for its options
  Dtype dtype = Dtype::float32;   // of every view but labels, which are int64
  int64_t extent[3] = {1, 1, 1};  // outer, columns, inner; a Fold folds the columns
  View in[max_inputs];
  View direction[max_inputs];     // tangent: along which derivatives are taken; null is zero
  View value, count;              // per element (Map) or per row (Fold: columns stride unused)
  View upstream;                  // of value, multiplied into the gradients; null is one
  View grad[max_inputs];          // each of the first input's full extent
  double scale = 1, count_scale = 0;                  // d result / d Σ value, d result / d Σ count
  double scale_tangent = 0, count_scale_tangent = 0;  // their derivatives along the direction
  Totals* totals = nullptr;       // run: Σ value, Σ count, active; tangent: their derivatives
  Problem* problem = nullptr;
};

// The extents that letters stand for, by letter - 'A'; -1 where unknown.
struct Extents {
  int64_t of[26];
  int64_t& operator[](char letter) { return of[letter - 'A']; }
  int64_t operator[](char letter) const { return of[letter - 'A']; }
};

// Many problems of one Block.  All is dense and one problem lies behind the other; what has no '*' is the same for all.
struct BlockOperand {
  const void* data = nullptr;       // of the call's dtype, or int64
  const void* direction = nullptr;  // tangent
  void* grad = nullptr;             // zero before
  int64_t step = 0, grad_step = 0;  // elements from problem to problem
  int rank = 0;
  int64_t extent[4] = {1, 1, 1, 1};
};
struct BlockCall {
  const void* formula = nullptr;
  Dtype dtype = Dtype::float32;
  int64_t problems = 1;
  BlockOperand in[max_inputs];
  BlockOperand value;               // grad: where the counts go
  const void* upstream = nullptr;   // of value; null is one
  double scale = 1, count_scale = 0, scale_tangent = 0, count_scale_tangent = 0;
  Reduction reduction = Reduction::none;
  Totals* totals = nullptr;
  struct Refusal {
    int input = -1;
    int64_t problem = 0, at = 0;
    double value = 0;
    const char* wanted = "";
  };
  Refusal* refusal = nullptr;
  int64_t* room = nullptr;  // of one problem: the bytes of scratch memory that it took
};

struct FormulaEntry {
  bool fold;
  bool block;
  bool weighed;  // the count is not always 1
  int inputs, options, gradients;
  size_t size, alignment;                                     // of the formula struct
  const InputFacts* (*input)(int k);
  const OptionFacts* (*option)(int i);
  void (*construct)(void* storage);                           // with all defaults
  void (*copy)(const void* formula, void* storage);
  void (*destroy)(void* formula);
  int64_t (*class_axis)(const void* formula);                 // of a Fold; may count from the end
  int (*fold_axes)(const void* formula);                      // how many last axes are one; 0: all; or one of the below
  bool (*keeps_axis)(const void* formula);                    // does the folded axis stay, with extent 1?
  Param* (*param)(void* formula, int k);                      // null for a required input
  int64_t (*ignored_label)(const void* formula, int k);
  bool (*checked)(const void* formula, int k);                // is the range of input k checked?
  double (*get)(const void* formula, int option);
  void (*set)(void* formula, int option, double value);
  // Makes n numbers that a certificate drew for input k ones that the formula accepts; null: its ranges say all.
  void (*make_acceptable)(const void* formula, int k, double* values, int64_t n, const Extents&);
  void (*run)(const Call&);      // values, totals and gradients
  void (*tangent)(const Call&);  // their derivatives along `direction`, exact, in float64
  // Of a Block:
  const char* result;                               // the dims of the values of one problem
  void (*deduce)(const void* formula, Extents&);    // sets the extents that no input has, or that options decide
  void (*solve)(const BlockCall&);
  void (*solve_tangent)(const BlockCall&);
  // Of what is made from tensor ops: unreduced values from the tensors of each input, in order.
  Tensor (*compose)(const void* formula, const Tensor* const* inputs, const int* counts);
};

// Of fold_axes.  all_but_channels: of (B,C,…) the axes after the first two, of (B,M) those after the first.
constexpr int just_the_class_axis = -1, all_but_first = -2, all_but_channels = -3;

// A public name.  Where one name stands for several formulas, the first carries the parameters and chooses.
struct LossEntry {
  const About* about;
  const Example* examples;
  int example_count;
  int formula_count;
  const FormulaEntry* (*formula)(int i);
  int (*choose)(const void* primary, bool integer_target, Reduction);
  // What is done to the chosen formula's values for the reduction that was asked.
  Reduction (*reduced)(const void* primary, Reduction);
  void (*convert)(int i, const void* primary, void* storage);  // builds formula i from the primary's parameters
};
template <class LossType> struct Compiled { static const LossEntry entry; };  // defined by ops/compile.h

// ---- the public call object ---------------------------------------------------------------------

// Computes a loss by its entry.  `primary` is the struct of the entry's first formula.
Tensor apply(const LossEntry&, const void* primary, const Tensor* const* inputs, int count, Reduction, Empty);

template <size_t> using Given = const Tensor&;
template <class Sequence, class L, class... Others> struct LossCall;
#ifdef __clang__  // which warns that no definition of the entry is in sight: it is where the loss is compiled
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wundefined-var-template"
#endif
template <size_t... I, class L, class... Others> struct LossCall<std::index_sequence<I...>, L, Others...> {
  using Self = LossCall;
  using Parameters = L;
  auto operator()(Given<I>... inputs, const L& parameters = {}, Reduction reduction = L::about.reduction,
                  Empty empty = Empty::zero) const
    requires(!L::about.fixed)
  {
    const Tensor* list[] = {&inputs...};
    return apply(Compiled<LossCall>::entry, &parameters, list, int(sizeof...(I)), reduction, empty);
  }
  auto operator()(Given<I>... inputs, const L& parameters = {}) const
    requires(L::about.fixed)
  {
    const Tensor* list[] = {&inputs...};
    return apply(Compiled<LossCall>::entry, &parameters, list, int(sizeof...(I)), L::about.reduction, Empty::zero);
  }
  const LossEntry& entry() const { return Compiled<LossCall>::entry; }
};
#ifdef __clang__
#pragma clang diagnostic pop
#endif
// huber_loss(x, y, {.delta = 0.5}, Reduction::sum): the required inputs, the parameters, the reduction.
template <class L, class... Others>
struct Loss : LossCall<std::make_index_sequence<required_inputs<L>>, L, Others...> {};

}  // namespace gradus
